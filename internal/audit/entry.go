package audit

import (
	"context"
	"encoding/json"
	"strings"
	"unicode"
)

// Entry is one line of an audit trail. It never holds a secret.
type Entry struct {
	Time    int64  `json:"time"`              // nanoseconds since 1970
	By      string `json:"by"`                // the token, "config" or "selfsame"
	For     string `json:"for,omitempty"`     // the person who used the token, as their client says
	Action  string `json:"action"`            // what was done: "rules.set", "override.add", ...
	Subject string `json:"subject,omitempty"` // to what: a version, an override, a source
	Why     string `json:"why,omitempty"`     // as the person says
	// Detail is more about the change, an object whose members depend on the
	// action.
	Detail json.RawMessage `json:"detail,omitempty"`
	// Key is the entry's place in its trail, 32 hexadecimal digits that sort by
	// time. It is set when an entry is read.
	Key string `json:"-"`
}

// Actor is who makes a change, and why.
type Actor struct {
	By  string // what the server knows: the token
	For string // what the client says: a person
	Why string
}

type actorKey struct{}

// With returns a context whose changes are the actor's.
func With(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// From returns whose changes the context's are: Selfsame's own unless said.
func From(ctx context.Context) Actor {
	if a, ok := ctx.Value(actorKey{}).(Actor); ok {
		return a
	}
	return Actor{By: "selfsame"}
}

// The longest texts that are kept of what clients say, in bytes.
const (
	MostFor = 200
	MostWhy = 2000
)

// New makes an entry of the context's actor. detail is encoded as JSON; nil is
// none.
func New(ctx context.Context, time int64, action, subject string, detail any) Entry {
	a := From(ctx)
	e := Entry{Time: time, By: a.By, For: Clip(a.For, MostFor), Action: action, Subject: subject, Why: Clip(a.Why, MostWhy)}
	if detail != nil {
		if b, err := json.Marshal(detail); err == nil {
			e.Detail = b
		}
	}
	return e
}

// Clip cuts a text of a client to a number of bytes and takes out what would
// spoil a line.
func Clip(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "�"))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.TrimSpace(s)
}
