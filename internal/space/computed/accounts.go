package computed

import (
	"fmt"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// An account is made of its own strands and of its users: the profiles of the user
// strands that were seen together with them. What an event says of an account lies
// under the account's strand if the event names one, and else under the user's, for all
// the accounts of the user.

// opposites lists the strands that were seen together with some strands: of accounts
// with those of users, or the other way round. Each is listed once.
func opposites(v *space.View, kind codec.Key2[identity.Hash, identity.Hash], strands []identity.Hash) ([]identity.Hash, error) {
	ranges := make([]kv.Range, len(strands))
	for i, h := range strands {
		ranges[i].From, ranges[i].To = codec.Under(kind.Of(v.Keys(), h))
	}
	var out []identity.Hash
	seen := map[identity.Hash]bool{}
	for len(ranges) > 0 {
		pages, err := v.Reader().Scans(v.Context(), ranges, rowPage, false)
		if err != nil {
			return nil, err
		}
		more := ranges[:0]
		for i, page := range pages {
			for _, e := range page {
				_, other, ok := kind.Parse(e.Key)
				if !ok {
					return nil, fmt.Errorf("%w: who was seen together with whom", kv.ErrCorrupt)
				}
				if !seen[other] {
					seen[other] = true
					out = append(out, other)
				}
			}
			if len(page) == rowPage {
				more = append(more, kv.Range{From: kv.After(page[len(page)-1].Key), To: ranges[i].To})
			}
		}
		ranges = more
	}
	return out, nil
}

// profilesOf lists the profiles of strands, each once, in order of ID.
func profilesOf(v *space.View, strands []identity.Hash) ([]codec.ProfileID, error) {
	owners, err := ownersOf(v, strands)
	if err != nil {
		return nil, err
	}
	out := make([]codec.ProfileID, 0, len(owners))
	for _, p := range owners {
		out = append(out, p)
	}
	slices.SortFunc(out, byProfile)
	return slices.Compact(out), nil
}

// accountsOf lists the accounts of users.
func accountsOf(v *space.View, users []gathered) ([]codec.ProfileID, error) {
	var strands []identity.Hash
	for i := range users {
		if g := &users[i]; g.rec != nil && g.rec.Collection == identity.Users {
			for _, st := range g.strands {
				strands = append(strands, st.Hash)
			}
		}
	}
	others, err := opposites(v, codec.UserAccounts, strands)
	if err != nil || len(others) == 0 {
		return nil, err
	}
	return profilesOf(v, others)
}

// evaluateAccount evaluates an account as of a time.
func (c *Compiled) evaluateAccount(v *space.View, g *gathered, now int64) (outcome, error) {
	o := outcome{c: c, in: g.input()}
	strands := make([]identity.Hash, len(g.strands))
	for i, st := range g.strands {
		strands[i] = st.Hash
	}
	others, err := opposites(v, codec.AccountUsers, strands)
	if err != nil {
		return o, err
	}
	ids, err := profilesOf(v, others)
	if err != nil {
		return o, err
	}
	users, err := gather(v, ids, c.counting)
	if err != nil {
		return o, err
	}
	var rows []compute.Row
	for i := range users {
		for _, st := range users[i].strands {
			strands = append(strands, st.Hash)
		}
	}
	err = c.readRows(v, strands, func(_ int, row compute.Row) { rows = append(rows, row) })
	if err != nil {
		return o, err
	}
	o.rows = compute.NewRowList(rows)
	o.in.Users = len(users)
	if c.counting {
		members := map[string]int{}
		if o.next, err = c.countUsers(v, users, now, members); err != nil {
			return o, err
		}
		o.in.Members = func(audience string) int { return members[audience] }
	}
	sooner := o.next
	if o.values, o.next, err = o.at(now); err == nil && sooner != 0 && (o.next == 0 || sooner < o.next) {
		o.next = sooner
	}
	return o, err
}

// countUsers counts the users of an account that are in the audiences which audiences
// of accounts ask for. It returns when that may change by itself.
func (c *Compiled) countUsers(v *space.View, users []gathered, now int64, members map[string]int) (next int64, err error) {
	rows, err := c.rowsOf(v, users)
	if err != nil {
		return 0, err
	}
	for i := range users {
		res, err := c.Set.Eval(rows[i], users[i].input(), now)
		if err != nil {
			return 0, err
		}
		for _, h := range res.Hidden {
			if h.In {
				members[h.Key]++
			}
		}
		if res.Next != 0 && (next == 0 || res.Next < next) {
			next = res.Next
		}
	}
	return next, nil
}
