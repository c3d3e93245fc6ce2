package console

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
)

//go:embed all:ui/dist
var embedded embed.FS

// nonceMark stands in the page where the nonce of each answer goes.
const nonceMark = "__NONCE__"

// Built reports whether the binary has the console in it.
func Built() bool {
	_, err := fs.Stat(embedded, "ui/dist/app/index.html")
	return err == nil
}

// Handler serves the console.
func Handler() http.Handler {
	app, err := fs.Sub(embedded, "ui/dist/app")
	if err != nil {
		panic(err) // the name is a constant
	}
	return handlerOf(app)
}

// handlerOf serves what was built; files without an index.html are none.
func handlerOf(app fs.FS) http.Handler {
	page, err := fs.ReadFile(app, "index.html")
	if err != nil {
		page = unbuilt
	}
	return &handler{app: app, page: page}
}

type handler struct {
	app   fs.FS
	page  []byte
	packs sync.Map // name → *packed
}

// packed is a file of the console, as it is and compressed.
type packed struct {
	plain, gzip, brotli []byte
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	if name, ok := strings.CutPrefix(r.URL.Path, "/assets/"); ok {
		h.asset(w, r, name)
		return
	}
	h.index(w, r)
}

// asset serves a file whose name changes with its content.
func (h *handler) asset(w http.ResponseWriter, r *http.Request, name string) {
	file := "assets/" + name
	if !fs.ValidPath(file) {
		http.Error(w, "There is no such file.", http.StatusNotFound)
		return
	}
	found, ok := h.packs.Load(file)
	if !ok {
		plain, err := fs.ReadFile(h.app, file)
		if err != nil {
			http.Error(w, "There is no such file.", http.StatusNotFound)
			return
		}
		best, _ := fs.ReadFile(h.app, file+".br") // what the build packed well; nil if it did not
		found, _ = h.packs.LoadOrStore(file, pack(plain, best))
	}
	kind := mime.TypeByExtension(path.Ext(file))
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	send(w, r, found.(*packed))
}

// index serves the page that all addresses of the console begin with.
func (h *handler) index(w http.ResponseWriter, r *http.Request) {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	nonce := base64.RawStdEncoding.EncodeToString(raw[:])
	head := w.Header()
	head.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; script-src 'self'; style-src 'self' 'nonce-%s'; "+
		"img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", nonce))
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Set("Cache-Control", "no-store")
	page := bytes.ReplaceAll(h.page, []byte(nonceMark), []byte(nonce))
	send(w, r, &packed{plain: page})
}

// leastPacked is below which size compressing is not worth it.
const leastPacked = 1 << 10

// pack compresses a file. Brotli's best level takes seconds, so it is the build
// that uses it; best is what it made, or nil.
func pack(plain, best []byte) *packed {
	p := &packed{plain: plain}
	if len(plain) < leastPacked {
		return p
	}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is one
	_, _ = z.Write(plain)                                 // a Buffer takes everything
	_ = z.Close()
	if b.Len() > len(plain)*9/10 {
		return p // it is packed already
	}
	p.gzip = bytes.Clone(b.Bytes())
	if p.brotli = best; best != nil {
		return p
	}
	b.Reset()
	br := brotli.NewWriterLevel(&b, brotliLevel)
	_, _ = br.Write(plain)
	_ = br.Close()
	p.brotli = b.Bytes()
	return p
}

// brotliLevel takes a quarter of a second for the largest file, once.
const brotliLevel = 9

// accepts reports whether a list of encodings has one.
func accepts(list, encoding string) bool {
	for item := range strings.SplitSeq(list, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(item), ";")
		if name == encoding {
			return strings.ReplaceAll(weight, " ", "") != "q=0"
		}
	}
	return false
}

func send(w http.ResponseWriter, r *http.Request, p *packed) {
	body := p.plain
	if p.gzip != nil {
		w.Header().Set("Vary", "Accept-Encoding")
		switch accepted := r.Header.Get("Accept-Encoding"); {
		case accepts(accepted, "br"):
			w.Header().Set("Content-Encoding", "br")
			body = p.brotli
		case accepts(accepted, "gzip"):
			w.Header().Set("Content-Encoding", "gzip")
			body = p.gzip
		}
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body)
	}
}
