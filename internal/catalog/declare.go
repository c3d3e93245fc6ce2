package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
)

// Declared is what the configuration file says about the catalog.
type Declared struct {
	Spaces []DeclaredSpace
}

// DeclaredSpace is a space of the configuration file. A source that stands in
// several spaces with the same ID and write key is one source that feeds them
// all.
type DeclaredSpace struct {
	ID, Name string
	Sources  []DeclaredSource
	Tokens   []DeclaredToken
	Rules    bool // the file declares the space's rules as well
}

// DeclaredSource is a source of the configuration file.
type DeclaredSource struct {
	ID, Name, WriteKey string
	Former             []DeclaredKey
}

// DeclaredKey is a write key that a source had before, and until when it is taken.
type DeclaredKey struct {
	WriteKey string
	Until    time.Time
}

// DeclaredToken is a token of the configuration file.
type DeclaredToken struct {
	Name, Token string
}

// Apply makes the catalog hold what is declared. An entry that was declared
// before and no longer is stays as it is and may be changed through the API
// from now on. All mistakes are reported at once, as errors joined, and then
// nothing is changed. A declared space that is being deleted is left out: Apply it
// again when it is gone.
func (c *Catalog) Apply(ctx context.Context, d Declared) error {
	ctx = audit.With(ctx, audit.Actor{By: "config"})
	plan, err := planOf(d)
	if err != nil {
		return err
	}
	now := c.stamp()
	return c.change(ctx, func(ch *changer) error {
		plan := plan.without(ch.deleted)
		ch.applySpaces(plan, now)
		ch.applySources(plan, now)
		ch.applyTokens(plan, now)
		return nil
	})
}

// declaredPlan is Declared, checked and with the sources put together.
type declaredPlan struct {
	spaces  map[string]Space
	sources []sourceRecord
	tokens  map[tokenKey]tokenRecord
}

func planOf(d Declared) (declaredPlan, error) {
	p := declaredPlan{spaces: map[string]Space{}, tokens: map[tokenKey]tokenRecord{}}
	var wrong []error
	add := func(err error) {
		if err != nil {
			wrong = append(wrong, err)
		}
	}
	for _, sp := range d.Spaces {
		what := fmt.Sprintf("space %q", sp.ID)
		add(checkID(what, sp.ID))
		add(checkName(what, sp.Name))
		if _, twice := p.spaces[sp.ID]; twice {
			add(fmt.Errorf("%w: %s is declared twice", ErrInvalid, what))
		}
		p.spaces[sp.ID] = Space{ID: sp.ID, Name: orElse(sp.Name, sp.ID), Declared: true, RulesDeclared: sp.Rules}
		for _, src := range sp.Sources {
			add(p.addSource(sp.ID, src))
		}
		for _, tok := range sp.Tokens {
			add(p.addToken(sp.ID, tok))
		}
	}
	return p, errors.Join(wrong...)
}

func (p *declaredPlan) addSource(space string, src DeclaredSource) error {
	what := fmt.Sprintf("source %q of space %q", src.ID, space)
	if err := errors.Join(checkID(what, src.ID), checkName(what, src.Name), checkSecret("the write_key of "+what, src.WriteKey)); err != nil {
		return err
	}
	for _, k := range src.Former {
		if err := checkSecret("a former key of "+what, k.WriteKey); err != nil {
			return err
		}
	}
	secret := digestOf(src.WriteKey)
	for i := range p.sources {
		other := &p.sources[i]
		if !other.Secret.equal(secret) {
			if other.ID == src.ID && slices.Contains(other.Spaces, space) {
				return fmt.Errorf("%w: %s is declared twice", ErrInvalid, what)
			}
			continue
		}
		if other.ID != src.ID {
			return fmt.Errorf("%w: %s has the write_key of source %q; a write key belongs to one source", ErrInvalid, what, other.ID)
		}
		other.Spaces = sorted(append(other.Spaces, space))
		other.declareFormer(src.Former)
		return nil
	}
	r := sourceRecord{Secret: secret}
	r.declareFormer(src.Former)
	p.sources = append(p.sources, sourceRecord{Secret: secret, Former: r.Former, Source: Source{
		ID: src.ID, Name: orElse(src.Name, src.ID), Spaces: []string{space}, KeyPrefix: prefixOf(src.WriteKey), Declared: true,
	}})
	return nil
}

func (p *declaredPlan) addToken(space string, tok DeclaredToken) error {
	what := fmt.Sprintf("token %q of space %q", tok.Name, space)
	if tok.Name == "" {
		return fmt.Errorf("%w: a token of space %q has no name", ErrInvalid, space)
	}
	if err := errors.Join(checkName(what, tok.Name), checkSecret("the token of "+what, tok.Token)); err != nil {
		return err
	}
	key := tokenKey{space, tok.Name}
	if _, twice := p.tokens[key]; twice {
		return fmt.Errorf("%w: %s is declared twice", ErrInvalid, what)
	}
	p.tokens[key] = tokenRecord{Secret: digestOf(tok.Token), Token: Token{
		Space: space, Name: tok.Name, Prefix: prefixOf(tok.Token), Declared: true,
	}}
	return nil
}

func (ch *changer) applySpaces(p declaredPlan, now time.Time) {
	for id, sp := range p.spaces {
		old := ch.spaces[id]
		if sp.CreatedAt = now; old != nil {
			sp.CreatedAt = old.CreatedAt
		}
		if old == nil || *old != sp {
			ch.putSpace(sp)
		}
	}
	for id, old := range ch.spaces {
		if _, still := p.spaces[id]; !still && (old.Declared || old.RulesDeclared) {
			sp := *old
			sp.Declared, sp.RulesDeclared = false, false
			ch.putSpace(sp)
		}
	}
}

func (ch *changer) applySources(p declaredPlan, now time.Time) {
	known := ch.match(p.sources)
	kept := map[string]bool{}
	for _, r := range known {
		if r != nil {
			kept[r.UID] = true
		}
	}
	for i, want := range p.sources {
		want.UID, want.CreatedAt, want.KeyCreatedAt = newUID(), now, now
		if old := known[i]; old != nil {
			want.UID, want.CreatedAt = old.UID, old.CreatedAt
			if old.Secret.equal(want.Secret) {
				want.KeyCreatedAt = old.KeyCreatedAt
			}
			want.takeFormer(old, now)
		}
		want.dateFormer(now)
		// Others of the same ID that fed one of these spaces give it up: what the
		// file says about a space and a source ID holds.
		for uid, r := range ch.sources {
			if r.ID == want.ID && !kept[uid] {
				ch.giveUp(*r, want.Spaces)
			}
		}
		kept[want.UID] = true
		if old := known[i]; old == nil || !sameSource(*old, want) {
			ch.putSource(want)
		}
	}
	for uid, old := range ch.sources {
		if old.Declared && !kept[uid] {
			r := *old
			r.Declared = false
			ch.putSource(r)
		}
	}
}

// match finds the record of each declared source, nil for a new one: the one
// with its write key, whatever it was called until now, or else the one with
// its ID in one of its spaces.
func (ch *changer) match(wanted []sourceRecord) []*sourceRecord {
	found := make([]*sourceRecord, len(wanted))
	taken := map[string]bool{}
	for i, want := range wanted {
		for uid, r := range ch.sources {
			if r.Secret.equal(want.Secret) {
				found[i], taken[uid] = r, true
			}
		}
	}
	for i, want := range wanted {
		for _, space := range want.Spaces {
			if r, err := ch.source(space, want.ID); err == nil && found[i] == nil && !taken[r.UID] {
				found[i], taken[r.UID] = r, true
			}
		}
	}
	return found
}

// giveUp takes spaces from what a source feeds.
func (ch *changer) giveUp(r sourceRecord, spaces []string) {
	var left []string
	for _, s := range r.Spaces {
		if !slices.Contains(spaces, s) {
			left = append(left, s)
		}
	}
	switch {
	case len(left) == len(r.Spaces):
	case len(left) == 0:
		ch.deleteSource(r.UID)
	default:
		r.Spaces = left
		ch.putSource(r)
	}
}

func sameSource(a, b sourceRecord) bool {
	return a.UID == b.UID && a.ID == b.ID && a.Name == b.Name && a.KeyPrefix == b.KeyPrefix &&
		a.Declared == b.Declared && slices.Equal(a.Spaces, b.Spaces) && a.Secret.equal(b.Secret) &&
		slices.EqualFunc(a.Former, b.Former, sameFormer)
}

func (ch *changer) applyTokens(p declaredPlan, now time.Time) {
	for key, want := range p.tokens {
		old := ch.tokens[key]
		if want.CreatedAt = now; old != nil {
			want.CreatedAt = old.CreatedAt
		}
		if old == nil || *old != want {
			ch.putToken(want)
		}
	}
	for key, old := range ch.tokens {
		if _, still := p.tokens[key]; !still && old.Declared {
			r := *old
			r.Declared = false
			ch.putToken(r)
		}
	}
}
