package manage

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/guard"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
)

// Space is a space as its administrators see it.
type Space interface {
	Ingest(ctx context.Context, d space.Delivery) (space.Receipt, error)
	Profile(ctx context.Context, ref space.Ref) (space.Profile, error)
	CountEvents(ctx context.Context, ref space.Ref, most int64) (int64, error)
	Explain(ctx context.Context, a, b space.Ref) (space.Explanation, error)
	Story(ctx context.Context, ref space.Ref, limit int, next string) (space.StoryPage, error)
	Rejects(ctx context.Context, q space.RejectQuery) (space.RejectPage, error)
	Reject(ctx context.Context, id string) (space.Reject, error)
	RejectCounts(ctx context.Context) ([]space.RejectCount, error)
	Rules(ctx context.Context) (space.RulesVersion, error)
	SetRules(ctx context.Context, r identity.Rules, only *uint64) error
	PlanSimulation(ctx context.Context, draft identity.Rules) (space.SimulationPlan, error)
	Simulate(ctx context.Context, draft identity.Rules, progress space.Progress) (*space.Simulated, error)
	RulesHistory(ctx context.Context, limit int, next string) (space.RulesPage, error)
	RulesAt(ctx context.Context, version uint64) (space.RulesVersion, error)
	Audit(ctx context.Context, limit int, next string) (space.AuditPage, error)
	Overrides(ctx context.Context, limit int, next string) (space.OverridePage, error)
	Override(ctx context.Context, id string) (space.Override, uint64, error)
	PreviewUndo(ctx context.Context, u space.Undo) (space.Regrouping, error)
	ApplyUndo(ctx context.Context, u space.Undo) (space.Regrouping, error)
	Insights(ctx context.Context, q space.InsightQuery) (space.InsightPage, error)
	Warnings(ctx context.Context, state string, limit int, next string) (space.WarningPage, error)
	DismissWarning(ctx context.Context, id string) (space.Warning, error)
	Tallies(ctx context.Context, q space.TallyQuery) ([]space.TallyAt, error)
	Feed(ctx context.Context, cursor string, limit int) ([]feed.Record, string, error)
	Mark(ctx context.Context, name string) ([]byte, error)
	Stats() space.Stats
	SourceCounts(ctx context.Context) (map[string]space.SourceCount, error)
	Verify(ctx context.Context, progress space.Progress) (space.VerifyReport, error)
}

// Config is what the management API needs.
type Config struct {
	Catalog *catalog.Catalog
	Space   func(ctx context.Context, id string) (Space, error)
	Now     func() time.Time
	Log     *slog.Logger
	Budget  *body.Budget

	// Lost knows what starts found missing; nil: nothing can be.
	Lost Losses

	// Erased says how many rows of a deleted space are erased; nil: not known.
	Erased func(ctx context.Context, space string) (int64, error)

	// Admin knows the admin token; nil: there is none, and everything is refused.
	Admin *guard.Admin

	Limits       event.Limits  // of messages that are sent again or imported
	ImportBytes  int           // of one request of an import, unpacked
	ImportEvents int           // in one request of an import
	BodyPause    time.Duration // see body.Limits
}

type handler struct {
	Config
	marks keyedLocks // one import at a time for each mark

	simulations simulations
}

// Register adds the management API to mux and returns its routes, each a method
// and a path. The document in package openapi describes them.
func Register(mux *http.ServeMux, cfg Config) (routes []string) {
	h := &handler{Config: cfg}
	at := func(pattern string, serve endpoint) {
		mux.HandleFunc(pattern, h.admin(serve))
		routes = append(routes, pattern)
	}

	at("GET /api/spaces", h.listSpaces)
	at("POST /api/spaces", h.createSpace)
	at("GET /api/spaces/{space}", h.getSpace)
	at("PATCH /api/spaces/{space}", h.renameSpace)
	at("DELETE /api/spaces/{space}", h.deleteSpace)

	at("GET /api/unknown-keys", h.listUnknownKeys)
	at("DELETE /api/unknown-keys", h.forgetUnknownKeys)

	at("GET /api/spaces/{space}/sources", h.listSources)
	at("POST /api/spaces/{space}/sources", h.createSource)
	at("GET /api/spaces/{space}/sources/{source}", h.getSource)
	at("PATCH /api/spaces/{space}/sources/{source}", h.updateSource)
	at("DELETE /api/spaces/{space}/sources/{source}", h.deleteSource)
	at("POST /api/spaces/{space}/sources/{source}/rotate", h.rotateSource)
	at("POST /api/spaces/{space}/sources/{source}/retire", h.retireKeys)

	at("GET /api/spaces/{space}/tokens", h.listTokens)
	at("POST /api/spaces/{space}/tokens", h.createToken)
	at("DELETE /api/spaces/{space}/tokens/{token}", h.deleteToken)

	at("GET /api/spaces/{space}/rules", h.getRules)
	at("PUT /api/spaces/{space}/rules", h.setRules)
	at("POST /api/spaces/{space}/rules/check", h.checkRules)
	at("POST /api/spaces/{space}/rules/copy", h.copyRules)
	at("GET /api/spaces/{space}/rules/versions", h.rulesHistory)
	at("GET /api/spaces/{space}/rules/versions/{version}", h.rulesVersion)
	at("POST /api/spaces/{space}/rules/versions/{version}/restore", h.rollBack)

	at("GET /api/spaces/{space}/simulations", h.listSimulations)
	at("POST /api/spaces/{space}/simulations", h.startSimulation)
	at("GET /api/spaces/{space}/simulations/{simulation}", h.getSimulation)
	at("DELETE /api/spaces/{space}/simulations/{simulation}", h.cancelSimulation)

	at("GET /api/spaces/{space}/overrides", h.listOverrides)
	at("POST /api/spaces/{space}/overrides", h.addOverride)
	at("GET /api/spaces/{space}/overrides/{override}", h.getOverride)
	at("DELETE /api/spaces/{space}/overrides/{override}", h.removeOverride)
	at("GET /api/spaces/{space}/audit", h.spaceAudit)

	at("GET /api/spaces/{space}/rejects", h.listRejects)
	at("GET /api/spaces/{space}/rejects/counts", h.countRejects)
	at("POST /api/spaces/{space}/rejects/resend", h.resendAll)
	at("GET /api/spaces/{space}/rejects/{reject}", h.getReject)
	at("POST /api/spaces/{space}/rejects/{reject}/resend", h.resendOne)

	at("GET /api/spaces/{space}/profiles/{collection}/{profile}", h.getProfile)
	at("GET /api/spaces/{space}/profiles/{collection}/{profile}/story", h.story)
	at("GET /api/spaces/{space}/explain", h.explain)
	at("GET /api/spaces/{space}/insights", h.listInsights)
	at("GET /api/spaces/{space}/insights/counts", h.countInsights)
	at("GET /api/spaces/{space}/warnings", h.listWarnings)
	at("POST /api/spaces/{space}/warnings/{warning}/dismiss", h.dismissWarning)
	at("GET /api/spaces/{space}/feed", h.readFeed)
	at("GET /api/spaces/{space}/stats", h.stats)
	at("POST /api/spaces/{space}/verify", h.verify)
	at("GET /api/spaces/{space}/marks/{mark}", h.getMark)
	at("POST /api/spaces/{space}/import", h.importEvents)
	mux.HandleFunc("/api/", h.admin(h.nothing))
	return routes
}
