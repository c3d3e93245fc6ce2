package dedupe

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/task"
)

// sealer moves frozen tables into the store, merges generations and drops those
// that are older than the window, as a task. While it works it takes some memory
// besides the budget: 16 bytes for each entry of a table, and 40 for each of a
// filter that is being built.
type sealer struct {
	task   *task.Task
	cancel context.CancelFunc

	block atomic.Uint64 // up to here everything is in the store

	// The task's own, once it runs.
	nextID  uint64
	filters filterMaker
	trash   []uint64 // generations whose pages nobody reads any more
}

const (
	sealBatch = 1 << 20 // bytes of one commit, about
	sealPause = 500 * time.Millisecond
)

func (s *sealer) start(r *Recent, tasks *task.Scheduler) {
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	s.task = tasks.Add(ctx, task.Config{
		Class:      task.Bulk,
		ErrorPause: sealPause,
		Run:        func(ctx context.Context) (task.Rest, error) { return task.Rest{}, s.tend(ctx, r) },
		Failed: func(err error, pause time.Duration) {
			r.log.Error("recent messages could not be moved to the store; they stay in memory, and it is tried again", "pause", pause, "error", err)
		},
	}, task.Rest{})
	if len(r.state.Load().gens) > 0 {
		s.wakeUp() // they may have grown too old meanwhile
	}
}

func (s *sealer) wakeUp() { s.task.Wake() }

// stop ends the task, in the middle of its work, and waits for it.
func (s *sealer) stop(ctx context.Context) error {
	s.cancel()
	return s.task.Stop(ctx)
}

// tend does what there is to do.
func (s *sealer) tend(ctx context.Context, r *Recent) error {
	for {
		if err := s.sealFrozen(ctx, r); err != nil {
			return err
		}
		if err := s.drop(ctx, r); err != nil {
			return err
		}
		if err := s.refill(ctx, r); err != nil {
			return err
		}
		run := r.mergeable(r.state.Load().gens)
		if run == nil {
			return nil
		}
		if err := s.merge(ctx, r, run); err != nil {
			return err
		}
	}
}

// commit commits a batch that may be committed twice.
func (s *sealer) commit(ctx context.Context, r *Recent, b *kv.Batch) error {
	for {
		err := r.store.Commit(ctx, b)
		if !errors.Is(err, kv.ErrUnknown) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(sealPause):
		}
	}
}

// publish replaces the view. When it returns nobody reads pages of generations
// that are not in the new one.
func (r *Recent) publish(change func(v recentState) recentState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v := change(*r.state.Load())
	v.gens = shed(v.gens, r.filterBudget())
	r.state.Store(&v)
}

// sealFrozen seals the frozen tables.
func (s *sealer) sealFrozen(ctx context.Context, r *Recent) error {
	for {
		v := r.state.Load()
		if len(v.frozen) == 0 {
			return nil
		}
		t := v.frozen[0]
		w := s.newWriter(r, t.count, true)
		g := w.g
		g.first, g.last, g.oldest, g.newest = t.first, t.last, t.oldest, t.newest
		rest := t.entries()
		for part := range g.filters {
			n := 0
			for n < len(rest) && g.part(rest[n].hash) == part {
				n++
			}
			if err := w.write(ctx, part, rest[:n]); err != nil {
				return s.abandon(w, err)
			}
			rest = rest[n:]
		}
		w.batch.Put(codec.RecentSealed.Key(r.keys), binary.BigEndian.AppendUint64(nil, g.last))
		if err := w.finish(ctx); err != nil {
			return s.abandon(w, err)
		}
		s.block.Store(g.last)
		r.publish(func(v recentState) recentState {
			return recentState{v.frozen[1:], append(v.gens[:len(v.gens):len(v.gens)], g)}
		})
	}
}

// abandon gives a generation up that could not be written.
func (s *sealer) abandon(w *generationWriter, err error) error {
	if !errors.Is(err, kv.ErrUnknown) { // it may be there; the next start will see
		s.trash = append(s.trash, w.g.id)
	}
	return err
}

// drop forgets generations that are older than the window, and deletes the
// pages of those that were forgotten.
func (s *sealer) drop(ctx context.Context, r *Recent) error {
	now := r.lately.Load()
	var b kv.Batch
	old := map[uint64]bool{}
	for _, g := range r.state.Load().gens {
		if g.expired(now, r.window) {
			old[g.id] = true
			b.Delete(codec.RecentGenerations.Key(r.keys, g.id))
		}
	}
	if len(old) > 0 {
		if err := s.commit(ctx, r, &b); err != nil {
			return err
		}
		s.replace(r, old, nil)
	}
	if len(s.trash) == 0 {
		return nil
	}
	b.Reset()
	for _, id := range s.trash {
		for _, kind := range [...]codec.Key2[uint64, uint32]{codec.RecentPages, codec.RecentFilters} {
			b.DeleteRange(kind.Of(r.keys, id), kind.Of(r.keys, id+1))
		}
	}
	if err := s.commit(ctx, r, &b); err != nil {
		return err
	}
	s.trash = s.trash[:0]
	return nil
}

// replace publishes a view without some generations, and with g, if not nil, in
// the place of the first of them.
func (s *sealer) replace(r *Recent, old map[uint64]bool, g *generation) {
	r.publish(func(v recentState) recentState {
		gens := make([]*generation, 0, len(v.gens))
		for _, o := range v.gens {
			switch {
			case !old[o.id]:
				gens = append(gens, o)
			case g != nil:
				gens, g = append(gens, g), nil
			}
		}
		return recentState{v.frozen, gens}
	})
	for id := range old {
		s.trash = append(s.trash, id)
	}
}

// refill brings filters back for which there is room again.
func (s *sealer) refill(ctx context.Context, r *Recent) error {
	gens := r.state.Load().gens
	missing := false
	for _, g := range gens {
		for _, f := range g.filters {
			missing = missing || f == nil
		}
	}
	if !missing {
		return nil
	}
	snap, err := r.store.Snapshot(ctx)
	if err != nil {
		return err
	}
	defer snap.Close()
	filled, err := r.loadFilters(ctx, snap, gens)
	if err != nil {
		return err
	}
	r.publish(func(v recentState) recentState { return recentState{v.frozen, filled} })
	return nil
}

// generationWriter writes one generation, part by part.
type generationWriter struct {
	r      *Recent
	s      *sealer
	g      *generation
	batch  kv.Batch
	keep   bool // filters in memory
	landed int  // entries
}

func (s *sealer) newWriter(r *Recent, count int, keep bool) *generationWriter {
	w := &generationWriter{r: r, s: s, g: &generation{id: s.nextID}, keep: keep}
	s.nextID++
	w.g.shape(count, r.slots()/4)
	return w
}

// write writes a part: all its entries, in the order of their hashes.
func (w *generationWriter) write(ctx context.Context, part int, list []entry) error {
	f, err := w.s.filters.build(list)
	if err != nil {
		return err
	}
	w.batch.Put(codec.RecentFilters.Key(w.r.keys, w.g.id, uint32(part)), f.append(nil))
	if w.keep {
		w.g.filters[part] = f
	}
	w.landed += len(list)
	for len(list) > 0 {
		page, n := w.g.page(list[0].hash), 1
		for n < len(list) && w.g.page(list[n].hash) == page {
			n++
		}
		w.batch.Put(codec.RecentPages.Key(w.r.keys, w.g.id, uint32(page)), appendPage(nil, list[:n]))
		list = list[n:]
		if w.batch.Bytes() >= sealBatch {
			if err := w.flush(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *generationWriter) flush(ctx context.Context) error {
	if err := w.s.commit(ctx, w.r, &w.batch); err != nil {
		return err
	}
	w.batch.Reset()
	return nil
}

// finish makes the generation exist, in one commit with what else is in the
// batch.
func (w *generationWriter) finish(ctx context.Context) error {
	w.g.count = w.landed
	w.batch.Put(codec.RecentGenerations.Key(w.r.keys, w.g.id), w.g.append(nil))
	return w.flush(ctx)
}
