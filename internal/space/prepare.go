package space

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/dchest/siphash"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/dedupe"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/tx"
)

// ingestRequest is a delivery on its way to a commit.
type ingestRequest struct {
	delivery    Delivery
	rules       *identity.Ruleset // the rules by which the IDs were promoted
	definitions *Definitions      // those by which rows were taken
	events      []prepared
	packed      []journal.Packed // bodies that were packed ahead, covering the events in order; empty: the commit packs them
	bytes       int64
	came        time.Time
	queued      time.Time // later than came if something was left for another commit
	done        chan outcome

	whole        bool    // it is taken all at once or not at all
	receipt      Receipt // of what was taken so far
	tries        int     // commits that left some of it for another one
	backoffUntil time.Time
}

type outcome struct {
	receipt Receipt
	err     error
}

// prepared is an event with all that can be worked out before the commit.
type prepared struct {
	msg      *event.Message
	source   string // where it came from
	id       string // messageId, the message's own or the one it was given
	given    bool   // the body does not say it, so it is stored beside
	hash     uint64 // of id
	users    side
	account  side
	leftOut  []identity.LeftOut // IDs beyond the bounds of a message
	said     []profile.Trait    // of the user of an identify call, of the account of a group call; of no arrival yet
	rows     []compute.Row      // what definitions take from it
	deferred bool               // left for another commit: another node changed what it depends on
	recheck  bool               // was left once, perhaps because it is a repeat
	known    dedupe.Seen        // what the whole store, whatever its age, tells; see Space.compare

	// What a shared store had under the messageId's hash, see sharedRepeats.
	collides bool
	expired  []byte
}

// side is an event's strand in one collection.
type side struct {
	hash   identity.Hash
	ids    []identity.ID   // in canonical order; empty: no strand
	hashes []identity.Hash // of the IDs; nil: not worked out yet, see idHashes
}

// idHashes are the hashes of the IDs. Those of a strand that is not known to be settled
// are worked out before the commit.
func (d *side) idHashes(h identity.Hasher, c identity.Collection) []identity.Hash {
	if d.hashes == nil {
		d.hashes = make([]identity.Hash, len(d.ids))
		for i := range d.ids {
			d.hashes[i] = h.ID(c, d.ids[i])
		}
	}
	return d.hashes
}

// prepare promotes and hashes the IDs of a delivery's events and packs their
// bodies.
func (s *Space) prepare(w *ingestRequest) {
	rs := s.rules.Load()
	w.rules = rs
	ms := w.delivery.Messages
	if len(w.events) == 0 {
		// What must not be repeated when it is sent again is taken all at once. A
		// message without an ID of its own would be new each time.
		w.whole = w.delivery.Mark != nil || w.delivery.Audit != nil || len(w.delivery.Resolves) > 0
		w.events = make([]prepared, len(ms))
		for i := range ms {
			p := &w.events[i]
			p.msg, p.id, p.given, p.source = &ms[i], ms[i].MessageID, ms[i].MessageIDGiven, w.delivery.Source
			if p.id == "" {
				p.id, p.given = giveID(), true
				w.whole = true
			}
			p.hash = s.MessageHash(p.id)
			p.said = saidBy(p.msg, p.id, p.source)
			w.bytes += int64(ms[i].Size())
		}
		w.packed = s.packer.PackAhead(ms)
	}
	for i := range w.delivery.Rejects {
		s.rejects.PackAhead(&w.delivery.Rejects[i])
	}
	for i := range w.events {
		p := &w.events[i]
		pr := rs.Promote(p.msg, w.delivery.Source)
		p.users = side{ids: pr.Users}
		p.account = side{ids: pr.Accounts}
		p.leftOut = pr.LeftOut
		if len(pr.Users) > 0 {
			p.users.hash = s.hasher.Strand(identity.Users, pr.Users)
			if !s.cache.has(p.users.hash) {
				p.users.idHashes(s.hasher, identity.Users)
			}
		}
		if len(pr.Accounts) > 0 {
			p.account.hash = s.hasher.Strand(identity.Accounts, pr.Accounts)
			if !s.cache.has(p.account.hash) {
				p.account.idHashes(s.hasher, identity.Accounts)
			}
		}
	}
	s.extract(w)
}

// saysTraits reports whether a message sets traits of a user or of an account.
func saysTraits(m *event.Message) bool {
	return (m.Type == event.Identify || m.Type == event.Group) && len(m.Traits) > 2
}

// saidBy is what a message says of its user or account, without a place among others.
func saidBy(m *event.Message, id, source string) []profile.Trait {
	if !saysTraits(m) {
		return nil
	}
	said := *m
	said.MessageID = id
	if m.Type == event.Group {
		return profile.AccountTraits(&said, source, event.Arrival{})
	}
	return profile.UserTraits(&said, source, event.Arrival{})
}

// giveID makes a messageId for a message without one.
func giveID() string {
	var b [12]byte
	rand.Read(b[:]) // never fails, see crypto/rand
	return "selfsame-" + hex.EncodeToString(b[:])
}

// MessageHash is the hash by which messages of an ID are found.
func (s *Space) MessageHash(id string) uint64 {
	return siphash.Hash(s.hashKey[0], s.hashKey[1], []byte(id))
}

// strands are the strands of the event.
func (e *prepared) strands() tx.Sides {
	return tx.Sides{User: e.users.hash, HasUser: len(e.users.ids) > 0, Account: e.account.hash, HasAccount: len(e.account.ids) > 0}
}
