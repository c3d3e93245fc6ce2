package main

import (
	"strings"
	"testing"
	"time"
)

func TestTablesHaveMedians(t *testing.T) {
	var said []string
	all := tables{tell: func(format string, _ ...any) { said = append(said, format) }}
	for _, n := range []int{30_000, 1_000, 20_000} {
		x := all.at("Speed", "load", "events/s", "of C", "p99 ms")
		x.add("a", count(n), ratio(float64(n), 100_000), millis(time.Duration(n)*time.Microsecond))
		x.add("b", missing, ratio(1, 0), millis(time.Millisecond))
		x.remark("once")
	}
	var b strings.Builder
	all.print(&b)
	want := `
### Speed

| load | events/s | of C | p99 ms | lowest–highest events/s |
| ---- | -------: | ---: | -----: | ----------------------: |
| a    |   20,000 | 0.20 |   20.0 |            1,000–30,000 |
| b    |        - |    - |    1.0 |                       - |

once
`
	if b.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", b.String(), want)
	}
	if len(said) != 7 {
		t.Errorf("said %d lines, want a line for each row of a round, and the remark once", len(said))
	}
	if got := all.median("Speed", "a", "of C"); got.value != 0.2 {
		t.Errorf("the median is %v", got.value)
	}
	if got := all.median("Speed", "c", "of C"); got.String() != "-" {
		t.Errorf("what was not measured is %v", got)
	}
}

func TestMedianOfTwoIsTheirMean(t *testing.T) {
	if got := (samples{count(10), missing, count(20)}).median(); got.value != 15 {
		t.Errorf("%v", got)
	}
}
