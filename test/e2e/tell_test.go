package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/test/wire"
)

// runner is what one person does who looks at a shoe and runs: he enters two audiences
// and gets two mails.
func runner(i int) []byte {
	at := func(minute int) string { return fmt.Sprintf("2019-11-16T08:%02d:00Z", minute) }
	return fmt.Appendf(nil, `{"type":"identify","messageId":"r%[1]d-1","timestamp":"%[2]s","userId":"u%[1]d","anonymousId":"a%[1]d","traits":{"email":"u%[1]d@shop.example","firstName":"Ru"}},`+
		`{"type":"track","event":"Product Clicked","messageId":"r%[1]d-2","timestamp":"%[3]s","anonymousId":"a%[1]d","properties":{"product_id":"shoe-z"}},`+
		`{"type":"track","event":"Workout Completed","messageId":"r%[1]d-3","timestamp":"%[4]s","userId":"u%[1]d","properties":{"distance_miles":160}},`+
		`{"type":"track","event":"Workout Completed","messageId":"r%[1]d-4","timestamp":"%[5]s","userId":"u%[1]d","properties":{"distance_miles":160}}`,
		i, at(1), at(2), at(3), at(4))
}

// The server is killed at random moments while it tells destinations. Nobody is mailed
// twice, and whom a mail may have reached is listed; a webhook comes again only with
// the ID that it had; in the end all of it was told.
func TestKilledWhileItTells(t *testing.T) {
	t.Parallel()
	people, kills := 160, 5
	if testing.Short() {
		people, kills = 100, 3
	}
	random := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	mails, shop := newPostOffice(t, 8*time.Millisecond), newHook(t, 4*time.Millisecond)
	s := newTellingSite(t, binary(t), "dev")
	p := s.start(t)
	p.administer(t, http.MethodPut, "/api/spaces/dev/definitions", segkicksTo(t, mails, shop), nil)
	p.quietly(t, "dev", "mails", "shop", "log")

	// People come until they are all there, over all lives of the server.
	next := 0
	come := func(addr string) error {
		c, err := wire.Dial(addr, patience)
		if err != nil {
			return nil // killed
		}
		defer c.Close()
		for next < people {
			n := min(next+4, people)
			var some [][]byte
			for i := next; i < n; i++ {
				some = append(some, runner(i))
			}
			r, err := c.Deliver(wire.AppendRequest(nil, "127.0.0.1", "/v1/batch", wire.Basic(keyOf("dev")), batch(some...)))
			if err != nil {
				return nil // killed
			}
			if r.Status != http.StatusOK {
				return fmt.Errorf("status %d: %.300s", r.Status, r.Body)
			}
			next = n
		}
		return nil
	}
	progress := func() (n int) {
		for _, times := range mails.taken() {
			n += times
		}
		return n + len(shop.received())
	}
	for life := 0; ; life++ {
		if life > 0 {
			p = s.start(t)
		}
		var failed error
		var coming sync.WaitGroup
		coming.Go(func() { failed = come(p.Addr) })
		if life == kills {
			coming.Wait()
			if failed != nil {
				t.Fatal(failed)
			}
			break
		}
		was, most := progress(), 1+random.IntN(people*5/kills/2)
		for deadline := time.Now().Add(5 * time.Second); progress() < was+most && time.Now().Before(deadline); {
			time.Sleep(time.Duration(random.IntN(2000)) * time.Microsecond)
		}
		p.Kill()
		coming.Wait()
		if failed != nil {
			t.Fatal(failed)
		}
	}
	p.quietly(t, "dev", "mails", "shop", "log")

	unknown, again := toldOnce(t, p, mails, shop, people)
	t.Logf("%d kills: %d mails unknown, %d webhooks came again", kills, unknown, again)
	p.stop(t)
}

// toldOnce checks what runners and the shop were told: nobody was mailed twice, who may
// have been is listed, webhooks came again only with the IDs that they had, and the last
// ones say what is so. It reports how many mails are listed, and how many webhooks came again.
func toldOnce(t testing.TB, p *server, mails *postOffice, shop *hook, people int) (unknown, again int) {
	t.Helper()
	lost := map[string]bool{}
	for _, l := range p.deadLetters(t, "dev", "mails") {
		if l.State != "unknown" {
			t.Errorf("a dead letter: %+v", l)
		}
		_, who, _ := strings.Cut(l.Message.Identifier, ":")
		who, _, _ = strings.Cut(who, "@")
		lost[who+" "+l.Message.Mail] = true
	}
	came := mails.taken()
	for i := range people {
		for name, subject := range map[string]string{"looked": "Ru, still thinking about them?", "new_shoes": "320 miles: time for new shoes"} {
			n := came[fmt.Sprintf("u%d@shop.example: %s", i, subject)]
			if n > 1 {
				t.Errorf("u%d was mailed %d times: %s", i, n, subject)
			}
			if n == 0 && !lost[fmt.Sprintf("u%d %s", i, name)] {
				t.Errorf("u%d was not mailed, and nobody is told: %s", i, subject)
			}
			delete(came, fmt.Sprintf("u%d@shop.example: %s", i, subject))
		}
	}
	if len(came) > 0 {
		t.Errorf("mails that nobody should get: %v", came)
	}

	byID, last := map[string]string{}, map[string]string{}
	for _, m := range shop.received() {
		text := m.about() + " = " + m.says()
		if was, known := byID[m.ID]; known {
			if again++; was != text {
				t.Errorf("%s says %q and then %q", m.ID, was, text)
			}
			continue
		}
		byID[m.ID] = text
		if last[m.about()] == m.says() {
			t.Errorf("%q is said again with another ID, %s", text, m.ID)
		}
		last[m.about()] = m.says()
	}
	for i := range people {
		for about, want := range map[string]string{"needs_new_shoes": "true", "looked_but_did_not_buy": "true", "miles_since_shoes": "320"} {
			if got := last[fmt.Sprintf("user_id:u%d %s", i, about)]; got != want {
				t.Errorf("u%d: the shop was told %q of %s, want %q", i, got, about, want)
			}
		}
	}
	for _, wrong := range shop.wrong {
		t.Errorf("not a webhook: %s", wrong)
	}
	return len(lost), again
}
