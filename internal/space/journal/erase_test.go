package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/kvtest"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

var testKeys = codec.NewKeyspace(7)

// shelf is a store with blocks, and what lies in them.
type shelf struct {
	t      rapid.TB
	store  kv.Store
	packer Packer
	blocks []event.Block
	secret map[event.Arrival]string // what stands in the body with an address
	events map[event.Arrival]bool   // false: the body is no event
}

// newShelf appends requests of 1 to 8 events, each packed ahead or not, some of whose
// packed bodies are repeats.
func newShelf(t rapid.TB, requests int, rng *rand.Rand) *shelf {
	w := &shelf{t: t, store: kvtest.NewMemory().Open(), secret: map[event.Arrival]string{}, events: map[event.Arrival]bool{}}
	var batch kv.Batch
	a := NewAppender(testKeys, &w.packer, event.NewBlock(100, 3), batch.Put)
	for r := range requests {
		ahead := rng.IntN(3) == 0
		var heads []Head
		var messages []event.Message
		var secrets []string
		for i := range 1 + rng.IntN(8) {
			secret := fmt.Sprintf("<%d-%d>", r, i)
			m := event.Message{Body: []byte(`{"type":"track","event":"E` + secret + `","messageId":"m","userId":"u"}`)}
			h := Head{Type: event.Track, Source: "web", Time: int64(r), ReceivedAt: int64(1000*r + i), MessageHash: rng.Uint64(), HasUser: true}
			h.User[0] = byte(rng.IntN(3))
			if ahead && rng.IntN(3) == 0 {
				h = Head{}
			}
			heads, messages, secrets = append(heads, h), append(messages, m), append(secrets, secret)
		}
		if !ahead {
			for i := range heads {
				at := a.Add(heads[i], &messages[i])
				w.secret[at], w.events[at] = secrets[i], true
			}
			continue
		}
		var bodies [][]byte
		for i := range messages {
			bodies = append(bodies, messages[i].Body)
		}
		block := a.AddPacked(heads, w.packer.Pack(nil, bodies))
		for i := range heads {
			w.secret[block.At(i)], w.events[block.At(i)] = secrets[i], heads[i].Type != 0
		}
	}
	a.Flush()
	w.blocks = a.Blocks()
	w.commit(&batch)
	return w
}

func (w *shelf) commit(b *kv.Batch) {
	w.t.Helper()
	if err := w.store.Commit(context.Background(), b); err != nil {
		w.t.Fatal(err)
	}
}

// staged runs f on a snapshot and commits what it staged.
func (w *shelf) staged(f func(r kv.Reader, b *kv.Batch) (int, error)) int {
	w.t.Helper()
	r, err := w.store.Snapshot(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	var b kv.Batch
	n, err := f(r, &b)
	if err != nil {
		w.t.Fatal(err)
	}
	w.commit(&b)
	return n
}

func (w *shelf) erase(block event.Block, ordinals ...int) int {
	return w.staged(func(r kv.Reader, b *kv.Batch) (int, error) {
		return Erase(context.Background(), r, testKeys, block, ordinals, b)
	})
}

func (w *shelf) rewrite(block event.Block) int {
	return w.staged(func(r kv.Reader, b *kv.Batch) (int, error) {
		return Rewrite(context.Background(), r, testKeys, &w.packer, block, b)
	})
}

func (w *shelf) rewriteErased(behind event.Block, most int, prepare func(*kv.Batch)) (Rewritten, error) {
	return RewriteErased(context.Background(), w.store, testKeys, &w.packer, behind, most, prepare)
}

func (w *shelf) read(block event.Block) *Block {
	w.t.Helper()
	r, err := w.store.Snapshot(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	b, err := Read(context.Background(), r, testKeys, block)
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// large is a block of at least four events.
func (w *shelf) large() event.Block {
	w.t.Helper()
	for _, block := range w.blocks {
		n := 0
		for n < 4 && w.events[block.At(n)] {
			n++
		}
		if n == 4 {
			return block
		}
	}
	w.t.Fatal("no block has four events")
	return event.Block{}
}

// shown is what readers make of every place of a block, and of one behind it.
type shown struct {
	event, at   Event
	state, stAt State
}

func (w *shelf) shown(block event.Block) (list []shown) {
	w.t.Helper()
	b := w.read(block)
	if b.Damage != "" {
		w.t.Fatalf("%s: %s", block, b.Damage)
	}
	for o := range len(b.Heads) + 1 {
		var s shown
		s.event, _, s.state = b.Event(o)
		s.at, _, s.stAt = b.At(event.Moment{Time: 5, Arrival: block.At(o)})
		list = append(list, s)
	}
	return list
}

// check compares a block with what was put into it, less what was erased.
func (w *shelf) check(block event.Block, erased map[event.Arrival]bool) {
	w.t.Helper()
	for o, s := range w.shown(block) {
		at := block.At(o)
		whole := w.events[at] && !erased[at]
		if (s.state == Whole) != whole || whole && !strings.Contains(string(s.event.Body), w.secret[at]) {
			w.t.Fatalf("%s, %d (erased %v): %v %q, want %q", block, o, erased[at], s.state, s.event.Body, w.secret[at])
		}
	}
}

// Readers see the same events before a block is rewritten and afterwards, and nothing
// of what was erased or was a repeat is in it.
func TestRewritingChangesNothingThatIsSeen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		w := newShelf(t, 1+rng.IntN(6), rng)
		erased := map[event.Arrival]bool{}
		for range 1 + rng.IntN(3) { // erased and rewritten in turn
			for _, block := range w.blocks {
				var some []int
				for o := range w.read(block).Heads {
					if rng.IntN(4) == 0 {
						some = append(some, o)
					}
				}
				want := 0
				for _, o := range some {
					if !erased[block.At(o)] {
						want++
					}
					erased[block.At(o)] = true
				}
				if got := w.erase(block, append(some, some...)...); got != want {
					t.Fatalf("%d erased, want %d", got, want)
				}
				w.check(block, erased)
			}
			for _, block := range w.blocks {
				before := w.shown(block)
				w.rewrite(block)
				if after := w.shown(block); !reflect.DeepEqual(before, after) {
					t.Fatalf("before %+v\nafter %+v", before, after)
				}
				w.check(block, erased)
				b := w.read(block)
				for o := range b.Heads {
					at := block.At(o)
					left := bytes.Contains(bytes.Join(b.Bodies, nil), []byte(w.secret[at]))
					if want := w.events[at] && !erased[at]; left != want || b.Heads[o] != (Head{}) != want {
						t.Fatalf("%s, %d: is in the block %v, want %v; %+v", block, o, left, want, b.Heads[o])
					}
				}
				if n := w.rewrite(block); n != 0 {
					t.Fatalf("%d bodies taken out again", n)
				}
			}
		}
	})
}

func TestErasingNeedsTheBlockAsItWasRead(t *testing.T) {
	w := newShelf(t, 4, rand.New(rand.NewPCG(3, 3)))
	block, ctx := w.large(), t.Context()
	stage := func(f func(r kv.Reader, b *kv.Batch) (int, error)) *kv.Batch {
		r, err := w.store.Snapshot(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var b kv.Batch
		if n, err := f(r, &b); err != nil || n == 0 {
			t.Fatal(n, err)
		}
		return &b
	}
	erase := func(o int) func(r kv.Reader, b *kv.Batch) (int, error) {
		return func(r kv.Reader, b *kv.Batch) (int, error) { return Erase(ctx, r, testKeys, block, []int{o}, b) }
	}
	rewrite := func(r kv.Reader, b *kv.Batch) (int, error) {
		return Rewrite(ctx, r, testKeys, &w.packer, block, b)
	}
	for name, late := range map[string]func(r kv.Reader, b *kv.Batch) (int, error){"erase": erase(2), "rewrite": rewrite} {
		for _, first := range []int{0, 1} { // nothing erased before; something
			w = newShelf(t, 4, rand.New(rand.NewPCG(3, 3)))
			if first == 1 || name == "rewrite" {
				w.erase(block, 3)
			}
			b := stage(late)
			w.erase(block, 1)
			if err := w.store.Commit(ctx, b); !errors.Is(err, kv.ErrConflict) {
				t.Errorf("%s after another erased: %v", name, err)
			}
			w.check(block, map[event.Arrival]bool{block.At(1): true, block.At(3): first == 1 || name == "rewrite"})
		}
	}
	r, err := w.store.Snapshot(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, o := range []int{-1, event.MaxOrdinal + 1} {
		if _, err := Erase(ctx, r, testKeys, block, []int{o}, new(kv.Batch)); err == nil {
			t.Errorf("ordinal %d was erased", o)
		}
	}
	if n, err := Erase(ctx, r, testKeys, block, []int{0, event.MaxOrdinal}, new(kv.Batch)); n != 2 || err != nil {
		t.Errorf("the first and the last ordinal: %d, %v", n, err)
	}
}

func TestAllErasedBlocksAreRewritten(t *testing.T) {
	w := newShelf(t, 400, rand.New(rand.NewPCG(5, 5)))
	if len(w.blocks) < 2*rewritePage {
		t.Fatalf("only %d blocks", len(w.blocks))
	}
	erased := map[event.Arrival]bool{}
	want := 0
	for i, block := range w.blocks {
		if i%5 != 0 {
			erased[block.At(0)] = true
			w.erase(block, 0)
			want++
		}
	}
	damaged := w.blocks[11]
	w.commit(func() *kv.Batch {
		b := new(kv.Batch)
		b.Put(codec.Bodies.Key(testKeys, damaged), []byte("?"))
		return b
	}())
	fence := []byte("fence")
	require := func(b *kv.Batch) { b.Require(fence, []byte("mine")) }
	if got, err := w.rewriteErased(event.Block{}, 1000, require); !errors.Is(err, kv.ErrConflict) || got.Blocks != 0 || got.Last != (event.Block{}) {
		t.Fatalf("without the lease: %+v, %v", got, err)
	}
	var b kv.Batch
	b.Put(fence, []byte("mine"))
	w.commit(&b)

	var total Rewritten
	calls := 0
	for !total.Done {
		got, err := w.rewriteErased(total.Last, 70, require)
		if err != nil || got.Last.Compare(total.Last) < 0 {
			t.Fatalf("%+v, %v", got, err)
		}
		total.Blocks, total.Bodies, total.Damaged = total.Blocks+got.Blocks, total.Bodies+got.Bodies, total.Damaged+got.Damaged
		total.Last, total.Done = got.Last, got.Done
		calls++
	}
	if total.Blocks != want-1 || total.Damaged != 1 || total.Bodies < want-1 || calls < 2 {
		t.Errorf("%+v after %d calls, want %d blocks", total, calls, want-1)
	}
	for i, block := range w.blocks {
		if block == damaged {
			continue
		}
		w.check(block, erased)
		if b := w.read(block); i%5 != 0 && len(b.Bodies[0]) != 0 {
			t.Errorf("%s still has what was erased", block)
		}
	}
	if again, err := w.rewriteErased(event.Block{}, 1000, require); err != nil || !again.Done || again.Blocks != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
}

// A block whose events are erased while it is rewritten is rewritten again.
func TestARewriteThatConflictsIsDoneAgain(t *testing.T) {
	w := newShelf(t, 4, rand.New(rand.NewPCG(3, 3)))
	block := w.large()
	w.erase(block, 0)
	times := 0
	got, err := w.rewriteErased(event.Block{}, 1, func(*kv.Batch) {
		if times++; times == 1 {
			w.erase(block, 1)
		}
	})
	if err != nil || times != 2 || got.Blocks != 1 || got.Bodies != 2 {
		t.Errorf("%+v, %v after %d tries", got, err, times)
	}
}
