package session

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/selfsame-id/selfsame/internal/httpapi/answer"
	"github.com/selfsame-id/selfsame/internal/httpapi/guard"
)

// Config is what signing in needs.
type Config struct {
	Store *Store
	Admin *guard.Admin // nil: there is no admin token, and nobody can sign in
	Log   *slog.Logger
}

// mostBytes bounds the body with which somebody signs in.
const mostBytes = 4 << 10

type sessionAnswer struct {
	SignedIn  bool       `json:"signed_in"`
	ExpiresAt *time.Time `json:"expires_at"`
}

// Register adds signing in and out to mux and returns the routes.
func Register(mux *http.ServeMux, cfg Config) (routes []string) {
	at := func(pattern string, serve func(w http.ResponseWriter, r *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "no-store")
			if err := serve(w, r); err != nil {
				answer.Error(w, r, cfg.Log, err)
			}
		})
		routes = append(routes, pattern)
	}
	at("POST /api/session", cfg.signIn)
	at("GET /api/session", cfg.show)
	at("DELETE /api/session", cfg.signOut)
	return routes
}

func (c Config) signIn(w http.ResponseWriter, r *http.Request) error {
	if c.Admin == nil {
		return answer.New(http.StatusForbidden, answer.Forbidden,
			"The server has no admin token. Set admin_token in its configuration file, or SELFSAME_ADMIN_TOKEN in its environment, and restart it.")
	}
	var in struct {
		Token string `json:"token"`
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostBytes))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return answer.New(http.StatusRequestEntityTooLarge, answer.TooLarge, "The body has more than %d bytes.", mostBytes)
		}
		return answer.Invalid(`the body is not {"token": "…"}`)
	}
	if _, err := d.Token(); err != io.EOF {
		return answer.Invalid("the body has something after the JSON object")
	}
	if in.Token == "" {
		return answer.Invalid("token is missing")
	}
	ok, err := c.Admin.Check(r, in.Token)
	if err != nil {
		return err
	}
	if !ok {
		c.Admin.Wrong(r, in.Token)
		return answer.New(http.StatusUnauthorized, answer.Unauthenticated, "This is not the admin token.")
	}
	until, err := c.Store.begin(w, r)
	if err != nil {
		return err
	}
	answer.JSON(w, http.StatusOK, sessionAnswer{true, answer.Time(until.UnixNano())})
	return nil
}

func (c Config) show(w http.ResponseWriter, r *http.Request) error {
	until, ok := c.Store.until(r)
	a := sessionAnswer{SignedIn: ok}
	if ok {
		a.ExpiresAt = answer.Time(until.UnixNano())
	}
	answer.JSON(w, http.StatusOK, a)
	return nil
}

func (c Config) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := c.Store.end(w, r); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
