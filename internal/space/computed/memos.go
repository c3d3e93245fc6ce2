package computed

import (
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// What an event costs must not grow with what its profile has. So the evaluator keeps
// the folds of profiles with many rows, and gives them the rows that the feed tells. Such
// a memo stands for the rows that some strands had at the evaluator's position. That of a
// profile with very many rows is stored, and memory has of it what events are about.

// Bounds of memos. Tests lower them.
var (
	memoRows  = 500      // from how many rows on a profile has one
	foldRows  = 2000     // from how many on it is stored
	memoBytes = 64 << 20 // of memory for those of a space
	foldBytes = 8 << 20  // of one that are written in one commit
)

// kept is the memo of a profile.
type kept struct {
	memo    *compute.Memo
	strands []identity.Hash // those whose rows are in it, sorted
	rows    int             // about how many; of a stored one nobody counts
	stored  bool
	told    bool // its strands are stored as they are
	size    int
}

// memos are the kept folds of profiles of users.
type memos struct {
	set   *compute.Set
	of    map[codec.ProfileID]*kept
	bytes int
}

// by makes the memos those of a set: of another one none is of use.
func (m *memos) by(set *compute.Set) {
	if m.set != set {
		*m = memos{set: set, of: map[codec.ProfileID]*kept{}}
	}
}

// drop forgets the memo of a profile.
func (m *memos) drop(p codec.ProfileID) {
	if k := m.of[p]; k != nil {
		m.bytes -= k.size
		delete(m.of, p)
	}
}

// keep keeps a memo, and forgets others if that is too much.
func (m *memos) keep(p codec.ProfileID, k *kept) {
	m.drop(p)
	if k.size = k.memo.Size() + 16*len(k.strands); k.size > memoBytes/8 && k.stored {
		k.memo.Shrink()
		k.size = k.memo.Size() + 16*len(k.strands)
	}
	m.of[p] = k
	m.bytes += k.size
	for other := range m.of {
		if m.bytes <= memoBytes {
			break
		}
		m.drop(other)
	}
}

// isNew is a row that came since the evaluator's position, and the strand that it is of.
type isNew struct {
	strand identity.Hash
	compute.Row
}

// loadHeads reads which of some profiles have a memo in the store.
func (w *work) loadHeads(profiles []codec.ProfileID) error {
	var missing []codec.ProfileID
	var keys [][]byte
	for _, p := range profiles {
		if _, known := w.heads[p]; !known {
			missing = append(missing, p)
			keys = append(keys, codec.Folds.Key(w.view.Keys(), p, headPart))
		}
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := w.view.Reader().Get(w.view.Context(), keys...)
	for i := range values {
		w.heads[missing[i]] = values[i]
	}
	return err
}

// remembered is the memo of a profile with what came since; nil if there is none, or none
// that is of use. In that case nothing is left of it.
func (w *work) remembered(out *staged, g *gathered) (*kept, error) {
	k, err := w.open(g)
	if err == nil && k != nil {
		k, err = w.renewed(g, k)
	}
	if err != nil {
		return nil, err
	}
	if k == nil {
		w.memos.drop(g.id)
		if w.heads[g.id] != nil {
			w.dropStored(out, g.id)
		}
	}
	return k, nil
}

// open finds the memo of a profile in memory, or else in the store.
func (w *work) open(g *gathered) (*kept, error) {
	if g.rec == nil || w.stale[g.id] || w.regrouped[g.id] && !(w.whole && w.wasWhole) {
		return nil, nil
	}
	k := w.memos.of[g.id]
	if k != nil && k.stored {
		k.memo.Reopen(w.entriesOf(g.id)) // in this snapshot
	}
	if k != nil || w.heads[g.id] == nil {
		return k, nil
	}
	digest, head, ok := parseHead(w.heads[g.id])
	if !ok {
		return nil, nil
	}
	memo, err := w.compiled.Set.OpenMemo(identity.Users, head, w.entriesOf(g.id))
	if err != nil {
		return nil, err
	}
	k = &kept{memo: memo, strands: g.sortedStrands(), stored: true, told: true}
	if digestOf(k.strands) == digest {
		return k, nil
	}
	got, err := w.view.Reader().Get(w.view.Context(), codec.Folds.Key(w.view.Keys(), g.id, strandsPart))
	if err == nil {
		k.strands, err = parseHashes(got[0])
	}
	return k, err
}

func (w *work) entriesOf(p codec.ProfileID) *storedEntries {
	return &storedEntries{w.view.Context(), w.view.Reader(), w.view.Keys(), p}
}

// renewed gives a memo what came since it was used: rows, and the rows of other strands
// that its profile got. nil: it is of no more use.
func (w *work) renewed(g *gathered, k *kept) (*kept, error) {
	strands := g.sortedStrands()
	var others []identity.Hash
	for _, h := range strands {
		if _, in := slices.BinarySearchFunc(k.strands, h, compareHashes); !in {
			others = append(others, h)
		}
	}
	if len(strands)-len(others) < len(k.strands) || len(others) > 0 && !w.whole {
		return nil, nil
	}
	for i := range w.news[g.id] {
		if n := &w.news[g.id][i]; len(others) == 0 || !slices.Contains(others, n.strand) {
			k.memo.Add(&n.Row)
			k.rows++
		}
	}
	delete(w.news, g.id) // each is given once
	if len(others) == 0 {
		return k, nil
	}
	err := w.compiled.readRows(w.view, others, func(_ int, row compute.Row) {
		k.memo.Add(&row)
		k.rows++
	})
	k.strands, k.told = strands, false
	return k, err
}

func compareHashes(a, b identity.Hash) int { return slices.Compare(a[:], b[:]) }

// remember keeps the memo of a profile after its evaluation, in the store too if it is
// large.
func (w *work) remember(out *staged, g *gathered, k *kept) error {
	if filling := w.filling(); len(filling) > 0 {
		k.memo.Forget(filling...) // their rows are still to come
	}
	if k.memo.Later() > foldRows {
		w.memos.drop(g.id) // they would be written again and again
		if k.stored {
			w.dropStored(out, g.id)
		}
		return nil
	}
	begins := !k.stored && k.rows >= foldRows && w.last
	if begins {
		k.memo.Keep(w.entriesOf(g.id))
		w.dropStored(out, g.id)
		k.stored = true
	}
	if k.stored {
		if err := w.store(out, g.id, k); err != nil {
			return err
		}
	}
	w.memos.keep(g.id, k)
	return nil
}

// filling are the streams whose rows of history are not all there yet.
func (w *work) filling() (streams []compute.StreamID) {
	for _, s := range w.compiled.Set.InUse() {
		if !slices.Contains(w.pos.Streams, s.ID) {
			streams = append(streams, s.ID)
		}
	}
	return streams
}

// dropFolds takes the memos of all profiles out of the store.
func (w *work) dropFolds() error {
	from, to := codec.Folds.All(w.view.Keys())
	return w.commit(&staged{ops: []kv.Op{{Kind: kv.OpDeleteRange, Key: from, Value: to}}})
}

// dropStored takes a memo out of the store.
func (w *work) dropStored(out *staged, p codec.ProfileID) {
	from, to := codec.Under(codec.Folds.Of(w.view.Keys(), p))
	out.ops = append(out.ops, kv.Op{Kind: kv.OpDeleteRange, Key: from, Value: to})
	w.heads[p] = nil
}

// store writes what is new of a memo. Very much of it goes ahead in commits of its own,
// after the head is gone: a memo without one is no memo.
func (w *work) store(out *staged, p codec.ProfileID, k *kept) error {
	keys := w.view.Keys()
	var b kv.Batch
	ahead := false
	flush := func() error {
		w.fence.Require(&b)
		err := w.space.Store().Commit(w.view.Context(), &b)
		b = kv.Batch{}
		return err
	}
	var failed error
	k.memo.Flush(func(e compute.Entry) {
		switch key := entryKey(keys, p, e.EntryKey); {
		case failed != nil:
			return
		case e.All:
			b.DeleteRange(codec.Under(codec.Folds.Key(keys, p, string(foldPrefix(e.Fold)))))
		case e.Gone:
			b.Delete(key)
		default:
			b.Put(key, entryValue(&e))
		}
		if b.Bytes() < foldBytes {
			return
		}
		if !ahead {
			ahead = true
			rest := b
			b = kv.Batch{}
			if b.Delete(codec.Folds.Key(keys, p, headPart)); w.heads[p] == nil { // nothing of an earlier one may stay
				b.DeleteRange(codec.Under(codec.Folds.Of(keys, p)))
			}
			out.ops = slices.DeleteFunc(out.ops, func(op kv.Op) bool {
				return op.Kind == kv.OpDeleteRange && string(op.Key) == string(codec.Folds.Of(keys, p))
			})
			if failed = flush(); failed != nil {
				return
			}
			b = rest
		}
		failed = flush()
	})
	if failed != nil {
		return failed
	}
	out.ops = append(out.ops, b.Ops()...)
	if !k.told {
		out.put(codec.Folds.Key(keys, p, strandsPart), appendHashes(nil, k.strands))
		k.told = true
	}
	head := appendHead(digestOf(k.strands), k.memo.Head())
	out.put(codec.Folds.Key(keys, p, headPart), head)
	w.heads[p] = head
	return nil
}
