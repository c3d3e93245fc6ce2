package profile

import (
	"testing"

	"github.com/selfsame-id/selfsame/internal/event"
)

func TestTraitsOfMessages(t *testing.T) {
	arrival := event.NewBlock(3, 2).At(1)
	for _, c := range []struct{ raw, user, account string }{
		{`{"type":"identify","userId":"u","traits":{"name":"Jane","address":{"city": "Bern"},"plan":null,"n":1e2}}`, `address={"city": "Bern"}@5 n=1e2@5 name="Jane"@5 plan=null@5`, ``},
		{`{"type":"identify","userId":"u","traits":{"a":1,"b":2,"a":null,"a":3}}`, `a=3@5 b=2@5`, ``},
		{`{"type":"identify","userId":"u"}`, ``, ``},
		{`{"type":"group","groupId":"g","traits":{"name":"Acme"}}`, ``, `name="Acme"@5`},
		{`{"type":"track","event":"e","userId":"u","traits":{"name":"x"},"context":{"traits":{"name":"y"}}}`, ``, ``},
	} {
		m, err := event.Parse([]byte(c.raw), event.Envelope{ReceivedAt: 5})
		if err != nil {
			t.Fatal(err)
		}
		m.MessageID = "m1"
		user, account := UserTraits(&m, "web", arrival), AccountTraits(&m, "web", arrival)
		if show(user) != c.user || show(account) != c.account {
			t.Errorf("%s: user %s, account %s", c.raw, show(user), show(account))
		}
		for _, x := range append(user, account...) {
			if x.MessageID != "m1" || x.Source != "web" || x.Moment != (event.Moment{Time: 5, ReceivedAt: 5, Arrival: arrival}) {
				t.Errorf("%+v", x)
			}
		}
	}
}
