package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/kv"
)

const day = 24 * time.Hour

// trim takes all steps of a pass.
func (b *bench) trim(t *testing.T) {
	t.Helper()
	d := b.one(t)
	for range 100 {
		if _, err := d.trim(context.Background()); err != nil {
			t.Fatal(err)
		}
		if !d.trimming.under {
			return
		}
	}
	t.Fatal("the pass does not come to its end")
}

// dead are the numbers of the dead letters, and how many the status counts.
func (b *bench) dead(t *testing.T) (numbers []uint64, counted int64) {
	t.Helper()
	page, err := b.s.DeadLetters(t.Context(), b.one(t).def.Key, "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range page.Deliveries {
		numbers = append(numbers, l.Seq)
	}
	st, err := b.s.Destination(t.Context(), b.one(t).def.Key)
	if err != nil {
		t.Fatal(err)
	}
	return numbers, st.DeadLetters
}

func TestOldDeadLettersAreTrimmed(t *testing.T) {
	w, r := newWorld(someKeys...), &receiver{}
	b := newBench(t, w, r)
	r.answer = func(*Message) Outcome { return Outcome{Result: Refused, Reason: "it answered 400"} }
	b.apply(t, tellAll)
	b.follow(t, 10)
	refused := func(n int) {
		w.create(user(n))
		w.set(user(n), "orders", n)
		b.follow(t, 10)
		b.send(t)
	}
	for n := range 3 {
		refused(n + 1)
	}
	b.clock.add(80 * day)
	refused(4)
	refused(5)
	b.trim(t)
	all, counted := b.dead(t)
	if len(all) != 5 || counted != 5 {
		t.Fatalf("after 80 days there are %v, counted %d", all, counted)
	}
	b.clock.add(11 * day)
	b.trim(t)
	if left, counted := b.dead(t); !slices.Equal(left, all[3:]) || counted != 2 {
		t.Errorf("after 91 days there are %v of %v, counted %d", left, all, counted)
	}
	// Too many: the oldest go.
	refused(6)
	d := b.one(t)
	d.mu.Lock()
	_, err := d.trimLetters(t.Context(), b.clock.Now(), 2)
	d.mu.Unlock()
	if left, counted := b.dead(t); err != nil || len(left) != 2 || left[0] != all[4] || counted != 2 {
		t.Errorf("of 3 with 2 allowed there are %v, counted %d: %v", left, counted, err)
	}
	// What people do is counted as well.
	if err := b.s.DiscardLetters(t.Context(), "crm", all[4], all[4], 999); err != nil {
		t.Fatal(err)
	}
	if left, counted := b.dead(t); len(left) != 1 || counted != 1 {
		t.Errorf("after one was discarded there are %v, counted %d", left, counted)
	}
}

// The log of mails is kept for a year, and for as long as the quotas count back.
func TestTheLogOfMailsIsTrimmed(t *testing.T) {
	w, r := newWorld(someKeys...), &receiver{}
	b := newBench(t, w, r)
	b.apply(t, tellAll)
	book := &mailbook{on: b.s, number: b.one(t).number}
	mail := func(n int) {
		m := &Message{ID: fmt.Sprintf("msg_%d", n), Key: "vip", At: int64(n)}
		if err := book.Intend(t.Context(), m, "jane@example.com", "use_0001"); err != nil {
			t.Fatal(err)
		}
	}
	sent := func() int {
		n, _, err := book.Sent(t.Context(), "jane@example.com", []string{"use_0001"}, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	mail(1)
	b.clock.add(200 * day)
	mail(2)
	b.clock.add(170 * day)
	r.remembers = 400 * day
	if b.trim(t); sent() != 2 {
		t.Errorf("%d mails are remembered where 400 days count", sent())
	}
	r.remembers = 7 * day
	b.clock.add(2 * time.Hour)
	if b.trim(t); sent() != 1 {
		t.Errorf("%d mails are remembered after a year", sent())
	}
}

// What people do with destinations is in the audit trail, with who it was; no secret and
// no address is.
func TestWhatPeopleDoIsAudited(t *testing.T) {
	w, r := newWorld(someKeys...), &receiver{}
	b := newBench(t, w, r)
	var got []string
	b.s.audit = func(_ *kv.Batch, e audit.Entry) error {
		got = append(got, fmt.Sprintf("%s %s %s %s %s", e.By, e.For, e.Action, e.Subject, e.Detail))
		return nil
	}
	ctx := audit.With(t.Context(), audit.Actor{By: "token", For: "Ada"})
	apply := func(text string) {
		t.Helper()
		if _, err := b.s.ApplyDestinations(ctx, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	document := func(more, secret string) string {
		return fmt.Sprintf("destinations:\n  crm: {type: receiver, send: {traits: all}%s, receiver: {url: a, secret: %s}}\n", more, secret)
	}
	apply(document("", "one"))
	apply(document("", "two"))
	apply(document(", disabled: true", "two"))
	r.answer = func(*Message) Outcome { return Outcome{Result: Refused, Reason: "it answered 400"} }
	apply(document("", "two"))
	b.follow(t, 10)
	w.create(user(1))
	w.set(user(1), "orders", 1)
	b.follow(t, 10)
	b.send(t)
	letters, _ := b.dead(t)
	if _, err := b.s.SendAgain(ctx, "crm", letters...); err != nil {
		t.Fatal(err)
	}
	b.send(t)
	letters, _ = b.dead(t)
	for _, do := range []func() error{
		func() error { return b.s.DiscardLetters(ctx, "crm", letters...) },
		func() error { return b.s.EnableDestination(ctx, "crm") },
		func() error { return b.s.Suppress(ctx, "jane@example.com") },
		func() error { return b.s.Unsuppress(ctx, "JANE@example.com") },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	apply("{}")
	subject := addressSubject(b.s.addressHash("jane@example.com"))
	numbers := func(n int) string {
		text, _ := json.Marshal(map[string]any{"numbers": []int{n}})
		return string(text)
	}
	want := []string{
		`destination.set crm {"change":"added","type":"receiver","secrets":["receiver.secret"]}`,
		`destination.set crm {"change":"changed","type":"receiver","secrets":["receiver.secret"]}`,
		`destination.set crm {"change":"changed","type":"receiver","disabled":true}`,
		`destination.set crm {"change":"changed","type":"receiver","disabled":false}`,
		`destination.resend crm ` + numbers(1),
		`destination.discard crm ` + numbers(2),
		`destination.enable crm `,
		`suppression.add ` + subject + ` `,
		`suppression.remove ` + subject + ` `,
		`destination.set crm {"change":"removed"}`,
	}
	for i := range want {
		want[i] = "token Ada " + want[i]
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n  %q\nwant\n  %q", got, want)
	}
}
