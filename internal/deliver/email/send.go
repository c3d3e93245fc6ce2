package email

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/selfsame-id/selfsame/internal/deliver"
	"github.com/selfsame-id/selfsame/internal/deliver/payload"
)

// sender writes the mails of one destination.
type sender struct {
	*settings
	env  deliver.Environment
	pool *pool
	// counting is held between counting the mails of a person and writing down the
	// next one.
	counting sync.Mutex
}

func newSender(e *settings, env deliver.Environment) *sender {
	return &sender{settings: e, env: env, pool: newPool(e, env)}
}

// Close implements deliver.Sender.
func (s *sender) Close() error {
	s.pool.close()
	return nil
}

// Send implements deliver.Sender.
func (s *sender) Send(ctx context.Context, batch []deliver.Message) []deliver.Outcome {
	out := make([]deliver.Outcome, len(batch))
	for i := range batch {
		out[i] = s.send(ctx, &batch[i])
	}
	return out
}

// plan is a mail that may be sent now.
type plan struct {
	to      string
	profile string
	written written
	// unsubscribe is for the headers of one-click unsubscribing; "": there are none.
	unsubscribe string
}

// consider decides whether a mail is sent now, without changing anything. If it is not,
// the outcome says why.
func (s *sender) consider(ctx context.Context, m *deliver.Message) (*plan, *deliver.Profile, *deliver.Outcome) {
	no := func(r deliver.Result, why string) (*plan, *deliver.Profile, *deliver.Outcome) {
		return nil, nil, &deliver.Outcome{Result: r, Reason: why}
	}
	l := s.letterOf(m.Mail)
	if m.Mail == "" {
		l = s.letterOf(m.Key) // a mail that is called as its audience is
	}
	if l == nil {
		return no(deliver.Dropped, "there is no such mail any more")
	}
	p, err := s.env.Source.Profile(ctx, m.Profile)
	switch {
	case errors.Is(err, deliver.ErrNotFound):
		return no(deliver.Dropped, "the profile is not there any more")
	case err != nil:
		return no(deliver.Retry, "the profile could not be read")
	}
	if l.Still {
		v := p.Values[m.Key]
		if v.JSON == nil {
			return no(deliver.Dropped, "the person has left the audience")
		}
		// Left and entered again: the time counts from the last entry.
		if wait := time.Unix(0, v.Since).Add(l.Wait).Sub(s.env.Now()); l.Wait > 0 && v.Since > m.At && wait > 0 {
			return nil, nil, &deliver.Outcome{Result: deliver.Later, After: wait}
		}
	}
	to := addressOf(p)
	switch {
	case to == "":
		return no(deliver.Dropped, "the person has no e-mail address")
	case !deliverable(to):
		return no(deliver.Dropped, "the e-mail address is not one that mails can go to")
	case !s.require.meets(p):
		return no(deliver.Dropped, "the address is not verified as the destination requires")
	}
	suppressed, err := s.env.Mail.Suppressed(ctx, to)
	if err != nil {
		return no(deliver.Retry, "the list of unsubscribed addresses could not be read")
	}
	if suppressed != nil {
		return no(deliver.Dropped, "the address has "+suppressed.Reason)
	}
	again, err := s.env.Mail.Written(ctx, m, to, append([]string{p.ID}, p.Merged...))
	if err != nil {
		return no(deliver.Retry, "what was sent before could not be read")
	}
	if again {
		return no(deliver.Dropped, "the person was written to when he entered, and it is the same entry")
	}
	plan := &plan{to: to, profile: p.ID, unsubscribe: s.env.Mail.Unsubscribe(to)}
	plan.written, err = l.write(&Letter{To: to, Mail: l.Name, Audience: l.Audience, Space: s.env.Space, Profile: payload.NewPerson(p), Unsubscribe: plan.unsubscribe})
	if err != nil {
		return no(deliver.Refused, "the template failed: "+err.Error())
	}
	return plan, p, nil
}

// withinQuotas reports whether one more mail is within the quotas; if not, why.
func (s *sender) withinQuotas(ctx context.Context, to string, p *deliver.Profile) (why string, err error) {
	profiles := append([]string{p.ID}, p.Merged...)
	for _, c := range []struct {
		quota
		address bool
	}{{s.perPerson, false}, {s.perAddress, true}} {
		if c.count == 0 {
			continue
		}
		toAddress, toPerson, err := s.env.Mail.Sent(ctx, to, profiles, s.env.Now().Add(-c.in))
		switch {
		case err != nil:
			return "", err
		case c.address && toAddress >= c.count:
			return "the address had " + c.text + " already", nil
		case !c.address && toPerson >= c.count:
			return "the person had " + c.text + " already", nil
		}
	}
	return "", nil
}

// Preview implements deliver.Previewer.
func (s *sender) Preview(ctx context.Context, m *deliver.Message) deliver.Preview {
	out := deliver.Preview{Message: *m}
	plan, p, no := s.consider(ctx, m)
	if no != nil {
		if out.Withheld = no.Reason; no.Result == deliver.Later {
			out.Withheld = "it waits"
		}
		return out
	}
	out.To, out.Subject, out.Body, out.HTML = plan.to, plan.written.subject, plan.written.text, plan.written.html
	why, err := s.withinQuotas(ctx, plan.to, p)
	if err != nil {
		why = "what was sent before could not be read"
	}
	out.Withheld = why
	if wait := time.Unix(0, m.NotBefore).Sub(s.env.Now()); m.NotBefore > 0 && wait > 0 && why == "" {
		out.Withheld = "it waits until " + time.Unix(0, m.NotBefore).UTC().Format(time.RFC3339)
	}
	return out
}

// Test implements deliver.Tester. A test is marked as such, and counts in no quota.
func (s *sender) Test(ctx context.Context, m *deliver.Message, to string) deliver.Outcome {
	refused := func(why string) deliver.Outcome { return deliver.Outcome{Result: deliver.Refused, Reason: why} }
	if !deliverable(to) {
		return refused("the address is not one that mails can go to; write it like jane@example.com")
	}
	l := s.mails[0]
	if m.Mail != "" {
		if l = s.letterOf(m.Mail); l == nil {
			return refused("there is no such mail")
		}
	}
	person := payload.NewPerson(nil)
	if m.Profile != "" {
		p, err := s.env.Source.Profile(ctx, m.Profile)
		if err != nil {
			return refused("the profile could not be read")
		}
		person = payload.NewPerson(p)
	}
	plan := &plan{to: to, unsubscribe: s.env.Mail.Unsubscribe(to)}
	var err error
	plan.written, err = l.write(&Letter{To: to, Mail: l.Name, Audience: l.Audience, Space: s.env.Space, Profile: person, Unsubscribe: plan.unsubscribe})
	if err != nil {
		return refused("the template failed: " + err.Error())
	}
	plan.written.subject = "[Test] " + plan.written.subject
	msg, err := s.compose(m.ID, plan)
	if err != nil {
		return refused("the mail cannot be put together")
	}
	return s.pool.deliver(ctx, msg)
}

func (s *sender) send(ctx context.Context, m *deliver.Message) deliver.Outcome {
	plan, p, no := s.consider(ctx, m)
	if no != nil {
		return *no
	}
	msg, err := s.compose(m.ID, plan)
	if err != nil {
		return deliver.Outcome{Result: deliver.Refused, Reason: "the mail cannot be put together"}
	}
	s.counting.Lock()
	why, err := s.withinQuotas(ctx, plan.to, p)
	if err == nil && why == "" {
		err = s.env.Mail.Intend(ctx, m, plan.to, plan.profile)
	}
	s.counting.Unlock()
	switch {
	case err != nil:
		return deliver.Outcome{Result: deliver.Retry, Reason: "what was sent before could not be read or written"}
	case why != "":
		return deliver.Outcome{Result: deliver.Dropped, Reason: why}
	}
	o := s.pool.deliver(ctx, msg)
	if o.Result == deliver.Retry || o.Result == deliver.Refused || o.Result == deliver.Disabled {
		if err := s.env.Mail.TakeBack(context.WithoutCancel(ctx), m.ID, plan.to, plan.profile); err != nil {
			s.env.Log.Warn("a mail that was not sent counts as sent", "space", s.env.Space, "destination", s.env.Destination, "error", err)
		}
	}
	if o.Bounced != "" {
		o.Bounced = plan.to
	}
	return o
}
