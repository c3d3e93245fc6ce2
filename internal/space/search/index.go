package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/lease"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// indexer keeps the index. It follows the feed with a cursor of its own, and once it
// goes over what was there before. One process does it at a time, under a lease; what
// it writes requires that the state in the store is the one that it knows.
type indexer struct {
	store  kv.Store
	keys   codec.Keyspace
	hasher identity.Hasher
	log    *slog.Logger
	rules  func() (version uint64, applying bool)
	told   Told

	page   int // feed records read at once
	state  state
	stored []byte
	known  bool // state is what the store has
}

const (
	pageLeast = 4
	pageMost  = 512
	// mostOps bounds how much one commit writes, roughly.
	mostOps = 10_000
	// opsOfStrand is how much of that the traits of a strand are.
	opsOfStrand = 4
	// scanPage is how many rows a pass reads at once.
	scanPage = 1000
)

// step does one piece of work and commits it. It reports whether there was any.
func (x *indexer) step(ctx context.Context, fence lease.Fence) (worked bool, err error) {
	r, err := x.store.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	defer r.Close()
	if !x.known {
		if x.state, x.stored, err = readState(ctx, r, x.keys); err != nil {
			return false, err
		}
		x.known = true
	}
	defer func() {
		if errors.Is(err, kv.ErrConflict) || errors.Is(err, kv.ErrUnknown) {
			x.known, worked, err = false, true, nil // from the store again
		} else if err != nil {
			x.known = false
		}
	}()
	next := x.state
	if x.state.Pass != nil {
		p := *x.state.Pass
		next.Pass = &p
	}
	w := writer{x: x, r: r}
	version, applying := x.rules()
	switch {
	case x.stored == nil:
		end, err := feedEnd(ctx, r, x.keys)
		if err != nil || len(end) == 0 {
			return false, err // nothing was ever committed
		}
		next = state{Cursor: end.String(), Pass: &pass{}, Rules: version}
	default:
		if worked, err = w.follow(ctx, &next); err != nil {
			return false, err
		}
		if worked {
			break
		}
		// Rules may have moved events to other strands, which the feed does not say.
		if next.Pass == nil && next.Rules != version && !applying {
			next.Pass, next.Rules = &pass{Again: true}, version
		}
		// Definitions that are complete now, or gone, are of very many profiles.
		if revision := x.told.revision(); next.Pass == nil && (next.Computed || next.Definitions != revision) {
			next.Pass, next.Computed, next.Definitions = &pass{Stage: listedStage}, false, revision
		}
		if next.Pass == nil {
			return false, nil
		}
		if err := w.build(ctx, &next); err != nil {
			return false, err
		}
	}
	text, err := json.Marshal(next)
	if err != nil {
		return false, err
	}
	key := codec.SearchState.Key(x.keys)
	fence.Require(&w.batch)
	w.batch.Require(key, x.stored)
	w.batch.Put(key, text)
	if err := x.store.Commit(ctx, &w.batch); err != nil {
		return false, err
	}
	x.state, x.stored = next, text
	return true, nil
}

// writer gathers what one commit changes.
type writer struct {
	x     *indexer
	r     kv.Reader
	batch kv.Batch
}

// follow takes the next records of the feed. It reports whether there were any.
func (w *writer) follow(ctx context.Context, st *state) (bool, error) {
	x := w.x
	cursor, err := feed.ParseCursor(st.Cursor)
	if err != nil {
		return false, fmt.Errorf("%w: the search index's cursor: %w", kv.ErrCorrupt, err)
	}
	records, after, err := feed.ReadOf(ctx, w.r, x.keys, cursor, max(x.page, pageLeast), followed)
	if err != nil || len(records) == 0 {
		return false, err
	}
	ids := 0
	var blocks []event.Block
	profiles := map[codec.ProfileID]bool{}
	for i := range records {
		traits := false
		for k := range records[i].Changes {
			switch c := &records[i].Changes[k]; c.Kind {
			case feed.IDAdded:
				w.addID(c)
				ids++
			case feed.TraitSet, feed.TraitRemoved:
				traits = true
			case feed.ComputedSet, feed.ComputedRemoved, feed.Merged, feed.Unmerged:
				for _, text := range [...]string{c.Profile, c.From} {
					if p, _, ok := codec.ParseProfileID(text); ok {
						profiles[p] = true
					}
				}
			case feed.ComputedComplete:
				st.Computed = true
			}
		}
		if traits {
			blocks = append(blocks, records[i].Blocks...)
		}
	}
	strands, err := w.said(ctx, blocks)
	if err == nil {
		err = w.indexStrands(ctx, strands)
	}
	if err == nil && len(profiles) > 0 {
		err = w.indexProfiles(ctx, slices.Collect(maps.Keys(profiles)))
	}
	if err != nil {
		return false, err
	}
	ids += len(profiles)
	// The records of an import are large, those of a quiet space are not.
	if x.page = max(x.page, pageLeast); ids+opsOfStrand*len(strands) < mostOps/4 {
		x.page = min(x.page*2, pageMost)
	} else if ids+opsOfStrand*len(strands) > mostOps {
		x.page = max(x.page/2, pageLeast)
	}
	st.Cursor, st.Time = after.String(), records[len(records)-1].Time
	return true, nil
}

// followed are the changes that follow reads: identifiers, and one of a trait in a row of
// these, for which strands have new ones say the headers of blocks.
func followed(r *feed.Record, c *feed.Change) bool {
	switch c.Kind {
	case feed.IDAdded, feed.Merged, feed.Unmerged, feed.ComputedComplete:
		return true
	case feed.ComputedSet, feed.ComputedRemoved: // what it is now is read; one of a profile is enough
		n := len(r.Changes)
		return n == 0 || r.Changes[n-1].Profile != c.Profile || !computed(r.Changes[n-1].Kind)
	case feed.TraitSet, feed.TraitRemoved:
		n := len(r.Changes)
		return n == 0 || r.Changes[n-1].Kind != feed.TraitSet && r.Changes[n-1].Kind != feed.TraitRemoved
	}
	return false
}

// computed reports whether a change is of a computed trait.
func computed(k feed.Kind) bool { return k == feed.ComputedSet || k == feed.ComputedRemoved }

// addID puts an identifier that a profile got.
func (w *writer) addID(c *feed.Change) {
	_, collection, ok := codec.ParseProfileID(c.Profile)
	if !ok {
		return
	}
	id := identity.ID{Type: c.IDType, Value: c.IDValue}
	w.putID(collection, id, w.x.hasher.ID(collection, id))
}

func (w *writer) putID(c identity.Collection, id identity.ID, h identity.Hash) {
	if e, ok := idEntry(id, h); ok {
		w.batch.Put(e.key(w.x.keys, c), nil)
	}
}

// idEntry is the entry of an identifier; false if its value has nothing to search.
func idEntry(id identity.ID, h identity.Hash) (entry, bool) {
	e := entry{Field: Field{Identifier, id.Type}, term: term(Fold(id.Value)), subject: h}
	return e, e.term != "" && id.Type != ""
}

// strandOf is a strand whose traits may have changed.
type strandOf struct {
	hash       identity.Hash
	collection identity.Collection // 0: as its record says
}

// headersTogether is how many headers of blocks are read at once.
const headersTogether = 64

// said lists the strands whose events in the blocks can have set traits.
func (w *writer) said(ctx context.Context, blocks []event.Block) ([]strandOf, error) {
	var strands []strandOf
	seen := map[identity.Hash]bool{}
	for len(blocks) > 0 {
		n := min(len(blocks), headersTogether)
		keys := make([][]byte, n)
		for i, b := range blocks[:n] {
			keys[i] = codec.Headers.Key(w.x.keys, b)
		}
		values, err := w.r.Get(ctx, keys...)
		if err != nil {
			return nil, err
		}
		for i, v := range values {
			if v == nil {
				continue
			}
			heads, err := journal.DecodeHeader(v)
			if err != nil {
				// It costs no more than itself; a pass over all finds the strands.
				w.x.log.Warn("a block of events cannot be read; traits that it set may not be found by a search", "block", blocks[i].String(), "error", err)
				continue
			}
			for k := range heads {
				h, c := heads[k].User, identity.Users
				switch {
				case heads[k].Type == event.Group && heads[k].HasAccount:
					h, c = heads[k].Account, identity.Accounts
				case heads[k].Type != event.Identify || !heads[k].HasUser:
					continue
				}
				if !seen[h] {
					seen[h] = true
					strands = append(strands, strandOf{h, c})
				}
			}
		}
		blocks = blocks[n:]
	}
	return strands, nil
}

// indexStrands makes the index say of strands what their traits say now.
func (w *writer) indexStrands(ctx context.Context, strands []strandOf) error {
	for len(strands) > 0 {
		n := min(len(strands), scanPage)
		keys := make([][]byte, 0, 2*n)
		for _, s := range strands[:n] {
			keys = append(keys, codec.Traits.Key(w.x.keys, s.hash), codec.SearchTerms.Key(w.x.keys, s.hash))
		}
		values, err := w.r.Get(ctx, keys...)
		if err != nil {
			return err
		}
		for i, s := range strands[:n] {
			if err := w.indexStrand(s, values[2*i], values[2*i+1]); err != nil {
				return err
			}
		}
		strands = strands[n:]
	}
	return nil
}

// indexStrand compares a strand's row of traits with what the index says of it.
func (w *writer) indexStrand(s strandOf, row, said []byte) error {
	had, err := decodeListed(said)
	if err != nil {
		return err
	}
	var traits profile.Traits
	if row != nil {
		if traits, err = profile.DecodeTraits(row); err != nil {
			return err
		}
	}
	next := listedOf(s.collection, traits)
	w.put(entry{subject: s.hash}, codec.SearchTerms.Key(w.x.keys, s.hash), &had, &next, said)
	return nil
}

// put writes what changes of a strand, or a profile, in the index, and what it says of
// it under key.
func (w *writer) put(of entry, key []byte, had, next *listed, said []byte) {
	changed := false
	had.changes(of, next,
		func(c identity.Collection, e *entry) { w.batch.Put(e.key(w.x.keys, c), nil); changed = true },
		func(c identity.Collection, e *entry) { w.batch.Delete(e.key(w.x.keys, c)); changed = true })
	switch {
	case !changed:
	case len(next.terms) > 0:
		w.batch.Put(key, next.append(nil))
	case said != nil:
		w.batch.Delete(key)
	}
}
