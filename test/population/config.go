package population

import "time"

// Config says what the people are like. Zero values mean the defaults; a share
// below zero means none.
type Config struct {
	Seed   uint64
	First  int // number of the first new person
	Known  int // how many were there before the stream begins, with numbers from 0; default First
	People int // new people; 0: as many as Events need
	Events int // events at most, repeats included; 0: until all have gone

	Start  time.Time // when the first person comes; default 2025-01-01
	Active int       // people about at the same time; default 4096, at most People

	Members  float64 // share of people who sign up; default 0.34
	Bounces  float64 // share of people who leave after a look; default 0.40
	Guests   float64 // share of people who order with an e-mail address and no account; default 0.06
	Return   float64 // chance that the next to come is someone from long ago; default 0.20
	Tablets  float64 // share of families with a tablet that they share; default 0.15
	Kiosks   int     // kiosks in shops; default 0
	Kiosk    float64 // share of members' visits that are to a kiosk, if there are any; default 0.05
	Accounts float64 // share of members who belong to a company; default 0.08
	Careless float64 // share of events with a placeholder for an ID; default 0.002

	Late    float64       // share of events that arrive late; default none
	LateBy  time.Duration // how late at most, in the shop's time; default 3 days
	Repeats float64       // share of events that arrive twice; default none
}

// withDefaults fills in what was not set.
func (c Config) withDefaults() Config {
	if c.Start.IsZero() {
		c.Start = time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if c.Known == 0 {
		c.Known = c.First
	}
	if c.People <= 0 {
		c.People = 1 << 40
	}
	if c.Active <= 0 {
		c.Active = 4096
	}
	c.Active = min(c.Active, c.People)
	if c.LateBy <= 0 {
		c.LateBy = 72 * time.Hour
	}
	share := func(v *float64, fallback float64) {
		if *v == 0 {
			*v = fallback
		}
		*v = max(*v, 0)
	}
	share(&c.Members, 0.34)
	share(&c.Bounces, 0.40)
	share(&c.Guests, 0.06)
	share(&c.Return, 0.20)
	share(&c.Tablets, 0.15)
	share(&c.Kiosk, 0.05)
	share(&c.Accounts, 0.08)
	share(&c.Careless, 0.002)
	share(&c.Late, 0)
	share(&c.Repeats, 0)
	if c.Kiosks <= 0 {
		c.Kiosk = 0
	}
	return c
}

// NDJSON gives all events of the population, one a line.
func (c Config) NDJSON() []byte {
	s := c.Stream()
	var out []byte
	for line := s.Next(); line != nil; line = s.Next() {
		out = append(out, line...)
		out = append(out, '\n')
	}
	return out
}
