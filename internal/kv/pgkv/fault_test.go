package pgkv

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/kv/pgkv/pgtest"
)

var background = context.Background()

func get(t testing.TB, s kv.Store, key string) []byte {
	t.Helper()
	r, err := s.Snapshot(background)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	values, err := r.Get(background, []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return values[0]
}

// TestCutCommit cuts the connection in the middle of a commit, before the
// server has it and after: the store must say that it does not know, and the
// caller's token must tell.
func TestCutCommit(t *testing.T) {
	server := pgtest.Start(t)
	p := pgtest.StartProxy(t, server.Port)
	server.Exec("CREATE SCHEMA cut")
	s := open(t, pgtest.URL(p.Addr, "search_path=cut"))
	defer s.Close()
	for i, before := range []bool{true, false, true, false} {
		token := fmt.Sprint("token ", i)
		var armed atomic.Bool
		p.Judge(func(up bool, data []byte) pgtest.Verdict {
			if up && bytes.Contains(data, []byte(token)) {
				armed.Store(true)
				if before {
					return pgtest.Cut
				}
			}
			if !up && armed.Load() && pgtest.IsCommitted(data) {
				return pgtest.Cut
			}
			return pgtest.Pass
		})
		var b kv.Batch
		b.Insert([]byte(token), []byte("1"))
		b.Put([]byte("counted"), fmt.Append(nil, i))
		err := s.Commit(background, &b)
		p.Judge(nil)
		if !errors.Is(err, kv.ErrUnknown) {
			t.Fatalf("cut before the server: %v: %v, want ErrUnknown", before, err)
		}
		if there := get(t, s, token) != nil; there == before {
			t.Fatalf("cut before the server: %v; the token is there: %v", before, there)
		}
		// The way out for a caller: the same batch again says whether it was there.
		err = s.Commit(background, &b)
		if before && err != nil || !before && !errors.Is(err, kv.ErrConflict) {
			t.Fatalf("cut before the server: %v; again: %v", before, err)
		}
	}
}

// TestServerRestart kills the server under load, several times, and starts it
// again: one store lives through it, everything acknowledged is there once, and
// every error is one that says what to do.
func TestServerRestart(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, fresh(server))
	defer s.Close()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	const workers = 4
	var acked [workers]int
	for w := range workers {
		wg.Go(func() {
			for round := 0; ; {
				select {
				case <-stop:
					return
				default:
				}
				token := fmt.Appendf(nil, "w%d %d", w, round)
				counter := fmt.Appendf(nil, "count %d", w)
				r, err := s.Snapshot(background)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := r.Get(background, token, counter)
				r.Close()
				if err == nil && got[0] != nil { // it was there after all
					acked[w]++
					round++
					continue
				}
				if err == nil {
					n := 0
					fmt.Sscan(string(got[1]), &n)
					var b kv.Batch
					b.Insert(token, nil)
					b.Require(counter, got[1])
					b.Put(counter, fmt.Append(nil, n+1))
					if err = s.Commit(background, &b); err == nil {
						acked[w]++
						round++
						continue
					}
				}
				if !errors.Is(err, kv.ErrUnknown) && !errors.Is(err, kv.ErrUnavailable) {
					t.Errorf("worker %d: %v", w, err)
					return
				}
				time.Sleep(5 * time.Millisecond)
			}
		})
	}
	for i := range 3 {
		time.Sleep(150 * time.Millisecond)
		if i == 1 {
			server.Stop()
		} else {
			server.Kill()
		}
		time.Sleep(50 * time.Millisecond)
		server.Start()
	}
	time.Sleep(150 * time.Millisecond)
	close(stop)
	wg.Wait()
	for w := range workers {
		if got := string(get(t, s, fmt.Sprintf("count %d", w))); got != fmt.Sprint(acked[w]) || acked[w] == 0 {
			t.Errorf("worker %d: counted %s, acknowledged %d", w, got, acked[w])
		}
	}
}

// TestFailover: the primary is lost, its synchronous standby promoted; a store
// that knows both addresses goes on, with everything that was acknowledged.
func TestFailover(t *testing.T) {
	primary := pgtest.Start(t, "wal_level=replica", "max_wal_senders=4")
	standby := primary.Standby(t)
	primary.Exec("CREATE SCHEMA over")
	both := fmt.Sprintf("127.0.0.1:%d,127.0.0.1:%d", primary.Port, standby.Port)
	s := open(t, pgtest.URL(both, "search_path=over"))
	defer s.Close()

	readonly, err := Open(background, standby.URL("search_path=over"), Options{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		var b kv.Batch
		b.Put([]byte("k"), nil)
		if err := readonly.Commit(background, &b); !errors.Is(err, kv.ErrReadOnly) {
			t.Errorf("Commit on a standby: %v, want ErrReadOnly", err)
		}
		readonly.Close()
	} else if !errors.Is(err, kv.ErrReadOnly) && !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Open on a standby: %v", err)
	}

	var acked []string
	write := func(i int) error {
		key := fmt.Sprint("k", i)
		var b kv.Batch
		b.Insert([]byte(key), nil)
		err := s.Commit(background, &b)
		if err == nil {
			acked = append(acked, key)
		}
		return err
	}
	for i := range 50 {
		if err := write(i); err != nil {
			t.Fatal(err)
		}
	}
	primary.Kill()
	if err := write(1000); !errors.Is(err, kv.ErrUnknown) && !errors.Is(err, kv.ErrUnavailable) && !errors.Is(err, kv.ErrReadOnly) {
		t.Errorf("while there is no primary: %v", err)
	}
	standby.Promote()
	var last error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if last = write(2000); last == nil || errors.Is(last, kv.ErrConflict) {
			last = nil
			break
		}
	}
	if last != nil {
		t.Fatalf("after the promotion: %v", last)
	}
	for _, key := range acked {
		if get(t, s, key) == nil {
			t.Fatalf("%s was acknowledged and is gone", key)
		}
	}
}

// TestOpen: what opening says about servers that will not do, and that many
// nodes can make the tables at once.
func TestOpen(t *testing.T) {
	server := pgtest.Start(t)
	url := fresh(server)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			s, err := Open(background, url, Options{})
			if err != nil {
				t.Errorf("one of many that open at once: %v", err)
				return
			}
			s.Close()
		})
	}
	wg.Wait()

	conn := strings.Split(url, "search_path=")[1]
	server.Exec("UPDATE " + conn + ".selfsame_meta SET value = 99")
	if _, err := Open(background, url, Options{}); !errors.Is(err, kv.ErrTooNew) {
		t.Errorf("newer tables: %v, want ErrTooNew", err)
	}
	server.Exec("UPDATE " + conn + ".selfsame_meta SET value = 1")

	s := open(t, url)
	defer s.Close()
	server.Exec("ALTER SYSTEM SET default_transaction_read_only = on")
	server.Reload()
	var b kv.Batch
	b.Put([]byte("k"), nil)
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = s.Commit(background, &b); err != nil {
			break
		}
	}
	if !errors.Is(err, kv.ErrReadOnly) {
		t.Errorf("Commit on a read-only server: %v, want ErrReadOnly", err)
	}

	server.Stop()
	if err := s.Commit(background, &b); !errors.Is(err, kv.ErrUnavailable) && !errors.Is(err, kv.ErrUnknown) {
		t.Errorf("Commit without a server: %v", err)
	}
	if err := s.Commit(background, &b); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Commit without a server, again: %v", err)
	}
	if _, err := Open(background, url, Options{}); !errors.Is(err, kv.ErrUnavailable) {
		t.Errorf("Open without a server: %v, want ErrUnavailable", err)
	}
	if _, err := Open(background, "postgres://user:secret@host:port/x", Options{}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a bad URL: %v", err)
	}
}

// TestPools: readers that hold all their connections do not hold up commits,
// and one more reader gets a clear answer in time.
func TestPools(t *testing.T) {
	server := pgtest.Start(t)
	// Long enough for a busy machine to connect in; one reader waits it out.
	s, err := Open(background, fresh(server), Options{PoolSize: 3, AcquireTimeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for i := range 3 {
		r, err := s.Snapshot(background)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		_, err = r.Get(background, []byte("k"))
		if i < 2 && err != nil || i == 2 && !errors.Is(err, kv.ErrUnavailable) {
			t.Errorf("reader %d: %v", i, err)
		}
	}
	var b kv.Batch
	b.Put([]byte("k"), nil)
	if err := s.Commit(background, &b); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(background, 20*time.Millisecond)
	defer cancel()
	r, _ := s.Snapshot(ctx)
	if _, err := r.Get(ctx, []byte("k")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a reader whose context ends while it waits: %v", err)
	}
	r.Close()
}

// TestRoundTrips: what the design promises in round trips.
func TestRoundTrips(t *testing.T) {
	server := pgtest.Start(t)
	s := open(t, fresh(server))
	defer s.Close()
	count := func(f func()) int64 {
		before := s.count.roundTrips.Load()
		f()
		return s.count.roundTrips.Load() - before
	}
	var b kv.Batch
	for i := range 500 {
		b.Insert(fmt.Append(nil, "k", i), nil)
		b.Require(fmt.Append(nil, "absent", i), nil)
		b.Delete(fmt.Append(nil, "gone", i))
	}
	if n := count(func() {
		if err := s.Commit(background, &b); err != nil {
			t.Fatal(err)
		}
	}); n != 1 {
		t.Errorf("a commit took %d round trips", n)
	}
	r, _ := s.Snapshot(background)
	if n := count(func() {
		if _, err := r.Get(background, []byte("k1"), []byte("k2"), []byte("nope")); err != nil {
			t.Fatal(err)
		}
	}); n != 1 {
		t.Errorf("the first read of a snapshot took %d round trips", n)
	}
	r.Close()
}

func TestMeaning(t *testing.T) {
	for sqlstate, want := range map[string]error{
		"53100": kv.ErrNoSpace, "25006": kv.ErrReadOnly, "XX001": kv.ErrCorrupt, "57P01": kv.ErrUnavailable,
		"57P03": kv.ErrUnavailable, "53300": kv.ErrUnavailable, "08006": kv.ErrUnavailable, "40001": kv.ErrUnavailable,
		"28P01": kv.ErrUnavailable, "28000": kv.ErrUnavailable, "3D000": kv.ErrUnavailable, "42501": kv.ErrUnavailable,
		"42601": nil,
	} {
		if got := meaning(sqlstate); got != want {
			t.Errorf("%s means %v, want %v", sqlstate, got, want)
		}
	}
}
