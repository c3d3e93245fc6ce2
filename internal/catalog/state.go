package catalog

import (
	"fmt"
	"slices"
)

// state is the whole catalog at one moment. A state that is in use is never
// changed: writers change a copy and publish it.
type state struct {
	version []byte // of the version key; nil when it is absent
	spaces  map[string]*Space
	deleted map[string]*Space        // that are being deleted
	sources map[string]*sourceRecord // by UID
	tokens  map[tokenKey]*tokenRecord
	admin   *digest // of the admin token that was made here; nil: none was

	byWriteKey map[digest]keyEntry
	byToken    map[tokenSecret]*Token
}

type tokenKey struct{ space, name string }

type tokenSecret struct {
	space  string
	secret digest
}

// sourceRecord is a source as it is stored. The UID is its key for good, for
// the spaces that it feeds may change.
type sourceRecord struct {
	UID string `json:"uid"`
	Source
	Secret digest      `json:"secret"`
	Former []formerKey `json:"former,omitempty"` // the youngest first
}

func (r *sourceRecord) public() Source {
	s := r.Source
	s.Spaces = slices.Clone(s.Spaces)
	s.FormerKeys = nil
	for i := range r.Former {
		s.FormerKeys = append(s.FormerKeys, r.Former[i].FormerKey)
	}
	return s
}

// tokenRecord is a token as it is stored.
type tokenRecord struct {
	Token
	Secret digest `json:"secret"`
}

func (r *tokenRecord) public() Token { return r.Token }

func emptyState() *state {
	s := &state{
		spaces:  map[string]*Space{},
		deleted: map[string]*Space{},
		sources: map[string]*sourceRecord{},
		tokens:  map[tokenKey]*tokenRecord{},
	}
	s.index()
	return s
}

// index builds the maps that authentication looks into.
func (s *state) index() {
	s.byWriteKey = make(map[digest]keyEntry, len(s.sources))
	for _, r := range s.sources {
		src := r.public()
		s.byWriteKey[r.Secret] = keyEntry{source: &src}
		for i := range r.Former {
			f := &r.Former[i]
			// A key that is at work goes before one that was.
			if other, taken := s.byWriteKey[f.Secret]; !taken || !other.until.IsZero() && other.until.Before(*f.Until) {
				s.byWriteKey[f.Secret] = keyEntry{&src, *f.Until}
			}
		}
	}
	s.byToken = make(map[tokenSecret]*Token, len(s.tokens))
	for _, r := range s.tokens {
		t := r.public()
		s.byToken[tokenSecret{t.Space, r.Secret}] = &t
	}
}

func (s *state) space(id string) (*Space, error) {
	if sp := s.spaces[id]; sp != nil {
		return sp, nil
	}
	return nil, s.noSpace(id)
}

func (s *state) source(space, id string) (*sourceRecord, error) {
	for _, r := range s.sources {
		if r.ID == id && slices.Contains(r.Spaces, space) {
			return r, nil
		}
	}
	return nil, noSource(space, id)
}

func (s *state) token(space, name string) (*tokenRecord, error) {
	if r := s.tokens[tokenKey{space, name}]; r != nil {
		return r, nil
	}
	return nil, fmt.Errorf("token %q of space %q: %w", name, space, ErrNotFound)
}

// noSpace says that there is no such space, or not any more.
func (s *state) noSpace(id string) error {
	if s.deleted[id] != nil {
		return fmt.Errorf("space %q is being deleted: %w", id, ErrNotFound)
	}
	return fmt.Errorf("space %q: %w", id, ErrNotFound)
}

func noSource(space, id string) error {
	return fmt.Errorf("source %q of space %q: %w", id, space, ErrNotFound)
}
