package compute

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/profile"
)

// jane is a profile beside its rows.
func jane() *Input {
	return &Input{
		Collection: identity.Users,
		Traits: profile.Traits{
			{Name: "born", Value: []byte(`"1990-05-04"`)},
			{Name: "gone"},
			{Name: "plan", Value: []byte(`"pro"`)},
			{Name: "renews", Value: []byte(`"2025-06-20T00:00:00Z"`)},
			{Name: "score", Value: []byte(`4.5`)},
			{Name: "since", Value: []byte(`"2025-05-20T10:00:00Z"`)},
			{Name: "tags", Value: []byte(`["a","b"]`)},
		},
		Identifiers: []profile.Identifier{{Type: "email", Value: "j@x.example"}, {Type: "email", Value: "k@x.example"}, {Type: "anonymous_id", Value: "a"}},
		Consent:     map[string]bool{"Advertising": true, "Analytics": false},
	}
}

func TestExpressionsOnProfiles(t *testing.T) {
	now := nanos(t, "2025-06-01T00:00:00Z")
	for _, c := range []struct {
		when    string
		in      bool
		problem Problem
		next    string
	}{
		{when: `traits.plan == "pro"`, in: true},
		{when: `traits.plan != "free"`, in: true},
		{when: `traits.gone != "free"`, problem: MissingKey},
		{when: `traits.nothing == "x"`, problem: MissingKey},
		{when: `has(traits.gone) || has(traits.nothing)`},
		{when: `has(traits.plan) && !has(traits.orders)`, in: true},
		{when: `traits.score > 4`, in: true},
		{when: `traits.score == 4.5 && traits.score + 1 == 5.5`, in: true},
		{when: `traits.score / traits.orders > 1`, problem: ZeroDivisor},
		{when: `traits.orders % traits.orders == 1`, problem: ZeroDivisor},
		{when: `traits.plan > 3`, problem: WrongType},
		{when: `"b" in traits.tags && size(traits.tags) == 2`, in: true},
		{when: `traits.orders == 0 && traits.revenue == 0 && size(traits.products) == 0`, in: true},
		{when: `traits.lowest < 5`, problem: MissingKey},
		{when: `identifiers.email.size() == 2 && "j@x.example" in identifiers.email`, in: true},
		{when: `has(identifiers.email) && !has(identifiers.user_id)`, in: true},
		{when: `size(identifiers.user_id) == 0 && identifiers["ios.id"].size() == 0`, in: true},
		{when: `consent.Advertising && !consent.Analytics && !consent.Other`, in: true},
		{when: `time(traits.born) < time("2000-01-01")`, in: true},
		{when: `within_last(traits.since, "30d")`, in: true, next: "2025-06-19T10:00:00.000000001Z"},
		{when: `within_last(traits.since, "7d")`},
		{when: `within_last(traits.renews, "7d")`, next: "2025-06-20T00:00:00Z"},
		{when: `within_next(traits.renews, "30d")`, in: true, next: "2025-06-20T00:00:00.000000001Z"},
		{when: `within_next(traits.renews, "7d")`, next: "2025-06-13T00:00:00Z"},
		{when: `within_next(traits.plan, "7d")`, problem: WrongType},
		{when: `events("Order Completed").count() == 0 && !has(traits.orders)`, in: true},
		{when: `pages("Home").count() + screens(["Home", "A *"]).count() == 0`, in: true},
		{when: `[1, 2].exists(x, x == traits.orders + 2)`, in: true},
		{when: `traits.plan.lowerAscii() == "pro"`, in: true},
	} {
		set := compiled(t, fmt.Sprintf(`
traits:
  orders: {event: Order Completed, kind: count}
  revenue: {event: Order Completed, kind: sum, property: properties.revenue}
  lowest: {event: Order Completed, kind: minimum, property: properties.revenue}
  products: {event: Order Completed, kind: unique_list, property: properties.product}
audiences:
  a: {when: '%s'}
`, c.when))
		got, err := set.Eval(RowList{}, jane(), now)
		if err != nil {
			t.Fatal(err)
		}
		problem := None
		if len(got.Problems) > 0 {
			problem = got.Problems[0].Problem
		}
		next := int64(0)
		if c.next != "" {
			next = nanos(t, c.next)
		}
		if got.Audiences[0].In != c.in || problem != c.problem || got.Next != next {
			t.Errorf("%s: %v, problem %s, next %d; want %v, %s, %d", c.when, got.Audiences[0].In, problem, got.Next, c.in, c.problem, next)
		}
	}
}

func TestAnonymousProfilesAreLeftOut(t *testing.T) {
	set := compiled(t, `audiences: {a: {when: "true", anonymous: false}, b: {when: "true"}}`)
	for _, c := range []struct {
		id   string
		want bool
	}{{"anonymous_id", false}, {"ios.id", false}, {"user_id", true}, {"email", true}, {"ios.idfa", true}, {"android.idfa", true}} {
		got, err := set.Eval(RowList{}, &Input{Collection: identity.Users, Identifiers: []profile.Identifier{{Type: c.id, Value: "x"}}}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got.Audiences[0].In != c.want || !got.Audiences[1].In {
			t.Errorf("%s: %v", c.id, got.Audiences)
		}
	}
}

// The windows of an event at 12:00:00.5 end with whole seconds, exactly.
func TestWindowsAreExact(t *testing.T) {
	set := compiled(t, `traits: {a: {event: A, kind: count, window: 1d}, b: {event: A, kind: count, window: {from: 1d, to: 1h}}}`)
	rows := NewRowList(rowsOf(t, set, []happened{{at: event.Moment{Time: nanos(t, "2025-06-01T12:00:00.5Z"), ReceivedAt: nanos(t, "2025-06-01T12:00:00.5Z")}, name: "A"}}))
	for _, c := range []struct{ now, a, b, next string }{
		{"2025-06-01T12:00:00.499999999Z", "", "", "2025-06-01T12:00:00.5Z"},
		{"2025-06-01T12:00:00.5Z", "1", "0", "2025-06-01T13:00:01Z"},
		{"2025-06-01T13:00:00.999999999Z", "1", "0", "2025-06-01T13:00:01Z"},
		{"2025-06-01T13:00:01Z", "1", "1", "2025-06-02T12:00:01Z"},
		{"2025-06-02T12:00:00.999999999Z", "1", "1", "2025-06-02T12:00:01Z"},
		{"2025-06-02T12:00:01Z", "0", "0", ""},
	} {
		got, err := set.Eval(rows, users, nanos(t, c.now))
		if err != nil {
			t.Fatal(err)
		}
		next := int64(0)
		if c.next != "" {
			next = nanos(t, c.next)
		}
		if string(got.Traits[0].JSON) != c.a || string(got.Traits[1].JSON) != c.b || got.Next != next {
			t.Errorf("as of %s: %s %s next %d; want %s %s %s", c.now, got.Traits[0].JSON, got.Traits[1].JSON, got.Next, c.a, c.b, c.next)
		}
	}
}

func TestAccounts(t *testing.T) {
	set := compiled(t, `
traits:
  seats:   {event: Seat Added, kind: count, for: accounts}
  orders:  {event: Order Completed, kind: count}
audiences:
  big:     {for: accounts, when: traits.seats >= 2 && traits.industry == "toys"}
  buying:  {for: accounts, users: any, when: traits.orders > 0}
  all_buy: {for: accounts, users: all, when: traits.orders > 0}
  none:    {for: accounts, users: none, when: 'events("Order Completed").within("7d").count() > 0'}
`)
	var taken Taken
	for i, text := range []string{
		`{"type":"track","event":"Seat Added","userId":"u1","context":{"groupId":"g"}}`,
		`{"type":"track","event":"Seat Added","userId":"u1"}`,
		`{"type":"track","event":"Order Completed","userId":"u1","context":{"groupId":"g"}}`,
	} {
		m := parsed(t, text)
		set.Extract(&m, "", &taken)
		taken.Rows[i].At.Arrival = event.NewBlock(1, 1).At(i)
	}
	if len(taken.Rows) != 3 || !taken.Rows[0].Account || taken.Rows[1].Account || taken.Rows[2].Account {
		t.Fatalf("%+v", taken.Rows)
	}
	now := nanos(t, "2025-06-02T00:00:00Z")
	rows := NewRowList(slices.Clone(taken.Rows))
	user, err := set.Eval(rows, users, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(user.Traits) != 1 || len(user.Audiences) != 0 || len(user.Hidden) != 3 {
		t.Fatalf("%+v", user)
	}
	in := map[string]int{}
	for _, h := range user.Hidden {
		if h.In {
			in[h.Key]++
		}
	}
	for _, c := range []struct {
		users int
		want  string
	}{{1, "all_buy big buying "}, {2, "big buying "}} {
		got, err := set.Eval(rows, &Input{
			Collection: identity.Accounts, Traits: profile.Traits{{Name: "industry", Value: []byte(`"toys"`)}},
			Users: c.users, Members: func(key string) int { return in[key] },
		}, now)
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, a := range got.Audiences {
			if a.In {
				said += a.Key + " "
			}
		}
		if said != c.want || string(got.Traits[0].JSON) != "2" {
			t.Errorf("%d users: %s %s", c.users, said, got.Traits[0].JSON)
		}
	}
	empty, err := set.Eval(RowList{}, &Input{Collection: identity.Accounts}, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range empty.Audiences {
		if a.In != (a.Key == "none") {
			t.Errorf("an account without users: %s %v", a.Key, a.In)
		}
	}
}

// A definition's signature changes when its values may, by way of others too.
func TestSignatures(t *testing.T) {
	signatures := func(text string) map[string]string {
		out := map[string]string{}
		for _, d := range compiled(t, text).Definitions() {
			out[d.Key] = d.Signature
		}
		return out
	}
	const text = `
traits:
  a: {name: N, event: A, kind: count, if: traits.plan == "pro"}
  b: {event: A, kind: sum, property: properties.x}
audiences:
  c: {when: traits.a > 1}
  d: {when: 'audiences.c && events("A", x > 1).count() > 1'}
  e: {for: accounts, users: any, when: traits.b > 1}
`
	was := signatures(text)
	for _, c := range []struct{ from, to, changed string }{
		{"name: N", "name: M", ""},
		{"traits.a > 1", " (traits.a>1)", ""},
		{"traits.a > 1", "traits.a > 2", "c d"},
		{"kind: count", "kind: count, window: 1d", "a c d"},
		{`"pro"`, `"free"`, "a c d"},
		{"properties.x}", "properties.y}", "b e"},
		{"x > 1).count", "x > 2).count", "d"},
		{"users: any", "users: all", "e"},
	} {
		now := signatures(strings.Replace(text, c.from, c.to, 1))
		var changed []string
		for key, s := range now {
			if was[key] != s {
				changed = append(changed, key)
			}
		}
		slices.Sort(changed)
		if got := strings.Join(changed, " "); got != c.changed {
			t.Errorf("%s → %s changed %q, want %q", c.from, c.to, got, c.changed)
		}
	}
}

// A memo is read by other definitions, as far as these have the same folds.
func TestMemoOutlivesADocument(t *testing.T) {
	before := compiled(t, `traits: {a: {event: A, kind: count}, b: {event: B, kind: count, window: 1d}}`)
	doc, err := Parse([]byte(`traits: {c: {event: C, kind: count}, a: {event: A, kind: count}}`))
	if err != nil {
		t.Fatal(err)
	}
	after, err := Compile(doc, before.Streams(), Names{})
	if err != nil {
		t.Fatal(err)
	}
	at := nanos(t, "2025-06-01T00:00:00Z")
	rows := NewRowList([]Row{{Stream: 1, At: event.Moment{Time: at}}, {Stream: 2, At: event.Moment{Time: at}}, {Stream: 3, At: event.Moment{Time: at}}})
	memo := before.NewMemo(identity.Users)
	if _, err := memo.Eval(rows, users, at+second); err != nil {
		t.Fatal(err)
	}
	read, err := after.OpenMemo(identity.Users, memo.Head(), shelf{})
	if err != nil {
		t.Fatal(err)
	}
	asked := &countingRows{RowList: rows, asked: map[StreamID]bool{}}
	got, err := read.Eval(asked, users, at+int64(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if shown(got) != "a 1\nc 1\n" || asked.asked[1] || !asked.asked[3] {
		t.Errorf("%s, asked %v", shown(got), asked.asked)
	}
}

type countingRows struct {
	RowList
	asked map[StreamID]bool
}

func (c *countingRows) Fold(s StreamID, from, to int64, tile func(*Tile) error, row func(*Row) error) error {
	c.asked[s] = true
	return c.RowList.Fold(s, from, to, tile, row)
}
