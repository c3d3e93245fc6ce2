package tracking

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
)

// settings is what an SDK in a browser or on a phone loads before it sends
// anything. It names one integration, ours under Segment's name, and points it
// back to this server.
func (h *handler) settings(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("writeKey")
	if _, err := h.authenticate(r, key); err != nil {
		if errors.Is(err, noSource) {
			h.unknown(r, key, "")
			err = answer.New(http.StatusNotFound, answer.NotFound, "No source has this write key.")
		}
		answer.Failure(w, r, h.Log, err)
		return
	}
	scheme, host := h.address(r)
	segment := object{
		"apiKey":                key,
		"apiHost":               host + "/v1",
		"protocol":              scheme,
		"unbundledIntegrations": []string{},
		"addBundledMetadata":    true,
	}
	if b := h.Batching; b != nil {
		segment["deliveryStrategy"] = object{
			"strategy": "batching",
			"config":   object{"size": b.Size, "timeout": b.Timeout.Milliseconds()},
		}
	}
	everything := object{"__default": object{"enabled": true, "integrations": object{}}}
	w.Header().Set("Cache-Control", "no-cache")
	answer.JSON(w, http.StatusOK, object{
		"integrations":              object{"Segment.io": segment},
		"plan":                      object{"track": everything, "identify": everything, "group": everything},
		"edgeFunction":              object{},
		"middlewareSettings":        object{},
		"enabledMiddleware":         object{},
		"analyticsNextEnabled":      true,
		"legacyVideoPluginsEnabled": false,
		"remotePlugins":             []object{},
		// SDKs need not measure themselves for us.
		"metrics": object{"sampleRate": 0, "host": host + "/v1", "protocol": scheme},
	})
}

type object map[string]any

// address is where the client reaches us: as configured, or as it asked us or a
// proxy that is trusted.
func (h *handler) address(r *http.Request) (scheme, host string) {
	if u, err := url.Parse(h.PublicURL); err == nil && u.Host != "" {
		return u.Scheme, u.Host + strings.TrimRight(u.Path, "/")
	}
	return h.Proxies.Base(r)
}
