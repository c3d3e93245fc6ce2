package event

import "slices"

// Inherited is what messages of a batch have in common: the raw objects `context`
// and `integrations` that stand beside it, nil where there is none.
type Inherited struct {
	Context, Integrations []byte

	// read is a message that has nothing but the context, to take from it what
	// the context says; nil when it cannot be read.
	read *Message
}

// inherited reads what a batch's messages inherit, once for all of them.
func (b *Batch) inherited(env Envelope) *Inherited {
	in := &Inherited{Context: b.Context, Integrations: b.Integrations}
	text := []byte(`{"userId":"-"}`)
	probe := Batch{Context: b.Context, Integrations: b.Integrations}
	env.Type, env.Limits.MessageBytes = Page, 1<<30
	if m, err := Parse(probe.Inherit(text), env); err == nil {
		in.read = &m
	}
	return in
}

// inherit gives a message that has neither context nor integrations of its own
// what in says, without a copy of the text, unless that would make it a bad one.
// It reports false for a message that has, and for one whose size decides.
func (m *Message) inherit(in *Inherited, own stamps, lim Limits) bool {
	if own.context && in.Context != nil || own.integrations && in.Integrations != nil {
		return false
	}
	if in.read == nil || len(in.Context)+len(in.Integrations) > lim.MessageBytes {
		return true
	}
	if len(m.Body)+in.bytes() > lim.MessageBytes {
		return false // it may fit by a hair
	}
	if from := in.read; in.Context != nil {
		m.ContextGroupID, m.Device, m.GAClientID, m.CrossDomainID = from.ContextGroupID, from.Device, from.GAClientID, from.CrossDomainID
		m.BrazeID, m.App, m.ExternalIDs = from.BrazeID, from.App, from.ExternalIDs
		m.ContextTraits, m.ContextTraitsEmail = from.ContextTraits, from.ContextTraitsEmail
	}
	m.Inherited = in
	return true
}

// bytes is what it adds to a message, at most.
func (in *Inherited) bytes() int {
	return len(in.Context) + len(in.Integrations) + len(`,"context":,"integrations":`)
}

// Size is how many bytes AppendBody appends, at most.
func (m *Message) Size() int {
	if m.Inherited == nil {
		return len(m.Body)
	}
	return len(m.Body) + m.Inherited.bytes()
}

// AppendBody appends the message with what it inherits: the text that is kept of
// it, for which see Batch.Inherit.
func (m *Message) AppendBody(to []byte) []byte {
	if m.Inherited == nil {
		return append(to, m.Body...)
	}
	b := Batch{Context: m.Inherited.Context, Integrations: m.Inherited.Integrations}
	return b.appendInherited(slices.Grow(to, m.Size()), m.Body)
}

// Inherit gives a message of the batch what stands beside it in the request:
// the members of Batch.Context and Batch.Integrations that the message's own
// `context` and `integrations` have not, as Segment merges them. Only members of
// these objects are merged; what is inside them is the message's or the
// request's, whole.
//
// raw must be an element of Messages. It is returned as it is when there is
// nothing to inherit, which is the rule: most SDKs send no context beside the
// batch. Otherwise the result is a new body, with the merged objects at its end.
func (b *Batch) Inherit(raw []byte) []byte {
	if b.Context == nil && b.Integrations == nil || len(raw) == 0 || raw[0] != '{' {
		return raw
	}
	return b.appendInherited(make([]byte, 0, len(raw)+len(b.Context)+len(b.Integrations)+len(`,"context":,"integrations":`)), raw)
}

// appendInherited appends the object raw with what it inherits.
func (b *Batch) appendInherited(to, raw []byte) []byte {
	out, from := append(to, '{'), len(to)
	var context, integrations []byte
	ForEach(raw, func(key string, value []byte) bool {
		switch {
		case key == "context" && b.Context != nil:
			context = value
		case key == "integrations" && b.Integrations != nil:
			integrations = value
		default:
			out = appendMember(out, from, key, value)
		}
		return true
	})
	if b.Context != nil {
		out = appendMerged(out, from, "context", context, b.Context)
	}
	if b.Integrations != nil {
		out = appendMerged(out, from, "integrations", integrations, b.Integrations)
	}
	return append(out, '}')
}

// appendMerged appends a member whose value is own with the members of defaults
// that it lacks. An own value that is neither an object nor null stays alone.
func appendMerged(out []byte, from int, key string, own, defaults []byte) []byte {
	switch {
	case own == nil || own[0] == 'n':
		return appendMember(out, from, key, defaults)
	case own[0] != '{':
		return appendMember(out, from, key, own)
	}
	merged := []byte{'{'}
	has := map[string]bool{}
	ForEach(own, func(k string, v []byte) bool {
		has[k] = true
		merged = appendMember(merged, 0, k, v)
		return true
	})
	ForEach(defaults, func(k string, v []byte) bool {
		if !has[k] {
			merged = appendMember(merged, 0, k, v)
		}
		return true
	})
	return appendMember(out, from, key, append(merged, '}'))
}

// appendMember appends a member to an object whose brace is at from.
func appendMember(out []byte, from int, key string, value []byte) []byte {
	if len(out) > from+1 {
		out = append(out, ',')
	}
	out = appendString(out, key)
	out = append(out, ':')
	return append(out, value...)
}
