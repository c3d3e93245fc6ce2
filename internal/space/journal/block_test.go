package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/cespare/xxhash/v2"
	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// blockEvents draws the events of a block: some in common, some of their own,
// some that are none.
func blockEvents() *rapid.Generator[[]Head] {
	hash := rapid.Custom(func(t *rapid.T) (h identity.Hash) {
		h[0] = byte(rapid.IntRange(0, 3).Draw(t, "hash"))
		return h
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Head {
		e := Head{Type: event.Type(rapid.IntRange(0, int(event.Alias)).Draw(t, "type"))}
		if e.Type == 0 {
			return e
		}
		if e.HasUser = rapid.Bool().Draw(t, "has user"); e.HasUser {
			e.User = hash.Draw(t, "user")
		}
		if e.HasAccount = rapid.Bool().Draw(t, "has account"); e.HasAccount {
			e.Account = hash.Draw(t, "account")
		}
		if rapid.Bool().Draw(t, "usual times") {
			e.ReceivedAt = rapid.Int64Range(1e18, 1e18+3).Draw(t, "received")
			e.Time = e.ReceivedAt - rapid.Int64Range(0, 100).Draw(t, "ago")*nanosPerMilli
		} else {
			e.ReceivedAt, e.Time = rapid.Int64().Draw(t, "received"), rapid.Int64().Draw(t, "time")
		}
		e.Source = rapid.SampledFrom([]string{"", "ios-app", "web", "server"}).Draw(t, "source")
		e.Name = NameHash(rapid.SampledFrom([]string{"", "Paid", "Seen", "Order Completed"}).Draw(t, "name"))
		e.MessageHash = rapid.Uint64().Draw(t, "message")
		e.GivenID = rapid.SampledFrom([]string{"", "", "selfsame-1"}).Draw(t, "given")
		return e
	}), 0, 20)
}

func TestHeadersComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := blockEvents().Draw(t, "events")
		b := AppendHeader([]byte("before"), want)[len("before"):]
		got, err := DecodeHeader(b)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
		for n := range b {
			if _, err := DecodeHeader(b[:n]); !errors.Is(err, kv.ErrCorrupt) {
				t.Fatalf("cut after %d bytes: %v", n, err)
			}
		}
	})
}

// usualEvents are the events of one request: one source, one time of receipt.
func usualEvents(n int) []Head {
	events := make([]Head, n)
	for i := range events {
		events[i] = Head{
			HasUser: true, ReceivedAt: 1e18 + 123456789, Time: 1e18 + 123456789 - int64(i)*10*nanosPerMilli,
			Source: "ios-app", Type: event.Track, MessageHash: uint64(i) * 0x9e3779b97f4a7c15,
		}
		events[i].User[0], events[i].User[1] = byte(i), byte(i>>8)
	}
	return events
}

func TestHeadersAreSmall(t *testing.T) {
	if n := len(AppendHeader(nil, usualEvents(100))); n > 100*29 {
		t.Errorf("100 events of as many users take %d bytes", n)
	}
	one := usualEvents(100)
	for i := range one {
		one[i].User = identity.Hash{1}
	}
	if n := len(AppendHeader(nil, one)); n > 100*14 {
		t.Errorf("100 events of one user take %d bytes", n)
	}
}

func TestBadHeadersAreRefused(t *testing.T) {
	good := AppendHeader(nil, usualEvents(2))
	newer := append([]byte{headerVersion + 1}, good[1:]...)
	if _, err := DecodeHeader(newer); !errors.Is(err, codec.ErrTooNew) {
		t.Errorf("a newer version: %v", err)
	}
	for name, b := range map[string][]byte{
		"nothing":    {},
		"version 0":  append([]byte{0}, good[1:]...),
		"more":       sealed(append(good[headerPrefix:len(good):len(good)], 0)...),
		"a bit":      append(good[:len(good)-1:len(good)-1], good[len(good)-1]^1),
		"a mask":     sealed(0, 1, 0, 0x80),
		"no type":    sealed(0, 1, headSameUser, 0),
		"a type":     sealed(0, 1, 7, 0),
		"no source":  sealed(0, 1, 2, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		"no events":  sealed(0, 200),
		"no sources": sealed(200, 0),
	} {
		if e, err := DecodeHeader(b); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v, %v", name, e, err)
		}
	}
}

// sealed is a header with its checksum.
func sealed(content ...byte) []byte {
	b := binary.LittleEndian.AppendUint64([]byte{headerVersion}, xxhash.Sum64(content))
	return append(b, content...)
}

func FuzzDecodeHeader(f *testing.F) {
	f.Add(AppendHeader(nil, usualEvents(3))[headerPrefix:])
	f.Add(AppendHeader(nil, []Head{{}, {Type: event.Group, HasAccount: true, GivenID: "g", ReceivedAt: 5, Time: 9}})[headerPrefix:])
	f.Fuzz(func(t *testing.T, content []byte) {
		events, err := DecodeHeader(sealed(content...))
		if err != nil {
			if !errors.Is(err, kv.ErrCorrupt) && !errors.Is(err, codec.ErrTooNew) {
				t.Fatal(err)
			}
			return
		}
		again, err := DecodeHeader(AppendHeader(nil, events))
		if err != nil || fmt.Sprint(again) != fmt.Sprint(events) {
			t.Fatalf("%+v came back as %+v, %v", events, again, err)
		}
	})
}

func BenchmarkAppendHeader(b *testing.B) {
	events := usualEvents(100)
	buf := AppendHeader(nil, events)
	for b.Loop() {
		buf = AppendHeader(buf[:0], events)
	}
	b.ReportMetric(float64(len(buf))/100, "B/event")
}

func BenchmarkDecodeHeader(b *testing.B) {
	buf := AppendHeader(nil, usualEvents(100))
	for b.Loop() {
		if _, err := DecodeHeader(buf); err != nil {
			b.Fatal(err)
		}
	}
}
