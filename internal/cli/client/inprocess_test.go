package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestAnswersInsideTheProcessStream(t *testing.T) {
	next := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /lines", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Kind", "lines")
		w.WriteHeader(http.StatusAccepted)
		w.Header().Set("X-Kind", "too late")
		for range 3 {
			fmt.Fprintf(w, "%s\n", body)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
	})
	mux.HandleFunc("GET /empty", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /broken", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "a beginning")
		panic(http.ErrAbortHandler)
	})
	client := &http.Client{Transport: InProcess{mux}}
	res, err := client.Post("http://here/lines", "text/plain", strings.NewReader("hello"))
	if err != nil || res.StatusCode != http.StatusAccepted || res.Header.Get("X-Kind") != "lines" {
		t.Fatalf("%v, %v", res, err)
	}
	lines := bufio.NewReader(res.Body)
	for range 3 {
		// A line is there before the handler goes on.
		if line, err := lines.ReadString('\n'); err != nil || line != "hello\n" {
			t.Fatalf("%q, %v", line, err)
		}
		next <- struct{}{}
	}
	if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("the end is %v", err)
	}
	res, err = client.Get("http://here/empty")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("%v, %v", res, err)
	}
	res, err = client.Get("http://here/broken")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(res.Body); err == nil || string(text) != "a beginning\n" {
		t.Errorf("%q, %v", text, err)
	}
}
