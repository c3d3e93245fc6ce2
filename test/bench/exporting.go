package main

import (
	"bytes"
	"time"
)

// lineCounter counts lines and forgets them.
type lineCounter struct{ lines, bytes int }

func (c *lineCounter) Write(b []byte) (int, error) {
	c.lines += bytes.Count(b, []byte("\n"))
	c.bytes += len(b)
	return len(b), nil
}

// exports measures `selfsame export profiles` of the people that were loaded.
func (b *bench) exports() error {
	data, err := b.loaded()
	if err != nil {
		return err
	}
	var c lineCounter
	began := time.Now()
	state, peak, err := b.command(nil, &c, nil, "export", "profiles", "--data", data)
	if err != nil {
		return err
	}
	took := time.Since(began)
	rate := float64(c.lines) / took.Seconds()
	b.tables.at("Export of all profiles as NDJSON", "of a stopped directory", "profiles/s", "of C", "CPU µs/profile", "profiles", "MB/s", "peak RSS MiB", "of memory").
		add(b.row("profiles"), count(rate), ratio(rate, b.yard.core), micros(state.UserTime()+state.SystemTime(), c.lines), count(c.lines),
			figure{float64(c.bytes) / 1e6 / took.Seconds(), decimals(1)}, mebi(peak), b.ofMemory(peak))
	return nil
}
