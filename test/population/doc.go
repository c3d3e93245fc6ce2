// Package population makes up the shoppers of a shop, and the events that their
// phones, browsers and tablets send while they live.
//
// A population is a function of its Config: the same one gives the same bytes.
// Person number i follows from the seed and i alone, so that a stream keeps only
// those who are about (Config.Active of them) whatever the number of people, and
// a load of millions needs no more memory than a test of a hundred.
//
// What makes identities hard is in it, in shares that can be set: people who
// look around before they sign up or never do, who have several devices and
// lose their cookies, guests who leave an e-mail address with an order,
// families on one tablet, kiosks in shops that thousands touch, careless code
// that sends "null", members of companies, and events that come late or twice.
// About 2.6 events share one set of external IDs, and an event has about 820
// bytes, as DESIGN's measurements had.
package population
