package watch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/audit"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// The kinds of warnings.
const (
	// ManyPeople: an ID value ties, or would tie, many people together.
	ManyPeople = "many_people"
	// MergeRate: far more profiles merge than they usually do.
	MergeRate = "merge_rate"
	// LooksBlocked: a value that looks as if it named nobody is taken as an ID.
	LooksBlocked = "looks_blocked"
	// NewType: an ID type arrived that the rules do not list.
	NewType = "new_type"
	// UnreadTimes: timestamps of a source cannot be read.
	UnreadTimes = "unread_timestamps"
)

// The states of warnings.
const (
	WarningOpen      = "open"
	WarningDismissed = "dismissed" // by people, for good
	WarningResolved  = "resolved"  // the rules have changed so that there is nothing to warn of
)

// Warning is something that people should look at.
type Warning struct {
	ID      string
	Kind    string
	State   string
	Subject identity.ID // the ID; with NewType a type alone; with MergeRate nothing; with UnreadTimes the source, as source:ID
	Profile string      // with ManyPeople, where profiles were merged
	First   int64       // when it was seen, nanoseconds since 1970
	Last    int64
	Count   int64  // how often; with MergeRate the merges of the hour
	Says    string // what is the matter
	Do      string // what to do about it
	Rules   string // complete rules, as JSON, that would answer it and change nothing else; may be empty

	DismissedAt int64
	By, For     string // who dismissed it
	Why         string
}

// warningRecord is a Warning as it is stored.
type warningRecord struct {
	Kind        string      `json:"kind"`
	State       string      `json:"state"`
	Subject     identity.ID `json:"subject"`
	Profile     string      `json:"profile,omitempty"`
	First       int64       `json:"first"`
	Last        int64       `json:"last"`
	Count       int64       `json:"count"`
	Says        string      `json:"says"`
	Do          string      `json:"do"`
	DismissedAt int64       `json:"dismissed_at,omitempty"`
	By          string      `json:"by,omitempty"`
	For         string      `json:"for,omitempty"`
	Why         string      `json:"why,omitempty"`
}

// public is the record as callers see it, with what rs would have to become.
func (r *warningRecord) public(id string, rs *identity.Ruleset) Warning {
	return Warning{
		ID: id, Kind: r.Kind, State: r.State, Subject: r.Subject, Profile: r.Profile, First: r.First, Last: r.Last, Count: r.Count,
		Says: r.Says, Do: r.Do, Rules: r.suggestion(rs), DismissedAt: r.DismissedAt, By: r.By, For: r.For, Why: r.Why,
	}
}

// suggestion is the rules of now with what would answer an open warning changed,
// and nothing else.
func (r *warningRecord) suggestion(rs *identity.Ruleset) string {
	if r.State != WarningOpen {
		return ""
	}
	var draft identity.Rules
	switch r.Kind {
	case ManyPeople, LooksBlocked:
		draft = rs.WithBlocked(r.Subject)
	case NewType:
		draft = rs.WithListed(r.Subject.Type)
	default:
		return ""
	}
	text, err := json.MarshalIndent(draft, "", "  ") // which is YAML as well
	if err != nil {
		return "" // rules that were compiled can always be written
	}
	return string(text)
}

const warningIDBytes = 8

// warningID names a warning by what it is about, so that the same is one.
func warningID(kind, subject string) string {
	h := sha256.Sum256([]byte(kind + "\x00" + subject))
	return hex.EncodeToString(h[:warningIDBytes])
}

func warningKey(ks codec.Keyspace, id string) []byte {
	b, _ := hex.DecodeString(id) // callers have looked at it, or made it
	return codec.Warnings.Key(ks, b)
}

func decodeWarning(b []byte) (*warningRecord, error) {
	rec := &warningRecord{}
	if err := json.Unmarshal(b, rec); err != nil {
		return nil, fmt.Errorf("%w: a warning: %w", kv.ErrCorrupt, err)
	}
	return rec, nil
}

// warningPage is how many entries a scan takes at once.
const warningPage = 512

// mostWarnings bounds the warnings of a space. When there are more, those that
// were closed and then those seen least recently make room.
const mostWarnings = 1000

// WarningPage is a page of warnings; Next is "" on the last.
type WarningPage struct {
	Warnings []Warning
	Next     string
}

// Warnings lists warnings of a state ("": all), those first seen last at first,
// limit of them (1 to 1000). ErrBadCursor if next is not one of ours.
func (w *Watcher) Warnings(ctx context.Context, state string, limit int, next string) (WarningPage, error) {
	var page WarningPage
	v, err := w.space.View(ctx)
	if err != nil {
		return page, err
	}
	defer v.Close()
	type placed struct {
		at []byte
		w  Warning
	}
	var all []placed
	if err := v.Each(codec.Warnings, warningPage, func(e kv.Entry) error {
		rec, err := decodeWarning(e.Value)
		if err != nil {
			return err
		}
		if state == "" || rec.State == state {
			id := e.Key[len(e.Key)-warningIDBytes:]
			all = append(all, placed{append(codec.AppendTime(nil, rec.First), id...), rec.public(hex.EncodeToString(id), v.Rules())})
		}
		return nil
	}); err != nil {
		return page, err
	}
	slices.SortFunc(all, func(a, b placed) int { return bytes.Compare(b.at, a.at) })
	var after []byte
	if next != "" {
		if after, err = hex.DecodeString(next); err != nil || len(after) != 8+warningIDBytes {
			return page, space.ErrBadCursor
		}
	}
	var last []byte
	for _, p := range all {
		if after != nil && bytes.Compare(p.at, after) >= 0 {
			continue
		}
		if len(page.Warnings) == limit {
			page.Next = hex.EncodeToString(last)
			break
		}
		page.Warnings = append(page.Warnings, p.w)
		last = p.at
	}
	return page, nil
}

// DismissWarning closes a warning for good: the same will not be warned of
// again. To dismiss one that is closed changes nothing. ErrNotFound if there is
// none of that ID. Who does it and why is in the context, see package audit.
func (w *Watcher) DismissWarning(ctx context.Context, id string) (Warning, error) {
	if b, err := hex.DecodeString(id); err != nil || len(b) != warningIDBytes {
		return Warning{}, fmt.Errorf("warning %q: %w", id, space.ErrNotFound)
	}
	var one Warning
	err := w.space.Again(ctx, func() (err error) {
		one, err = w.dismiss(ctx, id)
		return err
	})
	return one, err
}

func (w *Watcher) dismiss(ctx context.Context, id string) (Warning, error) {
	v, err := w.space.View(ctx)
	if err != nil {
		return Warning{}, err
	}
	defer v.Close()
	key := warningKey(v.Keys(), id)
	got, err := v.Reader().Get(ctx, key)
	if err != nil {
		return Warning{}, err
	}
	if got[0] == nil {
		return Warning{}, fmt.Errorf("warning %q: %w", id, space.ErrNotFound)
	}
	rec, err := decodeWarning(got[0])
	if err != nil || rec.State == WarningDismissed {
		return rec.public(id, v.Rules()), err
	}
	was := rec.State
	e := audit.New(ctx, w.space.Now().UnixNano(), "warning.dismiss", id, map[string]string{"kind": rec.Kind, "says": rec.Says})
	rec.State, rec.DismissedAt, rec.By, rec.For, rec.Why = WarningDismissed, e.Time, e.By, e.For, e.Why
	value, err := json.Marshal(rec)
	if err != nil {
		return Warning{}, err
	}
	var b kv.Batch
	b.Require(key, got[0])
	b.Put(key, value)
	if err := w.space.PutAudit(&b, e); err != nil {
		return Warning{}, err
	}
	if err := w.space.Store().Commit(ctx, &b); err != nil {
		return Warning{}, err
	}
	if was == WarningOpen {
		_ = w.countWarnings(ctx) // or the watcher does, soon
	}
	return rec.public(id, v.Rules()), nil
}
