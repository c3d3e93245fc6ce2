package compute

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/event"
)

// everything has traits of every kind in every window, and audiences over them.
const everything = `
set_traits: {plan: string}
traits:
  n:        {event: A, kind: count}
  n_any:    {event: "*", kind: count}
  n_glob:   {event: [A, "x * y*"], kind: count}
  n_prop:   {event: A, kind: count, property: properties.text}
  n_page:   {type: page, event: Home, kind: count}
  n_where:  {event: A, kind: count, where: 'properties.number > 2'}
  n_1d:     {event: A, kind: count, window: 1d}
  n_mid:    {event: A, kind: count, window: {from: 2d, to: 6h}}
  n_ses:    {event: A, kind: count, window: {session: 2h}}
  sum:      {event: A, kind: sum, property: properties.number}
  sum_1d:   {event: A, kind: sum, property: properties.number, window: 1d}
  sum_ses:  {event: A, kind: sum, property: properties.number, window: {session: 2h}}
  avg:      {event: A, kind: average, property: properties.number}
  avg_mid:  {event: A, kind: average, property: properties.number, window: {from: 2d, to: 6h}}
  low:      {event: A, kind: minimum, property: properties.number}
  low_1d:   {event: A, kind: minimum, property: properties.number, window: 1d}
  high:     {event: A, kind: maximum, property: properties.number}
  high_ses: {event: A, kind: maximum, property: properties.number, window: {session: 2h}}
  first:    {event: A, kind: first, property: properties.text}
  last:     {event: A, kind: last, property: properties.text}
  last_1d:  {event: A, kind: last, property: properties.text, window: 1d}
  first_in: {event: A, kind: first, property: "properties.text[]"}
  last_in:  {event: A, kind: last, property: "properties.text[]"}
  most:     {event: A, kind: most_frequent, property: properties.text}
  most_1d:  {event: A, kind: most_frequent, property: properties.text, window: 1d, minimum: 1}
  list:     {event: A, kind: unique_list, property: properties.text}
  list_mid: {event: A, kind: unique_list, property: properties.text, window: {from: 2d, to: 6h}}
  uniq:     {event: A, kind: unique_count, property: properties.text}
  uniq_1d:  {event: A, kind: unique_count, property: properties.text, window: 1d}
  since:    {kind: since, of: {event: A, kind: sum, property: properties.number}, last: {event: B}}
  since_n:  {kind: since, of: {event: "*", kind: count}, last: {event: B, where: 'properties.number < 2'}}
  since_l:  {kind: since, of: {event: A, kind: last, property: properties.text}, last: {event: A, where: 'properties.text == "a"'}}
  later:    {event: A, kind: unmatched, property: properties.text, without: {event: B, property: properties.text}, match: later}
  ever:     {event: A, kind: unmatched, property: properties.text, without: {event: B, property: properties.text}, match: ever}
  later_1d: {event: A, kind: unmatched, property: properties.text, without: {event: B, property: properties.text}, window: 1d}
  ever_1d:  {event: A, kind: unmatched, property: properties.text, without: {event: B, property: properties.text}, window: 1d, match: ever}
  self:     {event: A, kind: unmatched, property: properties.text, without: {event: "*", property: properties.text}}
  fun:      {kind: funnel, steps: [{event: A}, {event: B}], within: 5h}
  fun_gone: {kind: funnel, steps: [{event: A}, {event: B}], within: 5h, count: abandoned}
  fun_open: {kind: funnel, steps: [{event: A}, {event: B}], within: 5h, count: open}
  fun_by:   {kind: funnel, steps: [{event: A}, {event: B}, {event: A}], by: properties.text}
  fun_self: {kind: funnel, steps: [{event: A}, {event: "*"}, {event: A}]}
  fun_1d:   {kind: funnel, steps: [{event: A}, {event: "*"}], within: 2h, window: 1d}
  if_many:  {event: A, kind: sum, property: properties.number, if: traits.n >= 3}
audiences:
  many:      {when: traits.n >= 3}
  recent:    {when: 'events("A", number > 1).within("1d").count() >= 1'}
  both:      {when: audiences.many && audiences.recent}
  neither:   {when: '!audiences.many && !(traits.high > 5) && size(traits.later) == 0'}
  ratio:     {when: traits.sum / traits.n > 2}
  spent:     {when: 'events(["A", "B"]).between("2d", "6h").sum("properties.number") == 3'}
  known:     {when: traits.n >= 1, anonymous: false}
`

// happened is an event as the naive program knows it.
type happened struct {
	at           event.Moment
	page         bool
	name         string
	number, text string // JSON, "" if it has none
}

// body is the event as it is sent.
func (h happened) body() string {
	var props []string
	if h.number != "" {
		props = append(props, `"number":`+h.number)
	}
	if h.text != "" {
		props = append(props, `"text": `+h.text)
	}
	call := `"type":"track","event":`
	if h.page {
		call = `"type":"page","name":`
	}
	return fmt.Sprintf(`{%s%q,"userId":"u","timestamp":%q,"properties":{%s}}`,
		call, h.name, time.Unix(0, h.at.Time).UTC().Format(time.RFC3339Nano), strings.Join(props, ","))
}

// What the values in events stand for.
var (
	numbers = map[string][]string{
		"": nil, "null": nil, "0": {"0"}, "1": {"1"}, "2.5": {"2.5"}, "0.1": {"0.1"}, "0.2": {"0.2"}, "1e2": {"100"}, "-3": {"-3"},
		`"3"`: {"3"}, `" 3"`: nil, `"x"`: nil, "true": nil, "{}": nil, "[1,2.5]": {"1", "2.5"}, `[1,"x",null,"0.1"]`: {"1", "0.1"},
		"1e999": nil,
	}
	texts = map[string][]string{
		"": nil, "null": nil, `"a"`: {"a"}, `"b"`: {"b"}, `"c"`: {"c"}, `"7"`: {"7"}, "7": {"7"}, "7.0": {"7"}, "true": {"true"},
		`["a","b"]`: {"a", "b"}, "[]": nil, `{"a":1}`: nil, `["c",null,{},7]`: {"c", "7"},
	}
)

// naive computes every value from the events up to now. It knows nothing of rows.
type naive struct {
	now    int64
	events []happened // in order, up to now
	out    map[string]string
}

func computeNaively(events []happened, now int64) map[string]string {
	n := &naive{now: now, out: map[string]string{}}
	for _, e := range events {
		if e.at.Time <= now {
			n.events = append(n.events, e)
		}
	}
	slices.SortFunc(n.events, func(a, b happened) int { return a.at.Compare(b.at) })
	n.all()
	return n.out
}

type test func(happened) bool

func named(name string) test  { return func(e happened) bool { return !e.page && e.name == name } }
func tracked(e happened) bool { return !e.page }

func (n *naive) pick(match test) (out []happened) {
	for _, e := range n.events {
		if match(e) {
			out = append(out, e)
		}
	}
	return out
}

// ended is when a window of a length ends for an event.
func ended(e happened, length time.Duration) int64 {
	s := e.at.Time / 1e9
	if e.at.Time%1e9 != 0 {
		s++
	}
	return s*1e9 + int64(length)
}

// inWindow keeps the events of a window: of skip to length ago, or of the last session.
func (n *naive) inWindow(events []happened, length, skip, session time.Duration) (out []happened) {
	if session > 0 {
		for i, e := range events {
			if i > 0 && e.at.Time >= ended(events[i-1], session) {
				out = nil
			}
			out = append(out, e)
		}
		if len(out) > 0 && n.now >= ended(out[len(out)-1], session) {
			return nil
		}
		return out
	}
	for _, e := range events {
		if (length == 0 || n.now < ended(e, length)) && (skip == 0 || n.now >= ended(e, skip)) {
			out = append(out, e)
		}
	}
	return out
}

// usable are the events that have a value for a kind.
func usable(kind string, events []happened) (out []happened) {
	for _, e := range events {
		switch kind {
		case "count":
			out = append(out, e)
		case "count_text":
			if e.text != "" && e.text != "null" && e.text != "[]" {
				out = append(out, e)
			}
		case "sum", "average", "minimum", "maximum":
			if numbers[e.number] != nil {
				out = append(out, e)
			}
		case "first", "last":
			if e.text != "" && e.text != "null" {
				out = append(out, e)
			}
		default:
			if texts[e.text] != nil {
				out = append(out, e)
			}
		}
	}
	return out
}

// base folds events that are usable.
func base(kind string, least int, events []happened) string {
	var rats []*big.Rat
	count := map[string]int{}
	for _, e := range events {
		for _, v := range numbers[e.number] {
			r, _ := new(big.Rat).SetString(v)
			rats = append(rats, r)
		}
		for _, v := range texts[e.text] {
			count[v]++
		}
	}
	sum := new(big.Rat)
	for _, r := range rats {
		sum.Add(sum, r)
	}
	var keys []string
	for k := range count {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	switch kind {
	case "count":
		return fmt.Sprint(len(events))
	case "count_text":
		all := 0
		for _, e := range events {
			var list []any
			if json.Unmarshal([]byte(e.text), &list) != nil {
				all++
			}
			for _, one := range list {
				if one != nil {
					all++
				}
			}
		}
		return fmt.Sprint(all)
	case "sum":
		return ratText(sum)
	case "unique_count":
		return fmt.Sprint(len(keys))
	}
	if len(events) == 0 {
		return ""
	}
	switch kind {
	case "average":
		return ratText(sum.Quo(sum, new(big.Rat).SetInt64(int64(len(rats)))))
	case "minimum":
		return ratText(slices.MinFunc(rats, (*big.Rat).Cmp))
	case "maximum":
		return ratText(slices.MaxFunc(rats, (*big.Rat).Cmp))
	case "first":
		return events[0].text
	case "last":
		return events[len(events)-1].text
	case "unique_list":
		return jsonText(keys)
	}
	slices.SortStableFunc(keys, func(a, b string) int { return count[b] - count[a] })
	if count[keys[0]] < least {
		return ""
	}
	return jsonText(keys[0])
}

func jsonText(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// ratText is a decimal of 17 significant digits at most, as few as need be.
func ratText(r *big.Rat) string {
	f, _ := new(big.Float).SetPrec(500).SetMode(big.ToNearestEven).SetRat(r).Float64()
	if exact := strings.TrimRight(strings.TrimRight(r.FloatString(30), "0"), "."); len(exact) < 20 {
		return exact
	}
	return fmt.Sprint(f)
}

// put notes the value of a base kind over events and a window.
func (n *naive) put(key, kind string, least int, match test, length, skip, session time.Duration) {
	all := usable(kind, n.pick(match))
	if len(all) == 0 {
		return
	}
	n.set(key, base(kind, least, n.inWindow(all, length, skip, session)))
}

func (n *naive) set(key, value string) {
	if value != "" {
		n.out[key] = value
	}
}
