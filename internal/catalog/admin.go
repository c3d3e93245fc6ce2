package catalog

import (
	"context"
	"strings"
)

// adminPrefix begins every admin token that is made here.
const adminPrefix = "adm_"

// BootstrapAdmin makes an admin token for a server whose configuration has
// none, and returns it: it is nowhere else. When one was made before it does
// nothing and returns "".
func (c *Catalog) BootstrapAdmin(ctx context.Context) (string, error) {
	if c.current(ctx).admin != nil {
		return "", nil
	}
	return c.makeAdmin(ctx, false)
}

// RenewAdmin makes a new admin token in the place of the one that was made
// before, for whoever has lost it.
func (c *Catalog) RenewAdmin(ctx context.Context) (string, error) {
	return c.makeAdmin(ctx, true)
}

func (c *Catalog) makeAdmin(ctx context.Context, again bool) (token string, err error) {
	err = c.change(ctx, func(ch *changer) error {
		token = ""
		if ch.admin != nil && !again {
			return nil
		}
		token = newSecret(adminPrefix)
		d := digestOf(token)
		text, err := d.MarshalText()
		if err != nil {
			return err
		}
		ch.admin = &d
		ch.batch.Put(adminKey(), text)
		return nil
	})
	return token, err
}

// IsAdmin reports whether a secret is the admin token that was made here. While
// the store cannot be asked, none is. It is asked about every secret, of which
// only what may be an admin token is worth a read of the store.
func (c *Catalog) IsAdmin(ctx context.Context, secret string) bool {
	if !strings.HasPrefix(secret, adminPrefix) {
		return false
	}
	d := digestOf(secret)
	found, _ := lookUp(ctx, c, func(s *state) *digest {
		if s.admin == nil || !s.admin.equal(d) {
			return nil
		}
		return s.admin
	})
	return found != nil
}
