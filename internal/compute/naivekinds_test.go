package compute

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const naiveDay = 24 * time.Hour

// all computes the definitions of everything.
func (n *naive) all() {
	a, b := named("A"), named("B")
	over := func(limit float64, more bool) test {
		return func(e happened) bool {
			number, ok := plain(e.number)
			return ok && (more && number > limit || !more && number < limit)
		}
	}
	and := func(x, y test) test { return func(e happened) bool { return x(e) && y(e) } }
	n.put("n", "count", 0, a, 0, 0, 0)
	n.put("n_any", "count", 0, tracked, 0, 0, 0)
	n.put("n_glob", "count", 0, func(e happened) bool {
		return tracked(e) && (e.name == "A" || strings.HasPrefix(e.name, "x ") && strings.Contains(e.name[2:], " y"))
	}, 0, 0, 0)
	n.put("n_prop", "count_text", 0, a, 0, 0, 0)
	n.put("n_page", "count", 0, func(e happened) bool { return e.page && e.name == "Home" }, 0, 0, 0)
	n.put("n_where", "count", 0, and(a, over(2, true)), 0, 0, 0)
	n.put("n_1d", "count", 0, a, naiveDay, 0, 0)
	n.put("n_mid", "count", 0, a, 2*naiveDay, 6*time.Hour, 0)
	n.put("n_ses", "count", 0, a, 0, 0, 2*time.Hour)
	n.put("sum", "sum", 0, a, 0, 0, 0)
	n.put("sum_1d", "sum", 0, a, naiveDay, 0, 0)
	n.put("sum_ses", "sum", 0, a, 0, 0, 2*time.Hour)
	n.put("avg", "average", 0, a, 0, 0, 0)
	n.put("avg_mid", "average", 0, a, 2*naiveDay, 6*time.Hour, 0)
	n.put("low", "minimum", 0, a, 0, 0, 0)
	n.put("low_1d", "minimum", 0, a, naiveDay, 0, 0)
	n.put("high", "maximum", 0, a, 0, 0, 0)
	n.put("high_ses", "maximum", 0, a, 0, 0, 2*time.Hour)
	n.put("first", "first", 0, a, 0, 0, 0)
	n.put("last", "last", 0, a, 0, 0, 0)
	n.put("last_1d", "last", 0, a, naiveDay, 0, 0)
	if lists := n.pick(func(e happened) bool { return a(e) && strings.HasPrefix(e.text, "[") && e.text != "[]" }); len(lists) > 0 {
		ends := map[string][2]string{`["a","b"]`: {`"a"`, `"b"`}, `["c",null,{},7]`: {`"c"`, "7"}}
		n.set("first_in", ends[lists[0].text][0])
		n.set("last_in", ends[lists[len(lists)-1].text][1])
	}
	n.put("most", "most_frequent", 2, a, 0, 0, 0)
	n.put("most_1d", "most_frequent", 1, a, naiveDay, 0, 0)
	n.put("list", "unique_list", 0, a, 0, 0, 0)
	n.put("list_mid", "unique_list", 0, a, 2*naiveDay, 6*time.Hour, 0)
	n.put("uniq", "unique_count", 0, a, 0, 0, 0)
	n.put("uniq_1d", "unique_count", 0, a, naiveDay, 0, 0)
	n.since("since", "sum", a, b)
	n.since("since_n", "count", tracked, and(b, over(2, false)))
	n.since("since_l", "last", a, and(a, func(e happened) bool { return e.text == `"a"` }))
	n.unmatched("later", a, b, false, 0)
	n.unmatched("ever", a, b, true, 0)
	n.unmatched("later_1d", a, b, false, naiveDay)
	n.unmatched("ever_1d", a, b, true, naiveDay)
	n.unmatched("self", a, tracked, false, 0)
	n.funnel("fun", "completed", false, 5*time.Hour, 0, a, b)
	n.funnel("fun_gone", "abandoned", false, 5*time.Hour, 0, a, b)
	n.funnel("fun_open", "open", false, 5*time.Hour, 0, a, b)
	n.funnel("fun_by", "completed", true, 0, 0, a, b, a)
	n.funnel("fun_self", "completed", false, 0, 0, a, tracked, a)
	n.funnel("fun_1d", "completed", false, 2*time.Hour, naiveDay, a, tracked)

	count, sum, high := len(n.pick(a)), n.number("sum"), n.number("high")
	if count >= 3 {
		n.put("if_many", "sum", 0, a, 0, 0, 0)
	}
	many := count >= 3
	recent := len(n.inWindow(n.pick(and(a, over(1, true))), naiveDay, 0, 0)) >= 1
	n.member("many", many)
	n.member("recent", recent)
	n.member("both", many && recent)
	_, any := n.out["high"]
	later := n.out["later"]
	n.member("neither", !many && any && !(high > 5) && (later == "" || later == "[]"))
	n.member("ratio", count > 0 && sum/float64(count) > 2)
	ab := func(e happened) bool { return a(e) || b(e) }
	n.member("spent", base("sum", 0, n.inWindow(usable("sum", n.pick(ab)), 2*naiveDay, 6*time.Hour, 0)) == "3")
	n.member("known", false)
}

// plain is a JSON number; text and lists are none, for conditions do not read these.
func plain(text string) (float64, bool) {
	var f float64
	if text == "" || text == "null" || strings.ContainsAny(text, `"[{t`) {
		return 0, false
	}
	_, err := fmt.Sscan(text, &f)
	return f, err == nil
}

func (n *naive) number(key string) (f float64) {
	_, _ = fmt.Sscan(n.out[key], &f)
	return f
}

func (n *naive) member(key string, in bool) {
	if in {
		n.out["in "+key] = "true"
	}
}

func (n *naive) since(key, kind string, of, last test) {
	all := usable(kind, n.pick(of))
	if len(all) == 0 {
		return
	}
	if marks := n.pick(last); len(marks) > 0 {
		mark := marks[len(marks)-1]
		all = slices.DeleteFunc(all, func(e happened) bool { return e.at.Compare(mark.at) <= 0 })
	}
	n.set(key, base(kind, 0, all))
}

func (n *naive) unmatched(key string, a, b test, ever bool, length time.Duration) {
	wants, matches := usable("text", n.pick(a)), usable("text", n.pick(b))
	if len(wants) == 0 {
		return
	}
	list := map[string]bool{}
	for _, w := range n.inWindow(wants, length, 0, 0) {
		for _, v := range texts[w.text] {
			if !slices.ContainsFunc(matches, func(m happened) bool {
				return slices.Contains(texts[m.text], v) && (ever || w.at.Before(m.at))
			}) {
				list[v] = true
			}
		}
	}
	n.set(key, jsonText(append([]string{}, slices.Sorted(maps.Keys(list))...)))
}

// funnel follows every instance of the first step by itself.
func (n *naive) funnel(key, measure string, by bool, within, length time.Duration, steps ...test) {
	carries := func(e happened, v string) bool { return !by || slices.Contains(texts[e.text], v) }
	firsts := n.pick(steps[0])
	if by {
		firsts = usable("text", firsts)
	}
	if len(firsts) == 0 {
		return
	}
	got := map[string]int{}
	for _, first := range n.inWindow(firsts, length, 0, 0) {
		values := []string{""}
		if by {
			values = texts[first.text]
		}
		for _, v := range values {
			at, step := first.at, 1
			for _, e := range n.events {
				if step < len(steps) && at.Before(e.at) && steps[step](e) && carries(e, v) && (within == 0 || e.at.Time < ended(first, within)) {
					at, step = e.at, step+1
				}
			}
			switch {
			case step == len(steps):
				got["completed"]++
			case within > 0 && n.now >= ended(first, within):
				got["abandoned"]++
			default:
				got["open"]++
			}
		}
	}
	n.set(key, fmt.Sprint(got[measure]))
}
