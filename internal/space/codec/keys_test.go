package codec

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
)

// A tag that begins another would mix two kinds in one range.
func TestNoTagBeginsAnother(t *testing.T) {
	for _, a := range table {
		for _, b := range table {
			if a != b && strings.HasPrefix(b.tag, a.tag) {
				t.Errorf("the tag %q of %s begins the tag %q of %s", a.tag, a.name, b.tag, b.name)
			}
			if a != b && a.name == b.name {
				t.Errorf("two kinds are called %s", a.name)
			}
		}
	}
}

// A strand's events are in the index in the order of resolution.
func TestEventsSortAsMomentsDo(t *testing.T) {
	moments := rapid.Custom(func(t *rapid.T) event.Moment {
		small := rapid.OneOf(rapid.Int64Range(-2, 2), rapid.Int64())
		return event.Moment{Time: small.Draw(t, "time"), ReceivedAt: small.Draw(t, "received"),
			Arrival: event.NewBlock(rapid.Uint64Range(0, 2).Draw(t, "clock"), rapid.Uint32Range(0, 2).Draw(t, "lane")).At(rapid.IntRange(0, 2).Draw(t, "ordinal"))}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := moments.Draw(t, "a"), moments.Draw(t, "b")
		if got, want := bytes.Compare(Events.Key(Keyspace{}, identity.Hash{1}, a), Events.Key(Keyspace{}, identity.Hash{1}, b)), a.Compare(b); got != want {
			t.Fatalf("the keys of %v and %v compare as %d, want %d", a, b, got, want)
		}
	})
}

func drawHash(t *rapid.T, name string) (h identity.Hash) {
	copy(h[:], rapid.SliceOfN(rapid.Byte(), len(h), len(h)).Draw(t, name))
	return h
}

func TestKeysReadBackWhatTheyWereMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ks := NewKeyspace(rapid.Uint16().Draw(t, "space"))
		h, g := drawHash(t, "h"), drawHash(t, "g")
		list, class, at := rapid.Byte().Draw(t, "list"), rapid.Byte().Draw(t, "class"), rapid.Int64().Draw(t, "time")
		n, m := rapid.Uint64().Draw(t, "n"), rapid.Uint32().Draw(t, "m")
		text := rapid.String().Draw(t, "text")

		if got, ok := Strands.Parse(Strands.Key(ks, h)); !ok || got != h {
			t.Fatalf("strand %v became %v, %v", h, got, ok)
		}
		if a, b, ok := RecentPages.Parse(RecentPages.Key(ks, n, m)); !ok || a != n || b != m {
			t.Fatalf("page %d %d became %d %d, %v", n, m, a, b, ok)
		}
		if a, b, c, d, e, ok := Links.Parse(Links.Key(ks, h, list, class, at, g)); !ok || a != h || b != list || c != class || d != at || e != g {
			t.Fatalf("link became %v %v %v %v %v, %v", a, b, c, d, e, ok)
		}
		arrival := event.NewBlock(rapid.Uint64Range(0, event.MaxClock).Draw(t, "clock"), m).At(rapid.IntRange(0, event.MaxOrdinal).Draw(t, "ordinal"))
		if a, b, c, d, ok := Deferrals.Parse(Deferrals.Key(ks, class, at, h, arrival)); !ok || a != class || b != at || c != h || d != arrival {
			t.Fatalf("deferral became %v %v %v %s, %v", a, b, c, d, ok)
		}
		moment := event.Moment{Time: at, ReceivedAt: rapid.Int64().Draw(t, "received"), Arrival: arrival}
		key := Events.Key(ks, h, moment)
		if a, b, ok := Events.Parse(key); !ok || a != h || b != moment || len(key) != EventKeyBytes {
			t.Fatalf("event became %v %v, %v", a, b, ok)
		}
		if from := EventsFrom(ks, h, at); bytes.Compare(from, key) > 0 || at < math.MaxInt64 && bytes.Compare(key, EventsFrom(ks, h, at+1)) >= 0 {
			t.Fatalf("an event of %d is not between the keys of its time", at)
		}
		if a, ok := Headers.Parse(Headers.Key(ks, arrival.Block())); !ok || a != arrival.Block() {
			t.Fatalf("block became %s, %v", a, ok)
		}
		if n, text2, ok := RejectCounts.Parse(RejectCounts.Key(ks, n, text)); !ok || text2 != text {
			t.Fatalf("count became %d %q, %v", n, text2, ok)
		}
		if got, tag, rest, ok := Split(Marks.Key(ks, text)); !ok || got != ks || tag != Marks.Tag() || string(rest) != text {
			t.Fatalf("a mark splits into %v %q %q, %v", got, tag, rest, ok)
		}
	})
}

func TestKeysSortAsTheirPartsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ks := NewKeyspace(1)
		h := drawHash(t, "h")
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		ka, kb := Links.Key(ks, h, ListAccepted, 0, a, h), Links.Key(ks, h, ListAccepted, 0, b, h)
		if (a < b) != (bytes.Compare(ka, kb) < 0) {
			t.Fatalf("times %d and %d do not sort as their keys", a, b)
		}
		from, to := Links.All(ks)
		if bytes.Compare(ka, from) < 0 || bytes.Compare(ka, to) >= 0 {
			t.Fatal("a key lies outside the range of its kind")
		}
		if from, to = Under(Links.Of2(ks, h, ListDemoted)); bytes.Compare(ka, from) >= 0 && bytes.Compare(ka, to) < 0 {
			t.Fatal("an accepted link lies among the demoted ones")
		}
	})
}

func FuzzKeysOfAnyBytesAreRefusedOrRead(f *testing.F) {
	f.Add([]byte("\x01\x00\x01s0123456789abcdef"))
	f.Add([]byte("\x01\x00\x01l"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, key []byte) {
		ks, _, _, known := Split(key)
		if h, ok := Strands.Parse(key); ok && !bytes.Equal(Strands.Key(ks, h), key) {
			t.Errorf("%q reads as a strand that is kept elsewhere", key)
		}
		if a, b, c, d, e, ok := Links.Parse(key); ok && !bytes.Equal(Links.Key(ks, a, b, c, d, e), key) {
			t.Errorf("%q reads as a link that is kept elsewhere", key)
		}
		if a, b, ok := Events.Parse(key); ok && (!known || !bytes.Equal(Events.Key(ks, a, b), key)) {
			t.Errorf("%q reads as an event that is kept elsewhere", key)
		}
	})
}
