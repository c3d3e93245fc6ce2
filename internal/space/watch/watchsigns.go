package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/counts"
)

// manyPeople is how many people an ID value ties together within an hour, or
// would if no limit kept them apart, before somebody is warned.
const manyPeople = 10

// take looks at one record of the feed.
func (m *memory) take(ctx context.Context, rec *feed.Record) error {
	if hour := counts.HourOf(rec.Time); hour > m.hour {
		m.hour = hour
		clear(m.crowds)
	}
	rs := m.view.Rules()
	for i := range rec.Changes {
		c := &rec.Changes[i]
		switch c.Kind {
		case feed.IDAdded:
			m.nobody(rs, c, rec.Time)
		case feed.Demoted:
			m.crowd(rs, c, rec.Time)
		case feed.Merged:
			if err := m.merged(ctx, c, rec.Time); err != nil {
				return err
			}
		}
	}
	return nil
}

// signs are the changes that take looks at.
func signs(_ *feed.Record, c *feed.Change) bool {
	if c.MessageID == "" && c.Source == "" {
		return false // no event: rules or people have it decided again, which is no news
	}
	switch c.Kind {
	case feed.IDAdded:
		return c.From == "" && looksLikePlaceholder(c.IDType, c.IDValue)
	case feed.Demoted:
		return tiesPeople(c.Reason)
	}
	return c.Kind == feed.Merged
}

// tiesPeople reports whether an ID that was left out for a reason would have
// made one person of several.
func tiesPeople(reason string) bool {
	for _, r := range [...]identity.Reason{identity.ReasonLimit, identity.ReasonCap, identity.ReasonMerges} {
		if strings.HasPrefix(reason, r.String()) {
			return true
		}
	}
	return false
}

// crowd counts people whom a value would tie together if no rule kept them
// apart.
func (m *memory) crowd(rs *identity.Ruleset, c *feed.Change, at int64) {
	id := identity.ID{Type: c.IDType, Value: c.IDValue}
	name := warningID(ManyPeople, id.String())
	if m.warnings[name] != nil {
		m.tied(rs, name, id, "", at, 1)
		return
	}
	key := "d" + id.String()
	if n := m.crowds.add(key); n >= manyPeople {
		delete(m.crowds, key)
		m.tied(rs, name, id, "", at, int64(n))
	}
}

func (m *memory) tied(rs *identity.Ruleset, name string, id identity.ID, profile string, at, n int64) {
	if m.nobodys(rs, id) {
		return // in the meantime
	}
	m.warn(name, at, n, func() warningRecord {
		return warningRecord{
			Kind: ManyPeople, Subject: kept(id), Profile: strings.Clone(profile),
			Says: fmt.Sprintf("%s suddenly appears with many people: it looks like a shared device, a placeholder or a test account.", id),
			Do:   "If it names nobody, block it: the rules below are the current ones with only that changed. `selfsame simulate` shows what they would change before they are set. If it is one person's after all, dismiss this.",
		}
	})
}

// merged counts the profiles that were merged into one, and looks for the ID
// that did it.
func (m *memory) merged(ctx context.Context, c *feed.Change, at int64) error {
	key := "m" + c.Profile
	n := m.crowds.add(key)
	if n < manyPeople {
		return nil
	}
	delete(m.crowds, key)
	id, err := busiestID(m.view, c.Profile)
	if errors.Is(err, space.ErrNotFound) || err == nil && id.Type == "" {
		return nil // merged away itself since then, and counted there; or no one ID ties it
	}
	if err != nil {
		return err
	}
	m.tied(m.view.Rules(), warningID(ManyPeople, id.String()), id, c.Profile, at, int64(n))
	return nil
}

// The IDs of a profile that are looked at, and the strands of each.
const (
	busiestIDs     = 200
	busiestStrands = 1000
)

// busiestID finds the ID of a profile with which most sets of IDs come; none if
// that are fewer than people it warns of.
func busiestID(v *space.View, profile string) (identity.ID, error) {
	ref := space.Ref{Collection: identity.Users, Value: profile}
	if strings.HasPrefix(profile, "acc_") {
		ref.Collection = identity.Accounts
	}
	p, err := v.Resolve(ref)
	if err != nil {
		return identity.ID{}, err
	}
	if err := v.LoadProfiles(p); err != nil {
		return identity.ID{}, err
	}
	var best identity.ID
	most := manyPeople - 1
	members := v.Profile(p).IDs
	for _, m := range members[:min(len(members), busiestIDs)] {
		if err := v.LoadIdentifiers(m.Hash); err != nil {
			return best, err
		}
		node := v.Identifier(m.Hash)
		if node == nil {
			continue
		}
		n := len(node.Holders)
		if node.Spilled {
			from, end := codec.Under(codec.Links.Of2(v.Keys(), m.Hash, codec.ListAccepted))
			page, err := v.Reader().Scan(v.Context(), from, end, busiestStrands, false)
			if err != nil {
				return best, err
			}
			n = len(page)
		}
		if n > most {
			best, most = node.ID, n
		}
	}
	return best, nil
}

// nobody warns of a value that names nobody by its looks.
func (m *memory) nobody(rs *identity.Ruleset, c *feed.Change, at int64) {
	id := identity.ID{Type: c.IDType, Value: c.IDValue}
	if m.nobodys(rs, id) {
		return
	}
	m.warn(warningID(LooksBlocked, id.String()), at, 1, func() warningRecord {
		return warningRecord{
			Kind: LooksBlocked, Subject: kept(id),
			Says: fmt.Sprintf("%s is accepted as an identifier, but looks like a placeholder.", id),
			Do:   "If so, block it: the rules below are the current ones with only that changed. `selfsame simulate` shows what they would change before they are set. Otherwise dismiss this.",
		}
	})
}

// nobodys reports whether an ID names nobody already: nothing is to be done then.
func (m *memory) nobodys(rs *identity.Ruleset, id identity.ID) bool {
	return m.view.Overrides().NamesNobody(rs, id, m.view.Hasher().ID(identity.Users, id))
}

// kept is an ID that holds no memory of a whole record of the feed.
func kept(id identity.ID) identity.ID {
	return identity.ID{Type: strings.Clone(id.Type), Value: strings.Clone(id.Value)}
}

// look compares the hour's merges with the week, and the types that arrived and
// the warnings that are open with the rules.
func (m *memory) look(ctx context.Context) error {
	if err := m.rates(); err != nil {
		return err
	}
	if err := m.unreadTimes(ctx); err != nil {
		return err
	}
	rs := m.view.Rules()
	if err := m.view.Each(codec.NewTypes, warningPage, func(e kv.Entry) error {
		t, ok := codec.NewTypes.Parse(e.Key)
		if !ok || len(e.Value) != 8 || !rs.Unlisted(t) {
			return nil
		}
		m.newType(rs, t, codec.ParseTime(e.Value))
		return nil
	}); err != nil {
		return err
	}
	for _, one := range m.warnings {
		if one.State != WarningOpen {
			continue
		}
		switch one.Kind {
		case NewType:
			if rs.Unlisted(one.Subject.Type) {
				continue
			}
		case ManyPeople, LooksBlocked:
			if !m.nobodys(rs, one.Subject) {
				continue
			}
		default:
			continue
		}
		one.State, one.changed = WarningResolved, true
	}
	return nil
}

func (m *memory) newType(rs *identity.Ruleset, name string, at int64) {
	id := warningID(NewType, name)
	if one := m.warnings[id]; one != nil && one.State != WarningResolved {
		return
	}
	m.warn(id, at, 1, func() warningRecord {
		limit := rs.Limit(identity.Users, name)
		return warningRecord{
			Kind: NewType, Subject: kept(identity.ID{Type: name}),
			Says: fmt.Sprintf("Events bring identifiers of the type %s, which the rules do not list. They are taken with the defaults: %d of them (%s) for one person, after all listed types.", name, limit.Values, limit.WindowWord()),
			Do:   "If it names a person, list it where it belongs in the order of priority, with a limit: the rules below are the current ones with the type listed as it is treated now. `selfsame simulate` shows what a change would do. Otherwise dismiss this.",
		}
	})
}

// When merges are far more than usual: their number for each event is above all
// of these.
const (
	rateHours    = 7 * 24 // compared with
	rateHistory  = 24     // hours with rateEvents that there must be
	rateEvents   = 100    // an hour with fewer says nothing
	rateMerges   = 50     // fewer are no reason
	rateMAD      = 6      // deviations from the median
	rateTimes    = 3      // times the median
	rateAnyway   = 0.02   // merges for an event that are no reason by themselves
	madOfSpread  = 1.4826 // a normal distribution's spread, in median deviations
	rateLookBack = 2      // hours that are looked at: this one, and the one before to its end
)

// rates warns of hours in which far more profiles merged than usual.
func (m *memory) rates() error {
	now := counts.HourOf(m.watcher.space.Now().UnixNano())
	hours := map[int64]counts.Hourly{}
	first := now - rateHours*int64(time.Hour)
	if err := m.view.EachHour(first, now+int64(time.Hour), func(hour int64, t *counts.Hourly) {
		sum := hours[hour]
		hours[hour] = sum.Plus(t)
	}); err != nil {
		return err
	}
	for i := range int64(rateLookBack) {
		hour := now - i*int64(time.Hour)
		var past []float64
		for at, t := range hours {
			if at < hour && t.Events >= rateEvents {
				past = append(past, float64(t.Merged)/float64(t.Events))
			}
		}
		t := hours[hour]
		usual, unusual := unusualRate(past, t.Merged, t.Events)
		if !unusual {
			continue
		}
		name := warningID(MergeRate, fmt.Sprint(hour))
		if one := m.warnings[name]; one != nil && one.Count >= t.Merged {
			continue
		} else if one != nil {
			one.Count = 0 // the hour has gone on
		}
		m.warn(name, hour, t.Merged, func() warningRecord {
			at := time.Unix(0, hour).UTC()
			return warningRecord{
				Kind: MergeRate,
				Says: fmt.Sprintf("In the hour from %s far more profiles were merged than usual: the median of the week before is %.1f for 1,000 events.", at.Format("2006-01-02 15:04"), usual*1000),
				Do: fmt.Sprintf("Look at what merged: selfsame insights --kind merged --since %s --until %s. A value that many people share has a warning of its own; an import of old events, or a release that signs everybody in, is a harmless reason.",
					at.Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339)),
			}
		})
	}
	return nil
}

// unusualRate compares the merges of an hour with those of past hours, for each
// event: more than a few, and far from the median by the measure of what usually
// differs from it, which single wild hours do not move.
func unusualRate(past []float64, merged, events int64) (usual float64, unusual bool) {
	if len(past) < rateHistory || events < rateEvents || merged < rateMerges {
		return 0, false
	}
	usual = median(past)
	off := make([]float64, len(past))
	for i, p := range past {
		off[i] = max(p-usual, usual-p)
	}
	line := max(usual+rateMAD*madOfSpread*median(off), rateTimes*usual, rateAnyway)
	return usual, float64(merged)/float64(events) > line
}

// median sorts what it is given.
func median(of []float64) float64 {
	slices.Sort(of)
	n := len(of)
	return (of[(n-1)/2] + of[n/2]) / 2
}

// crowds counts keys in bounded memory: when there are too many, those that
// were seen once are forgotten first.
type crowds map[string]int

const mostCrowds = 20_000

func (c crowds) add(key string) int {
	if _, known := c[key]; !known && len(c) >= mostCrowds {
		for least := 1; len(c) >= mostCrowds*3/4; least++ {
			for k, n := range c {
				if n <= least {
					delete(c, k)
				}
			}
		}
	}
	c[key]++
	return c[key]
}

// largest are the largest counts, above those that say nothing.
func (c crowds) largest(most int) map[string]int {
	var keys []string
	for k, n := range c {
		if n > manyPeople/4 {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(c[b]-c[a], cmp.Compare(a, b)) })
	out := map[string]int{}
	for _, k := range keys[:min(len(keys), most)] {
		out[k] = c[k]
	}
	return out
}
