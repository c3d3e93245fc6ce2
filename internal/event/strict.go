package event

import (
	"bytes"
	"slices"
	"unicode/utf8"
)

// Strict makes of JSON text that Parse accepts what every decoder accepts: half
// a surrogate (\ud83d alone) becomes \ufffd, and of a key that is there twice in
// one object only the last member, the one that counts, is left. Bytes that are
// not UTF-8, which Parse refuses, become U+FFFD. Bodies are kept
// as they were sent; whatever goes out passes through here. The text is returned
// as it is, not copied, when nothing has to change, and also when it is no JSON;
// it is never changed itself.
func Strict(text []byte) []byte {
	if !utf8.Valid(text) {
		text = bytes.ToValidUTF8(text, []byte("\ufffd"))
	}
	return uniqueKeys(wholeSurrogates(text))
}

// wholeSurrogates replaces each half of a surrogate pair that lacks the other.
func wholeSurrogates(text []byte) []byte {
	out := text
	for i := 0; ; {
		at := bytes.IndexByte(text[i:], '\\')
		if at < 0 || i+at+1 >= len(text) {
			return out
		}
		i += at
		if text[i+1] != 'u' {
			i += 2
			continue
		}
		r, rest := unit(text[i:])
		if rest == nil {
			return out // no JSON
		}
		if r < 0xd800 || r > 0xdfff {
			i += 6
			continue
		}
		if low, after := unit(rest); after != nil && r < 0xdc00 && low >= 0xdc00 && low <= 0xdfff {
			i += 12
			continue
		}
		if &out[0] == &text[0] {
			out = bytes.Clone(text)
		}
		copy(out[i+2:], "fffd")
		i += 6
	}
}

// uniqueKeys drops the earlier of two members with one key.
func uniqueKeys(text []byte) []byte {
	u := uniquer{scanner: scanner{b: text, depth: unbounded, anyBytes: true}}
	if i := u.value(u.space(0)); i < 0 || len(u.drop) == 0 {
		return text
	}
	slices.SortFunc(u.drop, func(a, b span) int { return int(a.from - b.from) })
	out := make([]byte, 0, len(text))
	kept := int32(0)
	for _, d := range u.drop {
		if d.to <= kept {
			continue // inside of one that was dropped
		}
		out = append(out, text[kept:max(kept, d.from)]...)
		kept = d.to
	}
	return append(out, text[kept:]...)
}

// uniquer is a scanner that finds the members which a later one replaces.
type uniquer struct {
	scanner
	keys []memberKey // of the open objects, one after the other
	drop []span      // from such a member's key to that of the next
}

type memberKey struct {
	key  string
	at   int32 // where the key stands
	next int32 // where the key of the member after it stands
}

// fewKeys is how many members of an object are compared one by one.
const fewKeys = 16

// value reads a value of any kind at i.
func (u *uniquer) value(i int) int {
	switch {
	case u.opens(i, '{'):
		return u.members(i + 1)
	case u.opens(i, '['):
		i++
		for first := true; ; first = false {
			at, done := u.element(i, first)
			if done || at < 0 {
				return at
			}
			if i = u.value(at); i < 0 {
				return -1
			}
		}
	}
	return u.scalar(i)
}

func (u *uniquer) members(i int) int {
	base := len(u.keys)
	var index map[string]int // from the key to its place in keys; nil while there are few
	for first := true; ; first = false {
		start := u.space(i)
		if !first && u.opens(start, ',') {
			start = u.space(start + 1)
		}
		key, at, done := u.member(i, first)
		if done || at < 0 {
			u.keys = u.keys[:base]
			return at
		}
		n := len(u.keys)
		if n > base {
			u.keys[n-1].next = int32(start)
		}
		u.keys = append(u.keys, memberKey{key: key, at: int32(start)})
		if index == nil && n-base >= fewKeys {
			index = make(map[string]int, 4*fewKeys)
			for k := base; k < n; k++ {
				index[u.keys[k].key] = k
			}
		}
		before := -1
		if index != nil {
			if k, twice := index[key]; twice {
				before = k
			}
			index[key] = n
		} else {
			for k := n - 1; k >= base; k-- {
				if u.keys[k].key == key {
					before = k
					break
				}
			}
		}
		if before >= 0 {
			u.drop = append(u.drop, span{u.keys[before].at, u.keys[before].next})
		}
		if i = u.value(at); i < 0 {
			return -1
		}
	}
}
