package catalog

import "context"

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
		token = newSecret("adm_")
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

// IsAdmin reports whether a secret is the admin token that was made here.
func (c *Catalog) IsAdmin(ctx context.Context, secret string) bool {
	admin := c.current(ctx).admin
	return admin != nil && secret != "" && admin.equal(digestOf(secret))
}
