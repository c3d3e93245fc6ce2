package event

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
	out := make([]byte, 0, len(raw)+len(b.Context)+len(b.Integrations)+len(`,"context":,"integrations":`))
	out = append(out, '{')
	var context, integrations []byte
	ForEach(raw, func(key string, value []byte) bool {
		switch {
		case key == "context" && b.Context != nil:
			context = value
		case key == "integrations" && b.Integrations != nil:
			integrations = value
		default:
			out = appendMember(out, key, value)
		}
		return true
	})
	if b.Context != nil {
		out = appendMerged(out, "context", context, b.Context)
	}
	if b.Integrations != nil {
		out = appendMerged(out, "integrations", integrations, b.Integrations)
	}
	return append(out, '}')
}

// appendMerged appends a member whose value is own with the members of defaults
// that it lacks. An own value that is neither an object nor null stays alone.
func appendMerged(out []byte, key string, own, defaults []byte) []byte {
	switch {
	case own == nil || own[0] == 'n':
		return appendMember(out, key, defaults)
	case own[0] != '{':
		return appendMember(out, key, own)
	}
	merged := []byte{'{'}
	has := map[string]bool{}
	ForEach(own, func(k string, v []byte) bool {
		has[k] = true
		merged = appendMember(merged, k, v)
		return true
	})
	ForEach(defaults, func(k string, v []byte) bool {
		if !has[k] {
			merged = appendMember(merged, k, v)
		}
		return true
	})
	return appendMember(out, key, append(merged, '}'))
}

// appendMember appends a member to an object whose brace is the first byte of out.
func appendMember(out []byte, key string, value []byte) []byte {
	if len(out) > 1 {
		out = append(out, ',')
	}
	out = appendString(out, key)
	out = append(out, ':')
	return append(out, value...)
}
