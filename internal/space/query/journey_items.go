package query

import (
	"cmp"
	"slices"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/space/journal"
)

// each tells of every event by its name, in runs where one name comes several times in
// a row.
func (j *journeyman) each(list []placed) error {
	places := make([]event.Moment, len(list))
	for i := range list {
		places[i] = list[i].at
	}
	byLane := map[int][]JourneyItem{}
	err := j.read(places, func(i int, e *journal.Event, m *event.Message) {
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
func (j *journeyman) crowds(list []placed, most int) error {
	first := map[int]event.Moment{} // by the item's place
	open := map[int]int{}           // by lane
	limit := smallest(list, func(p placed) int { return j.lane[p.strand] }, most)
	for _, p := range list {
		n := j.lane[p.strand]
		j.out.Events++
		if i, ok := open[n]; ok && p.at.Time-j.out.Items[i].To <= limit {
			j.out.Items[i].To = p.at.Time
			j.out.Items[i].Events++
			j.out.Items[i].Mixed = true
			continue
		}
		open[n] = len(j.out.Items)
		first[len(j.out.Items)] = p.at
		j.out.Items = append(j.out.Items, JourneyItem{Lane: n, From: p.at.Time, To: p.at.Time, Events: 1})
	}
	places := make([]event.Moment, len(j.out.Items))
	for i, at := range first {
		places[i] = at
	}
	return j.read(places, func(i int, e *journal.Event, _ *event.Message) {
		it := &j.out.Items[i]
		it.Type, it.Name, it.MessageID = e.Type, e.Name, e.MessageID
	})
}

// smallest is the smallest gap so that, when events of a lane no further apart than it
// are one, there are most of them at most.
func smallest(list []placed, lane func(placed) int, most int) int64 {
	last := map[int]int64{}
	var gaps []int64
	for _, p := range list {
		n := lane(p)
		if t, ok := last[n]; ok {
			gaps = append(gaps, p.at.Time-t)
		}
		last[n] = p.at.Time
	}
	return gapFor(gaps, most-len(last))
}

// gapFor is a gap above which there are most others at most.
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
