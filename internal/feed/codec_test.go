package feed

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
)

// records draws records as commits make them, and stranger ones.
func records() *rapid.Generator[Record] {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "", "use_1", "use_2", "m1"}), rapid.String())
	return rapid.Custom(func(t *rapid.T) Record {
		r := Record{
			Lane: rapid.Uint64().Draw(t, "lane"), Seq: rapid.Uint64().Draw(t, "seq"),
			Time: rapid.Int64().Draw(t, "time"), Events: rapid.IntRange(0, 1<<40).Draw(t, "events"),
		}
		for range rapid.IntRange(0, 4).Draw(t, "blocks") {
			lane := rapid.OneOf(rapid.Just(uint32(r.Lane)), rapid.Uint32())
			r.Blocks = append(r.Blocks, event.NewBlock(rapid.Uint64Range(0, event.MaxClock).Draw(t, "clock"), lane.Draw(t, "block lane")))
		}
		for range rapid.IntRange(0, 5).Draw(t, "changes") {
			c := Change{
				Kind: Kind(rapid.Byte().Draw(t, "kind")), Version: rapid.Uint64().Draw(t, "version"),
				Profile: text.Draw(t, "profile"), From: text.Draw(t, "from"),
				IDType: text.Draw(t, "type"), IDValue: text.Draw(t, "value"), Reason: text.Draw(t, "reason"),
				Trait: text.Draw(t, "trait"), Time: rapid.Int64().Draw(t, "time"), MessageID: text.Draw(t, "message"),
				Source: text.Draw(t, "source"),
			}
			if v := rapid.SliceOf(rapid.Byte()).Draw(t, "json"); len(v) > 0 {
				c.Value = v
			}
			r.Changes = append(r.Changes, c)
		}
		at := rapid.Custom(func(t *rapid.T) event.Moment {
			block := event.NewBlock(rapid.Uint64Range(0, 2).Draw(t, "clock"), rapid.Uint32Range(0, 1).Draw(t, "block lane"))
			return event.Moment{Time: rapid.Int64().Draw(t, "time"), ReceivedAt: rapid.Int64().Draw(t, "received"), Arrival: block.At(rapid.IntRange(0, event.MaxOrdinal).Draw(t, "ordinal"))}
		})
		events := rapid.SliceOfN(at, 1, 3).Draw(t, "events with rows")
		strand := rapid.SampledFrom([]identity.Hash{{}, {1}, {2, 15: 3}})
		for range rapid.IntRange(0, 5).Draw(t, "rows") {
			w := Row{Strand: strand.Draw(t, "strand"), Stream: rapid.Uint32().Draw(t, "stream"), At: rapid.SampledFrom(events).Draw(t, "at")}
			if v := rapid.SliceOf(rapid.Byte()).Draw(t, "value"); len(v) > 0 {
				w.Value = v
			}
			r.Rows = append(r.Rows, w)
		}
		for range rapid.IntRange(0, 2).Draw(t, "rewritten") {
			r.Rewritten = append(r.Rewritten, strand.Draw(t, "strand"))
		}
		return r
	})
}

func TestRecordsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := records().Draw(t, "record")
		b := want.Append([]byte("before"))
		got, err := Decode(b[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		for n := range b[len("before"):] {
			if _, err := Decode(b[len("before"):][:n]); !errors.Is(err, kv.ErrCorrupt) {
				t.Fatalf("cut after %d bytes: %v", n, err)
			}
		}
	})
}

func TestDecodedRecordOwnsItsMemory(t *testing.T) {
	r := Record{Lane: 1, Seq: 1, Changes: []Change{{Kind: TraitSet, Profile: "use_1", Value: json.RawMessage(`"x"`)}}}
	b := r.Append(nil)
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		b[i] = 0xff
	}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v after the bytes changed", got)
	}
}

func TestRepeatedFieldsAreToldOnce(t *testing.T) {
	r := Record{Lane: 1, Seq: 7, Time: 1e18, Events: 1}
	for range 10 {
		r.Changes = append(r.Changes, Change{
			Kind: TraitSet, Profile: "use_2Zx0000000000000000000000", Version: 3, Trait: "plan",
			Value: json.RawMessage(`"pro"`), Time: 1e18, MessageID: "0190-aaaa-bbbb",
		})
	}
	if n := len(r.Append(nil)); n > 250 {
		t.Errorf("10 changes of one message take %d bytes", n)
	}
}

func TestNewerRecordsAreRefused(t *testing.T) {
	b := (&Record{Lane: 1, Seq: 1}).Append(nil)
	b[0] = rowsVersion + 1
	if _, err := Decode(b); !errors.Is(err, kv.ErrTooNew) {
		t.Errorf("a newer version: %v", err)
	}
	b[0] = 0
	if _, err := Decode(b); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("no version: %v", err)
	}
	b = []byte{recordVersion, 1, 1, 0, 0, 0, 1, byte(Merged), 0x80, 0x80, 0x01}
	if _, err := Decode(b); !errors.Is(err, kv.ErrTooNew) {
		t.Errorf("a newer field: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	r := Record{Lane: 3, Seq: 9, Time: 1e18, Events: 2, Blocks: []event.Block{event.NewBlock(5, 3), event.NewBlock(6, 3)}, Changes: []Change{
		{Kind: ProfileCreated, Profile: "use_1", Version: 1, Time: 1e18, MessageID: "m"},
		{Kind: TraitSet, Profile: "use_1", Trait: "plan", Value: json.RawMessage(`1`), Time: 1e18, MessageID: "m"},
	}, Rows: []Row{{Strand: identity.Hash{1}, Stream: 2, At: event.Moment{Time: 1e18, ReceivedAt: 1e18, Arrival: event.NewBlock(5, 3).At(1)}, Value: []byte("v")}}}
	f.Add(r.Append(nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			if !errors.Is(err, kv.ErrCorrupt) && !errors.Is(err, kv.ErrTooNew) {
				t.Fatalf("%v is neither damage nor a newer version", err)
			}
			return
		}
		again := r.Append(nil)
		back, err := Decode(again)
		if err != nil || !bytes.Equal(back.Append(nil), again) {
			t.Fatalf("%+v came back as %+v, %v", r, back, err)
		}
	})
}

func TestKindsHaveNames(t *testing.T) {
	want := map[Kind]string{
		ProfileCreated: "profile_created", IDAdded: "id_added", Merged: "merged", Unmerged: "unmerged",
		Demoted: "demoted", TraitSet: "trait_set", TraitRemoved: "trait_removed", IDRemoved: "id_removed",
	}
	for k, name := range want {
		if k.String() != name {
			t.Errorf("%d is %q, want %q", k, k.String(), name)
		}
	}
	for k := range Kind(255) {
		text, err := json.Marshal(Change{Kind: k})
		if err != nil {
			t.Fatal(err)
		}
		var back Change
		if err := json.Unmarshal(text, &back); err != nil || back.Kind != k {
			t.Errorf("%s came back as %d, %v", text, back.Kind, err)
		}
	}
	var k Kind
	for _, bad := range []string{"", "Merged", "kind_", "kind_256", "kind_-1"} {
		if err := k.UnmarshalText([]byte(bad)); !errors.Is(err, ErrBadKind) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	r := benchRecord()
	buf := r.Append(nil)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		buf = r.Append(buf[:0])
	}
}

func BenchmarkDecode(b *testing.B) {
	buf := benchRecord().Append(nil)
	b.SetBytes(int64(len(buf)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(buf); err != nil {
			b.Fatal(err)
		}
	}
}

// benchRecord is a commit of 100 events that made 20 profiles.
func benchRecord() *Record {
	r := &Record{Lane: 1, Seq: 1000, Time: 1e18, Events: 100, Blocks: []event.Block{event.NewBlock(1e11, 1)}}
	for i := range 20 {
		p := "use_2Zx000000000000000000000" + string(rune('a'+i))
		m := "01901111-2222-3333-4444-55555555555" + string(rune('a'+i))
		r.Changes = append(r.Changes,
			Change{Kind: ProfileCreated, Profile: p, Version: 1, Time: 1e18, MessageID: m},
			Change{Kind: IDAdded, Profile: p, Version: 1, IDType: "anonymous_id", IDValue: "anon_123", Time: 1e18, MessageID: m})
	}
	return r
}

// Records that were written before changes told their source.
func TestRecordsOfBeforeStayReadable(t *testing.T) {
	b := []byte{recordVersion, 1, 1, 0, 2, 0, 1, byte(IDAdded), byte(hasIDType | hasIDValue), 5, 'e', 'm', 'a', 'i', 'l', 1, 'x'}
	got, err := Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	want := Record{Lane: 1, Seq: 1, Events: 1, Changes: []Change{{Kind: IDAdded, IDType: "email", IDValue: "x"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
