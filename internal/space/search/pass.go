package search

import (
	"context"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// build goes on with the pass that is under way.
func (w *writer) build(ctx context.Context, st *state) error {
	p := st.Pass
	var done bool
	var err error
	switch p.Stage {
	case strandStage:
		done, err = w.buildStrands(ctx, p)
	case identifierStage:
		done, err = w.buildIdentifiers(ctx, p)
	case listedStage:
		done, err = w.buildComputed(ctx, codec.SearchComputed, p)
	case stateStage:
		done, err = w.buildComputed(ctx, codec.States, p)
	default:
		done, err = w.clearLeftovers(ctx, p)
	}
	if err != nil || !done {
		return err
	}
	p.Stage, p.From, p.Behind, p.Profile = p.Stage+1, identity.Hash{}, nil, codec.ProfileID{}
	if p.Stage == stages || p.Stage == leftoverStage && !p.Again {
		st.Pass, st.Built = nil, true
	}
	return nil
}

// after is the least hash greater than h; false if there is none.
func after(h identity.Hash) (identity.Hash, bool) {
	for i := len(h) - 1; i >= 0; i-- {
		if h[i]++; h[i] != 0 {
			return h, true
		}
	}
	return h, false
}

// rows reads the next rows of a kind whose keys are hashes.
func (w *writer) rows(ctx context.Context, kind codec.Key1[identity.Hash], from identity.Hash) (hashes []identity.Hash, values [][]byte, err error) {
	_, end := kind.All(w.x.keys)
	page, err := w.r.Scan(ctx, kind.Key(w.x.keys, from), end, scanPage, false)
	for _, e := range page {
		h, ok := kind.Parse(e.Key)
		if !ok {
			return nil, nil, fmt.Errorf("%w: a key of %x", kv.ErrCorrupt, e.Key)
		}
		hashes, values = append(hashes, h), append(values, e.Value)
	}
	return hashes, values, err
}

// buildStrands takes the next strands that have traits, or of which the index says
// that they had. done means that these were the last.
func (w *writer) buildStrands(ctx context.Context, p *pass) (done bool, err error) {
	withTraits, rows, err := w.rows(ctx, codec.Traits, p.From)
	if err != nil {
		return false, err
	}
	withTerms, terms, err := w.rows(ctx, codec.SearchTerms, p.From)
	if err != nil {
		return false, err
	}
	// Both lists are complete up to the smaller of their ends.
	last := identity.Hash{}
	for i := range last {
		last[i] = 0xff
	}
	for _, list := range [...][]identity.Hash{withTraits, withTerms} {
		if len(list) == scanPage && string(list[scanPage-1][:]) < string(last[:]) {
			last = list[scanPage-1]
		}
	}
	cut := func(list []identity.Hash) []identity.Hash {
		for len(list) > 0 && string(list[len(list)-1][:]) > string(last[:]) {
			list = list[:len(list)-1]
		}
		return list
	}
	withTraits, withTerms = cut(withTraits), cut(withTerms)
	keys := make([][]byte, len(withTraits))
	for i, h := range withTraits {
		keys[i] = codec.Strands.Key(w.x.keys, h)
	}
	var records [][]byte
	if len(keys) > 0 {
		if records, err = w.r.Get(ctx, keys...); err != nil {
			return false, err
		}
	}
	for i := range withTraits {
		h := withTraits[i]
		for len(withTerms) > 0 && string(withTerms[0][:]) < string(h[:]) {
			if err := w.indexStrand(strandOf{hash: withTerms[0]}, nil, terms[0]); err != nil {
				return false, err
			}
			withTerms, terms = withTerms[1:], terms[1:]
		}
		var said []byte
		if len(withTerms) > 0 && withTerms[0] == h {
			said = terms[0]
			withTerms, terms = withTerms[1:], terms[1:]
		}
		s, row := strandOf{hash: h}, rows[i]
		if records[i] == nil {
			row = nil // of no strand
		} else {
			rec, err := codec.DecodeStrand(records[i], h, w.x.hasher)
			if err != nil {
				return false, err
			}
			s.collection = rec.Collection
		}
		if err := w.indexStrand(s, row, said); err != nil {
			return false, err
		}
	}
	for i := range withTerms {
		if err := w.indexStrand(strandOf{hash: withTerms[i]}, nil, terms[i]); err != nil {
			return false, err
		}
	}
	next, more := after(last)
	p.From = next
	return !more, nil
}

// buildIdentifiers takes the next identifiers.
func (w *writer) buildIdentifiers(ctx context.Context, p *pass) (done bool, err error) {
	hashes, values, err := w.rows(ctx, codec.Identifiers, p.From)
	if err != nil {
		return false, err
	}
	for i, h := range hashes {
		n, err := codec.DecodeIdentifier(values[i])
		if err != nil {
			return false, err
		}
		if n.Owner.IsZero() {
			continue // it will be told of when it gets one
		}
		c := identity.Users
		if w.x.hasher.ID(c, n.ID) != h {
			c = identity.Accounts
		}
		w.putID(c, n.ID, h)
	}
	if len(hashes) < scanPage {
		return true, nil
	}
	next, more := after(hashes[scanPage-1])
	p.From = next
	return !more, nil
}

// clearLeftovers takes away the entries of identifiers that are no more.
func (w *writer) clearLeftovers(ctx context.Context, p *pass) (done bool, err error) {
	from, end := codec.SearchEntries.All(w.x.keys)
	if p.Behind != nil {
		from = kv.After(p.Behind)
	}
	page, err := w.r.Scan(ctx, from, end, scanPage, false)
	if err != nil {
		return false, err
	}
	var found []kv.Entry
	var keys [][]byte
	for _, e := range page {
		_, rest, ok := codec.SearchEntries.Parse(e.Key)
		if one, is := parseEntry([]byte(rest)); ok && is && one.Kind == Identifier {
			found = append(found, e)
			keys = append(keys, codec.Identifiers.Key(w.x.keys, one.subject))
		}
	}
	if len(keys) > 0 {
		values, err := w.r.Get(ctx, keys...)
		if err != nil {
			return false, err
		}
		for i, v := range values {
			if v == nil {
				w.batch.Delete(found[i].Key)
			}
		}
	}
	if len(page) < scanPage {
		return true, nil
	}
	p.Behind = page[scanPage-1].Key
	return false, nil
}
