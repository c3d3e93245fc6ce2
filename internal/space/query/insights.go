package query

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// InsightKinds are the kinds of changes that Insights tells of: what happened to
// identities, not to traits.
var InsightKinds = []feed.Kind{
	feed.ProfileCreated, feed.Merged, feed.Unmerged, feed.IDAdded, feed.IDRemoved, feed.Demoted, feed.Unresolved,
}

// InsightQuery narrows what Insights tells. What is empty narrows nothing.
type InsightQuery struct {
	Kinds []feed.Kind // of InsightKinds; empty: all of them
	// IDType, and with it IDValue, name an ID: changes that say it. Changes of
	// whole profiles (created, merged, unmerged) name none.
	IDType, IDValue string
	Reason          string     // a reason, whole or up to its colon
	Source          string     // of the event that caused it
	Profile         *space.Ref // changes of the profile and of all that was merged into it
	Since, Until    Bound      // when Selfsame found it, Since <= time < Until
	Limit           int        // 1 to 1000
	Next            string
}

// Insight is a change of identity.
type Insight struct {
	feed.Change
	At int64 // when Selfsame found it, nanoseconds since 1970; Time is that of the event
}

// InsightPage is a page of insights; Next is "" when there are no more. A page
// may be short or empty although there are: one look at the feed is bounded.
type InsightPage struct {
	Insights []Insight
	Next     string
}

// The bounds of one look at the feed.
const (
	insightRecords = 20_000
	insightChanges = 200_000
)

// Insights lists changes of identity, the newest first. The whole feed counts,
// however old. ErrNotFound if q.Profile names none, ErrBadCursor if q.Next is
// not one of ours.
func (r *Reader) Insights(ctx context.Context, q InsightQuery) (InsightPage, error) {
	return r.insightsWithin(ctx, q, insightRecords, insightChanges)
}

func (r *Reader) insightsWithin(ctx context.Context, q InsightQuery, records, changes int) (InsightPage, error) {
	var page InsightPage
	limit := min(max(q.Limit, 1), 1000)
	before, inside, err := q.start()
	if err != nil {
		return page, err
	}
	v, err := r.space.View(ctx)
	if err != nil {
		return page, err
	}
	defer v.Close()
	var of map[string]bool
	if q.Profile != nil {
		if of, err = namesOf(v, *q.Profile); err != nil {
			return page, err
		}
	}
	b, err := feed.Back(ctx, v.Reader(), v.Keys(), before)
	if err != nil {
		return page, err
	}
	for {
		rec, more, err := b.Next(ctx)
		if err != nil {
			return InsightPage{}, err
		}
		if !more || q.Since.Set && rec.Time < q.Since.At {
			return page, nil
		}
		end := len(rec.Changes)
		if inside != nil && inside.Place == rec.Place() {
			end = min(end, inside.index)
		}
		for i := end - 1; i >= 0; i-- {
			if !q.wants(&rec.Changes[i], of) {
				continue
			}
			if len(page.Insights) == limit {
				page.Next = insightToken(rec.Place(), i+1)
				return page, nil
			}
			page.Insights = append(page.Insights, Insight{rec.Changes[i], rec.Time})
		}
		records--
		changes -= len(rec.Changes)
		if records <= 0 || changes <= 0 {
			page.Next = insightToken(rec.Place(), 0)
			return page, nil
		}
	}
}

// wants reports whether a query asks for a change. of are the names of the
// profile that it asks for.
func (q *InsightQuery) wants(c *feed.Change, of map[string]bool) bool {
	switch {
	case len(q.Kinds) > 0 && !slices.Contains(q.Kinds, c.Kind),
		!slices.Contains(InsightKinds, c.Kind),
		q.Source != "" && c.Source != q.Source,
		of != nil && !of[c.Profile] && !of[c.From]:
		return false
	}
	if q.Reason != "" && c.Reason != q.Reason {
		if head, _, found := strings.Cut(c.Reason, ": "); !found || head != q.Reason {
			return false
		}
	}
	return q.IDType == "" || q.names(c)
}

// names reports whether a change says the ID of the query.
func (q *InsightQuery) names(c *feed.Change) bool {
	value := q.IDValue
	if c.Kind == feed.Unresolved || c.Kind == feed.Demoted {
		value = feed.Clip(value) // as these are told
	}
	if c.IDType == q.IDType && (value == "" || c.IDValue == value || c.IDValue == q.IDValue) {
		return true
	}
	if c.Kind != feed.Unresolved || len(c.Value) == 0 {
		return false
	}
	var all []string
	if json.Unmarshal(c.Value, &all) != nil {
		return false
	}
	for _, id := range all {
		t, v, _ := strings.Cut(id, ":")
		if t == q.IDType && (value == "" || v == value) {
			return true
		}
	}
	return false
}

// namesOf is the ID of a profile and of all that was merged into it.
func namesOf(v *space.View, ref space.Ref) (map[string]bool, error) {
	g, err := snapshotOf(v, ref)
	if err != nil {
		return nil, err
	}
	of := map[string]bool{g.ID.Text(g.Record.Collection): true}
	for _, st := range g.Strands {
		if !st.Founded.IsZero() {
			of[st.Founded.Text(g.Record.Collection)] = true
		}
	}
	return of, nil
}

// insideRecord is a record in which a page ended: the changes from index on are
// told.
type insideRecord struct {
	feed.Place
	index int
}

// start is where a query begins: before a place among the records, and inside
// the first record if a page ended there.
func (q *InsightQuery) start() (before *feed.Place, inside *insideRecord, err error) {
	if q.Until.Set {
		before = &feed.Place{Time: q.Until.At}
	}
	if q.Next == "" {
		return before, nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(q.Next)
	if err != nil || len(b) != insightTokenBytes {
		return nil, nil, space.ErrBadCursor
	}
	p := feed.Place{Time: codec.ParseTime(b), Lane: binary.BigEndian.Uint64(b[8:]), Seq: binary.BigEndian.Uint64(b[16:])}
	if p.Seq == 1<<64-1 {
		return nil, nil, space.ErrBadCursor
	}
	if index := int(binary.BigEndian.Uint32(b[24:])); index > 0 {
		inside = &insideRecord{p, index}
		p.Seq++ // the record itself is wanted again
	}
	if before == nil || p.Before(*before) {
		before = &p
	}
	return before, inside, nil
}

const insightTokenBytes = 8 + 8 + 8 + 4

func insightToken(p feed.Place, index int) string {
	b := codec.AppendTime(nil, p.Time)
	b = binary.BigEndian.AppendUint64(b, p.Lane)
	b = binary.BigEndian.AppendUint64(b, p.Seq)
	return base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(b, uint32(index)))
}
