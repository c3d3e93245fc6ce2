package space_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/space"
	"github.com/selfsame-id/selfsame/internal/space/query"
	"github.com/selfsame-id/selfsame/internal/space/spacetest"
)

// ingestAt delivers messages that were received at one time.
func ingestAt(t testing.TB, s *space.Space, received int64, lines ...string) {
	t.Helper()
	d := space.Delivery{Source: "src"}
	for _, l := range lines {
		m, err := event.Parse([]byte(l), event.Envelope{ReceivedAt: received})
		if err != nil {
			t.Fatalf("%s: %v", l, err)
		}
		d.Messages = append(d.Messages, m)
	}
	if _, err := s.Ingest(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	reuse(d.Messages)
}

func trait(t testing.TB, s *space.Space, ref space.Ref, name string) string {
	t.Helper()
	v, err := query.New(s).Profile(context.Background(), ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range v.Traits {
		if tr.Name == name {
			return string(tr.Value)
		}
	}
	return ""
}

// secondly is an identify call of an SDK that stamps whole seconds. Its messageId
// says nothing about when it came.
func secondly(rng *rand.Rand, ids, traits string) string {
	return fmt.Sprintf(`{"type":"identify","messageId":"%016x","timestamp":"2025-03-01T12:00:00Z",%s,"traits":{%s}}`, rng.Uint64(), ids, traits)
}

const noon = 1_740_830_400_000_000_000

// Of what is said at one time the last word counts, whatever the messageIds: in one
// batch and in several, in small requests and in those that are packed ahead, with
// one strand and with two.
func TestTheLastWordOfOneTimeCounts(t *testing.T) {
	for name, c := range map[string]struct {
		together bool
		padding  int
	}{"one batch": {true, 0}, "several": {false, 0}, "a large batch": {true, 8 << 10}} {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, 2))
			s := newSpace(t, space.Config{})
			pad := `"pad":"` + strings.Repeat("x", c.padding) + `",`
			for p := range 20 {
				lines := []string{
					secondly(rng, fmt.Sprintf(`"userId":"u%d"`, p), pad+`"plan":"free","gone":1,"back":1`),
					secondly(rng, fmt.Sprintf(`"userId":"u%d","anonymousId":"a%d"`, p, p), pad+`"plan":"team","gone":null,"back":null`),
					secondly(rng, fmt.Sprintf(`"userId":"u%d"`, p), pad+`"plan":"pro","back":2`),
				}
				if c.together {
					ingestAt(t, s, noon+1, lines...)
				} else {
					for _, l := range lines {
						ingestAt(t, s, noon+1, l)
					}
				}
				for name, want := range map[string]string{"plan": `"pro"`, "gone": "", "back": "2"} {
					if got := trait(t, s, user("user_id", fmt.Sprint("u", p)), name); got != want {
						t.Errorf("u%d: %s is %s, want %s", p, name, got, want)
					}
				}
			}
			verify(t, s)
		})
	}
}

// Of two logins of one time the first to come keeps the cookie.
func TestTheFirstLoginOfOneTimeKeepsTheCookie(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	s := newSpace(t, space.Config{})
	for p := range 20 {
		ingestAt(t, s, noon, secondly(rng, fmt.Sprintf(`"userId":"first%d","anonymousId":"c%d"`, p, p), ``),
			secondly(rng, fmt.Sprintf(`"userId":"second%d","anonymousId":"c%d"`, p, p), ``))
		if a, b := idOf(t, s, "anonymous_id", fmt.Sprint("c", p)), idOf(t, s, "user_id", fmt.Sprint("first", p)); a != b {
			t.Errorf("cookie %d went to the second login", p)
		}
	}
	verify(t, s)
}

// An event that was received earlier is the earlier of one time, whenever it comes.
func TestReceiptGoesBeforeArrival(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	s := newSpace(t, space.Config{})
	ingestAt(t, s, noon+2, secondly(rng, `"userId":"u"`, `"plan":"pro"`))
	ingestAt(t, s, noon+1, secondly(rng, `"userId":"u"`, `"plan":"free"`))
	if got := trait(t, s, user("user_id", "u"), "plan"); got != `"pro"` {
		t.Errorf("plan is %s", got)
	}
	verify(t, s)
}

// hourly makes a world in which many events share a time, with messageIds in no
// order.
func hourly(rng *rand.Rand, n, people int) []string {
	lines := world(rng, n, people)
	for i, l := range lines {
		l = strings.Replace(l, fmt.Sprintf(`"m%04d"`, i), fmt.Sprintf(`"%08x-%04d"`, rng.Uint32(), i), 1)
		at := strings.Index(l, `"timestamp":"`) + len(`"timestamp":"`)
		lines[i] = l[:at] + fmt.Sprintf("2025-03-0%dT12:00:00Z", 1+rng.IntN(3)) + l[at+len("2025-03-01T12:00:00Z"):]
	}
	return lines
}

// In one order of arrival events of equal times give one result, whatever the
// batching, the bound on replays and the restarts; it is that of the batch
// function, and stays so through a re-keying and back.
func TestEqualTimesInOneOrderGiveOneResult(t *testing.T) {
	for seed := range seeds(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 51))
			rules := &identity.Rules{}
			if seed%4 == 3 {
				rules.Order = "arrival"
			}
			for _, ty := range []string{"email", "anonymous_id", "ios.id"} {
				rules.Identifiers = append(rules.Identifiers, identity.Identifier{Type: ty, Limit: 1 + rng.IntN(3), Window: []string{"ever", "daily"}[rng.IntN(2)]})
			}
			lines := hourly(rng, 200, 3+rng.IntN(8))
			once := newSpace(t, space.Config{Rules: rules})
			ingestAt(t, once, noon<<1, lines...)
			verify(t, once)

			disk := someDisk(seed)
			store := disk(t)
			cfg := space.Config{Rules: rules, ReplayBound: []int{1000, 2}[rng.IntN(2)]}
			s := openSpace(t, store, cfg)
			for rest := lines; len(rest) > 0; {
				n := min(1+rng.IntN(40), len(rest))
				ingestAt(t, s, noon<<1, rest[:n]...)
				rest = rest[n:]
				if rng.IntN(4) == 0 {
					if err := s.Close(t.Context()); err != nil {
						t.Fatal(err)
					}
					store.Close()
					store = disk(t)
					s = openSpace(t, store, cfg)
				}
			}
			defer func() {
				s.Close(context.Background())
				store.Close()
			}()
			verify(t, s) // waits for what is pending
			same := func(when string) {
				t.Helper()
				for _, ref := range everybody(lines) {
					if got, want := summary(t, s, ref), summary(t, once, ref); got != want {
						t.Fatalf("%s, %s:%s in batches:\n%s\nat once:\n%s", when, ref.Type, ref.Value, got, want)
					}
				}
			}
			same("as it came")
			if seed%4 == 3 {
				return
			}
			elsewhere := *rules
			elsewhere.Identifiers = append(elsewhere.Identifiers[:len(elsewhere.Identifiers):len(elsewhere.Identifiers)], identity.Identifier{Type: "number", Key: "n", Limit: 2})
			setRules(t, s, elsewhere)
			verify(t, s)
			setRules(t, s, *rules)
			verify(t, s)
			same("after a re-keying and back")
		})
	}
}

// Two nodes whose clocks disagree by hours: what was answered first came first.
func TestClocksThatDisagree(t *testing.T) {
	store := memoryDisk()(t)
	defer store.Close()
	ahead, behind := clockAt(time.Unix(0, noon).Add(3*time.Hour)), clockAt(time.Unix(0, noon))
	open := func(c *spacetest.Clock) *space.Space {
		s := openSpace(t, &meddled{Store: store}, space.Config{Now: c.Now})
		t.Cleanup(func() { s.Close(context.Background()) })
		return s
	}
	nodes := [2]*space.Space{open(ahead), open(behind)}
	rng := rand.New(rand.NewPCG(7, 8))
	for p := range 10 {
		ref := user("user_id", fmt.Sprint("u", p))
		ids := fmt.Sprintf(`"userId":"u%d"`, p)
		for k := range 6 {
			want := fmt.Sprint(k)
			ingestAt(t, nodes[k%2], noon, secondly(rng, ids, `"k":`+want))
			if got := trait(t, nodes[0], ref, "k"); got != want {
				t.Fatalf("u%d: k is %s, and %s was said last", p, got, want)
			}
		}
	}
	verify(t, nodes[1])
}

// What one request says of one time stays in its order, when another node makes the
// commit be decided again.
func TestConflictsKeepTheOrderOfARequest(t *testing.T) {
	first, second, m := meddledSpaces(t)
	rng := rand.New(rand.NewPCG(9, 10))
	others := 0
	m.before = func() {
		if others++; others%2 == 1 && others < 20 {
			ingestAt(t, second, noon-1, secondly(rng, fmt.Sprintf(`"userId":"u%d"`, others%10), `"x":1`))
		}
	}
	var lines []string
	for k := range 4 {
		for p := range 10 {
			lines = append(lines, secondly(rng, fmt.Sprintf(`"userId":"u%d","anonymousId":"a%d-%d"`, p, p, k%2), fmt.Sprintf(`"k":%d`, k)))
		}
	}
	ingestAt(t, first, noon, lines...)
	for p := range 10 {
		if got := trait(t, first, user("user_id", fmt.Sprint("u", p)), "k"); got != "3" {
			t.Errorf("u%d: k is %s, want 3", p, got)
		}
	}
	verify(t, second)
}
