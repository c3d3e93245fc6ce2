package catalog

import (
	"context"
	"fmt"
	"slices"
)

// CreateSpace makes a space. Without a name it is called by its ID.
func (c *Catalog) CreateSpace(ctx context.Context, id, name string) (Space, error) {
	if err := checkID("the space", id); err != nil {
		return Space{}, err
	}
	if err := checkName("the space", name); err != nil {
		return Space{}, err
	}
	sp := Space{ID: id, Name: orElse(name, id), CreatedAt: c.stamp()}
	err := c.change(ctx, func(ch *changer) error {
		if ch.spaces[id] != nil {
			return fmt.Errorf("space %q %w", id, ErrExists)
		}
		if ch.deleted[id] != nil {
			return fmt.Errorf("space %q %w", id, ErrDeleting)
		}
		ch.putSpace(sp)
		return nil
	})
	return sp, err
}

// RenameSpace gives a space another name.
func (c *Catalog) RenameSpace(ctx context.Context, id, name string) (sp Space, err error) {
	if err := checkName("the space", name); err != nil {
		return Space{}, err
	}
	err = c.change(ctx, func(ch *changer) error {
		old, err := ch.space(id)
		if err != nil {
			return err
		}
		if old.Declared {
			return fmt.Errorf("space %q is %w", id, ErrDeclared)
		}
		sp = *old
		sp.Name = orElse(name, id)
		ch.putSpace(sp)
		return nil
	})
	return sp, err
}

// CreateSource makes a source that feeds the spaces, with a new write key,
// which is never to be seen again. Without a name it is called by its ID.
func (c *Catalog) CreateSource(ctx context.Context, id, name string, spaces ...string) (Source, string, error) {
	if err := checkID("the source", id); err != nil {
		return Source{}, "", err
	}
	if err := checkName("the source", name); err != nil {
		return Source{}, "", err
	}
	if len(spaces) == 0 {
		return Source{}, "", fmt.Errorf("%w: source %q feeds no space", ErrInvalid, id)
	}
	key := newSecret("wk_")
	r := sourceRecord{UID: newUID(), Secret: digestOf(key), Source: Source{
		ID: id, Name: orElse(name, id), Spaces: sorted(spaces), KeyPrefix: prefixOf(key), CreatedAt: c.stamp(),
	}}
	r.KeyCreatedAt = r.CreatedAt
	err := c.change(ctx, func(ch *changer) error {
		if err := ch.mayFeed(r.UID, id, r.Spaces); err != nil {
			return err
		}
		ch.putSource(r)
		return nil
	})
	if err != nil {
		return Source{}, "", err
	}
	return r.public(), key, nil
}

// SourceChange says what of a source is to be changed; nil fields stay.
type SourceChange struct {
	Name   *string
	Spaces []string
}

// UpdateSource changes a source's name or the spaces that it feeds.
func (c *Catalog) UpdateSource(ctx context.Context, space, id string, what SourceChange) (src Source, err error) {
	if what.Name != nil {
		if err := checkName("the source", *what.Name); err != nil {
			return Source{}, err
		}
	}
	if what.Spaces != nil && len(what.Spaces) == 0 {
		return Source{}, fmt.Errorf("%w: source %q would feed no space; delete it instead", ErrInvalid, id)
	}
	err = c.changeSource(ctx, space, id, "", func(ch *changer, r *sourceRecord) error {
		if what.Name != nil {
			r.Name = orElse(*what.Name, id)
		}
		if what.Spaces != nil {
			r.Spaces = sorted(what.Spaces)
			if err := ch.mayFeed(r.UID, id, r.Spaces); err != nil {
				return err
			}
		}
		src = r.public()
		ch.putSource(*r)
		return nil
	})
	return src, err
}

// DeleteSource removes a source: its write key is refused from now on. What it
// has sent stays.
func (c *Catalog) DeleteSource(ctx context.Context, space, id string) error {
	return c.changeSource(ctx, space, id, "", func(ch *changer, r *sourceRecord) error {
		ch.deleteSource(r.UID)
		return nil
	})
}

// changeSource changes a source that the file does not declare. inFile says how the
// file does it.
func (c *Catalog) changeSource(ctx context.Context, space, id, inFile string, fn func(*changer, *sourceRecord) error) error {
	return c.change(ctx, func(ch *changer) error {
		if _, err := ch.space(space); err != nil {
			return err
		}
		old, err := ch.source(space, id)
		if err != nil {
			return err
		}
		if old.Declared {
			return fmt.Errorf("source %q of space %q is %w%s", id, space, ErrDeclared, inFile)
		}
		r := *old
		return fn(ch, &r)
	})
}

// mayFeed checks that spaces exist and that no other source of the same ID
// feeds one of them.
func (ch *changer) mayFeed(uid, id string, spaces []string) error {
	for _, space := range spaces {
		if _, err := ch.space(space); err != nil {
			return err
		}
		if other, err := ch.source(space, id); err == nil && other.UID != uid {
			return fmt.Errorf("source %q of space %q %w", id, space, ErrExists)
		}
	}
	return nil
}

// CreateToken makes a token that reads the profiles of a space and returns the
// secret, which is never to be seen again.
func (c *Catalog) CreateToken(ctx context.Context, space, name string) (Token, string, error) {
	if name == "" {
		return Token{}, "", fmt.Errorf("%w: the token has no name; call it after the app that uses it", ErrInvalid)
	}
	if err := checkName("the token", name); err != nil {
		return Token{}, "", err
	}
	secret := newSecret("tok_")
	r := tokenRecord{Secret: digestOf(secret), Token: Token{
		Space: space, Name: name, Prefix: prefixOf(secret), CreatedAt: c.stamp(),
	}}
	err := c.change(ctx, func(ch *changer) error {
		if _, err := ch.space(space); err != nil {
			return err
		}
		if _, err := ch.token(space, name); err == nil {
			return fmt.Errorf("token %q of space %q %w", name, space, ErrExists)
		}
		ch.putToken(r)
		return nil
	})
	if err != nil {
		return Token{}, "", err
	}
	return r.Token, secret, nil
}

// DeleteToken removes a token: it is refused from now on.
func (c *Catalog) DeleteToken(ctx context.Context, space, name string) error {
	return c.change(ctx, func(ch *changer) error {
		if _, err := ch.space(space); err != nil {
			return err
		}
		r, err := ch.token(space, name)
		if err != nil {
			return err
		}
		if r.Declared {
			return fmt.Errorf("token %q of space %q is %w", name, space, ErrDeclared)
		}
		ch.deleteToken(tokenKey{space, name})
		return nil
	})
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func sorted(ids []string) []string {
	out := slices.Clone(ids)
	slices.Sort(out)
	return slices.Compact(out)
}
