package deliver

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/segmentio/ksuid"
)

// Previewer is a Sender that can show what it would send.
type Previewer interface {
	// Preview shows what Send would do with a message now. It sends and changes
	// nothing.
	Preview(ctx context.Context, m *Message) Preview
}

// Tester is a Sender whose tests differ from what it sends.
type Tester interface {
	// Test sends a message to somebody who asked for it, whatever it is that would
	// keep it from others. to is where it goes.
	Test(ctx context.Context, m *Message, to string) Outcome
}

// Preview is what would be sent.
type Preview struct {
	Message Message
	To      string // an address, a URL
	Subject string // of a mail
	Body    string // of a mail its text
	HTML    string
	// Withheld says why it would not be sent now; "": it would.
	Withheld string
}

// PreviewPage is a page of what would be sent; Next is "" on the last.
type PreviewPage struct {
	Previews []Preview
	Next     string
}

// previewProfiles is how many profiles are looked at for one page.
const previewProfiles = 500

// DryRun shows whom a destination would tell what, of those of whom something is true
// now, as if nothing had been said before. Nothing is sent and nothing changed. A page
// has about limit entries (1 to 1000).
func (s *Dispatcher) DryRun(ctx context.Context, key, next string, limit int) (*PreviewPage, error) {
	d, err := s.find(key)
	if err != nil {
		return nil, err
	}
	keys, err := s.source.Keys(ctx)
	if err != nil {
		return nil, err
	}
	sender, err := d.def.Settings.Open(s.environment(d))
	if err != nil {
		return nil, err
	}
	defer sender.Close()
	about := complete(d.def.subscriptions(keys))
	limit = min(max(limit, 1), 1000)
	page := &PreviewPage{Previews: []Preview{}}
	for looked := 0; looked < 20 && len(page.Previews) < limit; looked++ {
		profiles, after, err := s.source.Walk(ctx, next, min(previewProfiles, limit), false)
		if err != nil {
			return nil, err
		}
		for _, p := range profiles {
			for _, one := range differences(p, about, d.hearing(), nil) {
				m := one.message(p.ID)
				if f := d.def.Send.Filter; f != nil && !f.takesMessage(&m, p) {
					continue
				}
				m.ID = "msg_preview"
				page.Previews = append(page.Previews, previewOf(ctx, sender, &m))
			}
		}
		if page.Next, next = after, after; next == "" {
			break
		}
	}
	return page, nil
}

func previewOf(ctx context.Context, sender Sender, m *Message) Preview {
	if p, can := sender.(Previewer); can {
		return p.Preview(ctx, m)
	}
	return Preview{Message: *m}
}

// Test is what a test sends.
type Test struct {
	// To is an e-mail address that a test mail goes to; of other destinations "".
	To string
	// Profile is whose traits it shows, by its own ID; "": an example.
	Profile string
	// Mail is which mail, of a destination that has several; "": the first.
	Mail string
}

// TestDestination sends one message at once and says what became of it. Nothing of the
// ledger and the queue changes. ErrNotFound: there is no such destination, or profile.
func (s *Dispatcher) TestDestination(ctx context.Context, key string, t Test) (Outcome, error) {
	d, err := s.find(key)
	if err != nil {
		return Outcome{}, err
	}
	keys, err := s.source.Keys(ctx)
	if err != nil {
		return Outcome{}, err
	}
	m := Message{
		ID: "msg_test_" + ksuid.New().String(), What: Entered, Class: Audience, Key: "test", Value: json.RawMessage("true"),
		Profile: t.Profile, Identifier: Identifier{"user_id", "test"}, At: s.now().UnixNano(), Queued: s.now().UnixNano(), Mail: t.Mail,
	}
	if t.Profile != "" {
		p, err := s.source.Profile(ctx, t.Profile)
		if err != nil {
			return Outcome{}, err
		}
		if ids := d.hearing().hearers(p); len(ids) > 0 {
			m.Identifier = ids[0]
		}
	}
	for name, sub := range d.def.subscriptions(keys) {
		if t.Mail == "" || t.Mail == name {
			m.Key, m.Class = sub.Key.Name, sub.Class
			if name != m.Key {
				m.Mail = name
			}
			if m.Class == Trait {
				m.What, m.Value = TraitSet, json.RawMessage(`"test"`)
			}
		}
	}
	sender, err := d.def.Settings.Open(s.environment(d))
	if err != nil {
		return Outcome{}, err
	}
	defer sender.Close()
	if tester, has := sender.(Tester); has {
		return tester.Test(ctx, &m, t.To), nil
	}
	if t.To != "" {
		return Outcome{}, fmt.Errorf("%w: %s is told at the address of its settings", ErrInvalidTest, key)
	}
	return d.try(ctx, sender, []*entry{{Message: m}})[0], nil
}
