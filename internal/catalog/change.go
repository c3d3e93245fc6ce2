package catalog

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// changer is a change under way: a state that may be changed and the batch
// that makes the same change in the store.
type changer struct {
	*state
	ctx   context.Context // says whose change it is
	now   int64
	batch kv.Batch
}

// change runs fn over the newest state and commits what it did, again from the
// start when another node was quicker. A fn that writes nothing commits nothing.
func (c *Catalog) change(ctx context.Context, fn func(*changer) error) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	for {
		if err := c.reload(ctx); err != nil {
			return err
		}
		// The records themselves are never changed, only replaced, so a copy of
		// the maps is a copy of the state.
		old := c.view.Load()
		ch := &changer{state: old.clone(), ctx: ctx, now: c.now().UnixNano()}
		if err := fn(ch); err != nil {
			return err
		}
		if ch.batch.Len() == 0 {
			return nil
		}
		ch.batch.Require(versionKey(), old.version)
		ch.version = nextVersion(old.version)
		ch.batch.Put(versionKey(), ch.version)
		err := c.store.Commit(ctx, &ch.batch)
		if errors.Is(err, kv.ErrUnknown) {
			err = c.settle(ctx, ch.version, err)
		}
		switch {
		case errors.Is(err, kv.ErrConflict):
			continue
		case err != nil:
			return fmt.Errorf("writing the catalog: %w", err)
		}
		ch.index()
		c.publish(ch.state)
		return nil
	}
}

// settle finds out what became of a commit whose outcome is unknown: the
// version that it wrote is its alone.
func (c *Catalog) settle(ctx context.Context, version []byte, unknown error) error {
	r, err := c.store.Snapshot(ctx)
	if err != nil {
		return errors.Join(unknown, err)
	}
	defer r.Close()
	got, err := r.Get(ctx, versionKey())
	switch {
	case err != nil:
		return errors.Join(unknown, err)
	case bytes.Equal(got[0], version):
		return nil
	}
	// It did not happen, or it did and another change came after it. Then the
	// retry sees its entries: creating them again says that they exist.
	return kv.ErrConflict
}

// nextVersion counts up and adds a nonce, so that two nodes never write the
// same version.
func nextVersion(old []byte) []byte {
	v := binary.BigEndian.AppendUint64(make([]byte, 0, 16), changes(old)+1)
	v = v[:16]
	rand.Read(v[8:])
	return v
}

func (s *state) clone() *state {
	n := emptyState()
	n.admin = s.admin
	for k, v := range s.spaces {
		n.spaces[k] = v
	}
	for k, v := range s.deleted {
		n.deleted[k] = v
	}
	for k, v := range s.sources {
		n.sources[k] = v
	}
	for k, v := range s.tokens {
		n.tokens[k] = v
	}
	return n
}

func (ch *changer) putSpace(sp Space) {
	action := "space.change"
	switch {
	case sp.DeletedAt != nil:
		action = "space.delete"
	case ch.spaces[sp.ID] == nil:
		action = "space.create"
	}
	ch.log(action, "space "+sp.ID, map[string]any{"name": sp.Name}, sp.ID)
	ch.state.putSpace(&sp)
	ch.batch.Put(spaceKey(sp.ID), encode(sp))
}

func (ch *changer) putSource(r sourceRecord) {
	action, concerned := "source.create", r.Spaces
	if old := ch.sources[r.UID]; old != nil {
		action = "source.change"
		if old.Secret != r.Secret {
			action = "source.rotate"
		}
		concerned = sorted(append(slices.Clone(old.Spaces), r.Spaces...))
	}
	ch.log(action, "source "+r.ID, map[string]any{"name": r.Name, "spaces": r.Spaces, "key_prefix": r.KeyPrefix}, concerned...)
	ch.sources[r.UID] = &r
	ch.batch.Put(sourceKey(r.UID), encode(r))
}

func (ch *changer) deleteSource(uid string) {
	if old := ch.sources[uid]; old != nil {
		ch.log("source.delete", "source "+old.ID, nil, old.Spaces...)
	}
	delete(ch.sources, uid)
	ch.batch.Delete(sourceKey(uid))
}

func (ch *changer) putToken(r tokenRecord) {
	k := tokenKey{r.Space, r.Name}
	action := "token.change"
	if ch.tokens[k] == nil {
		action = "token.create"
	}
	ch.log(action, "token "+r.Name, map[string]any{"token_prefix": r.Prefix}, r.Space)
	ch.tokens[k] = &r
	ch.batch.Put(tokenKeyOf(k), encode(r))
}

func (ch *changer) deleteToken(k tokenKey) {
	ch.log("token.delete", "token "+k.name, nil, k.space)
	delete(ch.tokens, k)
	ch.batch.Delete(tokenKeyOf(k))
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // structs of strings, times and booleans always encode
	}
	return b
}
