// Command inbox receives what the example sends, so that it can be looked at: mails over
// SMTP, which it writes to files, and webhooks over HTTP, of which it keeps the bodies. It
// is for trying things out on one machine.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

func main() {
	dir := flag.String("dir", "./selfsame-inbox", "the `directory` for what is received")
	smtpAddress := flag.String("smtp", "127.0.0.1:2525", "the `address` for mails")
	httpAddress := flag.String("http", "127.0.0.1:8090", "the `address` for webhooks")
	flag.Parse()
	log.SetFlags(0)
	log.SetPrefix("inbox: ")
	in := &inbox{dir: *dir}
	if err := os.MkdirAll(*dir, 0o700); err != nil {
		log.Fatal(err)
	}
	mails, err := net.Listen("tcp", *smtpAddress)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("mails to %s and webhooks to %s go to %s", *smtpAddress, *httpAddress, *dir)
	go func() {
		s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{in: in}, nil }))
		s.Domain, s.ReadTimeout, s.WriteTimeout, s.MaxMessageBytes = "localhost", time.Minute, time.Minute, 1<<20
		log.Fatal(s.Serve(mails))
	}()
	hooks := &http.Server{Addr: *httpAddress, Handler: http.HandlerFunc(in.webhook), ReadTimeout: time.Minute}
	log.Fatal(hooks.ListenAndServe())
}

// inbox is where everything goes.
type inbox struct {
	dir string

	mu sync.Mutex
}

// webhook appends a body to webhooks.ndjson.
func (in *inbox) webhook(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	f, err := os.OpenFile(filepath.Join(in.dir, "webhooks.ndjson"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintf(f, "%s\n", strings.ReplaceAll(string(body), "\n", " "))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		log.Print(err)
		http.Error(w, "it cannot be written", http.StatusInternalServerError)
		return
	}
	log.Printf("a webhook of %d bytes", len(body))
	w.WriteHeader(http.StatusNoContent)
}

// session is one SMTP connection.
type session struct {
	in *inbox
	to []string
}

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data writes a mail to a file of its own.
func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("mail-%s.eml", time.Now().Format("20060102-150405.000000"))
	if err := os.WriteFile(filepath.Join(s.in.dir, name), text, 0o600); err != nil {
		log.Print(err)
		return &smtp.SMTPError{Code: 451, Message: "it cannot be written"}
	}
	subject := ""
	if m, err := mail.ReadMessage(strings.NewReader(string(text))); err == nil {
		subject = m.Header.Get("Subject")
	}
	log.Printf("a mail to %s: %s (%s)", strings.Join(s.to, ", "), subject, name)
	return nil
}

func (s *session) Reset() { s.to = nil }

func (s *session) Logout() error { return nil }
