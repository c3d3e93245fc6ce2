package kv_test

import (
	"bytes"
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/kv"
)

func TestAfter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "key")
		other := rapid.SliceOfN(rapid.Byte(), 0, 6).Draw(t, "other")
		after := kv.After(key)
		if bytes.Compare(key, after) >= 0 {
			t.Fatalf("After(%q) = %q is not greater", key, after)
		}
		if bytes.Compare(other, key) > 0 && bytes.Compare(other, after) < 0 {
			t.Fatalf("%q lies between %q and %q", other, key, after)
		}
	})
}

func TestPrefixEnd(t *testing.T) {
	for _, test := range []struct{ prefix, want string }{
		{"a", "b"}, {"a\xff", "b"}, {"a\xff\xff", "b"}, {"ab", "ac"}, {"\x00", "\x01"},
	} {
		if got := kv.PrefixEnd([]byte(test.prefix)); string(got) != test.want {
			t.Errorf("PrefixEnd(%q) = %q, want %q", test.prefix, got, test.want)
		}
	}
	for _, prefix := range []string{"", "\xff", "\xff\xff"} {
		if got := kv.PrefixEnd([]byte(prefix)); got != nil {
			t.Errorf("PrefixEnd(%q) = %q, want nil", prefix, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		bytesOf := rapid.SampledFrom([]byte{0, 1, 'a', 0xfe, 0xff})
		prefix := rapid.SliceOfN(bytesOf, 0, 4).Draw(t, "prefix")
		key := rapid.SliceOfN(bytesOf, 0, 6).Draw(t, "key")
		given := bytes.Clone(prefix)
		end := kv.PrefixEnd(prefix)
		in := bytes.Compare(key, prefix) >= 0 && (end == nil || bytes.Compare(key, end) < 0)
		if in != bytes.HasPrefix(key, prefix) {
			t.Fatalf("key %q, prefix %q, end %q: in the range: %v", key, prefix, end, in)
		}
		if !bytes.Equal(prefix, given) {
			t.Fatal("PrefixEnd changed its argument")
		}
	})
}

func TestBatch(t *testing.T) {
	var b kv.Batch
	b.Put([]byte("k"), nil)
	b.Insert([]byte("key"), nil)
	b.Require([]byte("r"), nil)
	b.Delete([]byte("d"))
	b.DeleteRange(nil, nil)
	if b.Len() != 5 || b.Bytes() != 6 {
		t.Errorf("Len %d, Bytes %d; want 5, 6", b.Len(), b.Bytes())
	}
	ops := b.Ops()
	if ops[0].Value == nil || ops[1].Value == nil {
		t.Error("a nil value of Put or Insert stays nil, which means absent elsewhere")
	}
	if ops[2].Value != nil || ops[4].Value != nil {
		t.Error("nil of Require or DeleteRange is lost")
	}
	if err := b.Check(); err != nil {
		t.Errorf("Check: %v", err)
	}
	b.Reset()
	if b.Len() != 0 || b.Bytes() != 0 {
		t.Errorf("after Reset: Len %d, Bytes %d", b.Len(), b.Bytes())
	}
}

func TestCheck(t *testing.T) {
	long, large := make([]byte, kv.MaxKeyBytes+1), make([]byte, kv.MaxValueBytes+1)
	for name, test := range map[string]struct {
		fill func(b *kv.Batch)
		want error
	}{
		"empty batch":   {func(b *kv.Batch) {}, nil},
		"longest key":   {func(b *kv.Batch) { b.Put(long[1:], nil) }, nil},
		"largest value": {func(b *kv.Batch) { b.Put([]byte("k"), large[1:]) }, nil},
		"long bounds":   {func(b *kv.Batch) { b.DeleteRange(long, long) }, nil},
		"empty key":     {func(b *kv.Batch) { b.Require(nil, nil) }, kv.ErrInvalid},
		"long key":      {func(b *kv.Batch) { b.Delete(long) }, kv.ErrTooLarge},
		"large value":   {func(b *kv.Batch) { b.Require([]byte("k"), large) }, kv.ErrTooLarge},
		"large batch": {func(b *kv.Batch) {
			for range 9 {
				b.Put([]byte("k"), large[1:])
			}
		}, kv.ErrTooLarge},
	} {
		var b kv.Batch
		test.fill(&b)
		if err := b.Check(); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
	if err := kv.CheckLimit(0); !errors.Is(err, kv.ErrInvalid) {
		t.Errorf("CheckLimit(0): %v", err)
	}
}
