package httpapi

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// The ways to pack a body.
func packed(text string) string {
	return pack(text, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func zlibbed(text string) string {
	return pack(text, func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) })
}

func flated(text string) string {
	return pack(text, func(w io.Writer) io.WriteCloser {
		z, err := flate.NewWriter(w, flate.DefaultCompression)
		if err != nil {
			panic(err)
		}
		return z
	})
}

func brotlied(text string) string {
	return pack(text, func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) })
}

func zstded(text string) string {
	return pack(text, func(w io.Writer) io.WriteCloser {
		z, err := zstd.NewWriter(w)
		if err != nil {
			panic(err)
		}
		return z
	})
}

func pack(text string, by func(io.Writer) io.WriteCloser) string {
	var b bytes.Buffer
	z := by(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.String()
}

func TestTrackingEncodings(t *testing.T) {
	batch := `{"batch":[` + good + `]}`
	spaces := strings.Repeat(" ", 5<<20)
	for _, test := range []struct {
		name, encoding, body string
		status               int
		messages, rejects    int
	}{
		{"gzip", "gzip", packed(batch), 200, 1, 0},
		{"GZIP", "GZIP", packed(batch), 200, 1, 0},
		{"not said", "", packed(batch), 200, 1, 0},
		{"said and not done", "gzip", batch, 200, 1, 0},
		{"identity", "identity", batch, 200, 1, 0},
		{"identity and gzip", "identity, gzip", packed(batch), 200, 1, 0},
		{"two members", "gzip", packed(batch[:20]) + packed(batch[20:]), 200, 1, 0},
		{"zeros behind", "gzip", packed(batch) + strings.Repeat("\x00", 700), 200, 1, 0},
		{"zeros between", "gzip", packed(batch[:20]) + "\x00\x00" + packed(batch[20:]), 200, 1, 0},
		{"something behind", "gzip", packed(batch) + "more", 400, 0, 1},
		{"cut", "gzip", packed(batch + strings.Repeat(" ", 1000))[:30], 400, 0, 1},
		{"neither gzip nor JSON", "gzip", "this is no gzip", 400, 0, 1},
		{"bomb", "gzip", packed(spaces), 413, 0, 1},

		{"zlib", "deflate", zlibbed(batch), 200, 1, 0},
		{"raw deflate", "deflate", flated(batch), 200, 1, 0},
		{"deflate that is gzip", "deflate", packed(batch), 200, 1, 0},
		{"deflate that is JSON", "deflate", batch, 200, 1, 0},
		{"deflate cut", "deflate", zlibbed(batch)[:30], 400, 0, 1},
		{"deflate bomb", "deflate", flated(spaces), 413, 0, 1},

		{"brotli", "br", brotlied(batch), 200, 1, 0},
		{"large brotli", "br", brotlied(batch + spaces[:200<<10]), 200, 1, 0},
		{"brotli that is JSON", "br", batch, 200, 1, 0},
		{"brotli cut", "br", brotlied(batch + spaces[:1000])[:20], 400, 0, 1},
		{"brotli bomb", "br", brotlied(spaces), 413, 0, 1},

		{"zstd", "zstd", zstded(batch), 200, 1, 0},
		{"zstd that is JSON", "zstd", "  " + batch, 200, 1, 0},
		{"zstd cut", "zstd", zstded(batch)[:20], 400, 0, 1},
		{"zstd bomb", "zstd", zstded(spaces), 413, 0, 1},

		{"unknown", "compress", "\x1f\x9d\x90abc", 415, 0, 1},
		{"unknown, but JSON", "utf-8", batch, 200, 1, 0},
		{"unknown, but JSON with a mark", "utf-8", "\xef\xbb\xbf" + batch, 200, 1, 0},
		{"unknown, but gzip", "x-snappy", packed(batch), 200, 1, 0},
		{"packed twice", "br, gzip", packed(brotlied(batch)), 400, 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			// The key in the header, and as phones send it: at the end of what is packed.
			for _, inBody := range []bool{false, true} {
				key, body := writeKey, test.body
				if inBody {
					again := map[string]func(string) string{
						packed(batch): packed, zlibbed(batch): zlibbed, flated(batch): flated, brotlied(batch): brotlied, zstded(batch): zstded,
						batch: func(s string) string { return s },
					}[body]
					if again == nil {
						continue
					}
					key, body = "", again(`{"batch":[`+good+`],"writeKey":"`+writeKey+`"}`)
				}
				s := newServer(t, Settings{})
				var header []string
				if test.encoding != "" {
					header = []string{"Content-Encoding", test.encoding}
				}
				w := s.post("/v1/batch", key, body, header...)
				if w.Code != test.status || len(s.dev.all()) != test.messages || len(s.dev.rejects) != test.rejects {
					t.Errorf("key in the body %v: %d %s; %d messages, %d rejects", inBody, w.Code, w.Body, len(s.dev.all()), len(s.dev.rejects))
				}
				for _, r := range s.dev.rejects {
					if len(r.Body) == 0 || r.Message == "" {
						t.Errorf("kept %+v", r)
					}
				}
			}
		})
	}
}

// Whoever has no key gets nothing unpacked into memory, and holds nothing.
func TestStrangersAreAnsweredBeforeParsing(t *testing.T) {
	many := `{"batch":[` + strings.TrimSuffix(strings.Repeat(`{"type":"track"},`, 10_000), ",") + `],"context":{"x":"` + strings.Repeat("x", 6<<10) + `"}}`
	for _, by := range []func(string) string{packed, zlibbed, flated, brotlied, zstded} {
		// There is room for what came, and not for what is in it.
		body := by(many)
		s := newServer(t, Settings{BodyBudget: 128 << 10})
		for _, encoding := range []string{"", "deflate", "br"} {
			w := s.post("/v1/batch", "wk_wrong", body, "Content-Encoding", encoding)
			if w.Code != 401 {
				t.Errorf("%s: %d %s", encoding, w.Code, w.Body)
			}
		}
	}
}

// What a request makes is charged before it is made, whatever makes it.
func TestWhatARequestMakesIsCharged(t *testing.T) {
	for name, body := range map[string]string{
		"what is unpacked": packed(`{"batch":[],"x":"` + strings.Repeat("x", 3<<20) + `"}`),
		"many messages":    packed(`{"batch":[` + strings.TrimSuffix(strings.Repeat(`1,`, 9_999), ",") + `]}`),
		"merged context":   packed(`{"batch":[` + strings.TrimSuffix(strings.Repeat(`{"type":"page","userId":"u","context":{}},`, 500), ",") + `],"context":{"x":"` + strings.Repeat("x", 6<<10) + `"}}`),
	} {
		s := newServer(t, Settings{BodyBudget: 3 << 20})
		if w := s.post("/v1/batch", writeKey, body); w.Code != 503 || w.Header().Get("Retry-After") == "" {
			t.Errorf("%s: %d %.200s", name, w.Code, w.Body)
		}
		if w := s.get("/metrics", adminToken); !strings.Contains(w.Body.String(), "selfsame_http_body_bytes 0\n") {
			t.Errorf("%s: bytes are held when nobody is served", name)
		}
		if w := s.post("/v1/batch", writeKey, `{"batch":[`+good+`]}`); w.Code != 200 {
			t.Errorf("after %s: %d %s", name, w.Code, w.Body)
		}
	}
	// What messages inherit whole is there once, however many they are.
	s := newServer(t, Settings{BodyBudget: 3 << 20})
	shared := packed(`{"batch":[` + strings.TrimSuffix(strings.Repeat(good+",", 500), ",") + `],"context":{"x":"` + strings.Repeat("x", 6<<10) + `"}}`)
	if w := s.post("/v1/batch", writeKey, shared); w.Code != 200 {
		t.Errorf("inherited context: %d %s", w.Code, w.Body)
	}
}
