package catalog

import "context"

// Secrets are looked up by their hash. How long that takes says something about
// the hash of what was guessed, which the guesser knows anyway, and nothing
// about the secrets.

// SourceByKey finds the source of a write key; nil: there is none. It is called
// for every request and looks into memory only, except that a miss on a store that
// other nodes write to waits for a read of it. An error says that the store could
// not be asked, so whether there is such a source is not known. The result is
// shared and must not be changed.
func (c *Catalog) SourceByKey(ctx context.Context, writeKey string) (*Source, error) {
	if writeKey == "" {
		return nil, nil
	}
	d := digestOf(writeKey)
	return lookUp(ctx, c, func(s *state) *Source { return s.sourceOf(d, c.now) })
}

// TokenBySecret finds the token of a space as SourceByKey finds a source.
func (c *Catalog) TokenBySecret(ctx context.Context, space, secret string) (*Token, error) {
	if secret == "" {
		return nil, nil
	}
	key := tokenSecret{space, digestOf(secret)}
	return lookUp(ctx, c, func(s *state) *Token { return s.byToken[key] })
}

// lookUp looks into the view, and if that has nothing into one that was read after
// the call. A view that is too old and could not be compared with the store gives
// nothing: what it has may have been taken away.
func lookUp[T any](ctx context.Context, c *Catalog, find func(*state) *T) (*T, error) {
	if s, ok := c.recent(); ok {
		if found := find(s); found != nil || c.store.Exclusive() {
			return found, nil
		}
	}
	s, err := c.fresh(ctx)
	if err != nil {
		return nil, err
	}
	return find(s), nil
}
