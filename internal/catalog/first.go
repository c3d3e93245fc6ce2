package catalog

import (
	"context"
	"time"
)

// First is what Bootstrap made. Its secrets are nowhere else.
type First struct {
	Space, Source, WriteKey, TokenName, Token string
}

// Bootstrap makes a space to begin with, "dev" with one source and one token,
// when there is no space at all. Otherwise it does nothing and returns nil.
func (c *Catalog) Bootstrap(ctx context.Context) (*First, error) {
	var first *First
	err := c.change(ctx, func(ch *changer) error {
		first = nil
		if len(ch.spaces)+len(ch.deleted) > 0 {
			return nil
		}
		now := c.stamp()
		f := First{Space: "dev", Source: "app", WriteKey: newSecret("wk_"), TokenName: "default", Token: newSecret("tok_")}
		ch.putSpace(Space{ID: f.Space, Name: "Development", CreatedAt: now})
		ch.putSource(sourceRecord{UID: newUID(), Secret: digestOf(f.WriteKey), Source: Source{
			ID: f.Source, Name: "App", Spaces: []string{f.Space}, KeyPrefix: prefixOf(f.WriteKey), CreatedAt: now, KeyCreatedAt: now,
		}})
		ch.putToken(tokenRecord{Secret: digestOf(f.Token), Token: Token{
			Space: f.Space, Name: f.TokenName, Prefix: prefixOf(f.Token), CreatedAt: now,
		}})
		first = &f
		return nil
	})
	if err != nil {
		return nil, err
	}
	return first, nil
}

// stamp is now, as it comes back from the store.
func (c *Catalog) stamp() time.Time { return c.now().UTC().Truncate(time.Millisecond) }
