package population

// What a number is drawn for, so that draws for different things from the same
// person are independent.
const (
	forPerson uint64 = iota + 1
	forLife
	forReturn
	forFamily
	forCookie
	forTablet
	forKiosk
	forDevice
	forUser
	forCompany
	forStream
)

// mix draws 64 bits from the seed for one purpose.
func mix(seed, purpose, a, b uint64) uint64 {
	x := scramble(seed ^ purpose*0x9e3779b97f4a7c15)
	x = scramble(x ^ a*0xd1342543de82ef95)
	return scramble(x ^ b*0xaf251af3b0f025b5)
}

// scramble is a bijection in which every bit of the input moves every bit of the
// output.
func scramble(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// dice are thrown in a row.
type dice uint64

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	return scramble(uint64(*d))
}

// below gives a number from 0 to n-1.
func (d *dice) below(n int) int { return int((d.next() >> 32) * uint64(n) >> 32) }

// chance is true with probability p.
func (d *dice) chance(p float64) bool { return fraction(d.next()) < p }

// fraction turns 64 bits into a number in [0, 1).
func fraction(x uint64) float64 { return float64(x>>11) / (1 << 53) }
