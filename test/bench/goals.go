package main

import (
	"fmt"
	"io"
	"math"
)

// goal is what a figure has to be, and what it should be.
type goal struct {
	what               string
	table, row, column string
	must, aim          float64
	most               bool // it has to be less, not more
}

// goals are ratios where they can be: those travel from machine to machine.
var goals = []goal{
	{"100 a request, of C", ingestTitle, row100, "of C", 0.36, 0.50, false},
	{"100 a request, p99 of p50", ingestTitle, row100, "p99 of p50", 2, 2, true},
	{"100 a request, CPU an event of C's", ingestTitle, row100, "of C's", 5, 5, true},
	{"20 a request, of C", ingestTitle, row20, "of C", 0.26, 0.36, false},
	{"one by one, of C", ingestTitle, rowOne, "of C", 0.042, 0.042, false},
	{"one by one, CPU an event of C's", ingestTitle, rowOne, "of C's", 24, 24, true},
	{"one by one on 256 connections, of C", ingestTitle, rowOneMany, "of C", 0.08, 0.08, false},
	{"import of history, of C", importTitle, rowStopped, "of C", 0.45, 0.60, false},
	{"traits idle, of H", readsTitle, rowIdle, "of H", 0.5, 0.7, false},
	{"traits idle, p99 of H's", readsTitle, rowIdle, "p99 of H's", 3, 3, true},
	{"reads beside half speed, of H", readsTitle, rowBeside, "of H", 0.45, 0.45, false},
	{"reads beside half speed, p99 ms", readsTitle, rowBeside, "p99 ms", 8, 5, true},
	{"reads from PostgreSQL, p99 ms", sharedReadsTitle, rowUniform, "p99 ms", 10, 10, true},
	{"peak RSS at 100 a request, of memory", ingestTitle, row100, "of memory", 1.25, 1, true},
	{"simulate, CPU s a million profiles", simulateTitle, rowSimulate, "CPU s a million", 6, 6, true},
	{"rules that move 200,000 events, s", movesTitle, rowThere, "s for 200,000 moved", 10, 10, true},
	{"and back, s", movesTitle, rowBack, "s for 200,000 moved", 10, 10, true},
	{"event to webhook at half load, p99 ms", webhookTitle, rowHalf, "p99 ms", 250, 250, true},
}

// printGoals prints what was measured beside what was to be reached, of each server.
func (b *bench) printGoals(w io.Writer) {
	var rows [][]string
	for _, b.who = range b.contenders {
		for _, g := range goals {
			f := b.tables.median(g.table, b.row(g.row), g.column)
			if math.IsNaN(f.value) {
				continue
			}
			sign, reached := "≥", f.value >= g.must
			if g.most {
				sign, reached = "≤", f.value <= g.must
			}
			yes := "no"
			if reached {
				yes = "yes"
			}
			rows = append(rows, []string{b.row(g.what), f.String(), sign + " " + short(g.must), sign + " " + short(g.aim), yes})
		}
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\n### Against the goals\n\n")
	markdown(w, []string{"figure", "measured", "must", "aim", "reached"}, rows)
}
