package event

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// trackEvents makes n track messages of about 820 bytes, as a web shop's
// browser SDK would send them.
func trackEvents(n int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([][]byte, n)
	for i := range out {
		out[i] = fmt.Appendf(nil, `{"timestamp":"2024-03-%02dT%02d:%02d:%02d.%03dZ","integrations":{},"anonymousId":"%08x-3b1c-4f0e-9d2a-%012x","event":"Product Viewed",`+
			`"type":"track","userId":"user_%07d","properties":{"product_id":"sku-%05d","sku":"SKU-%05d","category":"Shoes/Running","name":"Trail Runner %d","brand":"SegKicks",`+
			`"price":%d.90,"quantity":%d,"currency":"USD","position":%d,"url":"https://shop.example.com/p/trail-runner-%d?ref=list"},`+
			`"context":{"ip":"203.0.113.%d","locale":"en-US","userAgent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36",`+
			`"library":{"name":"analytics.js","version":"next-1.66.0"},"page":{"path":"/p/trail-runner","referrer":"https://www.example.org/","title":"Trail Runner"},"timezone":"Europe/Berlin"},`+
			`"messageId":"ajs-next-%016x%016x"}`,
			1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), r.Uint32(), r.Uint64()>>16, r.IntN(5e6), r.IntN(1e5), r.IntN(1e5),
			r.IntN(50), 40+r.IntN(100), 1+r.IntN(3), r.IntN(30), r.IntN(50), r.IntN(256), r.Uint64(), r.Uint64())
	}
	return out
}

// batchOf makes a batch request of the messages.
func batchOf(messages [][]byte) []byte {
	b := append([]byte(`{"batch":[`), bytes.Join(messages, []byte(","))...)
	return append(b, `],"sentAt":"2024-04-01T00:00:00.000Z","writeKey":"wk_bench"}`...)
}

var benchEnv = Envelope{ReceivedAt: 1_712_000_000_000_000_000, SentAt: 1_711_929_600_000_000_000}

// BenchmarkParse reads single messages: op is a message.
func BenchmarkParse(b *testing.B) {
	events := trackEvents(1000)
	size := 0
	for _, e := range events {
		size += len(e)
	}
	b.SetBytes(int64(size / len(events)))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if _, err := Parse(events[i%len(events)], benchEnv); err != nil {
			b.Fatal(err)
		}
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkBatch takes a request of 100 messages apart and reads them all: op
// is a request.
func BenchmarkBatch(b *testing.B) {
	body := batchOf(trackEvents(100))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		batch, err := Split(body, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		env := benchEnv
		env.SentAt = batch.SentAt
		for _, raw := range batch.Messages {
			if _, err := Parse(raw, env); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkRead is BenchmarkBatch in one pass.
func BenchmarkRead(b *testing.B) {
	body := batchOf(trackEvents(100))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var items []Item
	for b.Loop() {
		var err error
		if _, items, err = Read(body, benchEnv, false, items[:0]); err != nil || len(items) != 100 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkSplit takes a request of 100 messages apart and reads none.
func BenchmarkSplit(b *testing.B) {
	body := batchOf(trackEvents(100))
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := Split(body, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkParseTime reads what toISOString writes.
func BenchmarkParseTime(b *testing.B) {
	for b.Loop() {
		ParseTime("2024-03-11T12:13:14.156Z")
	}
}
