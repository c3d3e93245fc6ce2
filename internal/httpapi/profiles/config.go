package profiles

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/guard"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/computed"
	"github.com/selfsame-id/selfsame/internal/space/overrides"
	"github.com/selfsame-id/selfsame/internal/space/query"
)

// Tokens knows the tokens of spaces.
type Tokens interface {
	// TokenBySecret finds a token of a space; nil without an error: there is none.
	TokenBySecret(ctx context.Context, space, secret string) (*catalog.Token, error)
}

// Space reads profiles.
type Space interface {
	ReadProfile(ctx context.Context, ref space.Ref, want query.Part) (query.Profile, error)
	ComputedValues(ctx context.Context, ref space.Ref) (computed.Values, error)
	NameIdentifiers(ctx context.Context, ids []profile.Identifier) error
	Events(ctx context.Context, ref space.Ref, q query.EventQuery) (query.EventPage, error)
	Links(ctx context.Context, ref space.Ref, limit int, next string) (query.LinkPage, error)
	Ruleset() *identity.Ruleset
	PreviewUndo(ctx context.Context, u overrides.Undo) (overrides.Regrouping, error)
	ApplyUndo(ctx context.Context, u overrides.Undo) (overrides.Regrouping, error)
}

// Config is what the Profile API needs.
type Config struct {
	Tokens Tokens
	Space  func(ctx context.Context, id string) (Space, error)
	Log    *slog.Logger

	// Admin knows the admin token, which reads every space without a limit; nil:
	// there is none.
	Admin *guard.Admin

	Budget *body.Budget // of the bodies of requests

	// Rate is how many requests a second each token may make; 0: no limit.
	Rate float64
}

type handler struct {
	Config
	rates rates
}

// Register adds the Profile API to mux and returns its routes, each a method and
// a path. The document in package openapi describes them.
func Register(mux *http.ServeMux, cfg Config) []string {
	h := &handler{Config: cfg}
	h.rates.perSecond = cfg.Rate
	mux.HandleFunc(profilePath+"external_ids/delete", h.deleteExternalIDs)
	mux.HandleFunc(profilePath+"external_ids/delete/{$}", h.deleteExternalIDs)
	routes := []string{"POST " + profilePath + "external_ids/delete"}
	for resource, serve := range map[string]resource{
		"traits":       h.traits,
		"external_ids": h.externalIDs,
		"events":       h.events,
		"metadata":     h.metadata,
		"links":        h.links,
	} {
		routes = append(routes, "GET "+profilePath+resource)
		mux.HandleFunc(profilePath+resource, h.serve(resource, serve))
		mux.HandleFunc(profilePath+resource+"/{$}", h.serve(resource, serve))
	}
	return routes
}

const profilePath = "/v1/spaces/{space}/collections/{collection}/profiles/{profile}/"
