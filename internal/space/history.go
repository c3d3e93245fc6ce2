package space

// Dedupe says with what the messages of a delivery are compared.
type Dedupe uint8

const (
	// DedupeWindow: with what arrived within the dedupe window.
	DedupeWindow Dedupe = iota
	// DedupeOld: those whose own time lies before the window with the whole store.
	// An event is never received before its time, so what is younger can be in
	// the window only.
	DedupeOld
	// DedupeAll: all of them with the whole store.
	DedupeAll
)

// ParseDedupe reads the name of a way to compare: auto (which is DedupeOld), all,
// window.
func ParseDedupe(s string) (Dedupe, bool) {
	switch s {
	case "auto":
		return DedupeOld, true
	case "all":
		return DedupeAll, true
	case "window":
		return DedupeWindow, true
	}
	return 0, false
}

// String is the name of a way to compare.
func (d Dedupe) String() string { return [...]string{"window", "auto", "all"}[d] }
