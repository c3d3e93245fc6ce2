package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// trial is a space that a test makes at run time and deletes.
type trial struct {
	alone, both string // write keys of its own source, and of one that feeds dev too
}

func (p *server) makeTrial(t testing.TB) (tr trial) {
	t.Helper()
	var made struct {
		WriteKey string `json:"write_key"`
	}
	p.administer(t, http.MethodPost, "/api/spaces", `{"id":"trial"}`, nil)
	p.administer(t, http.MethodPost, "/api/spaces/trial/sources", `{"id":"alone"}`, &made)
	tr.alone = made.WriteKey
	p.administer(t, http.MethodPost, "/api/spaces/trial/sources", `{"id":"both","spaces":["dev"]}`, &made)
	tr.both = made.WriteKey
	return tr
}

// fillTrial sends events of n people.
func (p *server) fillTrial(t testing.TB, key string, n int) {
	t.Helper()
	const each = 500
	for at := 0; at < n; at += each {
		var events [][]byte
		for i := at; i < min(at+each, n); i++ {
			events = append(events, fmt.Appendf(nil, `{"type":"identify","messageId":"t-%d","userId":"u-%d","anonymousId":"a-%d","traits":{"email":"u%d@shop.de"}}`, i, i, i, i))
		}
		if status := p.with(t, http.MethodPost, "/v1/batch", key, batch(events...)); status != http.StatusOK {
			t.Fatalf("a batch is answered %d", status)
		}
	}
}

// asAdmin makes a request of an administrator and returns its status and body.
func (p *server) asAdmin(t testing.TB, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, p.URL(path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+adminToken)
	a := do(t, req)
	return a.status, string(a.body)
}

// trialRows is how many rows of the deleted space are erased; 0: that has not begun or
// is just over; -1: it is not there.
func (p *server) trialRows(t testing.TB) int64 {
	t.Helper()
	var list struct {
		Data []struct {
			ID        string
			DeletedAt *time.Time `json:"deleted_at"`
			Erased    *int64     `json:"erased_rows"`
		}
	}
	p.manage(t, http.MethodGet, "/api/spaces", &list)
	for _, s := range list.Data {
		if s.ID == "trial" {
			if s.DeletedAt == nil {
				t.Fatal("the list does not say that the space is deleted")
			}
			if s.Erased == nil {
				return 0
			}
			return *s.Erased
		}
	}
	return -1
}

// noTrial holds that nobody finds a trace of the space.
func (p *server) noTrial(t testing.TB, tr trial) {
	t.Helper()
	for _, path := range []string{"", "/stats", "/sources", "/profiles/users/user_id:u-1", "/feed", "/rules"} {
		if status, body := p.asAdmin(t, http.MethodGet, "/api/spaces/trial"+path, ""); status != http.StatusNotFound {
			t.Errorf("GET /api/spaces/trial%s: %d %.200s", path, status, body)
		}
	}
	if status, body := p.asAdmin(t, http.MethodGet, "/v1/spaces/trial/collections/users/profiles/user_id:u-1/traits", ""); status != http.StatusNotFound && status != http.StatusUnauthorized {
		t.Errorf("the Profile API: %d %.200s", status, body)
	}
	if status := p.with(t, http.MethodPost, "/v1/track", tr.alone, trackOf("ruth", "late")); status != http.StatusUnauthorized {
		t.Errorf("the key of its own source is answered %d", status)
	}
}

// A server that is killed again and again while it erases a deleted space goes on
// after each start, takes events for others all the time, and ends with nothing left
// of the space, whose ID is free then.
func TestDeletedSpaceIsErasedThroughKills(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	tr := p.makeTrial(t)
	p.fillTrial(t, tr.alone, 30_000)
	if status := p.with(t, http.MethodPost, "/v1/track", tr.both, trackOf("ruth", "m-both")); status != http.StatusOK {
		t.Fatalf("a source of two spaces: %d", status)
	}

	if status, _ := p.asAdmin(t, http.MethodDelete, "/api/spaces/trial", ""); status != http.StatusBadRequest {
		t.Errorf("without confirmation: %d", status)
	}
	if status, body := p.asAdmin(t, http.MethodDelete, "/api/spaces/dev?confirm=dev", ""); status != http.StatusConflict || !strings.Contains(body, "configuration") {
		t.Errorf("a declared space: %d %s", status, body)
	}
	out, code := s.run(t, nil, "space", "delete", "trial", "--server", p.URL(""))
	if code == 0 || !strings.Contains(out, "30,001 events") || !strings.Contains(out, "alone") || !strings.Contains(out, "--yes") {
		t.Errorf("the command without --yes ends with %d: %s", code, out)
	}
	if out, code = s.run(t, nil, "space", "delete", "trial", "--yes", "--server", p.URL("")); code != 0 {
		t.Fatalf("the command ends with %d: %s", code, out)
	}
	p.noTrial(t, tr)
	if status, body := p.asAdmin(t, http.MethodPost, "/api/spaces", `{"id":"trial"}`); status != http.StatusConflict || !strings.Contains(body, "being deleted") {
		t.Errorf("another space of its ID: %d %s", status, body)
	}

	last, killed := int64(0), 0
	for deadline := time.Now().Add(2 * time.Minute); ; {
		n := p.trialRows(t)
		if n < 0 {
			break
		}
		if n < last && n > 0 {
			t.Fatalf("%d rows are erased after %d", n, last)
		}
		if n > last && killed < 3 {
			p.Kill()
			last, killed = n, killed+1
			p = s.start(t)
			p.noTrial(t, tr)
			p.send(t, "dev", "/v1/track", trackOf("ruth", fmt.Sprint("between-", killed)))
			continue
		}
		if time.Now().After(deadline) {
			t.Fatalf("after two minutes %d rows are erased, and not all", n)
		}
		time.Sleep(2 * time.Millisecond)
	}
	if killed == 0 {
		t.Fatal("the erasure was over before anybody could kill it")
	}
	t.Logf("killed %d times, the last time after %d rows", killed, last)

	// The same people are new ones in a new space of the ID.
	next := p.makeTrialAgain(t)
	p.fillTrial(t, next, 1)
	if st := p.stats(t, "trial"); st.Profiles != 1 {
		t.Errorf("the new space has %d profiles", st.Profiles)
	}
	if status, body := p.asAdmin(t, http.MethodGet, "/api/spaces/trial/audit", ""); status != http.StatusOK || !strings.Contains(body, "space.delete") || !strings.Contains(body, "space.erased") {
		t.Errorf("the audit trail: %d %.300s", status, body)
	}
	out, code = s.run(t, nil, "source", "list", "--space", "dev", "--server", p.URL(""))
	if code != 0 || !strings.Contains(out, "both") || !strings.Contains(out, "(today)") {
		t.Errorf("source list ends with %d: %s", code, out)
	}
	p.stop(t)
	s.verify(t)
}

// makeTrialAgain makes the space and its source anew and returns the write key.
func (p *server) makeTrialAgain(t testing.TB) string {
	t.Helper()
	var made struct {
		WriteKey string `json:"write_key"`
	}
	p.administer(t, http.MethodPost, "/api/spaces", `{"id":"trial"}`, nil)
	p.administer(t, http.MethodPost, "/api/spaces/trial/sources", `{"id":"alone"}`, &made)
	return made.WriteKey
}

// What one node deletes is not there on the other one a second later, one of them
// erases it, and a new space of the ID works on both.
func TestSpaceDeletedOnTwoNodes(t *testing.T) {
	t.Parallel()
	s, _ := newShared(t, binary(t))
	one, two := s.start(t), s.start(t)
	tr := one.makeTrial(t)
	one.fillTrial(t, tr.alone, 2000)
	two.fillTrial(t, tr.both, 1000)

	one.administer(t, http.MethodDelete, "/api/spaces/trial?confirm=trial", "", nil)
	deleted := time.Now()
	one.noTrial(t, tr)
	time.Sleep(time.Until(deleted.Add(time.Second)))
	two.noTrial(t, tr)
	for i, p := range []*server{one, two} {
		if status := p.with(t, http.MethodPost, "/v1/track", tr.both, trackOf("ruth", fmt.Sprint("after-", i))); status != http.StatusOK {
			t.Errorf("node %d: the source of two spaces is answered %d", i, status)
		}
	}
	eventually(t, patience, "the space is erased", func() bool { return one.trialRows(t) < 0 && two.trialRows(t) < 0 })

	key := two.makeTrialAgain(t)
	one.fillTrial(t, key, 1)
	two.fillTrial(t, key, 2)
	for _, p := range []*server{one, two} {
		if status, body := p.asAdmin(t, http.MethodGet, "/api/spaces/trial/profiles/users/user_id:u-0", ""); status != http.StatusOK {
			t.Errorf("the new space: %d %s", status, body)
		}
		if status, body := p.asAdmin(t, http.MethodGet, "/api/spaces/trial/profiles/users/user_id:u-7", ""); status != http.StatusNotFound {
			t.Errorf("a person of the old space: %d %s", status, body)
		}
	}
	var sources struct {
		Data []struct {
			ID     string
			Events int64
			Last   *time.Time `json:"last_event_at"`
		}
	}
	two.manage(t, http.MethodGet, "/api/spaces/trial/sources", &sources)
	if len(sources.Data) != 1 || sources.Data[0].Events != 2 || sources.Data[0].Last == nil || time.Since(*sources.Data[0].Last) > time.Minute {
		t.Errorf("the sources of the new space: %+v", sources)
	}
	one.manage(t, http.MethodGet, "/api/spaces/dev/sources", &sources)
	for _, src := range sources.Data {
		if src.ID == "both" && src.Events != 1002 {
			t.Errorf("the source of two spaces has %d events in dev", src.Events)
		}
	}
	var unknown struct{ Data []struct{ Count int64 } }
	eventually(t, patience, "who sent with the key of the deleted source is noted", func() bool {
		one.manage(t, http.MethodGet, "/api/unknown-keys", &unknown)
		return len(unknown.Data) > 0
	})
	one.stop(t)
	two.stop(t)
	s.verify(t)
}
