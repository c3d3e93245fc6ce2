package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// The catalog's keys. Everything is under the first byte 0x02; spaces keep
// their own data under 0x01.
const (
	prefix      = 0x02
	kindVer     = 'v' // 02 'v'                 → counter and nonce: moves with every change
	kindSpace   = 's' // 02 's' space           → Space, JSON
	kindSrc     = 'q' // 02 'q' UID             → sourceRecord, JSON
	kindTok     = 't' // 02 't' space 00 name   → tokenRecord, JSON
	kindAdmin   = 'a' // 02 'a'                 → hash of the admin token that Bootstrap made
	kindUnknown = 'z' // 02 'z' → []UnknownKey, JSON; not part of the state
	kindAudit   = 'y' // 02 'y' space 00 time(8) random(8) → audit.Entry, JSON; not part of the state
	kindSession = '~' // 02 '~' hash of a secret → Session, JSON; not part of the state
)

func versionKey() []byte          { return []byte{prefix, kindVer} }
func spaceKey(id string) []byte   { return append([]byte{prefix, kindSpace}, id...) }
func sourceKey(uid string) []byte { return append([]byte{prefix, kindSrc}, uid...) }
func adminKey() []byte            { return []byte{prefix, kindAdmin} }
func tokenKeyOf(t tokenKey) []byte {
	k := append([]byte{prefix, kindTok}, t.space...)
	return append(append(k, 0), t.name...)
}

// load reads the whole catalog.
func load(ctx context.Context, r kv.Reader) (*state, error) {
	s := emptyState()
	const page = 1000
	to := []byte{prefix, kindAudit} // what is not part of the state comes last
	for from := []byte{prefix}; ; {
		entries, err := r.Scan(ctx, from, to, page, false)
		if err != nil {
			return nil, fmt.Errorf("reading the catalog: %w", err)
		}
		for _, e := range entries {
			if err := s.put(e.Key, e.Value); err != nil {
				return nil, err
			}
		}
		if len(entries) < page {
			break
		}
		from = kv.After(entries[len(entries)-1].Key)
	}
	s.index()
	return s, nil
}

// putSpace sorts a space in with those that are there or those that go.
func (s *state) putSpace(sp *Space) {
	delete(s.spaces, sp.ID)
	if sp.DeletedAt != nil {
		s.deleted[sp.ID] = sp
		return
	}
	s.spaces[sp.ID] = sp
}

func (s *state) put(key, value []byte) error {
	if len(key) < 2 {
		return fmt.Errorf("the catalog has a key %x: %w", key, kv.ErrCorrupt)
	}
	var err error
	switch key[1] {
	case kindVer:
	case kindAdmin:
		s.admin = &digest{}
		err = s.admin.UnmarshalText(value)
	case kindSpace:
		sp := &Space{}
		if err = json.Unmarshal(value, sp); err == nil {
			s.putSpace(sp)
		}
	case kindSrc:
		r := &sourceRecord{}
		if err = json.Unmarshal(value, r); err == nil {
			s.sources[r.UID] = r
		}
	case kindTok:
		r := &tokenRecord{}
		if err = json.Unmarshal(value, r); err == nil {
			s.tokens[tokenKey{r.Space, r.Name}] = r
		}
	default:
		err = fmt.Errorf("unknown kind %q", key[1])
	}
	if err != nil {
		return fmt.Errorf("the catalog's entry %x cannot be read (%w): %v", key, kv.ErrCorrupt, err)
	}
	return nil
}
