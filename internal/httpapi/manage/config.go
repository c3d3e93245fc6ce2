package manage

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/catalog"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/httpapi/body"
	"github.com/selfsame-id/selfsame/internal/httpapi/guard"
)

// Space is a space as its administrators see it. Each role is declared with the
// handlers that need it.
type Space interface {
	Ingester
	Profiles
	Journeys
	Feed
	Explainer
	Finder
	Exporter
	Rejects
	Rules
	Simulator
	Overrides
	Duplicates
	Auditor
	Definitions
	Destinations
	Insights
	Warnings
	Statistics
	Verifier
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

	// Erased says how many rows of a deleted space are erased, false if that has not
	// begun or is over; nil: not known.
	Erased func(ctx context.Context, space string) (int64, bool, error)

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
	exports     exports
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

	at("GET /api/spaces/{space}/definitions", h.getDefinitions)
	at("PUT /api/spaces/{space}/definitions", h.setDefinitions)
	at("POST /api/spaces/{space}/definitions/check", h.checkDefinitions)
	at("GET /api/spaces/{space}/definitions/versions", h.definitionsHistory)
	at("GET /api/spaces/{space}/definitions/versions/{version}", h.definitionsVersion)
	at("GET /api/spaces/{space}/audiences/{audience}/members", h.audienceMembers)
	at("POST /api/spaces/{space}/audiences/{audience}/preview", h.previewAudience)
	at("GET /api/spaces/{space}/profiles/{collection}/{profile}/computed", h.computedValues)

	at("GET /api/spaces/{space}/destinations", h.listDestinations)
	at("GET /api/spaces/{space}/destinations/{destination}", h.getDestination)
	at("GET /api/spaces/{space}/destinations/{destination}/queue", h.queuedMessages)
	at("GET /api/spaces/{space}/destinations/{destination}/dead-letters", h.deadLetters)
	at("POST /api/spaces/{space}/destinations/{destination}/dead-letters/retry", h.retryDeadLetters)
	at("POST /api/spaces/{space}/destinations/{destination}/dead-letters/discard", h.discardDeadLetters)
	at("POST /api/spaces/{space}/destinations/{destination}/enable", h.enableDestination)
	at("POST /api/spaces/{space}/destinations/{destination}/test", h.testDestination)
	at("GET /api/spaces/{space}/destinations/{destination}/dry-run", h.dryRun)
	at("GET /api/spaces/{space}/suppressions/{address}", h.getSuppression)
	at("PUT /api/spaces/{space}/suppressions/{address}", h.suppress)
	at("DELETE /api/spaces/{space}/suppressions/{address}", h.unsuppress)

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
	at("GET /api/spaces/{space}/profiles/{collection}/{profile}/journey", h.journey)
	at("GET /api/spaces/{space}/profiles/{collection}/{profile}/graph", h.profileGraph)
	at("GET /api/spaces/{space}/profiles/{collection}/{profile}/traits/history", h.traitHistory)
	at("GET /api/spaces/{space}/profiles/{collection}/{profile}/computed/history", h.computedHistory)
	at("GET /api/spaces/{space}/profiles/{collection}/{profile}/deliveries", h.personDeliveries)
	at("GET /api/spaces/{space}/events/recent", h.recentEvents)
	at("GET /api/spaces/{space}/explain", h.explain)
	at("GET /api/spaces/{space}/find", h.find)
	at("GET /api/spaces/{space}/export/{what}", h.exportData)
	at("GET /api/spaces/{space}/exports", h.listExports)
	at("GET /api/spaces/{space}/exports/{export}", h.getExport)
	at("GET /api/spaces/{space}/insights", h.listInsights)
	at("GET /api/spaces/{space}/insights/counts", h.countInsights)
	at("GET /api/spaces/{space}/warnings", h.listWarnings)
	at("POST /api/spaces/{space}/warnings/{warning}/dismiss", h.dismissWarning)
	at("GET /api/spaces/{space}/duplicates", h.listDuplicates)
	at("GET /api/spaces/{space}/duplicates/{duplicate}", h.getDuplicate)
	at("POST /api/spaces/{space}/duplicates/{duplicate}/dismiss", h.dismissDuplicate)
	at("POST /api/spaces/{space}/duplicates/{duplicate}/restore", h.restoreDuplicate)
	at("GET /api/spaces/{space}/feed", h.readFeed)
	at("GET /api/spaces/{space}/stats", h.stats)
	at("POST /api/spaces/{space}/verify", h.verify)
	at("GET /api/spaces/{space}/marks/{mark}", h.getMark)
	at("POST /api/spaces/{space}/import", h.importEvents)
	mux.HandleFunc("/api/", h.admin(h.nothing))
	return routes
}
