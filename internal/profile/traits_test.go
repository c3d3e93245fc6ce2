package profile

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/selfsame-id/selfsame/internal/event"
)

// show writes traits for people: name=value@time.
func show(traits []Trait) string {
	var out []string
	for _, t := range traits {
		value := string(t.Value)
		if t.Removed() {
			value = "null"
		}
		out = append(out, fmt.Sprintf("%s=%s@%d", t.Name, value, t.Time))
	}
	return strings.Join(out, " ")
}

// moment is that of an event that arrived as the n-th.
func moment(time int64, n int) event.Moment {
	return event.Moment{Time: time, Arrival: event.NewBlock(uint64(n), 1).At(0)}
}

// set is what an event of a time said; n is the number in its message ID, and the
// order of arrival.
func set(name, value string, time int64, messageID string) Trait {
	t := Trait{Name: name, Moment: moment(time, int(messageID[1]-'0')), MessageID: messageID, Source: "web"}
	if value != "null" {
		t.Value = []byte(value)
	}
	return t
}

func received(t Trait, at int64) Trait {
	t.ReceivedAt = at
	return t
}

func called(t Trait, messageID string) Trait {
	t.MessageID = messageID
	return t
}

func TestApply(t *testing.T) {
	for _, c := range []struct {
		why              string
		had, news        []Trait
		after, won, seen string
	}{
		{
			why: "the newest event wins, whenever it comes",
			had: []Trait{set("plan", `"pro"`, 20, "m2")}, news: []Trait{set("plan", `"free"`, 10, "m1"), set("name", `"Jane"`, 10, "m1")},
			after: `name="Jane"@10 plan="pro"@20`, won: `name="Jane"@10`, seen: `name="Jane"@10 plan="pro"@20`,
		},
		{
			why: "of one time the later to arrive",
			had: []Trait{set("plan", `"pro"`, 20, "m2")}, news: []Trait{set("plan", `"free"`, 20, "m1"), set("plan", `"team"`, 20, "m3")},
			after: `plan="team"@20`, won: `plan="team"@20`, seen: `plan="team"@20`,
		},
		{
			why: "message IDs count for nothing",
			had: []Trait{called(set("plan", `"free"`, 20, "m1"), "z")}, news: []Trait{called(set("plan", `"pro"`, 20, "m2"), "a")},
			after: `plan="pro"@20`, won: `plan="pro"@20`, seen: `plan="pro"@20`,
		},
		{
			why: "of one time the later received, however it arrived",
			had: []Trait{received(set("plan", `"free"`, 20, "m2"), 7)}, news: []Trait{received(set("plan", `"pro"`, 20, "m1"), 8), received(set("name", `"J"`, 20, "m3"), 6)},
			after: `name="J"@20 plan="pro"@20`, won: `name="J"@20 plan="pro"@20`, seen: `name="J"@20 plan="pro"@20`,
		},
		{
			why: "a removal of the same time that arrived later removes",
			had: []Trait{set("plan", `"pro"`, 20, "m2")}, news: []Trait{set("plan", "null", 20, "m3")},
			after: `plan=null@20`, won: `plan=null@20`, seen: ``,
		},
		{
			why: "a value of the same time that arrived after the removal is there",
			had: []Trait{set("plan", "null", 20, "m2")}, news: []Trait{set("plan", `"pro"`, 20, "m3")},
			after: `plan="pro"@20`, won: `plan="pro"@20`, seen: `plan="pro"@20`,
		},
		{
			why: "null removes and is remembered",
			had: []Trait{set("plan", `"pro"`, 20, "m2")}, news: []Trait{set("plan", "null", 30, "m3")},
			after: `plan=null@30`, won: `plan=null@30`, seen: ``,
		},
		{
			why: "what was set before a removal does not come back",
			had: []Trait{set("plan", "null", 30, "m3")}, news: []Trait{set("plan", `"pro"`, 20, "m2")},
			after: `plan=null@30`, won: ``, seen: ``,
		},
		{
			why: "an event that comes twice changes nothing",
			had: []Trait{set("plan", `"pro"`, 20, "m2")}, news: []Trait{set("plan", `"pro"`, 20, "m2")},
			after: `plan="pro"@20`, won: ``, seen: `plan="pro"@20`,
		},
		{
			why: "a value said again is as new as it was said last",
			had: []Trait{set("plan", `"pro"`, 20, "m2")}, news: []Trait{set("plan", `"pro"`, 40, "m4")},
			after: `plan="pro"@40`, won: `plan="pro"@40`, seen: `plan="pro"@40`,
		},
	} {
		before := show(c.had)
		after, won := Traits(c.had).Apply(c.news)
		if show(after) != c.after || show(won) != c.won || show(after.Visible()) != c.seen {
			t.Errorf("%s:\nafter %s\n  won %s\n seen %s", c.why, show(after), show(won), show(after.Visible()))
		}
		if show(c.had) != before {
			t.Errorf("%s: Apply changed its set", c.why)
		}
	}
}

// TestApplySharesNoMemory: a cached set must not hold on to a request's body.
func TestApplySharesNoMemory(t *testing.T) {
	value := []byte(`"pro"`)
	after, _ := Traits(nil).Apply([]Trait{{Name: "plan", Value: value, Moment: moment(1, 1), MessageID: "m"}})
	value[1] = 'X'
	if show(after) != `plan="pro"@1` {
		t.Error(show(after))
	}
}

func TestRemovalHidesAcrossStrands(t *testing.T) {
	phone := Traits{set("plan", `"pro"`, 10, "m1")}
	laptop := Traits{set("name", `"Jane"`, 20, "m2"), set("plan", "null", 20, "m2")}
	both := FoldTraits(phone, laptop)
	if got := show(both.Visible()); got != `name="Jane"@20` {
		t.Error(got)
	}
	if plan, known := both.Get("plan"); !known || !plan.Removed() {
		t.Errorf("the removal is not known: %+v", plan)
	}
	if _, known := both.Get("age"); known {
		t.Error("age is known")
	}
	if got := show(FoldTraits(phone).Visible()); got != `plan="pro"@10` {
		t.Errorf("after a split: %s", got)
	}
}

// traitGen draws traits of some events that often meet in name, time and event.
// An event says one thing of a trait.
func traitGen() *rapid.Generator[Trait] {
	return rapid.Custom(func(t *rapid.T) Trait {
		n := rapid.IntRange(1, 20).Draw(t, "event")
		out := Trait{
			Name:      rapid.SampledFrom([]string{"a", "b", "c", "", "plan"}).Draw(t, "name"),
			Moment:    moment(int64(n%4-2), n),
			MessageID: fmt.Sprint("m", n*7%5),
			Source:    []string{"web", "ios"}[n%2],
		}
		out.ReceivedAt = int64(n % 3)
		if value := []string{"", "1", `"x"`, `{"k":[1]}`}[(n+len(out.Name))%4]; value != "" {
			out.Value = []byte(value)
		}
		return out
	})
}

func TestTraitFoldsDoNotKnowOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(traitGen(), 0, 30).Draw(t, "traits")
		// The truth, by looking at each trait once.
		newest := map[string]Trait{}
		for _, x := range all {
			if old, there := newest[x.Name]; !there || old.Moment.Compare(x.Moment) < 0 {
				newest[x.Name] = x
			}
		}
		// One after the other, and all at once.
		var oneByOne Traits
		for _, x := range all {
			oneByOne, _ = oneByOne.Apply([]Trait{x})
		}
		atOnce, _ := Traits(nil).Apply(all)
		// Dealt out to strands, folded in another order, and folds of folds.
		strands := make([]Traits, rapid.IntRange(1, 5).Draw(t, "strands"))
		for _, x := range all {
			i := rapid.IntRange(0, len(strands)-1).Draw(t, "strand")
			strands[i], _ = strands[i].Apply([]Trait{x})
		}
		folded := FoldTraits(strands...)
		shuffled := FoldTraits(rapid.Permutation(strands).Draw(t, "order")...)
		cut := rapid.IntRange(0, len(strands)).Draw(t, "cut")
		nested := FoldTraits(FoldTraits(strands[cut:]...), FoldTraits(strands[:cut]...))
		again := FoldTraits(folded, folded, shuffled)
		for name, got := range map[string]Traits{"one by one": oneByOne, "at once": atOnce, "folded": folded, "shuffled": shuffled, "nested": nested, "again": again} {
			if len(got) != len(newest) {
				t.Fatalf("%s: %s, want %v", name, show(got), newest)
			}
			for i, x := range got {
				if !reflect.DeepEqual(x, newest[x.Name]) || i > 0 && got[i-1].Name >= x.Name {
					t.Fatalf("%s: %+v, want %+v", name, x, newest[x.Name])
				}
			}
		}
	})
}
