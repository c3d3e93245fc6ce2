package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// Session is a browser's session as it is kept, under the hash of its secret.
type Session struct {
	Began time.Time `json:"began"`
	Seen  time.Time `json:"seen"` // of the last request, but for a minute
	Mark  []byte    `json:"mark"` // of the admin token with which it began
}

func sessionKey(hash [32]byte) []byte { return append([]byte{prefix, kindSession}, hash[:]...) }

// Session reads a session; nil: there is none.
func (c *Catalog) Session(ctx context.Context, hash [32]byte) (*Session, error) {
	s, _, err := c.session(ctx, hash)
	return s, err
}

func (c *Catalog) session(ctx context.Context, hash [32]byte) (*Session, []byte, error) {
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a session: %w", err)
	}
	defer r.Close()
	values, err := r.Get(ctx, sessionKey(hash))
	if err != nil {
		return nil, nil, fmt.Errorf("reading a session: %w", err)
	}
	if values[0] == nil {
		return nil, nil, nil
	}
	s := &Session{}
	if err := json.Unmarshal(values[0], s); err != nil {
		return nil, nil, fmt.Errorf("%w: a session: %w", kv.ErrCorrupt, err)
	}
	return s, values[0], nil
}

// BeginSession keeps a new session. Those that have ended go, and when there are as many
// as most, those that were idle for longest.
func (c *Catalog) BeginSession(ctx context.Context, hash [32]byte, s Session, ended func(*Session) bool, most int) error {
	var b kv.Batch
	if err := c.makeRoom(ctx, &b, ended, most); err != nil {
		return err
	}
	b.Put(sessionKey(hash), encode(s))
	if err := c.store.Commit(ctx, &b); err != nil {
		return fmt.Errorf("keeping a session: %w", err)
	}
	return nil
}

func (c *Catalog) makeRoom(ctx context.Context, b *kv.Batch, ended func(*Session) bool, most int) error {
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return fmt.Errorf("reading the sessions: %w", err)
	}
	defer r.Close()
	from := []byte{prefix, kindSession}
	entries, err := r.Scan(ctx, from, kv.PrefixEnd(from), 2*most, false)
	if err != nil {
		return fmt.Errorf("reading the sessions: %w", err)
	}
	type open struct {
		key  []byte
		seen time.Time
	}
	var list []open
	for _, e := range entries {
		var s Session
		if json.Unmarshal(e.Value, &s) != nil || ended(&s) {
			b.Delete(e.Key)
			continue
		}
		list = append(list, open{e.Key, s.Seen})
	}
	for len(list) >= most {
		oldest := 0
		for i := range list {
			if list[i].seen.Before(list[oldest].seen) {
				oldest = i
			}
		}
		b.Delete(list[oldest].key)
		list = append(list[:oldest], list[oldest+1:]...)
	}
	return nil
}

// TouchSession keeps that a session was used. One that has ended meanwhile stays ended.
func (c *Catalog) TouchSession(ctx context.Context, hash [32]byte, seen time.Time) error {
	s, value, err := c.session(ctx, hash)
	if err != nil || s == nil || !s.Seen.Before(seen) {
		return err
	}
	s.Seen = seen
	var b kv.Batch
	b.Require(sessionKey(hash), value)
	b.Put(sessionKey(hash), encode(s))
	if err := c.store.Commit(ctx, &b); err != nil && !errors.Is(err, kv.ErrConflict) {
		return fmt.Errorf("keeping a session: %w", err)
	}
	return nil
}

// EndSession ends a session; there need be none.
func (c *Catalog) EndSession(ctx context.Context, hash [32]byte) error {
	var b kv.Batch
	b.Delete(sessionKey(hash))
	if err := c.store.Commit(ctx, &b); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	return nil
}

// AdminMark tells admin tokens that were made here apart; nil: none was. While the store
// cannot be asked it is that of the last one known.
func (c *Catalog) AdminMark(ctx context.Context) []byte {
	if admin := c.current(ctx).admin; admin != nil {
		return append([]byte{}, admin[:]...)
	}
	return nil
}
