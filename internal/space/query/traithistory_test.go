package query_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// A history of traits lists since when each value was said, the newest first, over all
// of a person's strands, and its pages make up the whole.
func TestTraitHistory(t *testing.T) {
	s := newSpace(t, space.Config{})
	at := func(id, who, minute, traits string) string {
		return fmt.Sprintf(`{"type":"identify","messageId":%q,%s,"timestamp":"2020-01-01T00:%s:00Z","traits":%s}`, id, who, minute, traits)
	}
	ingest(t, s,
		at("m3", `"userId":"ada"`, "30", `{"city":"Rome","plan":"pro"}`),
		at("m1", `"userId":"ada","anonymousId":"a1"`, "10", `{"city":"Oslo"}`),
		at("m2", `"anonymousId":"a1"`, "20", `{"city":"Rome"}`),
		at("m4", `"userId":"ada"`, "40", `{"city":null}`),
		at("m5", `"userId":"bob"`, "41", `{"city":"Bonn"}`))
	r := query.New(s)
	read := func(name string, limit int) string {
		var out []string
		for next := ""; ; {
			p, err := r.TraitHistory(t.Context(), user("user_id", "ada"), name, limit, next)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range p.Settings {
				value := string(e.Value)
				if e.Removed() {
					value = "none"
				}
				out = append(out, fmt.Sprintf("%s %s=%s by %s", time.Unix(0, e.Time).UTC().Format("15:04"), e.Name, value, e.MessageID))
			}
			if next = p.Next; next == "" {
				return strings.Join(out, "; ")
			}
		}
	}
	const city = `00:40 city=none by m4; 00:20 city="Rome" by m2; 00:10 city="Oslo" by m1`
	if got := read("city", 50); got != city {
		t.Errorf("city: %s", got)
	}
	if got := read("", 50); got != `00:40 city=none by m4; 00:30 plan="pro" by m3; 00:20 city="Rome" by m2; 00:10 city="Oslo" by m1` {
		t.Errorf("all: %s", got)
	}
	if got := read("city", 1); got != `00:40 city=none by m4; 00:30 city="Rome" by m3; 00:20 city="Rome" by m2; 00:10 city="Oslo" by m1` {
		t.Errorf("one a page: %s", got)
	}
	if got := read("nothing", 1); got != "" {
		t.Errorf("a trait that was never set: %s", got)
	}
}
