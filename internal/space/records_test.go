package space

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

var testHasher = identity.NewHasher([16]byte{7}, "test")

func drawStrand(t *rapid.T) *codec.Strand {
	types := rapid.SampledFrom([]string{"user_id", "anonymous_id", "email", "app_id", "ios.id"})
	var ids []identity.ID
	seen := map[identity.ID]bool{}
	for range rapid.IntRange(0, 6).Draw(t, "ids") {
		id := identity.ID{Type: types.Draw(t, "type"), Value: rapid.String().Draw(t, "value")}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	s := identity.NewStrand(testHasher, rapid.SampledFrom([]identity.Collection{identity.Users, identity.Accounts}).Draw(t, "collection"), ids)
	class := uint8(rapid.IntRange(0, 1).Draw(t, "class"))
	place := func() identity.Pos {
		return identity.Pos{Class: class, Moment: event.Moment{
			Time: rapid.Int64().Draw(t, "time"), ReceivedAt: rapid.Int64().Draw(t, "received"),
			Arrival: event.NewBlock(rapid.Uint64Range(0, event.MaxClock).Draw(t, "clock"), rapid.Uint32().Draw(t, "lane")).At(rapid.IntRange(0, event.MaxOrdinal).Draw(t, "ordinal")),
		}, Strand: s.Hash}
	}
	s.First = place()
	s.Evaluated = s.First
	if rapid.Bool().Draw(t, "evaluated elsewhere") {
		s.Evaluated = place()
	}
	s.Recheck = rapid.SampledFrom([]int64{0, 1, 1 << 60}).Draw(t, "recheck")
	for i := range s.Links {
		l := &s.Links[i]
		switch rapid.IntRange(0, 2).Draw(t, "verdict") {
		case 0:
			l.Verdict, l.At = identity.Accepted, s.First
			if rapid.Bool().Draw(t, "accepted elsewhere") {
				l.At = place()
			}
		case 1:
			l.Verdict, l.Reason, l.Broke = identity.Demoted, identity.ReasonLimit, "user_id"
		case 2:
			l.Verdict, l.Reason = identity.Blocked, identity.ReasonBlocked
		}
	}
	rec := &codec.Strand{Strand: s, Source: rapid.String().Draw(t, "source"), Revision: rapid.Uint64().Draw(t, "revision")}
	rec.MessageID = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"0b9c9a7e-6f0d-4a52-9a0c-3f1f5a2b7c11", "0B9C9A7E-6F0D-4A52-9A0C-3F1F5A2B7C11", "0B9c9a7e-6f0d-4a52-9a0c-3f1f5a2b7c11",
		"0b9c9a7e-6f0d-4a52-9a0c-3f1f5a2b7c1g", "12345678-1234-1234-1234-123456789012",
	})).Draw(t, "messageId")
	if rapid.Bool().Draw(t, "founder") {
		rec.Founded = codec.ProfileID{1, 2, 3}
	}
	return rec
}

// A strand is read as it was written.
func TestStrandRecordsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawStrand(t)
		got, err := codec.DecodeStrand(want.Append(nil), want.Hash, testHasher)
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Links) == 0 {
			got.Links, want.Links = nil, nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v %+v\nwant %+v %+v", got, got.Strand, want, want.Strand)
		}
	})
}

// Damaged records are errors, and cost no more memory than they are long.
func FuzzRecords(f *testing.F) {
	s := &codec.Strand{Strand: identity.NewStrand(testHasher, identity.Users, []identity.ID{{Type: "user_id", Value: "u"}}), Source: "web", MessageID: "0b9c9a7e-6f0d-4a52-9a0c-3f1f5a2b7c11"}
	f.Add(byte(0), s.Append(nil))
	f.Add(byte(1), (&codec.Identifier{ID: identity.ID{Type: "x", Value: "y"}, Holders: []codec.Holder{{Accepted: true}}}).Append(nil))
	f.Add(byte(1), (&codec.Identifier{ID: identity.ID{Type: "user_id"}, Owner: codec.ProfileID{9}, Spilled: true, Revision: 300}).Append(nil))
	f.Add(byte(2), (&codec.Profile{Collection: identity.Accounts, Version: 7, IDs: []codec.Member{{IDType: "group_id"}}}).Append(nil))
	f.Add(byte(3), (&codec.Pair{Moment: event.Moment{Time: 1}, MessageID: "m", Source: "web"}).Append(nil))
	f.Add(byte(4), (&codec.Deferred{Collection: identity.Users}).Append(nil))
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		var again []byte
		switch kind % 5 {
		case 0:
			if r, err := codec.DecodeStrand(b, identity.Hash{}, testHasher); err == nil {
				again = r.Append(nil)
				if r2, err := codec.DecodeStrand(again, identity.Hash{}, testHasher); err != nil || !bytes.Equal(r2.Append(nil), again) {
					t.Fatalf("a strand that was read cannot be written: %v", err)
				}
			}
		case 1:
			if r, err := codec.DecodeIdentifier(b); err == nil {
				again = r.Append(nil)
				if r2, err := codec.DecodeIdentifier(again); err != nil || !bytes.Equal(r2.Append(nil), again) {
					t.Fatalf("a node that was read cannot be written: %v", err)
				}
			}
		case 2:
			if r, err := codec.DecodeProfile(b); err == nil {
				again = r.Append(nil)
				if r2, err := codec.DecodeProfile(again); err != nil || !bytes.Equal(r2.Append(nil), again) {
					t.Fatalf("a profile that was read cannot be written: %v", err)
				}
			}
		case 3:
			codec.DecodePair(b)
		case 4:
			codec.DecodeDeferred(b)
		}
	})
}
