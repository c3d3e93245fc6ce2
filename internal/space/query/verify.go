package query

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// mostDifferences is how many differences a report lists.
const mostDifferences = 1000

// Verify resolves and folds everything again by the batch function and reports
// every difference from what is stored. It looks at one snapshot, taken when no
// replay waits; events go on meanwhile. It holds all events' places in memory,
// about 150 bytes each.
func (r *Reader) Verify(ctx context.Context, progress space.Progress) (VerifyReport, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	v := &verification{space: r, ctx: ctx, progress: progress,
		strands: map[identity.Hash]*codec.Strand{},
		traits:  map[identity.Hash]profile.Traits{},
		indexed: map[identity.Hash]moments{},
		blocks:  map[event.Block]bool{},
		holes:   map[identity.Hash]map[event.Arrival]bool{},
		sources: map[string]codec.SourceCount{},
	}
	if err := v.snapshot(); err != nil {
		return v.report, err
	}
	defer v.view.Close()
	for _, step := range []func() error{v.readStrands, v.readJournal, v.checkIndex, v.checkIdentity, v.checkTraits, v.checkCounters} {
		if err := step(); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

type verification struct {
	space    *Reader
	ctx      context.Context
	progress space.Progress
	view     *space.View
	report   VerifyReport

	strands map[identity.Hash]*codec.Strand
	occ     [2][]identity.Occurrence // users, accounts
	traits  map[identity.Hash]profile.Traits
	indexed map[identity.Hash]moments // what the index has to hold
	blocks  map[event.Block]bool      // whether their headers can be read
	holes   map[identity.Hash]map[event.Arrival]bool
	sources map[string]codec.SourceCount
	unread  bool // blocks are lost of which only the index knows
}

func (v *verification) differ(kind, subject, stored, expected, evidence string) {
	if len(v.report.Differences) >= mostDifferences {
		v.report.Truncated = true
		return
	}
	v.report.Differences = append(v.report.Differences, Difference{kind, subject, stored, expected, evidence})
}

// snapshot waits for a moment at which no replay waits.
func (v *verification) snapshot() error {
	for first := true; ; first = false {
		view, err := v.space.space.ViewInForce(v.ctx)
		if err != nil {
			return err
		}
		seeds, err := view.Deferred(1000)
		if err != nil {
			view.Close()
			return err
		}
		applying := view.Applying()
		if first {
			v.report.Pending = int64(len(seeds))
		}
		if len(seeds) == 0 && !applying {
			v.view = view
			return nil
		}
		view.Close()
		if applying {
			v.progress("waiting for new rules to be applied", 0, 0)
		} else {
			v.progress("waiting for pending replays", 0, int64(len(seeds)))
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-v.ctx.Done():
			return v.ctx.Err()
		}
	}
}

func (v *verification) readStrands() error {
	return v.view.EachStrand(func(st *codec.Strand) error {
		v.strands[st.Hash] = st
		v.report.Strands++
		if v.report.Strands%10000 == 0 {
			v.progress("reading strands", v.report.Strands, 0)
		}
		return v.ctx.Err()
	})
}

// readJournal reads every event's body again: whose it is, when it was, what it
// says.
func (v *verification) readJournal() error {
	stored, err := v.view.Counters()
	if err != nil {
		return err
	}
	total := stored.Events
	return v.view.EachBlock(func(b *journal.Block) error {
		v.blocks[b.ID] = b.Heads != nil
		if b.Damage != "" {
			v.differ("damage", "block "+b.ID.String(), b.Damage, fmt.Sprintf("%d events", len(b.Heads)), "")
		}
		for o := range b.Heads {
			e, m, st := b.Event(o)
			switch st {
			case journal.Gone:
				if b.Heads[o].Type == 0 && b.Bodies != nil && len(b.Bodies[o]) > 0 {
					v.differ("body", fmt.Sprintf("event %d of block %s", o, b.ID), "a body that is no event", "nothing", "")
				}
				continue
			case journal.Damaged:
				if b.Damage == "" {
					v.differ("damage", fmt.Sprintf("event %d of block %s", o, b.ID), "its body cannot be read", "an event of "+e.Source, "")
				}
				v.hole(b, o)
			default:
				v.event(b, o, &e, &m)
			}
			v.report.Events++
			v.sources[b.Heads[o].Source] = v.sources[b.Heads[o].Source].Plus(codec.SourceCount{Events: 1, Last: b.Heads[o].ReceivedAt})
		}
		v.progress("reading events", v.report.Events, max(total, v.report.Events))
		return v.ctx.Err()
	})
}

// event looks at an event that can be read.
func (v *verification) event(b *journal.Block, ordinal int, e *journal.Event, m *event.Message) {
	h := &b.Heads[ordinal]
	p := v.view.Rules().Promote(m, h.Source)
	subject := fmt.Sprintf("event %s of %s", e.MessageID, h.Type)
	v.side(b, ordinal, subject, identity.Users, h.HasUser, h.User, p.Users)
	v.side(b, ordinal, subject, identity.Accounts, h.HasAccount, h.Account, p.Accounts)
	v.first(h.User, h.Moment(b.ID, ordinal), e)
	v.first(h.Account, h.Moment(b.ID, ordinal), e)
	if h.HasUser {
		v.said(h.User, profile.UserTraits(m, h.Source, e.Arrival))
	}
	if h.HasAccount {
		v.said(h.Account, profile.AccountTraits(m, h.Source, e.Arrival))
	}
}

// first holds what a strand says of its first event against that.
func (v *verification) first(strand identity.Hash, at event.Moment, e *journal.Event) {
	st := v.strands[strand]
	if st == nil || st.First.Moment != at || st.MessageID == "" || st.MessageID == e.MessageID {
		return
	}
	v.differ("strand", v.name(strand), "first event "+st.MessageID, "first event "+e.MessageID, "strand "+strand.String())
}

// said takes over what an event said of a strand.
func (v *verification) said(strand identity.Hash, news []profile.Trait) {
	if len(news) > 0 {
		v.traits[strand], _ = v.traits[strand].Apply(news)
	}
}

// side holds the strand of an event against the IDs that it has, if it has any.
func (v *verification) side(b *journal.Block, ordinal int, subject string, c identity.Collection, has bool, strand identity.Hash, ids []identity.ID) {
	place := func() string { return fmt.Sprintf("block %s, event %d, %s", b.ID, ordinal, c) }
	if (len(ids) > 0) != has || has && v.view.Hasher().Strand(c, ids) != strand {
		v.differ("strand", subject, strand.String(), v.view.Hasher().Strand(c, ids).String(), place())
		return
	}
	if has && !v.occurs(strand, b.Heads[ordinal].Moment(b.ID, ordinal)) {
		v.differ("strand", subject, "no such strand", strand.String(), place())
	}
}

// occurs counts an event for its strand; false if there is no such strand.
func (v *verification) occurs(strand identity.Hash, at event.Moment) bool {
	st := v.strands[strand]
	if st == nil {
		return false
	}
	i := 0
	if st.Collection == identity.Accounts {
		i = 1
	}
	v.occ[i] = append(v.occ[i], identity.Occurrence{Strand: st.Strand, Moment: at})
	v.indexed[strand] = v.indexed[strand].with(at)
	return true
}

// hole takes an event that cannot be read as what its header says it is.
func (v *verification) hole(b *journal.Block, ordinal int) {
	h := &b.Heads[ordinal]
	v.report.Damaged++
	for _, side := range [...]struct {
		has    bool
		strand identity.Hash
	}{{h.HasUser, h.User}, {h.HasAccount, h.Account}} {
		if side.has {
			v.lost(side.strand, h.Moment(b.ID, ordinal))
		}
	}
}

// lost takes an event of a strand as it was, though nobody can read it.
func (v *verification) lost(strand identity.Hash, at event.Moment) {
	if !v.occurs(strand, at) {
		v.differ("strand", "event "+at.Arrival.String(), "no such strand", strand.String(), "")
	}
	if v.holes[strand] == nil {
		v.holes[strand] = map[event.Arrival]bool{}
	}
	v.holes[strand][at.Arrival] = true
}

// moments is a number of events and a sum over their moments.
type moments struct {
	n   int64
	sum uint64
}

func (m moments) with(at event.Moment) moments {
	a := at.Arrival
	return moments{m.n + 1, m.sum + uint64(at.Time)*3 + uint64(at.ReceivedAt)*5 + binary.BigEndian.Uint64(a[4:])*7}
}

// name shows a strand by its IDs.
func (v *verification) name(h identity.Hash) string {
	st := v.strands[h]
	if st == nil {
		return "strand " + h.String()
	}
	ids := make([]string, len(st.Links))
	for i := range st.Links {
		ids[i] = st.Links[i].ID.String()
	}
	return "{" + strings.Join(ids, ", ") + "}"
}

// Difference is something that Verify found: what is stored is not what the
// batch function says.
type Difference struct {
	Kind     string `json:"kind"` // partition, trait, strand, index, ...
	Subject  string `json:"subject"`
	Stored   string `json:"stored"`
	Expected string `json:"expected"`
	Evidence string `json:"evidence,omitempty"`
}

// VerifyReport is what Verify did and found.
type VerifyReport struct {
	Events, Strands, Profiles, Traits int64
	Pending                           int64 // replays that waited when Verify began; it waited for them
	Damaged                           int64 // of Events: they cannot be read any more
	Differences                       []Difference
	Truncated                         bool // more differences than are listed
}
