package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
)

// A space is deleted in two steps. DeleteSpace leaves a tombstone: from then on
// there is no such space for anybody, on this node at once and on every other as
// soon as its view is current. Then whoever owns the data erases it, and
// ForgetSpace takes the tombstone away. Only then the ID is free again. What the
// audit trail says of the space stays.

// Loss is what the catalog loses with a space.
type Loss struct {
	Space   Space
	Deleted []Source // fed only this space; their write keys are refused from now on
	Kept    []Source // go on feeding other spaces
	Tokens  int
}

// PreviewDeletion says what DeleteSpace would do.
func (c *Catalog) PreviewDeletion(ctx context.Context, id string) (Loss, error) {
	s, err := c.fresh(ctx)
	if err != nil {
		return Loss{}, err
	}
	return s.loss(id)
}

// loss looks up what goes with a space. ErrDeclared if only the configuration
// file may delete it.
func (s *state) loss(id string) (l Loss, err error) {
	sp, err := s.space(id)
	if err != nil {
		return l, err
	}
	if sp.Declared {
		return l, fmt.Errorf("space %q is %w; take the space out of the file first, then it can be deleted", id, ErrDeclared)
	}
	l.Space = *sp
	for _, r := range s.sources {
		switch {
		case !slices.Contains(r.Spaces, id):
		case len(r.Spaces) == 1:
			l.Deleted = append(l.Deleted, r.public())
		default:
			l.Kept = append(l.Kept, r.public())
		}
	}
	for _, list := range [][]Source{l.Deleted, l.Kept} {
		slices.SortFunc(list, func(a, b Source) int { return compare(a.ID, b.ID) })
	}
	for k := range s.tokens {
		if k.space == id {
			l.Tokens++
		}
	}
	return l, nil
}

// DeleteSpace deletes a space with its tokens and the sources that feed no other
// space: a source that feeds nothing would take events and lose them, so its key is
// refused, and who goes on sending with it is in the list of unknown keys. The
// data is erased later, see ForgetSpace.
func (c *Catalog) DeleteSpace(ctx context.Context, id string) (l Loss, err error) {
	now := c.stamp()
	err = c.change(ctx, func(ch *changer) error {
		if l, err = ch.loss(id); err != nil {
			return err
		}
		for _, r := range ch.sources {
			ch.giveUp(*r, []string{id})
		}
		for k := range ch.tokens {
			if k.space == id {
				ch.deleteToken(k)
			}
		}
		l.Space.DeletedAt = &now
		ch.putSpace(l.Space)
		return nil
	})
	return l, err
}

// DeletedSpaces lists the spaces that are being deleted, in order of ID.
func (c *Catalog) DeletedSpaces(ctx context.Context) []Space {
	s := c.current(ctx)
	out := make([]Space, 0, len(s.deleted))
	for _, sp := range s.deleted {
		out = append(out, *sp)
	}
	slices.SortFunc(out, func(a, b Space) int { return compare(a.ID, b.ID) })
	return out
}

// Version changes with every change of the catalog. It looks into memory only.
func (c *Catalog) Version() string { return string(c.view.Load().version) }

// Made says when a space was made, false if there is none of that ID or it is
// being deleted. It looks into memory only.
func (c *Catalog) Made(id string) (time.Time, bool) {
	if sp := c.view.Load().spaces[id]; sp != nil {
		return sp.CreatedAt, true
	}
	return time.Time{}, false
}

// RequireDeleted makes a batch a conflict unless the space, as DeletedSpaces has
// it, is still being deleted: whoever erases by an old list would erase a new space
// of the same ID.
func RequireDeleted(b *kv.Batch, sp Space) { b.Require(spaceKey(sp.ID), encode(sp)) }

// ForgetSpace ends the deletion of a space whose data is erased: its ID is free
// again. It is good to call it twice.
func (c *Catalog) ForgetSpace(ctx context.Context, sp Space) error {
	return c.change(ctx, func(ch *changer) error {
		now := ch.deleted[sp.ID]
		if now == nil || sp.DeletedAt == nil || !now.DeletedAt.Equal(*sp.DeletedAt) {
			return nil
		}
		ch.log("space.erased", "space "+sp.ID, nil, sp.ID)
		delete(ch.deleted, sp.ID)
		ch.batch.Delete(spaceKey(sp.ID))
		return nil
	})
}

// without is the plan without spaces that are being deleted.
func (p declaredPlan) without(deleted map[string]*Space) declaredPlan {
	if len(deleted) == 0 {
		return p
	}
	left := declaredPlan{spaces: map[string]Space{}, tokens: map[tokenKey]tokenRecord{}}
	for id, sp := range p.spaces {
		if deleted[id] == nil {
			left.spaces[id] = sp
		}
	}
	for _, r := range p.sources {
		r.Spaces = slices.DeleteFunc(slices.Clone(r.Spaces), func(id string) bool { return deleted[id] != nil })
		if len(r.Spaces) > 0 {
			left.sources = append(left.sources, r)
		}
	}
	for k, r := range p.tokens {
		if deleted[k.space] == nil {
			left.tokens[k] = r
		}
	}
	return left
}
