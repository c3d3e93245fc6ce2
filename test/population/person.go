package population

// kind is how far someone goes.
type kind uint8

const (
	browser kind = iota // comes back now and then, and stays a stranger
	bounce              // has one look
	guest               // orders with an e-mail address
	member              // signs up
)

// person is what stays the same of one person.
type person struct {
	index   uint64
	traits  uint64 // bits to draw names and tastes from
	kind    kind
	visits  int // in the person's life, returns after long apart
	signUp  int // the visit in which a member signs up
	devices int // own ones
	shy     bool
	company uint64 // 0: none
	tablet  bool   // the family has one
	loyal   bool   // has a loyalty card
}

// familySize is how many people live together: neighbours by number.
const familySize = 4

func (c *Config) person(i uint64) person {
	h := mix(c.Seed, forPerson, i, 0)
	p := person{index: i, traits: h, devices: 1, visits: 1}
	d := dice(mix(c.Seed, forPerson, i, 1))
	switch x := fraction(h); {
	case x < c.Members:
		p.kind = member
		p.visits = p.lifetime(&d, 2, 4)
		p.signUp = min(d.below(3)*d.below(2), p.visits-1)
		p.devices = 1 + d.below(3)
		p.tablet = fraction(mix(c.Seed, forFamily, i/familySize, 0)) < c.Tablets
		p.loyal = d.chance(0.03)
		if d.chance(c.Accounts) {
			p.company = i/64 + 1
		}
	case x < c.Members+c.Guests:
		p.kind = guest
		p.visits = p.lifetime(&d, 1, 3)
	case x < c.Members+c.Guests+c.Bounces:
		p.kind = bounce
	default:
		p.kind = browser
		p.visits = p.lifetime(&d, 1, 3)
		p.devices = 1 + d.below(4)/3
	}
	p.shy = d.chance(0.10)
	return p
}

// lifetime draws a number of visits. One in fifty is devoted to the shop.
func (p *person) lifetime(d *dice, least, spread int) int {
	n := least + d.below(spread)
	if d.chance(0.02) {
		n += 5 + d.below(40)
	}
	return n
}

// platform is what a device runs.
type platform uint8

const (
	web platform = iota
	iOS
	android
)

// device is one thing that sends events, or one app on it.
type device struct {
	platform platform
	id       uint64 // names the hardware: two apps on one phone have the same
	app      uint8
	tracking bool // may be tracked: has an advertising ID
	pushes   bool // has a push token
	measured bool // a web browser that Google Analytics counts as well
}

// own gives one of the person's own devices. Half of those who have three have
// the third app on the phone that is their second.
func (c *Config) own(p *person, n int) device {
	h := mix(c.Seed, forDevice, p.index, 0)
	first := platform(h % 3)
	dev := device{platform: (first + platform(n)) % 3, app: uint8(n % 2)}
	if n == 2 && h>>8&1 == 0 {
		n, dev.platform = 1, (first+1)%3
	}
	dev.id = mix(c.Seed, forDevice, p.index, uint64(n)+1)
	dev.tracking = dev.id>>8%10 < 3
	dev.pushes = dev.id>>16%10 < 2
	dev.measured = dev.id>>24%10 < 6
	return dev
}

// tablet gives the tablet of the person's family.
func (c *Config) tablet(p *person) device {
	return device{platform: android, id: mix(c.Seed, forTablet, p.index/familySize, 0)}
}

// kiosk gives one of the kiosks.
func (c *Config) kiosk(n int) device {
	return device{platform: android, id: mix(c.Seed, forKiosk, uint64(n), 0), app: 1}
}

// cookie gives the bits of the anonymous ID that a person has on an own device.
// Shy people throw theirs away after every visit, others lose it now and then.
func (c *Config) cookie(p *person, n, visit int) uint64 {
	age := visit / 3
	if p.shy {
		age = visit
	}
	return mix(c.Seed, forCookie, p.index<<8|uint64(n), uint64(age))
}

// Key is an external ID as the Profile API takes it.
type Key struct {
	Type, Value string
}

// Key gives an external ID that person i had for sure if a stream was read to
// its end: the user ID of members, the first cookie of others.
func (c Config) Key(i int) Key {
	c = c.withDefaults()
	p := c.person(uint64(i))
	if p.kind == member {
		return Key{"user_id", string(appendUserID(nil, &c, p.index))}
	}
	return Key{"anonymous_id", string(appendUUID(nil, c.cookie(&p, 0, 0)))}
}
