package deliver

import (
	"errors"
	"testing"
)

func TestDestinationsNameWhatIsDefined(t *testing.T) {
	const defined = `
traits: {orders: {event: Order Completed, kind: count}}
audiences: {loyal: {when: traits.orders > 3}}
destinations:
`
	for name, c := range map[string]struct{ text, want string }{
		"defined":        {"  a: {type: webhook, send: {traits: [orders], audiences: loyal}}", ""},
		"all":            {"  a: {type: webhook, send: {traits: all, audiences: all}}", ""},
		"a trait":        {"  a: {type: webhook, send: {traits: [orders, revenue]}}", "line 5: destinations.a.send.traits: names revenue, but the document defines no such computed trait"},
		"an audience":    {"  a: {type: webhook, send: {audiences: orders}}", "line 5: destinations.a.send.audiences: names orders, but the document defines no such audience"},
		"of a mail":      {"  a: {type: email, email: {mails: {m: {audience: royal}}}}", "line 5: destinations.a.email.mails.m.audience: names royal, but the document defines no such audience"},
		"another matter": {"  a: [1]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckNames([]byte(defined + c.text))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%q, not %q", got, c.want)
			}
			if err != nil && !errors.Is(err, ErrInvalid) {
				t.Error("it is not ErrInvalid")
			}
		})
	}
}
