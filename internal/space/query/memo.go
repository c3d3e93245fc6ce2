package query

import "sync/atomic"

// Memo keeps what somebody made of a profile, of all that is in a Profile but for its
// metadata. It is kept as long as the profile is, and never outlives its version.
type Memo struct {
	made atomic.Pointer[made]
}

type made struct {
	what string
	text []byte
}

// mostMade bounds what is kept of one profile.
const mostMade = 4 << 10

// Get gives what was kept last, if it is what is asked for; else nil. Callers must not
// change it.
func (m *Memo) Get(what string) []byte {
	if m == nil {
		return nil
	}
	if one := m.made.Load(); one != nil && one.what == what {
		return one.text
	}
	return nil
}

// Put keeps something in place of what was kept before, unless it is large. It must not
// be changed any more.
func (m *Memo) Put(what string, text []byte) {
	if m != nil && len(text) <= mostMade {
		m.made.Store(&made{what, text})
	}
}
