package population

// place is where a visit happens.
type place uint8

const (
	ownDevice place = iota
	familyTablet
	shopKiosk
)

// visitor is a person who is about.
type visitor struct {
	person
	dice  dice
	at    int64 // of the next event, milliseconds since 1970
	event uint64
	visit int
	last  int // the visit after which they go
	step  int
	steps int // of this visit

	place   place
	device  device
	own     int    // number of the own device
	cookie  uint64 // bits of the anonymous ID
	loginAt int    // the step in which they log in, -1: not in this visit
	known   bool   // logged in
	signing bool   // the login of this visit is the sign-up
	logins  uint8  // own devices on which they are logged in, as bits
	orders  bool   // the visit ends with an order
}

// Times between things, in milliseconds.
const (
	second   = 1000
	hour     = 3600 * second
	day      = 24 * hour
	meanStay = 3 * day // from someone's first visit to the last, roughly
)

// start begins a person's life in the shop.
func (v *visitor) start(c *Config, i uint64, at int64) {
	*v = visitor{person: c.person(i), dice: dice(mix(c.Seed, forLife, i, 0)), at: at}
	v.last = v.visits - 1
	v.begin(c)
}

// comeBack begins one more visit of someone whose life went by before.
func (v *visitor) comeBack(c *Config, i, occasion uint64, at int64) {
	*v = visitor{person: c.person(i), dice: dice(mix(c.Seed, forReturn, i, occasion)), at: at}
	v.visit, v.last = v.visits, v.visits
	v.logins = 0xff // they logged in everywhere while they were about
	// Another life, so that message IDs stay apart.
	v.event = occasion &^ 0xffff
	v.begin(c)
}

// begin plans a visit.
func (v *visitor) begin(c *Config) {
	d := &v.dice
	v.step, v.known, v.signing, v.loginAt, v.orders = 0, false, false, -1, false
	v.place, v.own = ownDevice, 0
	v.steps = 1 + d.below(3)
	if v.kind != bounce {
		v.steps = 1 + d.below(3) + d.below(3)
	}
	if v.kind == member && v.visit > v.signUp {
		switch {
		case d.chance(c.Kiosk):
			v.place = shopKiosk
		case v.tablet && d.chance(0.3):
			v.place = familyTablet
		}
	}
	switch v.place {
	case ownDevice:
		if v.visit > 0 {
			v.own = d.below(v.devices)
		}
		v.device = c.own(&v.person, v.own)
		v.cookie = c.cookie(&v.person, v.own, min(v.visit, v.visits-1))
	case familyTablet:
		v.device = c.tablet(&v.person)
		v.cookie = mix(c.Seed, forCookie, v.device.id, 0)
		if d.chance(0.5) { // the app was reset when the last one logged out
			v.cookie = mix(c.Seed, forCookie, v.device.id, d.next())
		}
	case shopKiosk:
		v.device = c.kiosk(d.below(c.Kiosks))
		v.cookie = mix(c.Seed, forCookie, v.device.id, 0)
		if d.chance(0.6) {
			v.cookie = mix(c.Seed, forCookie, v.device.id, d.next())
		}
	}
	switch v.kind {
	case guest:
		v.orders = v.visit == v.last
	case member:
		v.orders = d.chance(0.15)
		v.planLogin()
	}
}

// planLogin says when in a visit a member says who they are.
func (v *visitor) planLogin() {
	if v.visit < v.signUp {
		return
	}
	v.signing = v.visit == v.signUp
	bit := uint8(1) << v.own
	if v.place == ownDevice && v.logins&bit != 0 {
		v.known = true
		return
	}
	v.loginAt = v.dice.below(2) + v.dice.below(2)
	v.steps = max(v.steps, v.loginAt+2)
	if v.place == ownDevice {
		v.logins |= bit
	} else if v.dice.chance(0.4) { // looks around and never logs in
		v.loginAt = -1
	}
}

// advance moves on to the next event. It is false when the person has gone.
func (v *visitor) advance(c *Config) bool {
	v.event++
	v.step++
	if v.step < v.steps {
		v.at += 2*second + int64(v.dice.below(50*second))
		return true
	}
	if v.visit >= v.last {
		return false
	}
	v.visit++
	gap := 10*60*second + int64(v.dice.below(day))
	if v.dice.chance(0.1) {
		gap += int64(v.dice.below(6 * day))
	}
	v.at += gap
	v.begin(c)
	return true
}
