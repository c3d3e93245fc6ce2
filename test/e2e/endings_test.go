package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// endings checks what Jane got: a mail about the shoes that she looked at, one about
// new shoes, and none about her cart, each once.
func endings(t testing.TB, space string, mails *postOffice) {
	t.Helper()
	want := map[string]int{
		"janedoe@example.com: Jane, still thinking about them?": 1,
		"janedoe@example.com: 314.6 miles: time for new shoes":  1,
	}
	if got := mails.taken(); !maps.Equal(got, want) {
		t.Errorf("%s: mails %v, want %v", space, got, want)
	}
}

// toldIsTrue checks that what the shop was told last of Jane is what is so now, for
// each of her user_ids.
func toldIsTrue(t testing.TB, p *server, space, when string, shop *hook) {
	t.Helper()
	want := map[string]string{}
	for name, value := range p.traitsOfClass(t, space, "user_id:abc123def", "class=computed_trait&limit=100") {
		if name == "miles_since_shoes" {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			want["user_id:abc123def "+name] = string(text)
		}
	}
	for name := range p.traitsOfClass(t, space, "user_id:abc123def", "class=audience") {
		want["user_id:abc123def "+name] = "true"
	}
	got := shop.last()
	maps.DeleteFunc(got, func(about, _ string) bool { return !strings.HasPrefix(about, "user_id:abc123def ") })
	if !maps.Equal(got, want) {
		t.Errorf("%s, %s: the shop was told %v, and so is %v", space, when, got, want)
	}
}

// Jane's three endings: in any order of her events, over a cut that takes away the phone
// on which she looked at shoes, a kill, the end of the cut, and a copy of the store.
func TestJanesEndings(t *testing.T) {
	t.Parallel()
	spaces := []string{"in-order", "shuffled", "shuffled-again", "told-first"}
	s := newTellingSite(t, binary(t), spaces...)
	p := s.start(t)
	offices, shops := map[string]*postOffice{}, map[string]*hook{}
	destinations := []string{"mails", "shop", "log"}
	for i, space := range spaces {
		offices[space], shops[space] = newPostOffice(t, 0), newHook(t, 0)
		apply := func() {
			p.administer(t, http.MethodPut, "/api/spaces/"+space+"/definitions", segkicksTo(t, offices[space], shops[space]), nil)
		}
		random := rand.New(rand.NewPCG(uint64(i), 3))
		lines := janeLines(t)
		if i > 0 {
			random.Shuffle(len(lines), func(a, b int) { lines[a], lines[b] = lines[b], lines[a] })
		}
		if space == "told-first" {
			// All of it at once, else the cart is really left for a moment.
			apply()
			p.quietly(t, space, destinations...)
			p.send(t, space, "/v1/batch", batch(lines...))
			continue
		}
		for len(lines) > 0 {
			n := min(1+random.IntN(9), len(lines))
			p.send(t, space, "/v1/batch", batch(lines[:n]...))
			lines = lines[n:]
		}
		apply()
	}
	check := func(when string) {
		t.Helper()
		for _, space := range spaces {
			p.quietly(t, space, destinations...)
			endings(t, space+", "+when, offices[space])
			toldIsTrue(t, p, space, when, shops[space])
			for _, l := range p.deadLetters(t, space, "mails") {
				if (when == "given back" || when == "copied") && l.State == "dropped" && strings.Contains(l.Reason, "the same entry") {
					continue // she did not enter anew
				}
				t.Errorf("%s, %s: a dead letter: %+v", space, when, l)
			}
		}
	}
	check("first")

	const looked = "user_id:abc123def looked_but_did_not_buy"
	cuts := map[string]string{}
	for _, space := range spaces {
		var made struct{ Override struct{ ID string } }
		a := p.ask(t, "POST", "/api/spaces/"+space+"/overrides", map[string]any{"kind": "cannot_link", "ids": []string{"user_id:abc123def", "anonymous_id:anon_123"}})
		if a.status != http.StatusCreated || json.Unmarshal(a.body, &made) != nil {
			t.Fatalf("%d %s", a.status, a.body)
		}
		cuts[space] = made.Override.ID
	}
	for _, space := range spaces {
		eventually(t, patience, "the shop hears of the cut in "+space, func() bool {
			return shops[space].last()[looked] == ""
		})
	}
	check("cut")
	p.Kill()
	p = s.start(t)
	for _, space := range spaces {
		if status, body := p.asAdmin(t, http.MethodDelete, fmt.Sprintf("/api/spaces/%s/overrides/%s", space, cuts[space]), ""); status != http.StatusOK && status != http.StatusNoContent {
			t.Fatalf("%d %s", status, body)
		}
	}
	for _, space := range spaces {
		eventually(t, patience, "the shop hears that the cut is over in "+space, func() bool {
			return shops[space].last()[looked] == "true"
		})
	}
	check("given back")

	// A copy of the directory knows what was told, and who wants no mail.
	const tired = "/suppressions/tired@shop.example"
	p.administer(t, http.MethodPut, "/api/spaces/"+spaces[0]+tired, "", nil)
	p.stop(t)
	before := map[string]int{}
	for _, space := range spaces {
		before[space] = len(shops[space].received())
	}
	moved := filepath.Join(t.TempDir(), "moved")
	s.mustRun(t, nil, "copy", "--from", s.data, "--to", moved)
	s.data = moved
	p = s.start(t)
	check("copied")
	for _, space := range spaces {
		if n := len(shops[space].received()); n != before[space] {
			t.Errorf("%s: the copy told the shop %d things again", space, n-before[space])
		}
	}
	if status, body := p.asAdmin(t, http.MethodGet, "/api/spaces/"+spaces[0]+tired, ""); status != http.StatusOK || !strings.Contains(body, "unsubscribed") {
		t.Errorf("the copy says of who wants no mail: %d %s", status, body)
	}
	p.stop(t)
}
