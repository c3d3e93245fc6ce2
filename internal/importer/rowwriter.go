package importer

import "encoding/json"

type field struct{ key, value []byte }

type externalID struct {
	idType []byte
	id     string
}

// rowWriter writes the message of one row.
type rowWriter struct {
	buf          []byte
	track        bool
	group, email string
	ids          []externalID
	fields       []field
}

func (w *rowWriter) member(key, value string) {
	w.buf = append(w.buf, `,"`...)
	w.buf = append(w.buf, key...)
	w.buf = append(w.buf, `":`...)
	w.buf = appendQuoted(w.buf, value)
}

// finish writes the parts whose place depends on the call: the email of an
// identify call is a trait; a track call has it in its context, for its
// properties may speak of somebody else's.
func (w *rowWriter) finish() []byte {
	if w.email != "" && !w.track {
		w.fields = append([]field{{[]byte(`"email"`), quoted(w.email)}}, w.fields...)
	}
	if len(w.fields) > 0 {
		if w.track {
			w.buf = append(w.buf, `,"properties":{`...)
		} else {
			w.buf = append(w.buf, `,"traits":{`...)
		}
		for i, f := range w.fields {
			if i > 0 {
				w.buf = append(w.buf, ',')
			}
			w.buf = append(append(append(w.buf, f.key...), ':'), f.value...)
		}
		w.buf = append(w.buf, '}')
	}
	open := `,"context":{`
	part := func(s string) {
		w.buf = append(append(w.buf, open...), s...)
		open = ","
	}
	if w.email != "" && w.track {
		part(`"traits":{"email":`)
		w.buf = append(appendQuoted(w.buf, w.email), '}')
	}
	if w.group != "" {
		part(`"groupId":`)
		w.buf = appendQuoted(w.buf, w.group)
	}
	for i, id := range w.ids {
		if i == 0 {
			part(`"externalIds":[`)
		} else {
			w.buf = append(w.buf, ',')
		}
		w.buf = append(append(w.buf, `{"type":`...), id.idType...)
		w.buf = appendQuoted(append(w.buf, `,"id":`...), id.id)
		w.buf = append(w.buf, `,"collection":"users","encoding":"none"}`...)
	}
	if len(w.ids) > 0 {
		w.buf = append(w.buf, ']')
	}
	if open == "," {
		w.buf = append(w.buf, '}')
	}
	return append(w.buf, '}')
}

func quoted(s string) []byte { return appendQuoted(nil, s) }

// appendQuoted appends s, which is UTF-8, as a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			b, err := json.Marshal(s)
			if err != nil {
				panic(err) // a string always encodes
			}
			return append(dst, b...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
