package console

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/andybalholm/brotli"
)

func built() fstest.MapFS {
	return fstest.MapFS{
		"index.html":        {Data: []byte(`<script nonce="__NONCE__"></script>`)},
		"assets/main-1.js":  {Data: []byte(strings.Repeat("let a = 1;", 1000))},
		"assets/mark-1.svg": {Data: []byte(`<svg/>`)},
		"secret":            {Data: []byte("x")},
	}
}

func TestPageHasANewNonceEachTime(t *testing.T) {
	h := handlerOf(built())
	seen := map[string]bool{}
	for _, path := range []string{"/", "/spaces/dev", "/spaces/dev/users/use_1"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		policy := w.Header().Get("Content-Security-Policy")
		m := regexp.MustCompile(`'nonce-([^']+)'`).FindStringSubmatch(policy)
		if w.Code != 200 || m == nil || w.Body.String() != `<script nonce="`+m[1]+`"></script>` || seen[m[1]] {
			t.Fatalf("%s: %d %q %q", path, w.Code, policy, w.Body)
		}
		seen[m[1]] = true
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") ||
			w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%q", w.Header())
		}
	}
}

func TestAssetsArePackedAndKept(t *testing.T) {
	h := handlerOf(built())
	ask := func(path, encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for encoding, want := range map[string]string{"": "", "gzip, deflate": "gzip", "gzip, br;q=0": "gzip", "gzip, deflate, br": "br"} {
		w := ask("/assets/main-1.js", encoding)
		if got := w.Header().Get("Content-Encoding"); got != want || want != "" && w.Body.Len() > 1000 {
			t.Fatalf("%q: %q, %d bytes", encoding, got, w.Body.Len())
		}
		var body io.Reader = w.Body
		switch want {
		case "gzip":
			var err error
			if body, err = gzip.NewReader(w.Body); err != nil {
				t.Fatal(err)
			}
		case "br":
			body = brotli.NewReader(w.Body)
		}
		text, err := io.ReadAll(body)
		if err != nil || len(text) != 10000 || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.Contains(w.Header().Get("Content-Type"), "javascript") {
			t.Errorf("%v, %d bytes, %q", err, len(text), w.Header())
		}
	}
	for _, path := range []string{"/assets/none.js", "/assets/", "/assets/../secret", "/assets//main-1.js"} {
		if w := ask(path, ""); w.Code != 404 {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}

func TestWhatTheBuildPackedIsSent(t *testing.T) {
	files := built()
	files["assets/main-1.js.br"] = &fstest.MapFile{Data: []byte("packed well")}
	h := handlerOf(files)
	for encoding, want := range map[string]bool{"br": true, "gzip": false, "": false} {
		r := httptest.NewRequest("GET", "/assets/main-1.js", nil)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Body.String() == "packed well"; got != want || w.Header().Get("Content-Encoding") != encoding {
			t.Errorf("%q: %v, %q", encoding, got, w.Header())
		}
	}
}

func TestUnbuiltConsoleSaysSo(t *testing.T) {
	w := httptest.NewRecorder()
	handlerOf(fstest.MapFS{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "make console") || strings.Contains(w.Body.String(), nonceMark) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
