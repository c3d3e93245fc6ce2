package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// From Jane's phone to her running app, and from a kiosk to whoever came second:
// over the command line, against a running server and a stopped one's directory.
func TestExplainJaneAndAKiosk(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t), "dev")
	p := s.start(t)
	p.send(t, "dev", "/v1/batch", batch(janeLines(t)...))
	p.send(t, "dev", "/v1/batch", batch(
		[]byte(`{"type":"track","event":"Opened","messageId":"k1","timestamp":"2020-01-01T00:00:00Z","userId":"ann","context":{"device":{"type":"ios","id":"kiosk"}}}`),
		[]byte(`{"type":"track","event":"Opened","messageId":"k2","timestamp":"2020-01-01T01:00:00Z","userId":"bob","context":{"device":{"type":"ios","id":"kiosk"}}}`)))
	contains := func(text string, wants ...string) {
		t.Helper()
		for _, want := range wants {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
				t.Errorf("%q is not in\n%s", want, text)
			}
		}
	}
	look := func(where ...string) {
		t.Helper()
		run := func(args ...string) string {
			return s.mustRun(t, nil, append(append([]string{args[0], "--config", s.config, "--space", "dev"}, where...), args[1:]...)...)
		}
		contains(run("explain", "ios.id:ios_abc123", "anonymous_id:anon_789"), "are the same person",
			"ios.id:ios_abc123 │ 2 events, SegKicks", "user_id:abc123def │ 13 events, SegRuns", "2019-11-16 18:01:00 – 2019-12-20 07:21:00 UTC anonymous_id:anon_789")
		contains(run("explain", "user_id:ann", "user_id:bob"), "kept apart at 1 place",
			"ios.id:kiosk was left out at 2020-01-01 01:00:00 UTC: a profile may have 1 user_id ever. It had user_id:bob, and this would have added user_id:ann.")
		contains(run("explain", "user_id:abc123def"), "5 steps", "merged use_", "jane-011")
		contains(run("profile", "anonymous_id:anon_123", "--as-of", "2019-11-15T14:05:00Z"), "6 events, 2 identifiers", "As of 2019-11-15 14:05:00")
		if out, code := s.run(t, nil, append([]string{"explain", "--config", s.config, "--space", "dev", "user_id:ann", "user_id:zoe"}, where...)...); code != 1 ||
			!strings.Contains(out, "no event of this space has the ID user_id:zoe") {
			t.Errorf("exit code %d: %s", code, out)
		}
	}
	look("--server", p.URL(""))
	var past struct {
		Data []struct{ Type string }
	}
	p.read(t, "dev", "ios.id:ios_abc123", "external_ids?as_of=2019-11-15T14:05:00Z", &past)
	if len(past.Data) != 2 {
		t.Errorf("her phone then: %+v", past)
	}
	if a := p.profile(t, "dev", "ios.id:ios_abc123", "traits?as_of=2019-11-15"); a.status != http.StatusNotFound || !strings.Contains(string(a.body), "its first event is from 2019-11-15T14:00:05Z") {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	p.stop(t)
	look("--data", s.data)
}
