package export

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/bulk"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// Strands lie in the store by hash, so those of neighbouring profiles lie far apart.
// Where all profiles are wanted, each table is read once in its own order instead: first
// profiles, to know which IDs are whose, then strands beside their traits. Each strand
// goes, as it is stored, into the bucket of its profile; a bucket holds a few thousand
// profiles in a row, and is put together by itself. Very many profiles are taken in
// sweeps, so that what is held of their IDs is bounded.

// sweepSizes are how much is taken at once.
type sweepSizes struct {
	least   int64 // profiles in the space from which on it is swept
	bucket  int   // profiles of a bucket
	ids     int   // IDs of a sweep, about 12 bytes of memory each
	buckets int   // of a sweep, spillBytes of memory each
}

var standardSizes = sweepSizes{least: 20_000, bucket: 4 << 10, ids: 4_000_000, buckets: 256}

// sweeps reports whether the export reads whole tables. Where a replay is put off, who is
// provisional stands with each ID, which is looked up then.
func (e *Export) sweeps(ctx context.Context) (bool, error) {
	if e.request.Kind == Events || e.request.Audience != "" || e.total < e.sizes.least || e.view.Applying() {
		return false, nil
	}
	from, to := codec.Deferrals.All(e.view.Keys())
	waiting, err := e.view.Reader().Scan(ctx, from, to, 1, false)
	return err == nil && len(waiting) == 0, err
}

// sweep is one pass over the tables, for some profiles in a row.
type sweep struct {
	e     *Export
	first []codec.ProfileID // of each bucket
	count []int             // records of profiles in each
	after []byte            // the key behind the last profile; nil: that was all
	ids   ownership
	spill *spill
}

// ownership finds the profiles of IDs.
type ownership struct {
	ids    []owned // by prefix
	starts []int32 // where the prefixes with the same first bits begin
}

// owned says whose an ID is, by the first 8 bytes of its hash. Two may have these in
// common: whoever finds a profile by it has to look at the whole hash.
type owned struct {
	prefix  uint64
	profile uint32 // its place in the sweep
}

const startBits = 16

func prefixOf(h identity.Hash) uint64 { return binary.BigEndian.Uint64(h[:8]) }

func (o *ownership) sort() {
	slices.SortFunc(o.ids, func(a, b owned) int { return cmp.Compare(a.prefix, b.prefix) })
	o.starts = make([]int32, 1<<startBits+1)
	at := 0
	for i := range o.starts {
		for at < len(o.ids) && o.ids[at].prefix>>(64-startBits) < uint64(i) {
			at++
		}
		o.starts[i] = int32(at)
	}
}

// of lists whose an ID may be.
func (o *ownership) of(h identity.Hash) []owned {
	p := prefixOf(h)
	at := p >> (64 - startBits)
	some := o.ids[o.starts[at]:o.starts[at+1]]
	i, there := slices.BinarySearchFunc(some, p, func(a owned, p uint64) int { return cmp.Compare(a.prefix, p) })
	if !there {
		return nil
	}
	n := i + 1
	for n < len(some) && some[n].prefix == p {
		n++
	}
	return some[i:n]
}

// sweepPieces lists all profiles, a bucket at a time.
func (e *Export) sweepPieces(ctx context.Context, add func(work) bool) error {
	from, _ := codec.Profiles.All(e.view.Keys())
	for from != nil {
		s := &sweep{e: e}
		if err := s.profiles(ctx, from); err != nil {
			return err
		}
		from = s.after
		if len(s.first) == 0 {
			continue
		}
		var err error
		if s.spill, err = newSpill(e.scratch, len(s.first)); err != nil {
			return err
		}
		e.spills = append(e.spills, s.spill)
		if err := s.strands(ctx); err != nil {
			return err
		}
		s.ids = ownership{}
		for n := range s.first {
			if !add(func(ctx context.Context) piece { return s.bucket(ctx, n) }) {
				return nil
			}
		}
	}
	return nil
}

// profiles reads which IDs are whose.
func (s *sweep) profiles(ctx context.Context, from []byte) error {
	_, end := codec.Profiles.All(s.e.view.Keys())
	place := 0
	for {
		page, err := s.e.view.Reader().Scan(ctx, from, end, scanTogether, false)
		if err != nil {
			return err
		}
		for _, entry := range page {
			n := place / s.e.sizes.bucket
			if n == len(s.first) {
				if n == s.e.sizes.buckets || len(s.ids.ids) >= s.e.sizes.ids {
					s.after = entry.Key
					s.ids.sort()
					return nil
				}
				id, ok := codec.Profiles.Parse(entry.Key)
				if !ok {
					return kv.ErrCorrupt
				}
				s.first, s.count = append(s.first, id), append(s.count, 0)
			}
			s.count[n]++
			rec, err := codec.DecodeProfile(entry.Value)
			if err != nil {
				return err
			}
			if !rec.Merged && rec.Collection == s.e.request.Collection {
				for _, m := range rec.IDs {
					s.ids.ids = append(s.ids.ids, owned{prefixOf(m.Hash), uint32(place)})
				}
			}
			place++
		}
		if len(page) < scanTogether {
			s.ids.sort()
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// sweepParts is into how many parts the strands are divided, which are read by themselves.
const sweepParts = 64

// strands puts all strands into the buckets of their profiles, with their traits.
func (s *sweep) strands(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parts := make(chan int)
	var group sync.WaitGroup
	for range min(max(runtime.GOMAXPROCS(0), 2), mostReaders) {
		group.Go(func() {
			for n := range parts {
				if err := s.part(ctx, n); err != nil {
					cancel(err)
				}
			}
		})
	}
	for n := range sweepParts {
		parts <- n
	}
	close(parts)
	group.Wait()
	return context.Cause(ctx)
}

// part reads one part of the strands.
func (s *sweep) part(ctx context.Context, n int) error {
	v := s.e.view
	bounds := func(key func(codec.Keyspace, identity.Hash) []byte, all func(codec.Keyspace) ([]byte, []byte)) (from, to []byte) {
		from, to = all(v.Keys())
		if n > 0 {
			from = key(v.Keys(), identity.Hash{byte(n * 256 / sweepParts)})
		}
		if n < sweepParts-1 {
			to = key(v.Keys(), identity.Hash{byte((n + 1) * 256 / sweepParts)})
		}
		return from, to
	}
	from, to := bounds(codec.Strands.Key, codec.Strands.All)
	traitsFrom, traitsTo := bounds(codec.Traits.Key, codec.Traits.All)
	traits := &cursor{r: v.Reader(), from: traitsFrom, to: traitsTo}
	for {
		page, err := v.Reader().Scan(ctx, from, to, scanTogether, false)
		if err != nil {
			return err
		}
		for _, entry := range page {
			h, ok := codec.Strands.Parse(entry.Key)
			if !ok {
				return kv.ErrCorrupt
			}
			row, err := traits.at(ctx, codec.Traits.Key(v.Keys(), h))
			if err != nil {
				return err
			}
			if err := s.put(h, entry.Value, row); err != nil {
				return err
			}
		}
		if len(page) < scanTogether {
			return nil
		}
		from = kv.After(page[len(page)-1].Key)
	}
}

// cursor goes forward through keys.
type cursor struct {
	r        kv.Reader
	from, to []byte
	page     []kv.Entry
	last     bool
}

// at is the value of a key, which is not before that of the last call; nil: there is none.
func (c *cursor) at(ctx context.Context, key []byte) ([]byte, error) {
	for {
		for len(c.page) > 0 {
			switch cmp := bytes.Compare(c.page[0].Key, key); {
			case cmp > 0:
				return nil, nil
			case cmp == 0:
				return c.page[0].Value, nil
			}
			c.page = c.page[1:]
		}
		if c.last {
			return nil, nil
		}
		page, err := c.r.Scan(ctx, c.from, c.to, scanTogether, false)
		if err != nil {
			return nil, err
		}
		if c.page, c.last = page, len(page) < scanTogether; !c.last {
			c.from = kv.After(page[len(page)-1].Key)
		}
	}
}

// put puts a strand into the bucket of the profile that it belongs to: that which owns the
// first ID that it accepted and somebody owns.
func (s *sweep) put(h identity.Hash, value, traits []byte) error {
	st, err := codec.DecodeStrand(value, h, s.e.view.Hasher())
	if err != nil {
		return err
	}
	for i := range st.Links {
		if st.Links[i].Verdict != identity.Accepted {
			continue
		}
		found := s.ids.of(st.Links[i].Hash)
		for _, one := range found {
			n := int(one.profile) / s.e.sizes.bucket
			err := s.spill.add(n, func(b []byte) []byte {
				b = binary.AppendUvarint(b, uint64(int(one.profile)%s.e.sizes.bucket))
				b = append(b, h[:]...)
				b = append(binary.AppendUvarint(b, uint64(len(value))), value...)
				return append(binary.AppendUvarint(b, uint64(len(traits))), traits...)
			})
			if err != nil {
				return err
			}
		}
		if len(found) > 0 {
			return nil
		}
	}
	return nil
}

// bucket puts the profiles of a bucket together.
func (s *sweep) bucket(ctx context.Context, n int) piece {
	out := piece{looked: int64(s.count[n])}
	fail := func(err error) piece { return piece{err: err} }
	v := s.e.fresh(ctx)
	_, end := codec.Profiles.All(v.Keys())
	page, err := v.Reader().Scan(ctx, codec.Profiles.Key(v.Keys(), s.first[n]), end, s.count[n], false)
	if err != nil {
		return fail(err)
	}
	stored, err := s.spill.take(n)
	if err != nil {
		return fail(err)
	}
	strands, err := gathered(stored, len(page))
	if err != nil {
		return fail(err)
	}
	var found []*bulk.Profile
	for i, entry := range page {
		id, ok := codec.Profiles.Parse(entry.Key)
		rec, err := codec.DecodeProfile(entry.Value)
		if err != nil || !ok {
			return fail(cmp.Or(err, kv.ErrCorrupt))
		}
		if rec.Merged || rec.Collection != s.e.request.Collection {
			continue
		}
		p, err := assemble(v, id, rec, strands[i])
		if err != nil {
			return fail(err)
		}
		found = append(found, p)
	}
	people, err := s.e.peopleOf(v, found)
	if err != nil {
		return fail(err)
	}
	return s.e.rowsOf(out, people)
}

// storedStrand is a strand with its traits as they are stored.
type storedStrand struct {
	hash          identity.Hash
	value, traits []byte
}

// gathered takes a bucket apart: the strands of each of its profiles.
func gathered(b []byte, profiles int) ([][]storedStrand, error) {
	out := make([][]storedStrand, profiles)
	for r := (&codec.Reader{Rest: b}); len(r.Rest) > 0; {
		at := r.Uvarint()
		one := storedStrand{hash: r.Hash(), value: sized(r), traits: sized(r)}
		if r.Err != nil || at >= uint64(profiles) {
			return nil, fmt.Errorf("%w: the temporary file of the export", kv.ErrCorrupt)
		}
		out[at] = append(out[at], one)
	}
	return out, nil
}

// sized reads bytes with their number before them.
func sized(r *codec.Reader) []byte {
	n := r.Uvarint()
	if r.Err != nil || n > uint64(len(r.Rest)) {
		r.Fail()
		return nil
	}
	b := r.Rest[:n]
	r.Rest = r.Rest[n:]
	return b
}

// assemble folds a profile over its strands.
func assemble(v *space.View, id codec.ProfileID, rec *codec.Profile, stored []storedStrand) (*bulk.Profile, error) {
	strands := make([]*codec.Strand, 0, len(stored))
	rows := make([]profile.Traits, 0, len(stored))
	for i := range stored {
		st, err := codec.DecodeStrand(stored[i].value, stored[i].hash, v.Hasher())
		if err != nil {
			return nil, err
		}
		if !has(rec, st) {
			continue // another ID begins alike
		}
		var row profile.Traits
		if len(stored[i].traits) > 0 {
			if row, err = profile.DecodeTraits(stored[i].traits); err != nil {
				return nil, err
			}
		}
		strands, rows = append(strands, st), append(rows, row)
	}
	return bulk.Fold(id, rec, strands, rows), nil
}

// has reports whether a profile owns an ID that a strand accepted.
func has(rec *codec.Profile, st *codec.Strand) bool {
	for i := range st.Links {
		if l := &st.Links[i]; l.Verdict == identity.Accepted &&
			slices.ContainsFunc(rec.IDs, func(m codec.Member) bool { return m.Hash == l.Hash }) {
			return true
		}
	}
	return false
}
