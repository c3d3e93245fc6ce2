package httpapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/space"
)

// instant is a space that takes everything at once, to measure what HTTP costs.
type instant struct{ recorded }

func (*instant) Ingest(_ context.Context, d space.Delivery) (space.Receipt, error) {
	return space.Receipt{Stored: len(d.Messages)}, nil
}

type instantSpaces struct{ s *instant }

func (i instantSpaces) Space(context.Context, string) (Space, error) { return i.s, nil }
func (i instantSpaces) Opened() []Space                              { return nil }

// discard is the least that a handler can write to.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkTracking(b *testing.B) {
	s := newServer(b, Settings{})
	api := New(Deps{Spaces: instantSpaces{&instant{}}, Catalog: s.catalog}, Settings{})
	message := `{"type":"track","event":"Product Viewed","userId":"user-%d","anonymousId":"anon-%d","messageId":"message-%d",` +
		`"timestamp":"2019-11-15T14:00:05.000Z","context":{"library":{"name":"analytics.js","version":"3"},"ip":"192.0.2.1",` +
		`"userAgent":"` + strings.Repeat("Mozilla ", 20) + `","page":{"url":"https://shop.example/` + strings.Repeat("p/", 60) + `"}},` +
		`"properties":{"product_id":"shoe","price":89.5,"name":"` + strings.Repeat("shoe ", 30) + `"}}`
	for _, size := range []int{1, 20, 100} {
		var list []string
		for i := range size {
			list = append(list, fmt.Sprintf(message, i, i, i))
		}
		body := `{"batch":[` + strings.Join(list, ",") + `],"sentAt":"2019-11-15T14:00:06.000Z"}`
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			reader := strings.NewReader(body)
			req, err := http.NewRequest("POST", "/v1/batch", nil)
			if err != nil {
				b.Fatal(err)
			}
			req.SetBasicAuth(writeKey, "")
			req.ContentLength = int64(len(body))
			for b.Loop() {
				reader.Reset(body)
				req.Body = io.NopCloser(reader)
				api.ServeHTTP(discard{http.Header{}}, req)
			}
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
