package query

import (
	"cmp"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// each tells of every event by its name, in runs where one name comes several times in
// a row.
func (j *journeyman) each(lists [][]event.Moment) error {
	var list []placed
	for strand, l := range lists {
		for _, at := range l {
			list = append(list, placed{at, strand})
		}
	}
	slices.SortFunc(list, func(a, b placed) int { return a.at.Compare(b.at) })
	places := make([]event.Moment, len(list))
	for i := range list {
		places[i] = list[i].at
	}
	byLane := map[int][]JourneyItem{}
	err := readEvents(j.view, places, func(i int, e *journal.Event, m *event.Message) {
		n := j.lane[list[i].strand]
		if m != nil {
			if app := appOf(m); app != "" && app != j.out.Lanes[n].App {
				n = j.laneOf(Lane{App: app, Device: j.out.Lanes[n].Device, DeviceType: j.out.Lanes[n].DeviceType})
			}
		}
		j.out.Events++
		byLane[n] = append(byLane[n], JourneyItem{Lane: n, From: e.Time, To: e.Time, Events: 1, Type: e.Type, Name: e.Name, MessageID: e.MessageID})
	})
	if err != nil {
		return err
	}
	for _, items := range byLane {
		for len(items) > 0 {
			run := 1
			for run < len(items) && items[run].Name == items[0].Name && items[run].Type == items[0].Type {
				run++
			}
			if run < leastRun {
				j.out.Items = append(j.out.Items, items[:run]...)
			} else {
				all := items[0]
				all.To, all.Events = items[run-1].To, int64(run)
				j.out.Items = append(j.out.Items, all)
			}
			items = items[run:]
		}
	}
	return nil
}

// crowds tells of very many events: those that lie together in a lane are one item,
// of which the first event is read.
func (j *journeyman) crowds(lists [][]event.Moment, most int) error {
	lanes := make([][]event.Moment, len(j.out.Lanes))
	of := make([][][]event.Moment, len(lanes))
	for strand, l := range lists {
		if len(l) > 0 {
			of[j.lane[strand]] = append(of[j.lane[strand]], l)
		}
	}
	n := 0
	for _, l := range lists {
		n += len(l)
	}
	gaps := make([]int64, 0, n)
	filled := 0
	for n := range of {
		lanes[n] = merged(of[n])
		for i := 1; i < len(lanes[n]); i++ {
			gaps = append(gaps, lanes[n][i].Time-lanes[n][i-1].Time)
		}
		if len(lanes[n]) > 0 {
			filled++
		}
	}
	limit := gapFor(gaps, most-filled)
	var places []event.Moment // of the first event of each item
	for n, l := range lanes {
		j.out.Events += int64(len(l))
		for i := range l {
			if i > 0 && l[i].Time-l[i-1].Time <= limit {
				it := &j.out.Items[len(j.out.Items)-1]
				it.To = l[i].Time
				it.Events++
				it.Mixed = true
				continue
			}
			j.out.Items = append(j.out.Items, JourneyItem{Lane: n, From: l[i].Time, To: l[i].Time, Events: 1})
			places = append(places, l[i])
		}
	}
	return readEvents(j.view, places, func(i int, e *journal.Event, _ *event.Message) {
		it := &j.out.Items[i]
		it.Type, it.Name, it.MessageID = e.Type, e.Name, e.MessageID
	})
}

// merged makes one list by time of several.
func merged(lists [][]event.Moment) []event.Moment {
	for len(lists) > 1 {
		var half [][]event.Moment
		for i := 0; i < len(lists); i += 2 {
			if i+1 == len(lists) {
				half = append(half, lists[i])
				break
			}
			a, b := lists[i], lists[i+1]
			both := make([]event.Moment, 0, len(a)+len(b))
			for len(a) > 0 && len(b) > 0 {
				if a[0].Compare(b[0]) <= 0 {
					both, a = append(both, a[0]), a[1:]
				} else {
					both, b = append(both, b[0]), b[1:]
				}
			}
			half = append(half, append(append(both, a...), b...))
		}
		lists = half
	}
	if len(lists) == 0 {
		return nil
	}
	return lists[0]
}

// gapFor is a gap above which there are most others at most, so that few enough items are
// left when what is no further apart becomes one.
func gapFor(gaps []int64, most int) int64 {
	if len(gaps) <= most {
		return -1
	}
	slices.Sort(gaps)
	return gaps[len(gaps)-1-max(most, 0)]
}

// squeeze puts items that lie close together in a lane into one until there are most
// of them at most, and sorts them.
func (j *journeyman) squeeze(most int) {
	slices.SortFunc(j.out.Items, func(a, b JourneyItem) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Lane, b.Lane))
	})
	if len(j.out.Items) <= most {
		return
	}
	last := map[int]int64{}
	var gaps []int64
	for i := range j.out.Items {
		it := &j.out.Items[i]
		if t, ok := last[it.Lane]; ok {
			gaps = append(gaps, it.From-t)
		}
		last[it.Lane] = it.To
	}
	limit := gapFor(gaps, most-len(last))
	open := map[int]int{}
	kept := j.out.Items[:0]
	for _, it := range j.out.Items {
		if i, ok := open[it.Lane]; ok && it.From-kept[i].To <= limit {
			k := &kept[i]
			k.To = max(k.To, it.To)
			k.Events += it.Events
			k.Mixed = k.Mixed || it.Mixed || it.Name != k.Name || it.Type != k.Type
			continue
		}
		open[it.Lane] = len(kept)
		kept = append(kept, it)
	}
	j.out.Items = kept
}

// fewLanes drops lanes without events, counts those of the others, orders them by
// their first events, and lets the smallest share one when there are too many.
func (j *journeyman) fewLanes() {
	lanes := j.out.Lanes
	first := make([]int, len(lanes))
	for i := range first {
		first[i] = len(j.out.Items)
	}
	for i := len(j.out.Items) - 1; i >= 0; i-- {
		it := &j.out.Items[i]
		lanes[it.Lane].Events += it.Events
		first[it.Lane] = i
	}
	var order []int
	for i := range lanes {
		if lanes[i].Events > 0 {
			order = append(order, i)
		}
	}
	shared := -1
	if len(order) > mostLanes {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(lanes[b].Events, lanes[a].Events) })
		shared = mostLanes - 1
	}
	kept := order[:min(len(order), mostLanes)]
	if shared >= 0 {
		kept = order[:shared]
	}
	slices.SortStableFunc(kept, func(a, b int) int { return cmp.Compare(first[a], first[b]) })
	to := make([]int, len(lanes))
	for i := range to {
		to[i] = shared // -1: there is nothing in it
	}
	out := make([]Lane, 0, len(kept)+1)
	for n, i := range kept {
		to[i] = n
		out = append(out, lanes[i])
	}
	if shared >= 0 {
		rest := Lane{}
		for _, i := range order[shared:] {
			rest.Events += lanes[i].Events
		}
		out = append(out, rest)
	}
	for i := range j.out.Items {
		j.out.Items[i].Lane = to[j.out.Items[i].Lane]
	}
	j.out.Lanes = out
	j.out.Seams = slices.DeleteFunc(j.out.Seams, func(s Seam) bool {
		a, b := to[s.Lane], to[s.Other]
		return a < 0 || b < 0 || a == b || s.Time < j.out.First || s.Time > j.out.Last
	})
	for i := range j.out.Seams {
		s := &j.out.Seams[i]
		s.Lane, s.Other = to[s.Lane], to[s.Other]
	}
}
