package pgkv

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/selfsame-id/selfsame/internal/kv"
)

const (
	// pageRows is how many entries a scan asks for in one round trip.
	pageRows = 4096
	// endTimeout bounds the end of a reader's transaction.
	endTimeout = 5 * time.Second
)

// Snapshot implements kv.Store. It costs nothing: the transaction begins with
// the first read, in the same round trip, and ends, after Close, behind the
// caller's back.
func (s *Store) Snapshot(ctx context.Context) (kv.Reader, error) {
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	defer s.leave()
	r := &reader{s: s}
	s.mu.Lock()
	s.readers[r] = struct{}{}
	s.mu.Unlock()
	return r, nil
}

// reader is a read-only transaction, begun or not. Reads take turns on its
// connection.
type reader struct {
	s *Store

	mu     sync.Mutex
	conn   *pgxpool.Conn // nil until the first read
	err    error         // why nothing can be read any more
	closed bool
}

// Get implements kv.Reader.
func (r *reader) Get(ctx context.Context, keys ...[]byte) ([][]byte, error) {
	values := make([][]byte, len(keys))
	wanted := make(map[string]int, len(keys)) // a key to its first place
	asked := make([][]byte, 0, len(keys))
	for i, key := range keys {
		if _, ok := wanted[string(key)]; ok || len(key) == 0 || len(key) > kv.MaxKeyBytes {
			continue
		}
		wanted[string(key)] = i
		asked = append(asked, key)
	}
	if len(asked) == 0 {
		return values, r.usable(ctx)
	}
	err := r.read(ctx, step{name: "selfsame_get", params: [][]byte{byteaArray(asked)}}, func(row [][]byte) {
		values[wanted[string(row[0])]] = own(row[1])
	})
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if len(asked) < len(keys) {
		for i, key := range keys {
			if first, ok := wanted[string(key)]; ok && first != i && values[first] != nil {
				values[i] = own(values[first])
			}
		}
	}
	return values, nil
}

// Scan implements kv.Reader. Long scans take a round trip for each page.
func (r *reader) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]kv.Entry, error) {
	if err := kv.CheckLimit(limit); err != nil {
		return nil, err
	}
	var entries []kv.Entry
	for len(entries) < limit {
		want := min(limit-len(entries), pageRows)
		before := len(entries)
		err := r.read(ctx, scanStep(from, to, want, reverse), func(row [][]byte) {
			entries = append(entries, kv.Entry{Key: slices.Clone(row[0]), Value: own(row[1])})
		})
		if err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		if len(entries)-before < want {
			break
		}
		if last := entries[len(entries)-1].Key; reverse {
			to = last
		} else {
			from = kv.After(last)
		}
	}
	return entries, nil
}

// beyond is greater than every key.
var beyond = bytes.Repeat([]byte{0xff}, kv.MaxKeyBytes+1)

func scanStep(from, to []byte, limit int, reverse bool) step {
	if from == nil {
		from = []byte{} // less than every key
	}
	if to == nil {
		to = beyond
	}
	name := "selfsame_scan"
	if reverse {
		name = "selfsame_scan_back"
	}
	return step{name: name, params: [][]byte{from, to, bigint(limit)}}
}

// Scans implements kv.Reader. One round trip takes a page of each range that has
// more.
func (r *reader) Scans(ctx context.Context, ranges []kv.Range, limit int, reverse bool) ([][]kv.Entry, error) {
	if err := kv.CheckLimit(limit); err != nil {
		return nil, err
	}
	out := make([][]kv.Entry, len(ranges))
	if len(ranges) == 0 {
		return out, r.usable(ctx)
	}
	bounds := slices.Clone(ranges)
	for i := range bounds {
		if bounds[i].From == nil {
			bounds[i].From = []byte{}
		}
		if bounds[i].To == nil {
			bounds[i].To = beyond
		}
	}
	name := "selfsame_scans"
	if reverse {
		name = "selfsame_scans_back"
	}
	left := make([]int, len(ranges)) // the ranges that are not read to their end
	for i := range left {
		left[i] = i
	}
	for len(left) > 0 {
		n := min(len(left), pageRows)
		most := 0
		for _, i := range left[:n] {
			most = max(most, limit-len(out[i]))
		}
		page := max(1, min(most, pageRows/n))
		now, froms, tos := left[:n], make([][]byte, n), make([][]byte, n)
		for k, i := range now {
			froms[k], tos[k] = bounds[i].From, bounds[i].To
		}
		before := make([]int, n)
		for k, i := range now {
			before[k] = len(out[i])
		}
		err := r.read(ctx, step{name: name, params: [][]byte{byteaArray(froms), byteaArray(tos), bigint(page)}}, func(row [][]byte) {
			i := now[binary.BigEndian.Uint64(row[0])-1]
			if len(out[i]) < limit {
				out[i] = append(out[i], kv.Entry{Key: slices.Clone(row[1]), Value: own(row[2])})
			}
		})
		if err != nil {
			return nil, fmt.Errorf("scan: %w", err)
		}
		more := slices.Clone(left[n:])
		for k, i := range now {
			if len(out[i])-before[k] < page || len(out[i]) == limit {
				continue
			}
			if last := out[i][len(out[i])-1].Key; reverse {
				bounds[i].To = last
			} else {
				bounds[i].From = kv.After(last)
			}
			more = append(more, i)
		}
		left = more
	}
	return out, nil
}

// usable returns why the reader cannot be used, or nil.
func (r *reader) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state()
}

func (r *reader) state() error {
	switch {
	case r.closed:
		return fmt.Errorf("%w: this reader or its store is", kv.ErrClosed)
	default:
		return r.err
	}
}

// read runs one statement in the reader's transaction and begins it if need be.
// As long as nothing was read, a transaction that fails is begun again.
func (r *reader) read(ctx context.Context, s step, row func(values [][]byte)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.state(); err != nil {
		return err
	}
	if r.conn != nil {
		err := r.run(ctx, []step{s}, row)
		if err != nil {
			r.err = err
			r.release()
		}
		return err
	}
	retry := newBackoff()
	for {
		rows := 0
		err := r.begin(ctx, s, func(values [][]byte) { rows++; row(values) })
		if err == nil {
			return nil
		}
		r.release()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// A connection that was cut while it lay in the pool, or a server that
		// wants its readers to try again.
		if c := code(err); rows > 0 || c != "" && !transient(c) && c != "57P01" || retry.tries >= 3 || !retry.wait(ctx) {
			return err
		}
		r.s.count.retries.Add(1)
	}
}

// begin takes a connection, begins the transaction and runs its first read.
func (r *reader) begin(ctx context.Context, s step, row func(values [][]byte)) (err error) {
	if r.conn, err = r.s.acquire(ctx, r.s.reads); err != nil {
		return err
	}
	return r.run(ctx, []step{{name: "selfsame_snapshot"}, s}, row)
}

func (r *reader) run(ctx context.Context, steps []step, row func(values [][]byte)) error {
	r.s.count.roundTrips.Add(1)
	_, err := run(ctx, r.conn.Conn().PgConn(), steps, row)
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return sentinel(err)
}

// Close implements kv.Reader.
func (r *reader) Close() error {
	r.end()
	return nil
}

// end closes the reader. The connection goes back to the pool in the
// background, so that the caller pays no round trip.
func (r *reader) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	r.release()
	r.s.mu.Lock()
	delete(r.s.readers, r)
	r.s.mu.Unlock()
}

// release gives the connection back, if there is one. The caller holds mu.
func (r *reader) release() {
	conn := r.conn
	if conn == nil {
		return
	}
	r.conn = nil
	pg := conn.Conn().PgConn()
	if pg.IsClosed() || pg.TxStatus() == 'I' {
		conn.Release()
		return
	}
	r.s.ending.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), endTimeout)
		defer cancel()
		r.s.count.roundTrips.Add(1)
		_, _ = run(ctx, pg, []step{{sql: sqlRollback}}, nil) // if it fails, Release drops the connection
		conn.Release()
	})
}

// own copies a value; an empty one is not nil, which would say absent.
func own(v []byte) []byte {
	c := make([]byte, len(v))
	copy(c, v)
	return c
}
