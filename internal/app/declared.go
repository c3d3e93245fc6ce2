package app

import (
	"context"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/config"
	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// declare applies what the configuration says about spaces, sources and tokens.
func (e *Engine) declare(ctx context.Context) error {
	if err := e.catalog.Apply(ctx, declaredOf(e.cfg.Spaces)); err != nil {
		return err
	}
	for _, s := range e.cfg.Spaces {
		if _, there := e.catalog.Made(s.ID); !there {
			e.log.Warn("the configuration declares a space while another one of its ID is being deleted; it will be made when that is erased", "space", s.ID)
		}
	}
	return nil
}

func declaredOf(spaces []config.Space) catalog.Declared {
	var d catalog.Declared
	for _, s := range spaces {
		one := catalog.DeclaredSpace{ID: s.ID, Name: s.Name, Rules: s.Rules != nil}
		for _, src := range s.Sources {
			declared := catalog.DeclaredSource{ID: src.ID, Name: src.Name, WriteKey: src.WriteKey}
			for _, k := range src.FormerKeys {
				declared.Former = append(declared.Former, catalog.DeclaredKey{WriteKey: k.WriteKey, Until: k.Until.Time})
			}
			one.Sources = append(one.Sources, declared)
		}
		for _, t := range s.Tokens {
			one.Tokens = append(one.Tokens, catalog.DeclaredToken{Name: t.Name, Token: t.Token})
		}
		d.Spaces = append(d.Spaces, one)
	}
	return d
}

// rules are the rules that the configuration declares for a space, or nil.
func (e *Engine) rules(id string) *identity.Rules {
	for _, s := range e.cfg.Spaces {
		if s.ID == id {
			return s.Rules
		}
	}
	return nil
}

// definitions is the space of the configuration that declares the definitions of a
// space, or nil.
func (e *Engine) definitions(id string) *config.Space {
	for i := range e.cfg.Spaces {
		if s := &e.cfg.Spaces[i]; s.ID == id && s.Definitions != "" {
			return s
		}
	}
	return nil
}

// declareDefinitions puts the definitions that a configuration declares in force, if
// others are. A mistake in either part leaves both as they are.
func declareDefinitions(ctx context.Context, s *config.Space, values *computed.Computed, destinations *deliver.Dispatcher) error {
	ctx = audit.With(ctx, audit.Actor{By: "config"})
	if _, err := destinations.CheckDestinations(ctx, s.DefinitionsText); err != nil {
		return err
	}
	if err := values.ApplyDeclared(ctx, s.DefinitionsText); err != nil {
		return err
	}
	_, err := destinations.ApplyDestinations(ctx, s.DefinitionsText)
	return err
}
