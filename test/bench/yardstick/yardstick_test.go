package yardstick

import (
	"io"
	"net"
	"net/http"
	"os"
	"testing"

	"github.com/selfsame-id/selfsame/test/population"
)

func TestReadAndJoin(t *testing.T) {
	for _, c := range []struct {
		lines  string
		groups int
	}{
		{"", 0},
		{`{"anonymousId":"a"}`, 1},
		{`{"anonymousId":"a"}` + "\n" + `{"userId":"a"}`, 2}, // of other types
		{`{"anonymousId":"a","userId":"u"}` + "\n" + `{"anonymousId":"b","traits":{"email":"U@x.example"}}` + "\n" + `{"userId":"v"}` + "\n", 3},
		{`{"anonymousId":"a","userId":"u","traits":{"email":"U@x.example"}}` + "\n" + `{"anonymousId":"b","properties":{"email":"u@x.example"}}`, 1},
		{`{"context":{"device":{"type":"ios","id":"d","token":"t"},"externalIds":[{"type":"card","id":"c"}]}}` + "\n" + `{"userId":"u","context":{"externalIds":[{"type":"card","id":"c"}]}}`, 1},
	} {
		got, err := ReadAndJoin([]byte(c.lines), 0)
		if err != nil || got.Groups != c.groups {
			t.Errorf("%s\nis %d groups, %v; want %d", c.lines, got.Groups, err, c.groups)
		}
	}
	if _, err := ReadAndJoin([]byte("{"), 0); err == nil {
		t.Error("half an event is read")
	}
	// The shoppers of a shop are fewer than their events and more than one.
	got, err := ReadAndJoin(population.Config{Seed: 1, Events: 3000}.NDJSON(), 0)
	if err != nil || got.Events != 3000 || got.Groups < 300 || got.Groups > 1500 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestWriteAndSync(t *testing.T) {
	dir := t.TempDir()
	d, err := WriteAndSync(dir, 0)
	if err != nil || d.Bytes != Piece || d.Sync <= 0 {
		t.Errorf("%+v, %v", d, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v is left, %v", left, err)
	}
	if _, err := WriteAndSync("/nowhere/at/all", 0); err == nil {
		t.Error("nowhere is written to")
	}
}

func TestServeStatic(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- ServeStatic(l) }()
	resp, err := http.Get("http://" + l.Addr().String() + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != string(Answer) || len(body) != 300 {
		t.Errorf("%q, %v", body, err)
	}
	l.Close()
	<-ended
}
