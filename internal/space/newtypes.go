package space

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// maxNewTypes bounds the ID types that are kept because they arrived without
// being listed. Anybody with a write key can invent more than that, so a type
// that is in use takes the place of one that is not.
const maxNewTypes = 1000

// typeSample is how many types are looked at for one that gives up its place.
const typeSample = 8

// noteType counts an unlisted type. isNew says that it was not known; instead is
// then the type that made room for it, "" if there was room. The writer calls it.
func (s *Space) noteType(t string) (isNew bool, instead string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.types[t]; n != nil {
		*n++ // and not s.types[t]++, which would keep t and the request behind it
		return false, ""
	}
	// Of some taken at random the one seen least goes, and the new one begins
	// above it: what is seen again and again stays, whatever else is invented.
	least := uint64(0)
	if len(s.types) >= maxNewTypes {
		looked := 0
		for name, n := range s.types {
			if looked == 0 || *n < least {
				instead, least = name, *n
			}
			if looked++; looked == typeSample {
				break
			}
		}
		delete(s.types, instead)
	}
	least++
	s.types[strings.Clone(t)] = &least
	return true, instead
}

// forgetTypes takes back what a commit noted that did not happen: the next one
// must write it.
func (s *Space) forgetTypes(types []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range types {
		delete(s.types, t)
	}
}

// stageTypes adds to a plan's batch what it noted, as it stands at its end: of a
// type that came and made room again nothing is written.
func (s *Space) stageTypes(c *commit) {
	if len(c.newTypes) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	names := append(slices.Clone(c.newTypes), c.oldTypes...)
	slices.Sort(names)
	for _, t := range slices.Compact(names) {
		key := codec.NewTypes.Key(s.keys, t)
		if s.types[t] != nil {
			c.Batch.Put(key, codec.AppendTime(nil, c.record.Time))
		} else {
			c.Batch.Delete(key)
		}
	}
}

// recoverTypes reads the types that were noted: the newest, if several nodes
// noted more than one of them keeps.
func (s *Space) recoverTypes(ctx context.Context, r kv.Reader) error {
	type noted struct {
		name string
		time int64
	}
	var all []noted
	err := tx.Each(ctx, r, s.keys, codec.NewTypes, scanPage, func(e kv.Entry) error {
		if t, ok := codec.NewTypes.Parse(e.Key); ok && len(e.Value) == 8 {
			all = append(all, noted{t, codec.ParseTime(e.Value)})
		}
		return nil
	})
	slices.SortFunc(all, func(a, b noted) int { return cmp.Compare(b.time, a.time) })
	for _, one := range all[:min(len(all), maxNewTypes)] {
		s.types[one.name] = new(uint64)
	}
	return err
}
