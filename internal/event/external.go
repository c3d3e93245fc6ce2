package event

import "strings"

// externalIDs reads the valid JSON value of context.externalIds. An entry that
// is not complete is left out: SEGMENT.md §1 asks for all four fields.
func externalIDs(list []byte) []ExternalID {
	if list[0] != '[' {
		return nil
	}
	s := scanner{b: list, depth: unbounded}
	var out []ExternalID
	i := 1
	for first := true; ; first = false {
		at, done := s.element(i, first)
		if done || at < 0 {
			return out
		}
		if i = s.skip(at, 0); i < 0 {
			return out
		}
		if id, ok := externalID(list[at:i]); ok {
			out = append(out, id)
		}
	}
}

func externalID(entry []byte) (id ExternalID, ok bool) {
	var encoding string
	ForEach(entry, func(key string, value []byte) bool {
		text, _ := Text(value)
		switch key {
		case "id":
			id.ID, _ = IDText(value)
		case "type":
			id.Type = strings.ToLower(TrimID(text))
		case "collection":
			id.Collection = text
		case "encoding":
			encoding = text
		}
		return true
	})
	ok = id.ID != "" && id.Type != "" && encoding == "none" &&
		(id.Collection == "users" || id.Collection == "accounts")
	return id, ok
}
