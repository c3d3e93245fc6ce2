package space

import (
	"github.com/selfsame-id/selfsame/internal/space/codec"

	"context"
	"fmt"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/profile"
)

// mostDifferences is how many differences a report lists.
const mostDifferences = 1000

// Verify resolves and folds everything again by the batch function and reports
// every difference from what is stored. It looks at one snapshot, taken when no
// replay waits; events go on meanwhile. It holds all events' places in memory,
// about 150 bytes each.
func (s *Space) Verify(ctx context.Context, progress Progress) (VerifyReport, error) {
	if progress == nil {
		progress = func(string, int64, int64) {}
	}
	v := &verification{s: s, ctx: ctx, progress: progress,
		strands: map[identity.Hash]*codec.Strand{},
		traits:  map[identity.Hash]profile.Traits{},
		counts:  map[identity.Hash]int64{},
	}
	if err := v.snapshot(); err != nil {
		return v.report, err
	}
	defer v.r.Close()
	for _, step := range []func() error{v.readStrands, v.readJournal, v.checkIndex, v.checkIdentity, v.checkTraits, v.checkCounters} {
		if err := step(); err != nil {
			return v.report, err
		}
	}
	return v.report, nil
}

type verification struct {
	s        *Space
	ctx      context.Context
	progress Progress
	rules    *identity.Ruleset
	over     *identity.Overrides
	r        kv.Reader
	report   VerifyReport

	strands map[identity.Hash]*codec.Strand
	occ     [2][]identity.Occurrence // users, accounts
	traits  map[identity.Hash]profile.Traits
	counts  map[identity.Hash]int64
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
	s := v.s
	for first := true; ; first = false {
		// Rules and data of one moment: rules change under this lock.
		s.writing.Lock()
		r, err := s.store.Snapshot(v.ctx)
		if err == nil {
			err = s.lookAtRules(v.ctx, r)
		}
		v.rules, v.over = s.rules.Load(), s.overrides.Load().identity
		applying := s.version.Load().Applying
		s.writing.Unlock()
		if err != nil {
			return err
		}
		seeds, err := s.readSeeds(v.ctx, r, 1000)
		if err != nil {
			r.Close()
			return err
		}
		if first {
			v.report.Pending = int64(len(seeds))
		}
		if len(seeds) == 0 && !applying {
			v.r = r
			return nil
		}
		r.Close()
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
	return v.s.eachStrand(v.ctx, v.r, func(st *codec.Strand) error {
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
	stored, err := v.s.readCounters(v.ctx, v.r)
	if err != nil {
		return err
	}
	total := stored.Events
	return v.s.eachBlock(v.ctx, v.r, func(id uint64, b *openBlock) error {
		for o := range b.heads {
			e, m, ok, err := b.event(o)
			if err != nil {
				return err
			}
			if !ok {
				continue
			}
			v.report.Events++
			h := &b.heads[o]
			v.event(id, o, h, &e, &m)
		}
		v.progress("reading events", v.report.Events, max(total, v.report.Events))
		return v.ctx.Err()
	})
}

func (v *verification) event(block uint64, ordinal int, h *blockEvent, e *StoredEvent, m *event.Message) {
	p := v.rules.Promote(m, h.Source)
	arrival := uint64(0)
	if v.rules.Arrival() {
		arrival = arrivalOf(block, ordinal)
	}
	m.MessageID = e.MessageID
	subject := func() string { return fmt.Sprintf("event %s of %s", e.MessageID, h.Type) }
	side := func(i int, c identity.Collection, ids []identity.ID, has bool, hash identity.Hash) {
		if (len(ids) > 0) != has || (has && v.s.hasher.Strand(c, ids) != hash) {
			v.differ("strand", subject(), hash.String(), v.s.hasher.Strand(c, ids).String(), fmt.Sprintf("block %d, event %d, %s", block, ordinal, c))
			return
		}
		if !has {
			return
		}
		st := v.strands[hash]
		if st == nil {
			v.differ("strand", subject(), "no such strand", hash.String(), fmt.Sprintf("block %d, event %d, %s", block, ordinal, c))
			return
		}
		v.occ[i] = append(v.occ[i], identity.Occurrence{Strand: st.Strand, Time: h.Time, MessageID: strings.Clone(e.MessageID)})
		v.counts[hash]++
	}
	side(0, identity.Users, p.Users, h.HasUser, h.User)
	side(1, identity.Accounts, p.Accounts, h.HasAccount, h.Account)
	var news []profile.Trait
	var of identity.Hash
	switch {
	case m.Type == event.Identify && h.HasUser:
		news, of = profile.UserTraits(m, h.Source, arrival), h.User
	case m.Type == event.Group && h.HasAccount:
		news, of = profile.AccountTraits(m, h.Source, arrival), h.Account
	}
	if len(news) > 0 {
		v.traits[of], _ = v.traits[of].Apply(news)
	}
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
