package identity

// Overrides are what people decided about identities. They are timeless and in
// terms of IDs, so that replays, imports and later events respect them. A nil
// *Overrides has none.
type Overrides struct {
	apart    map[Hash][]Hash
	isolated map[Hash]bool
	dropped  map[drop]bool
	cut      map[Hash]bool // IDs of which dropped speaks
	same     map[Hash]*bond
}

type drop struct{ strand, id Hash }

// CannotLink keeps two IDs in different profiles.
func (o *Overrides) CannotLink(a, b Hash) {
	if o.apart == nil {
		o.apart = map[Hash][]Hash{}
	}
	o.apart[a] = append(o.apart[a], b)
	o.apart[b] = append(o.apart[b], a)
}

// Isolate makes an ID name nobody: it belongs to no profile and ties nothing
// together, as if its value were blocked.
func (o *Overrides) Isolate(id Hash) {
	if o.isolated == nil {
		o.isolated = map[Hash]bool{}
	}
	o.isolated[id] = true
}

// Drop cuts an ID from one strand. The strand's highest-priority ID stays: it
// says where the events go.
func (o *Overrides) Drop(strand, id Hash) {
	if o.dropped == nil {
		o.dropped, o.cut = map[drop]bool{}, map[Hash]bool{}
	}
	o.cut[id] = true
	o.dropped[drop{strand, id}] = true
}

// KeptFrom lists the IDs that an ID must not be together with. The slice must not be
// changed.
func (o *Overrides) KeptFrom(id Hash) []Hash {
	if o == nil {
		return nil
	}
	return o.apart[id]
}

// Isolated reports whether an ID is isolated.
func (o *Overrides) Isolated(id Hash) bool {
	return o != nil && o.isolated[id]
}

// Concern reports whether any override speaks of an ID that names somebody; if
// none does, they cannot change what becomes of it.
func (o *Overrides) Concern(id Hash) bool {
	if o == nil {
		return false
	}
	return len(o.apart[id]) > 0 || o.cut[id] || o.same[id] != nil
}
