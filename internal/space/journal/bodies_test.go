package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"
	"github.com/minio/minlz"
	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

func sameBodies(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func TestBodiesComeBack(t *testing.T) {
	var p Packer
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 200), 0, 20).Draw(t, "bodies")
		packed := p.Pack([]byte("before"), want)
		got, err := UnpackBodies(packed[len("before"):])
		if err != nil {
			t.Fatal(err)
		}
		if !sameBodies(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func TestBodiesDoNotTouchEachOther(t *testing.T) {
	var p Packer
	got, err := UnpackBodies(p.Pack(nil, [][]byte{[]byte("aa"), []byte("bb")}))
	if err != nil {
		t.Fatal(err)
	}
	_ = append(got[0], 'x')
	if string(got[1]) != "bb" {
		t.Errorf("an append to one body changed the next to %q", got[1])
	}
}

func TestDamageToBodiesIsFound(t *testing.T) {
	var p Packer
	good := p.Pack(nil, usualBodies(10))
	for i := range good {
		for _, flip := range []byte{1, 0x80} {
			bad := bytes.Clone(good)
			bad[i] ^= flip
			if _, err := UnpackBodies(bad); !errors.Is(err, kv.ErrCorrupt) && !(i == 0 && errors.Is(err, codec.ErrTooNew)) {
				t.Fatalf("byte %d changed by %#x: %v", i, flip, err)
			}
		}
		if _, err := UnpackBodies(good[:i]); !errors.Is(err, kv.ErrCorrupt) {
			t.Fatalf("cut after %d bytes: %v", i, err)
		}
	}
}

// sealBodies gives what is packed in one way the checksum that it needs to be unpacked.
func sealBodies(version byte, packed []byte) []byte {
	sum := xxhash.Sum64(packed)
	b := []byte{version}
	for i := range 8 {
		b = append(b, byte(sum>>(8*i)))
	}
	return append(b, packed...)
}

// Blocks that were packed with zstd stay readable, and so do bodies that are too large for MinLZ.
func TestBodiesOfBothWaysComeBack(t *testing.T) {
	want := usualBodies(7)
	raw := []byte{7}
	for _, b := range want {
		raw = binary.AppendUvarint(raw, uint64(len(b)))
	}
	raw = append(raw, bytes.Join(want, nil)...)
	for version, packed := range map[byte][]byte{bodiesZstd: new(bench).zstd(nil, raw), bodiesMinLZ: new(bench).pack(nil, raw)[bodiesPrefix:]} {
		if got, err := UnpackBodies(sealBodies(version, packed)); err != nil || !sameBodies(got, want) {
			t.Errorf("version %d: %v", version, err)
		}
	}
	var p Packer
	large := [][]byte{bytes.Repeat([]byte("ab"), minlz.MaxBlockSize/4), bytes.Repeat([]byte("c"), minlz.MaxBlockSize/2+1)}
	packed := p.Pack(nil, large)
	if got, err := UnpackBodies(packed); packed[0] != bodiesZstd || err != nil || !sameBodies(got, large) {
		t.Errorf("large bodies, version %d: %v", packed[0], err)
	}
}

func TestUnpackingIsBounded(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := UnpackBodies(sealBodies(bodiesMinLZ, []byte{0, 0xff, 0xff, 0xff, 0xff, 0xf, 1})); !errors.Is(err, kv.ErrCorrupt) {
		t.Errorf("MinLZ, too much: %v", err)
	}
	for name, raw := range map[string][]byte{
		"too much":    make([]byte, MaxUnpacked+1),
		"no lengths":  {5},
		"too long":    {1, 9, 'x'},
		"too short":   {1, 1, 'x', 'y'},
		"many bodies": append([]byte{0x81, 0x80, 4}, make([]byte, maxBlockEvents+1)...),
		"nothing":     {},
	} {
		if _, err := UnpackBodies(sealBodies(bodiesZstd, enc.EncodeAll(raw, nil))); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
		if len(raw) > minlz.MaxBlockSize {
			continue
		}
		if _, err := UnpackBodies(sealBodies(bodiesMinLZ, new(bench).pack(nil, raw)[bodiesPrefix:])); !errors.Is(err, kv.ErrCorrupt) {
			t.Errorf("MinLZ, %s: %v", name, err)
		}
	}
}

func TestOnePackerServesMany(t *testing.T) {
	var p Packer
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				want := usualBodies(i + n + 1)
				if got, err := UnpackBodies(p.Pack(nil, want)); err != nil || !sameBodies(got, want) {
					t.Errorf("%d bodies did not come back: %v", i+n+1, err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzUnpackBodies(f *testing.F) {
	var p Packer
	f.Add(byte(bodiesMinLZ), p.Pack(nil, usualBodies(3))[bodiesPrefix:])
	f.Add(byte(bodiesZstd), new(bench).zstd(nil, []byte{1, 1, 'x'}))
	f.Add(byte(bodiesMinLZ), []byte{})
	f.Fuzz(func(t *testing.T, version byte, packed []byte) {
		bodies, err := UnpackBodies(sealBodies(1+version%bodiesVersion, packed))
		if err != nil {
			if !errors.Is(err, kv.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if again, err := UnpackBodies(p.Pack(nil, bodies)); err != nil || !sameBodies(again, bodies) {
			t.Fatalf("%d bodies did not come back: %v", len(bodies), err)
		}
	})
}

// usualBodies are messages of about 820 bytes as an SDK sends them.
func usualBodies(n int) [][]byte {
	bodies := make([][]byte, n)
	for i := range bodies {
		id := fmt.Sprintf("%08x-%04x-4%03x-a%03x-%012x", i*2654435761%(1<<32), i*40503%65536, i*977%4096, i*31%4096, i*11400714819)
		bodies[i] = fmt.Appendf(nil, `{"type":"track","event":"Product Viewed","messageId":"ajs-%s","anonymousId":"%s","userId":"user-%d",`+
			`"timestamp":"2026-03-04T12:%02d:%02d.%03dZ","properties":{"product_id":"p-%d","sku":"SKU-%d","category":"Shoes","name":"Air Runner %d","price":%d.99,`+
			`"quantity":1,"currency":"EUR","url":"https://shop.example.com/products/%d?utm_source=mail"},`+
			`"context":{"app":{"name":"SegKicks","version":"4.2.%d","build":"912"},"device":{"id":"%s","type":"ios","model":"iPhone16,2","manufacturer":"Apple"},`+
			`"os":{"name":"iOS","version":"19.1"},"locale":"en-GB","timezone":"Europe/London","ip":"203.0.113.%d","library":{"name":"analytics-ios","version":"4.1.0"},`+
			`"network":{"wifi":true,"cellular":false,"carrier":"Example"},"screen":{"width":393,"height":852,"density":3}},"integrations":{},"padding":"`,
			id, id[9:], i*7919%100000, i%60, i*7%60, i*37%1000, i*613%5000, i*613%5000, i*613%5000, i*29%200, i*613%5000, i%10, id[4:], i%250)
		if pad := 818 - len(bodies[i]); pad > 0 {
			bodies[i] = append(bodies[i], strings.Repeat("x", pad)...)
		}
		bodies[i] = append(bodies[i], `"}`...)
	}
	return bodies
}

func BenchmarkPackBodies(b *testing.B) {
	var p Packer
	for _, n := range []int{1, 20, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			bodies := usualBodies(n)
			size := 0
			for _, body := range bodies {
				size += len(body)
			}
			buf := p.Pack(nil, bodies)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				buf = p.Pack(buf[:0], bodies)
			}
			b.ReportMetric(float64(len(buf))/float64(n), "B/event")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
		})
	}
}

func BenchmarkUnpackBodies(b *testing.B) {
	var p Packer
	buf := p.Pack(nil, usualBodies(100))
	b.SetBytes(82000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := UnpackBodies(buf); err != nil {
			b.Fatal(err)
		}
	}
}
