package catalog

import "context"

// Secrets are looked up by their hash. How long that takes says something about
// the hash of what was guessed, which the guesser knows anyway, and nothing
// about the secrets.

// SourceByKey finds the source of a write key. It is called for every request
// and looks into memory only, except that a miss asks a store that other nodes
// write to, once a second at most. The result is shared and must not be changed.
func (c *Catalog) SourceByKey(ctx context.Context, writeKey string) (*Source, bool) {
	if writeKey == "" {
		return nil, false
	}
	d := digestOf(writeKey)
	if src := c.current(ctx).sourceOf(d, c.now); src != nil {
		return src, true
	}
	src := c.afterMiss(ctx).sourceOf(d, c.now)
	return src, src != nil
}

// TokenBySecret finds the token of a space. The result is shared and must not
// be changed.
func (c *Catalog) TokenBySecret(ctx context.Context, space, secret string) (*Token, bool) {
	if secret == "" {
		return nil, false
	}
	key := tokenSecret{space, digestOf(secret)}
	if t := c.current(ctx).byToken[key]; t != nil {
		return t, true
	}
	t := c.afterMiss(ctx).byToken[key]
	return t, t != nil
}
