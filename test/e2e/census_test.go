package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/selfsame-id/selfsame/test/wire"
)

// sent is an event with what a test needs to know of it.
type sent struct {
	line      []byte
	messageID string
	ids       []string // user_id:… and anonymous_id:… under which it may be found
}

// parsed reads the events of a population.
func parsed(t testing.TB, lines [][]byte) []sent {
	t.Helper()
	out := make([]sent, len(lines))
	for i, line := range lines {
		var m struct{ MessageID, UserID, AnonymousID string }
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatal(err)
		}
		out[i] = sent{line: line, messageID: m.MessageID}
		for _, id := range []struct{ kind, value string }{{"user_id", m.UserID}, {"anonymous_id", m.AnonymousID}} {
			if id.value != "" && id.value != "null" && id.value != "undefined" {
				out[i].ids = append(out[i].ids, id.kind+":"+id.value)
			}
		}
	}
	return out
}

// lookup asks the Profile API over a connection of one's own. It returns nil if
// there is no such profile.
func lookup(c *wire.Conn, space, user, resource string) ([]byte, error) {
	kind, value, _ := strings.Cut(user, ":")
	path := "/v1/spaces/" + space + "/collections/users/profiles/" + kind + ":" + url.PathEscape(value) + "/" + resource
	r, err := c.Deliver(wire.AppendRequest(nil, "127.0.0.1", path, wire.Basic(tokenOf(space)), nil))
	switch {
	case err != nil:
		return nil, err
	case r.Status == 404:
		return nil, nil
	case r.Status != 200:
		return nil, fmt.Errorf("%s of %s: status %d: %.300s", resource, user, r.Status, r.Body)
	}
	return r.Body, nil
}

// crew does work over several connections, and reports the first error.
func (p *server) crew(t testing.TB, jobs int, job func(c *wire.Conn, i int) error) {
	t.Helper()
	const hands = 8
	var next atomic.Int64
	var all sync.WaitGroup
	errs := make([]error, hands)
	for h := range hands {
		c := p.dial(t)
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < jobs && errs[h] == nil; i = int(next.Add(1)) - 1 {
				errs[h] = job(c, i)
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// profilesOf finds all profiles that some external IDs lead to: their own IDs.
func (p *server) profilesOf(t testing.TB, space string, ids []string) []string {
	t.Helper()
	found := make([]string, len(ids))
	p.crew(t, len(ids), func(c *wire.Conn, i int) error {
		body, err := lookup(c, space, ids[i], "metadata?verbose=true")
		if err != nil || body == nil {
			return err
		}
		var m struct {
			Metadata struct {
				SegmentID   string `json:"segment_id"`
				Provisional bool
			}
		}
		if err := json.Unmarshal(body, &m); err != nil {
			return err
		}
		if m.Metadata.Provisional {
			return fmt.Errorf("%s is provisional though nothing is pending", ids[i])
		}
		found[i] = m.Metadata.SegmentID
		return nil
	})
	set := map[string]bool{}
	for _, id := range found {
		set[id] = true
	}
	delete(set, "")
	return slices.Sorted(maps.Keys(set))
}

// portrait is a profile as the Profile API shows it, in a form to compare.
type portrait struct {
	ids    string // sorted, by spaces
	traits string // JSON, with times
}

// portraits reads all profiles that some external IDs lead to, sorted by their
// IDs.
func (p *server) portraits(t testing.TB, space string, ids []string) []portrait {
	t.Helper()
	var mu sync.Mutex
	covered := map[string]bool{}
	found := map[string]portrait{}
	p.crew(t, len(ids), func(c *wire.Conn, i int) error {
		mu.Lock()
		known := covered[ids[i]]
		mu.Unlock()
		if known {
			return nil
		}
		its, err := allIDs(c, space, ids[i])
		if err != nil || its == nil {
			return err
		}
		traits, err := allTraits(c, space, ids[i])
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for _, id := range its {
			covered[id] = true
		}
		key := strings.Join(its, " ")
		found[key] = portrait{key, traits}
		return nil
	})
	out := slices.Collect(maps.Values(found))
	slices.SortFunc(out, func(a, b portrait) int { return strings.Compare(a.ids, b.ids) })
	return out
}

// allIDs gives a profile's external IDs, sorted; nil if there is no such profile.
func allIDs(c *wire.Conn, space, user string) (ids []string, err error) {
	body, err := lookup(c, space, user, "external_ids?limit=1000")
	if err != nil || body == nil {
		return nil, err
	}
	var list struct {
		Data   []struct{ Type, ID string }
		Cursor struct {
			HasMore bool `json:"has_more"`
		}
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	if list.Cursor.HasMore {
		return nil, fmt.Errorf("%s has more than 1000 IDs", user)
	}
	for _, id := range list.Data {
		ids = append(ids, id.Type+":"+id.ID)
	}
	slices.Sort(ids)
	return ids, nil
}

// allTraits gives a profile's traits and their times as JSON.
func allTraits(c *wire.Conn, space, user string) (string, error) {
	body, err := lookup(c, space, user, "traits?limit=200&verbose=true")
	if err != nil || body == nil {
		return "", fmt.Errorf("%s was there a moment ago: %w", user, err)
	}
	var traits struct {
		Traits map[string]struct {
			Value     any
			UpdatedAt string `json:"updated_at"`
		}
	}
	if err := json.Unmarshal(body, &traits); err != nil {
		return "", err
	}
	text, err := json.Marshal(traits.Traits) // sorts the names
	return string(text), err
}

// stored counts the events of profiles by message ID.
func (p *server) stored(t testing.TB, space string, profiles []string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	var mu sync.Mutex
	p.crew(t, len(profiles), func(c *wire.Conn, i int) error {
		for next := ""; ; {
			resource := "events?limit=1000"
			if next != "" {
				resource += "&next=" + url.QueryEscape(next)
			}
			body, err := lookup(c, space, "segment_id:"+profiles[i], resource)
			if err != nil || body == nil {
				return fmt.Errorf("%s was there a moment ago: %w", profiles[i], err)
			}
			var list struct {
				Data []struct {
					MessageID string `json:"message_id"`
				}
				Cursor struct {
					HasMore bool `json:"has_more"`
					Next    string
				}
			}
			if err := json.Unmarshal(body, &list); err != nil {
				return err
			}
			mu.Lock()
			for _, e := range list.Data {
				counts[e.MessageID]++
			}
			mu.Unlock()
			if !list.Cursor.HasMore {
				return nil
			}
			next = list.Cursor.Next
		}
	})
	return counts
}

// distinctIDs lists all external IDs of events once.
func distinctIDs(events []sent) []string {
	set := map[string]bool{}
	for i := range events {
		for _, id := range events[i].ids {
			set[id] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
