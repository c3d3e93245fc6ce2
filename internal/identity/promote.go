package identity

import (
	"fmt"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/event"
)

// Bounds on what one message may say about who it is. A real one has fewer than
// ten IDs, of less than 100 bytes, push tokens apart.
const (
	// MaxPromoted is how many distinct IDs of a message are promoted, of both
	// collections together.
	MaxPromoted = 100
	// MaxIDBytes is how long the type and the value of an ID may be together.
	MaxIDBytes = 4096
)

// Promotion is what a message says about who it is: distinct IDs in canonical
// order (ID.Compare), blocked values included, excluded ones left out. The
// strings share memory with the message's body: clone what outlives it by far.
type Promotion struct {
	Users, Accounts []ID

	// LeftOut are IDs that the message has and that are not promoted although
	// no rule excludes them, in the order in which they were met. It is nil for
	// all but absurd messages.
	LeftOut []LeftOut
}

// LeftOut is an ID that was not promoted, and why, in words for the customer.
type LeftOut struct {
	Collection Collection
	ID         ID
	Why        string
}

// Reasons of LeftOut.
var (
	whyTooMany = fmt.Sprintf("the message has more than %d external IDs", MaxPromoted)
	whyTooLong = fmt.Sprintf("the ID has more than %d bytes", MaxIDBytes)
	whyColon   = "the type has a colon, which ends a type in type:value"
)

// Promote extracts the external IDs of a message that came from a source. Places
// and conditions are those of Segment's page "Identity Resolution ExternalIDs":
//
//	user_id, anonymous_id   userId, anonymousId, of every call, alias included
//	email                   traits.email of an identify call, context.traits.email, properties.email
//	ios.*, android.*        context.device, by its type; idfa only if tracking is allowed
//	ga_client_id, cross_domain_id, braze_id   from context
//	group_id                groupId of a group call, context.groupId (accounts)
//	custom types            their key in traits (except a group call's, which
//	                        describe the account), context.traits, properties
//	any type                context.externalIds, into the collection it names
//
// An alias call's previousId is an anonymous_id under alias: link, else nothing.
// Values are trimmed, email is lower-cased; what is empty then is no ID. When
// there are more than MaxPromoted, those that come first in this list stay,
// whatever the rules say of values, limits and priorities, so that such a rule
// never changes a strand's hash.
func (rs *Ruleset) Promote(m *event.Message, source string) Promotion {
	c := collector{barred: rs.excluded.of(m, source)}
	c.top(m, rs.linkAlias)
	c.emails(m)
	c.context(m)
	if rs.keys.types != nil {
		take := func(idType, value string) { c.add(Users, idType, value) }
		if m.Type != event.Group {
			rs.keys.search(m.Traits, take)
		}
		rs.keys.search(m.ContextTraits, take)
		rs.keys.search(m.Properties, take)
	}
	c.externalIDs(m)

	return Promotion{Users: c.users.take(), Accounts: c.accounts.take(), LeftOut: c.leftOut}
}

// collector gathers the IDs of one message.
type collector struct {
	users, accounts gathered
	barred          barred
	leftOut         []LeftOut
}

// gathered are distinct IDs in canonical order. The few that a real message has
// cost no memory of their own until they are taken.
type gathered struct {
	n    int
	few  [8]ID // the first n, while many is nil
	many []ID
}

// take returns the IDs in a slice of exactly their number, nil for none.
func (g *gathered) take() []ID {
	if g.n == 0 {
		return nil
	}
	out := make([]ID, g.n)
	if g.many != nil {
		copy(out, g.many)
	} else {
		copy(out, g.few[:g.n])
	}
	return out
}

// place finds where an ID belongs, and whether it is there.
func (g *gathered) place(id ID) (at int, found bool) {
	ids := g.many
	if ids == nil {
		ids = g.few[:g.n]
	}
	// The lists are short, and many IDs come in order: look from the end.
	for at = len(ids); at > 0; at-- {
		if d := id.Compare(ids[at-1]); d >= 0 {
			return at, d == 0
		}
	}
	return 0, false
}

func (g *gathered) insert(at int, id ID) {
	if g.many == nil && g.n == len(g.few) {
		g.many = append(make([]ID, 0, 2*len(g.few)), g.few[:]...)
	}
	if g.many != nil {
		g.many = slices.Insert(g.many, at, id)
	} else {
		copy(g.few[at+1:], g.few[at:g.n])
		g.few[at] = id
	}
	g.n++
}

// top takes the IDs that stand at the top of the message.
func (c *collector) top(m *event.Message, linkAlias bool) {
	c.add(Users, typeUserID, m.UserID)
	c.add(Users, typeAnonymousID, m.AnonymousID)
	if m.Type == event.Alias && linkAlias {
		c.add(Users, typeAnonymousID, m.PreviousID)
	}
	if m.Type == event.Group {
		c.add(Accounts, typeGroupID, m.GroupID)
	}
}

func (c *collector) emails(m *event.Message) {
	if m.Type == event.Identify {
		c.add(Users, typeEmail, m.TraitsEmail)
	}
	c.add(Users, typeEmail, m.ContextTraitsEmail)
	c.add(Users, typeEmail, m.PropertiesEmail)
}

// context takes the IDs that have a place of their own in the message's context.
func (c *collector) context(m *event.Message) {
	d := &m.Device
	switch d.Type {
	case "ios":
		c.device(d, typeIOSID, typeIOSIDFA, typeIOSPushToken)
	case "android":
		c.device(d, typeAndroidID, typeAndroidIDFA, typeAndroidPushToken)
	}
	c.add(Users, typeGAClientID, m.GAClientID)
	c.add(Users, typeCrossDomainID, m.CrossDomainID)
	c.add(Users, typeBrazeID, m.BrazeID)
	c.add(Accounts, typeGroupID, m.ContextGroupID)
}

func (c *collector) device(d *event.Device, id, idfa, pushToken string) {
	c.add(Users, id, d.ID)
	if d.AdTrackingEnabled {
		c.add(Users, idfa, d.AdvertisingID)
	}
	c.add(Users, pushToken, d.Token)
}

func (c *collector) externalIDs(m *event.Message) {
	for i := range m.ExternalIDs {
		x := &m.ExternalIDs[i]
		collection, ok := ParseCollection(x.Collection)
		if !ok {
			continue // not a complete entry, which the parser drops
		}
		idType := event.TrimID(strings.ToLower(x.Type))
		if idType == "" {
			continue
		}
		if strings.IndexByte(idType, ':') >= 0 {
			if value := Normal(idType, x.ID); value != "" && !c.barred.bars(idType) {
				c.leave(collection, ID{idType, value}, whyColon)
			}
			continue
		}
		c.add(collection, idType, x.ID)
	}
}

// add takes an ID unless it is empty, excluded or there already.
func (c *collector) add(collection Collection, idType, value string) {
	if value == "" {
		return
	}
	id := ID{idType, Normal(idType, value)}
	if id.Value == "" || c.barred.bars(idType) {
		return
	}
	list := &c.users
	if collection == Accounts {
		list = &c.accounts
	}
	at, found := list.place(id)
	switch {
	case found:
	case len(idType)+len(id.Value) > MaxIDBytes:
		c.leave(collection, id, whyTooLong)
	case c.users.n+c.accounts.n >= MaxPromoted:
		c.leave(collection, id, whyTooMany)
	default:
		list.insert(at, id)
	}
}

func (c *collector) leave(collection Collection, id ID, why string) {
	c.leftOut = append(c.leftOut, LeftOut{collection, id, why})
}
