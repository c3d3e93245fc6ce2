package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// figure is one number of one round, with how it is written. NaN is written as
// a dash.
type figure struct {
	value float64
	form  func(float64) string
}

var missing = figure{math.NaN(), whole[float64]}

func count[T int | int64 | float64](x T) figure { return figure{float64(x), whole[float64]} }

func ratio(x, of float64) figure { return figure{over(x, of), short} }

func millis(d time.Duration) figure { return figure{d.Seconds() * 1000, decimals(1)} }

func seconds(d time.Duration) figure { return figure{d.Seconds(), decimals(1)} }

// micros is what one of n things took.
func micros(d time.Duration, n int) figure {
	return figure{over(float64(d.Microseconds()), float64(n)), decimals(1)}
}

func mebi(n int64) figure { return figure{float64(n) / (1 << 20), whole[float64]} }

// over divides; nothing has no ratio.
func over(x, of float64) float64 {
	if of == 0 {
		return math.NaN()
	}
	return x / of
}

// whole writes a number with its thousands apart.
func whole[T int | int64 | float64](x T) string {
	s := fmt.Sprintf("%.0f", float64(x))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func decimals(n int) func(float64) string {
	return func(x float64) string {
		if x >= 10_000 {
			return whole(x)
		}
		return fmt.Sprintf("%.*f", n, x)
	}
}

// short writes a ratio with two or three digits that count.
func short(x float64) string {
	switch {
	case x < 0.1:
		return fmt.Sprintf("%.3f", x)
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.1f", x)
}

func (f figure) String() string {
	if math.IsNaN(f.value) || f.form == nil {
		return "-"
	}
	return f.form(f.value)
}

// samples are figures of several rounds.
type samples []figure

// median is the middle of what was measured, with an even number the mean of
// the two in the middle; missing if nothing was.
func (s samples) median() figure {
	sorted := s.sorted()
	n := len(sorted)
	if n == 0 {
		return missing
	}
	return figure{(sorted[(n-1)/2].value + sorted[n/2].value) / 2, sorted[0].form}
}

// span writes the lowest and the highest.
func (s samples) span() string {
	sorted := s.sorted()
	if len(sorted) < 2 {
		return "-"
	}
	return sorted[0].String() + "–" + sorted[len(sorted)-1].String()
}

func (s samples) sorted() samples {
	var out samples
	for _, f := range s {
		if !math.IsNaN(f.value) {
			out = append(out, f)
		}
	}
	slices.SortFunc(out, func(a, b figure) int { return cmp.Compare(a.value, b.value) })
	return out
}
