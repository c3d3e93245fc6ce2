package app

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/email"
	"github.com/selfsame-id/selfsame/internal/deliver/file"
	"github.com/selfsame-id/selfsame/internal/deliver/kafka"
	"github.com/selfsame-id/selfsame/internal/deliver/nats"
	"github.com/selfsame-id/selfsame/internal/deliver/outgoing"
	"github.com/selfsame-id/selfsame/internal/deliver/segment"
	source "github.com/selfsame-id/selfsame/internal/deliver/truth"
	"github.com/selfsame-id/selfsame/internal/deliver/webhook"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/computed"
)

// kinds are the kinds of destinations, by the names that definitions use.
var kinds = map[string]deliver.Kind{
	"email":   email.Kind{},
	"file":    file.Kind{},
	"kafka":   kafka.Kind{},
	"nats":    nats.Kind{},
	"segment": segment.Kind{},
	"webhook": webhook.Kind{},
}

// destinations opens those of a space. They are told something only while this process
// serves: a command that looks into a directory sends nothing.
func (e *Engine) destinations(ctx context.Context, s *space.Space, c *computed.Computed) (*deliver.Dispatcher, error) {
	d, err := deliver.Open(ctx, deliver.Config{
		Space: s.ID(), Store: e.store, Keys: s.Keys(), Source: source.New(s, c), Kinds: kinds,
		Guard: &outgoing.Guard{Allow: []netip.Prefix(e.cfg.AllowPrivate)}, Tasks: e.tasks, Log: e.log,
		Audit: s.PutAudit, Dir: e.cfg.Deliveries, PublicURL: e.publicURL, Idle: !e.serving,
	})
	if err != nil {
		return nil, err
	}
	if e.serving {
		s.Follow(space.Follower{Duty: "destinations", Failed: "destinations could not be woken", Run: d.Look})
	}
	return d, nil
}

// publicURL is where people reach the server, for links in mails; "": nobody knows yet.
func (e *Engine) publicURL() string {
	if e.cfg.PublicURL != "" {
		return e.cfg.PublicURL
	}
	if url := e.listening.Load(); url != nil {
		return *url
	}
	return ""
}

// unsubscribe serves the pages that mails lead to.
func (e *Engine) unsubscribe() http.Handler {
	of := func(keys codec.Keyspace) *deliver.Dispatcher {
		for _, s := range e.open() {
			if s.Keys() == keys {
				return s.Dispatcher
			}
		}
		return nil
	}
	return deliver.UnsubscribeHandler(e.log, func(ctx context.Context, keys codec.Keyspace) (*deliver.Dispatcher, error) {
		if d := of(keys); d != nil {
			return d, nil
		}
		// Another node may have made the space, and sent the mail.
		err := e.OpenAll(ctx)
		if d := of(keys); d != nil {
			return d, nil
		}
		if err == nil {
			err = deliver.ErrNotFound
		}
		return nil, err
	})
}
