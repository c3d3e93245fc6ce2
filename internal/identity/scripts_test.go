package identity_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/selfsame-id/selfsame/internal/identity"
)

type script struct {
	name     string
	rules    identity.Rules
	ov       *identity.Overrides
	events   []happening
	profiles []string
	nobodys  []string
}

func readScripts(t *testing.T) []script {
	b, err := os.ReadFile("testdata/scripts.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []script
	for n, line := range strings.Split(string(b), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, ok := strings.CutPrefix(line, "== "); ok {
			out = append(out, script{name: name, ov: &identity.Overrides{}})
			continue
		}
		s := &out[len(out)-1]
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "rules":
			if err := json.Unmarshal([]byte(rest), &s.rules); err != nil {
				t.Fatalf("line %d: %v", n+1, err)
			}
		case "same":
			s.ov.Same(knownPair(rest))
		case "apart":
			a, b := knownPair(rest)
			s.ov.CannotLink(a.Hash, b.Hash)
		case "isolate":
			s.ov.Isolate(hasher.ID(identity.Users, readID(rest)))
		case "->":
			s.profiles = append(s.profiles, rest)
		case "!!":
			s.nobodys = append(s.nobodys, rest)
		default:
			s.events = append(s.events, readEvent(t, n+1, line, len(s.events)+1))
		}
	}
	return out
}

// readEvent reads "1d9h user_id:jane ios.id:tablet".
func readEvent(t *testing.T, lineNumber int, line string, number int) happening {
	word, rest, _ := strings.Cut(line, " ")
	var day, hours int64
	if _, err := fmt.Sscanf(word, "%dd%dh", &day, &hours); err != nil {
		t.Fatalf("line %d: %v", lineNumber, err)
	}
	var ids []identity.ID
	for _, f := range strings.Fields(rest) {
		ids = append(ids, readID(f))
	}
	slices.SortFunc(ids, identity.ID.Compare)
	return happening{identity.NewStrand(hasher, identity.Users, ids), moment((day*24+hours)*hour, number)}
}

func readID(text string) identity.ID {
	ty, v, _ := strings.Cut(text, ":")
	return identity.ID{Type: ty, Value: v}
}

// profilesOf prints the IDs of groups, a line each.
func profilesOf(groups [][]identity.Member) string {
	var lines []string
	for _, g := range groups {
		var ids []string
		for _, m := range g {
			ids = append(ids, m.ID.String())
		}
		sort.Strings(ids)
		lines = append(lines, strings.Join(ids, " "))
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

func (l *ledger) groups() [][]identity.Member {
	var out [][]identity.Member
	seen := map[*owned]bool{}
	for _, o := range l.owner {
		if !seen[o] {
			seen[o] = true
			out = append(out, o.members)
		}
	}
	return out
}

// orders calls f with all orders of events, or with 300 of them.
func orders(events []happening, f func([]happening)) {
	if len(events) > 5 {
		rng := rand.New(rand.NewPCG(1, 1))
		for range 300 {
			e := slices.Clone(events)
			rng.Shuffle(len(e), func(i, j int) { e[i], e[j] = e[j], e[i] })
			f(e)
		}
		return
	}
	var walk func(done, rest []happening)
	walk = func(done, rest []happening) {
		if len(rest) == 0 {
			f(done)
			return
		}
		for i := range rest {
			left := append(slices.Clone(rest[:i]), rest[i+1:]...)
			walk(append(slices.Clone(done), rest[i]), left)
		}
	}
	walk(nil, events)
}

func TestScripts(t *testing.T) {
	for _, s := range readScripts(t) {
		t.Run(s.name, func(t *testing.T) {
			rs, err := identity.Compile(s.rules)
			if err != nil {
				t.Fatal(err)
			}
			sort.Strings(s.profiles)
			want := strings.Join(s.profiles, "\n")
			var occ []identity.Occurrence
			for _, e := range s.events {
				occ = append(occ, identity.Occurrence{Strand: e.strand, Moment: e.Moment})
			}
			res := identity.Resolve(rs, s.ov, occ)
			if got := profilesOf(res.Groups); got != want {
				t.Fatalf("batch function:\n%s\nwant:\n%s", got, want)
			}
			for _, id := range s.nobodys {
				ty, v, _ := strings.Cut(id, ":")
				if _, owned := res.Owner[hasher.ID(identity.Users, identity.ID{Type: ty, Value: v})]; owned {
					t.Errorf("%s belongs to somebody", id)
				}
			}
			orders(s.events, func(events []happening) {
				l := newLedger(rs, s.ov, 0)
				for _, e := range events {
					if err := l.take([]happening{e}); err != nil {
						t.Fatal(err)
					}
				}
				if got := profilesOf(l.groups()); got != want {
					t.Fatalf("arriving as\n%sengine:\n%s\nwant:\n%s", trace(events), got, want)
				}
			})
		})
	}
}
