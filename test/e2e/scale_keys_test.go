package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// administer sends a JSON body to the management API and reads the answer.
func (p *server) administer(t testing.TB, method, path, body string, out any) {
	t.Helper()
	req, err := http.NewRequest(method, p.URL(path), bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	req.Header.Set("Content-Type", "application/json")
	a := insist(t, req)
	if a.status/100 != 2 {
		t.Fatalf("%s %s: status %d: %.500s", method, path, a.status, a.body)
	}
	if out != nil {
		if err := json.Unmarshal(a.body, out); err != nil {
			t.Fatalf("%s %s: %v: %.500s", method, path, err, a.body)
		}
	}
}

// with sends a request with a secret as the user name of HTTP Basic.
func (p *server) with(t testing.TB, method, path, secret string, body []byte) int {
	t.Helper()
	req, err := http.NewRequest(method, p.URL(path), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth(secret, "")
	return do(t, req).status
}

// A write key and a token that one node makes are good on the other one as soon
// as their maker has them, while others guess there; and what one node deletes is
// refused by the other one a second later, although it has rested.
func TestKeysOnTwoNodes(t *testing.T) {
	t.Parallel()
	s, _ := newShared(t, binary(t))
	one, two := s.start(t), s.start(t)
	const traits = "/v1/spaces/dev/collections/users/profiles/user_id:ruth/traits"
	one.send(t, "dev", "/v1/identify", []byte(`{"type":"identify","userId":"ruth","traits":{"plan":"pro"}}`))

	stop := make(chan struct{})
	var guessing sync.WaitGroup
	for g := range 4 {
		guessing.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if status := two.with(t, http.MethodPost, "/v1/track", fmt.Sprintf("wk_guess_%d_%d", g, n), trackOf("eve", "m")); status != http.StatusUnauthorized {
					t.Errorf("a guess is answered %d", status)
				}
			}
		})
	}
	var source struct {
		Data struct {
			WriteKey string `json:"write_key"`
		}
		WriteKey string `json:"write_key"`
	}
	var token struct {
		Data struct {
			Token string `json:"token"`
		}
		Token string `json:"token"`
	}
	var keys, tokens []string
	for i := range 15 {
		one.administer(t, http.MethodPost, "/api/spaces/dev/sources", fmt.Sprintf(`{"id":"new-%d"}`, i), &source)
		key := source.Data.WriteKey + source.WriteKey
		if status := two.with(t, http.MethodPost, "/v1/track", key, trackOf("ruth", fmt.Sprintf("m-%d", i))); status != http.StatusOK {
			t.Errorf("new key %d is answered %d by the other node", i, status)
		}
		one.administer(t, http.MethodPost, "/api/spaces/dev/tokens", fmt.Sprintf(`{"name":"new-%d"}`, i), &token)
		secret := token.Data.Token + token.Token
		if status := two.with(t, http.MethodGet, traits, secret, nil); status != http.StatusOK {
			t.Errorf("new token %d is answered %d by the other node", i, status)
		}
		keys, tokens = append(keys, key), append(tokens, secret)
	}
	close(stop)
	guessing.Wait()

	time.Sleep(3 * time.Second) // the other node rests
	for i := range 3 {
		one.administer(t, http.MethodDelete, fmt.Sprintf("/api/spaces/dev/tokens/new-%d", i), "", nil)
		one.administer(t, http.MethodDelete, fmt.Sprintf("/api/spaces/dev/sources/new-%d", i), "", nil)
		time.Sleep(time.Second)
		if status := two.with(t, http.MethodGet, traits, tokens[i], nil); status != http.StatusUnauthorized {
			t.Errorf("a token that was deleted a second ago is answered %d", status)
		}
		if status := two.with(t, http.MethodPost, "/v1/track", keys[i], trackOf("ruth", "late")); status != http.StatusUnauthorized {
			t.Errorf("a key that was deleted a second ago is answered %d", status)
		}
	}
	// The node that deletes refuses at once.
	one.administer(t, http.MethodDelete, "/api/spaces/dev/tokens/new-9", "", nil)
	if status := one.with(t, http.MethodGet, traits, tokens[9], nil); status != http.StatusUnauthorized {
		t.Errorf("a token that this node has deleted is answered %d", status)
	}
	if got := len(two.events(t, "dev", "user_id:ruth")); got != 16 {
		t.Errorf("%d events, want 16", got)
	}
	one.stop(t)
	two.stop(t)
	s.verify(t)
}
