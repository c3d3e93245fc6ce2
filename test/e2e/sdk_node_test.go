package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/needs"
)

var packages struct {
	once sync.Once
	err  error
	log  []byte
}

// install installs the packages that sdk/package-lock.json pins, unless they are
// there.
func install(t *testing.T) {
	t.Helper()
	needs.Time(t, "it needs npm")
	packages.once.Do(func() {
		want, err := os.Stat("sdk/package-lock.json")
		if err != nil {
			packages.err = err
			return
		}
		if have, err := os.Stat("sdk/node_modules/.package-lock.json"); err == nil && have.ModTime().After(want.ModTime()) {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "npm", "ci")
		cmd.Dir = "sdk"
		packages.log, packages.err = cmd.CombinedOutput()
	})
	if packages.err != nil {
		t.Fatalf("installing the SDKs (npm ci in test/e2e/sdk): %v\n%s", packages.err, packages.log)
	}
}

// script runs one of sdk/ and decodes the JSON that it prints.
func script(t *testing.T, out any, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", append([]string{name}, args...)...)
	cmd.Dir = "sdk"
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if stderr.Len() > 0 {
		t.Logf("%s: %s", name, stderr.String())
	}
	if err != nil {
		t.Fatalf("node %s: %v\n%s", name, err, stdout.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		t.Fatalf("node %s printed no JSON: %v\n%s", name, err, stdout.String())
	}
}

// Segment's SDK for Node, with nothing changed but its host.
func TestSDKNode(t *testing.T) {
	t.Parallel()
	install(t)
	s := newSite(t, binary(t))
	p := s.start(t)
	var told struct {
		Delivered int
		Errors    []string
	}
	script(t, &told, "node.mjs", p.URL(""), keyOf("dev"))
	if told.Delivered != 7 || len(told.Errors) > 0 {
		t.Errorf("the SDK says: %+v", told)
	}
	equal(t, "external IDs", p.ids(t, "dev", "anonymous_id:node-anon-1"),
		[]string{"anonymous_id:node-anon-1", "email:node@example.com", "ios.id:node-device-1", "user_id:node-user-1"})
	if n := len(p.events(t, "dev", "user_id:node-user-1")); n != 7 {
		t.Errorf("%d events, want 7", n)
	}
	if traits := p.traits(t, "dev", "user_id:node-user-1"); traits["plan"] != "gold" {
		t.Errorf("traits %v", traits)
	}
	p.stop(t)
	s.verify(t)
}

const chromium = "/usr/bin/chromium"

// browser says whether there is a browser, without which a test is not run.
func browser(tb testing.TB) {
	tb.Helper()
	needs.Time(tb, "it needs a browser")
	if _, err := os.Stat(chromium); err != nil {
		needs.Missing(tb, "analytics-next needs "+chromium+" (Debian: apt-get install chromium)")
	}
}

// Segment's SDK for browsers in a browser, on a page of another origin, with
// nothing changed but the address of its settings.
func TestSDKBrowser(t *testing.T) {
	t.Parallel()
	browser(t)
	install(t)
	s := newSite(t, binary(t), "plain", "batching")
	p := s.start(t)
	mux := http.NewServeMux()
	mux.Handle("/umd/", http.StripPrefix("/umd/", http.FileServer(http.Dir("sdk/node_modules/@segment/analytics-next/dist/umd"))))
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.Handle("/", http.FileServer(http.Dir("sdk/pages")))
	shop := httptest.NewServer(mux)
	defer shop.Close()

	for _, strategy := range []string{"plain", "batching"} {
		t.Run(strategy, func(t *testing.T) {
			query := url.Values{"cdn": {p.URL("")}, "key": {keyOf(strategy)}, "strategy": {strategy}, "email": {strategy + "@example.com"}}
			var told struct {
				AnonymousID string
				Problems    []string
				Requests    []string
			}
			script(t, &told, "browser.mjs", chromium, shop.URL+"/shop.html?"+query.Encode())
			if len(told.Problems) > 0 {
				t.Errorf("the browser complains: %q", told.Problems)
			}
			t.Logf("the browser asked: %q", told.Requests)
			if told.AnonymousID == "" {
				t.Fatal("the page has no anonymous ID")
			}
			cookie := "anonymous_id:" + told.AnonymousID
			// Page, two events, identify, an event; and one more when the page was
			// left.
			const want = 6
			eventually(t, patience, "all events of the page are there", func() bool {
				return p.profile(t, strategy, cookie, "metadata").status == 200 && len(p.events(t, strategy, cookie)) >= want
			})
			var names []string
			for _, e := range p.events(t, strategy, cookie) {
				names = append(names, e.Type+" "+e.Event)
			}
			slices.Sort(names)
			equal(t, "events", names, []string{"identify ", "page Page Viewed", "track Order Completed", "track Shoe Clicked", "track Shoe Left", "track Shoe Viewed"})
			equal(t, "external IDs", p.ids(t, strategy, cookie), []string{cookie, "email:" + strategy + "@example.com", "user_id:browser-user-" + strategy})
			if traits := p.traits(t, strategy, "user_id:browser-user-"+strategy); traits["plan"] != "plus" {
				t.Errorf("traits %v", traits)
			}
		})
	}
	p.stop(t)
	s.verify(t, "plain", "batching")
}
