package deliver

import (
	"bytes"
	"context"
	"time"

	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// What a destination keeps of the past. Each pass goes over it in bounded steps.
const (
	keepLetters = 90 * 24 * time.Hour  // dead letters
	mostLetters = 100_000              // of a destination; the oldest go first
	keepMails   = 365 * 24 * time.Hour // the log of mails, at least

	trimPause = time.Hour              // between passes
	trimPage  = 1_000                  // rows that one step looks at
	stepPause = 200 * time.Millisecond // between steps
)

// Rememberer is implemented by Settings that have to know for how long what was delivered
// counts.
type Rememberer interface {
	Remembers() time.Duration
}

// trimming is how far a pass is. It belongs to the destination's task.
type trimming struct {
	next  time.Time // when the next pass begins
	under bool      // one is under way
	mails []byte    // the last row of the log of mails that it looked at
}

// trim takes a step of the pass that is due, and reports whether there is more of it.
func (d *destination) trim(ctx context.Context) (more bool, err error) {
	t, now := &d.trimming, d.on.now()
	if !t.under {
		if now.Before(t.next) {
			return false, nil
		}
		t.under, t.mails = true, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.load(ctx); err != nil {
		return false, err
	}
	if more, err = d.trimLetters(ctx, now, mostLetters); err != nil || more {
		return more, err
	}
	if more, err = d.trimMails(ctx, now); err != nil || more {
		return more, err
	}
	t.under, t.next = false, now.Add(trimPause)
	return false, nil
}

// trimLetters removes dead letters that are old, and the oldest of more than most. They lie in
// the order of their messages, which is about that of their ages: a step that finds none to
// remove is the last. The caller holds mu.
func (d *destination) trimLetters(ctx context.Context, now time.Time, most int64) (more bool, err error) {
	r, err := d.on.store.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	from, to := codec.Under(codec.DeadLetters.Of(d.on.keys, d.number))
	rows, err := r.Scan(ctx, from, to, trimPage, false)
	r.Close()
	if err != nil {
		return false, err
	}
	var old [][]byte
	for i, row := range rows {
		l, err := decodeDeadLetter(0, row.Value)
		if err != nil {
			return false, err
		}
		if d.st.Dead-int64(i) > most || now.UnixNano()-l.At > int64(keepLetters) {
			old = append(old, row.Key)
		}
	}
	if len(old) == 0 {
		return false, nil
	}
	return len(rows) == trimPage, d.update(ctx, func(w *work) error {
		for _, key := range old {
			w.b.Delete(key)
		}
		w.st.Dead -= int64(len(old))
		return nil
	})
}

// trimMails removes what is old of the log of mails. The caller holds mu.
func (d *destination) trimMails(ctx context.Context, now time.Time) (more bool, err error) {
	keep := keepMails
	if r, has := d.def.Settings.(Rememberer); has {
		keep = max(keep, r.Remembers())
	}
	r, err := d.on.store.Snapshot(ctx)
	if err != nil {
		return false, err
	}
	from, to := codec.Under(codec.MailLog.Of(d.on.keys, d.number))
	if d.trimming.mails != nil {
		from = kv.After(d.trimming.mails)
	}
	rows, err := r.Scan(ctx, from, to, trimPage, false)
	r.Close()
	if err != nil || len(rows) == 0 {
		return false, err
	}
	var old [][]byte
	for _, row := range rows {
		_, _, at, ok := codec.MailLog.Parse(row.Key)
		if !ok {
			return false, kv.ErrCorrupt
		}
		if now.UnixNano()-at > int64(keep) {
			old = append(old, row.Key)
		}
	}
	if len(old) > 0 {
		err = d.update(ctx, func(w *work) error {
			for _, key := range old {
				w.b.Delete(key)
			}
			return nil
		})
	}
	d.trimming.mails = bytes.Clone(rows[len(rows)-1].Key)
	return len(rows) == trimPage, err
}
