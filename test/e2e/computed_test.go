package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"slices"
	"testing"
	"time"
)

const segkicksFile = "../../examples/segkicks.yaml"

// apply puts the definitions of SegKicks in force in a space.
func (p *server) applySegkicks(t testing.TB, space string) {
	t.Helper()
	document, err := os.ReadFile(segkicksFile)
	if err != nil {
		t.Fatal(err)
	}
	p.administer(t, http.MethodPut, "/api/spaces/"+space+"/definitions", string(document), nil)
}

type definition struct {
	Key      string `json:"key"`
	Complete bool   `json:"complete"`
	Members  int    `json:"members"`
}

// computed waits until all definitions of a space are computed over history.
func (p *server) computed(t testing.TB, space string) []definition {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		var all struct {
			Definitions []definition `json:"definitions"`
		}
		p.manage(t, http.MethodGet, "/api/spaces/"+space+"/definitions", &all)
		if len(all.Definitions) > 0 && !slices.ContainsFunc(all.Definitions, func(d definition) bool { return !d.Complete }) {
			return all.Definitions
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not everything is computed: %+v", space, all.Definitions)
		}
	}
}

// traitsOfClass reads traits of a class with parameters.
func (p *server) traitsOfClass(t testing.TB, space, user, query string) map[string]any {
	t.Helper()
	var out struct {
		Traits map[string]any `json:"traits"`
	}
	p.read(t, space, user, "traits?"+query, &out)
	return out.Traits
}

var janesComputed = map[string]any{
	"miles_since_shoes": 314.6, "looked_not_bought": []any{"shoe-a", "shoe-b"}, "cart_left": []any{}, "orders": 2.0, "revenue": 248.0,
}

// isJaneComputed checks what the definitions make of Jane.
func isJaneComputed(t testing.TB, p *server, space string) {
	t.Helper()
	const jane = "user_id:abc123def"
	if got := p.traitsOfClass(t, space, jane, "class=computed_trait&limit=100"); !reflect.DeepEqual(got, janesComputed) {
		t.Errorf("%s: computed traits %v, want %v", space, got, janesComputed)
	}
	audiences := map[string]any{"needs_new_shoes": true, "looked_but_did_not_buy": true}
	if got := p.traitsOfClass(t, space, jane, "class=audience"); !reflect.DeepEqual(got, audiences) {
		t.Errorf("%s: audiences %v, want %v", space, got, audiences)
	}
	early := p.traitsOfClass(t, space, jane, "class=computed_trait&as_of=2019-11-16T08:00:00Z")
	if !reflect.DeepEqual(early["cart_left"], []any{"shoe-c"}) {
		t.Errorf("%s: what was left in the cart at 08:00 is %v", space, early["cart_left"])
	}
	if got := p.traitsOfClass(t, space, jane, "class=audience&as_of=2019-11-16T08:00:00Z"); got["abandoned_cart"] != true {
		t.Errorf("%s: audiences at 08:00 are %v", space, got)
	}
	for audience, want := range map[string]int{"needs_new_shoes": 1, "looked_but_did_not_buy": 1, "abandoned_cart": 0} {
		var page struct {
			Data     []struct{ ID string }
			Audience definition
		}
		for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			p.manage(t, http.MethodGet, "/api/spaces/"+space+"/audiences/"+audience+"/members", &page)
			if len(page.Data) == want && page.Audience.Members == want {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%s: members of %s: %+v, want %d", space, audience, page, want)
				break
			}
		}
		if want == 1 && len(page.Data) == 1 && page.Data[0].ID != p.profileID(t, space, jane) {
			t.Errorf("%s: %s is in %s", space, page.Data[0].ID, audience)
		}
	}
}

// Jane's computed traits and audiences are what they are, whatever the order of her
// events, and whether the definitions come before, among or after them.
func TestJanesComputedTraits(t *testing.T) {
	t.Parallel()
	var spaces []string
	for i := range 9 {
		spaces = append(spaces, fmt.Sprintf("order-%d", i))
	}
	s := newSite(t, binary(t), spaces...)
	p := s.start(t)
	for i, space := range spaces {
		random := rand.New(rand.NewPCG(uint64(i), 7))
		lines := janeLines(t)
		if i >= 3 {
			random.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
		}
		at := []int{0, len(lines) / 2, len(lines)}[i%3]
		for k := 0; k <= len(lines); {
			if k == at {
				p.applySegkicks(t, space)
				at = -1
			}
			if k == len(lines) {
				break
			}
			n := min(1+random.IntN(9), len(lines)-k)
			if at > k {
				n = min(n, at-k)
			}
			p.send(t, space, "/v1/batch", batch(lines[k:k+n]...))
			k += n
		}
	}
	check := func() {
		for _, space := range spaces {
			p.settled(t, space)
			p.computed(t, space)
			isJaneComputed(t, p, space)
		}
	}
	check()
	p.stop(t)
	p = s.start(t)
	check()
}
