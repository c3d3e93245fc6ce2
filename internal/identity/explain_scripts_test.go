package identity_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/identity"
)

var rewrite = flag.Bool("rewrite", false, "write what is explained into testdata/explain.txt, to be read and judged")

// TestExplainScripts tells the events of testdata/explain.txt and compares the
// explanations, in the words of the script.
func TestExplainScripts(t *testing.T) {
	const file = "testdata/explain.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var rules identity.Rules
	var ov *identity.Overrides
	var events []happening
	lines := strings.Split(string(text), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		if !strings.HasPrefix(line, "    ") {
			got = append(got, line)
		}
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch {
		case word == "", word[0] == '#', strings.HasPrefix(line, "    "):
		case word == "==":
			rules, ov, events = identity.Rules{}, &identity.Overrides{}, nil
		case word == "rules":
			if err := json.Unmarshal([]byte(rest), &rules); err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
		case word == "same":
			ov.Same(knownPair(rest))
		case word == "apart", word == "isolate":
			f := strings.Fields(rest)
			a := hasher.ID(identity.Users, readID(f[0]))
			if word == "isolate" {
				ov.Isolate(a)
			} else {
				ov.CannotLink(a, hasher.ID(identity.Users, readID(f[1])))
			}
		case word == "?":
			got = append(got, answerTo(t, rules, ov, events, strings.Fields(rest))...)
		default:
			events = append(events, readEvent(t, i+1, line, len(events)+1))
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, []byte(strings.Join(got, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if g := strings.Join(got, "\n"); g != string(text) {
		t.Errorf("%s", difference(g, string(text)))
	}
}

// answerTo explains two IDs, or tells the story of one.
func answerTo(t *testing.T, rules identity.Rules, ov *identity.Overrides, events []happening, ask []string) []string {
	rs, err := identity.Compile(rules)
	if err != nil {
		t.Fatal(err)
	}
	l := newLedger(rs, ov, 0)
	for _, e := range events {
		if err := l.take([]happening{e}); err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	say := func(format string, args ...any) { out = append(out, "    "+fmt.Sprintf(format, args...)) }
	a := hasher.ID(identity.Users, readID(ask[0]))
	if len(ask) == 1 {
		var strands []identity.Told
		for _, s := range l.strands {
			for _, k := range s.Links {
				if k.Verdict == identity.Accepted && l.owner[k.Hash] == l.owner[a] {
					strands = append(strands, identity.Told{Strand: s})
					break
				}
			}
		}
		var decisions []identity.Decision
		for _, s := range strands {
			for _, k := range s.Strand.Links {
				for _, p := range ov.Pairs(rs, k.Hash) {
					decisions = append(decisions, identity.Decision{Pair: p, At: 24 * 7 * hour})
				}
			}
		}
		for _, c := range identity.Story(strands, decisions) {
			say("%s", chapter(c))
		}
		return out
	}
	b := hasher.ID(identity.Users, readID(ask[1]))
	for i, h := range []identity.Hash{a, b} {
		if why := ov.WhyNobody(rs, readID(ask[i]), h); why != identity.ReasonNone {
			say("%s names nobody: %s", ask[i], why)
			return out
		}
	}
	x := &identity.Explainer{Engine: l.engine, Graph: l}
	steps, together, err := x.Path(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if together {
		say("one person")
		for _, st := range steps {
			say("%s", step(st))
		}
		return out
	}
	why, err := x.WhyNot(a, b)
	if err != nil {
		t.Fatal(err)
	}
	say("not one person")
	for _, p := range why.Pairs {
		say("%s = %s is not at work: %s", p.A.ID, p.B.ID, p.Reason)
	}
	for _, st := range why.Steps {
		say("%s", step(st))
		for _, d := range st.Demotions {
			say("  %s", demotion(&d))
		}
	}
	switch {
	case why.Steps != nil:
	case why.Blocked != nil:
		say("both were seen with %s, which names nobody", names(why.Blocked))
	default:
		say("nothing ever linked them")
	}
	return out
}

// knownPair reads two IDs.
func knownPair(text string) (a, b identity.Known) {
	f := strings.Fields(text)
	a.ID, b.ID = readID(f[0]), readID(f[1])
	a.Hash, b.Hash = hasher.ID(identity.Users, a.ID), hasher.ID(identity.Users, b.ID)
	return a, b
}

func at(t int64) string {
	h := t / hour
	return fmt.Sprintf("%dd%dh", h/24, h%24)
}

func names(ids []identity.ID) string {
	var s []string
	for _, id := range ids {
		s = append(s, id.String())
	}
	return strings.Join(s, " ")
}

func step(st identity.Step) string {
	if st.Decided {
		return fmt.Sprintf("%s = %s: decided, in %d strands", st.From.ID, st.To.ID, len(st.Strands))
	}
	s := fmt.Sprintf("%s -- %s: first %s %s", st.From.ID, st.To.ID, at(st.Strands[0].First.Time), called(st.Strands[0].First.Moment))
	if n := len(st.Strands); n > 1 {
		s += fmt.Sprintf(", in %d strands", n)
	}
	return s
}

func demotion(d *identity.Demotion) string {
	s := fmt.Sprintf("%s was left out at %s %s: %s", d.ID, at(d.At.Time), called(d.At.Moment), d.Reason)
	members := func(list []identity.Member) string {
		var s []string
		for _, m := range list {
			s = append(s, fmt.Sprintf("%s (since %s)", m.ID, at(m.Time)))
		}
		return strings.Join(s, " ")
	}
	if d.Broke != "" {
		window := "ever"
		if d.Limit.Window != 0 {
			window = "in " + (d.Limit.Window / (24 * time.Hour) * 24 * time.Hour).String()
		}
		s += fmt.Sprintf(", %d %s %s", d.Limit.Values, d.Broke, window)
	} else if d.Limit.Values > 0 {
		s += fmt.Sprintf(", %d", d.Limit.Values)
	}
	if len(d.Had) > 0 {
		s += "; there were " + members(d.Had) + ", with it would come " + members(d.Brought)
	}
	if d.Override != nil {
		s += ": " + names(d.Override)
	}
	if d.Recheck != 0 {
		s += "; again from " + at(d.Recheck)
	}
	return s
}

func chapter(c identity.Chapter) string {
	s := fmt.Sprintf("%s %s %s: %s", at(c.At.Time), called(c.At.Moment), c.Kind, names(c.IDs))
	if c.Decision != nil {
		s = fmt.Sprintf("%s %s by decision: %s", at(c.At.Time), c.Kind, names(c.IDs))
	}
	if len(c.Through) > 0 {
		s += " through " + names(c.Through)
	}
	if c.Kind == identity.Merged {
		for i, p := range c.Parts {
			s += map[bool]string{true: ": {", false: " + {"}[i == 0] + names(p.IDs) + "}"
		}
	}
	if c.Kind == identity.KeptOut {
		s += fmt.Sprintf(": %s %s", c.Reason, c.Broke)
	}
	return s
}
