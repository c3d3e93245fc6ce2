package population

import "strconv"

const hexDigits = "0123456789abcdef"

// appendHex appends the last n digits of x.
func appendHex(b []byte, x uint64, n int) []byte {
	for n--; n >= 0; n-- {
		b = append(b, hexDigits[x>>(4*uint(n))&15])
	}
	return b
}

// appendUUID appends a UUID of version 4 that is drawn from 64 bits.
func appendUUID(b []byte, bits uint64) []byte {
	hi, lo := bits, scramble(bits)
	b = append(appendHex(b, hi>>32, 8), '-')
	b = append(appendHex(b, hi>>16, 4), '-', '4')
	b = append(appendHex(b, hi, 3), '-', '8')
	b = append(appendHex(b, lo>>48, 3), '-')
	return appendHex(b, lo, 12)
}

func appendUserID(b []byte, c *Config, person uint64) []byte {
	b = append(b, "usr_"...)
	return appendHex(b, mix(c.Seed, forUser, person, 0), 12)
}

// appendEmail appends a person's address. Some type it in capitals.
func appendEmail(b []byte, p *person, shouting bool) []byte {
	start := len(b)
	b = append(b, "shopper"...)
	b = strconv.AppendUint(b, p.index, 10)
	b = append(b, '.')
	b = appendHex(b, p.traits>>20, 4)
	b = append(b, '@')
	b = append(b, pick(mailHosts, p.traits>>8)...)
	if shouting {
		b[start] = 'S'
	}
	return b
}

func appendCompany(b []byte, company uint64) []byte {
	return strconv.AppendUint(append(b, "company-"...), company, 10)
}

// appendTime appends a time as SDKs write it.
func appendTime(b []byte, ms int64) []byte {
	days, rest := ms/day, ms%day
	y, m, d := civil(days)
	b = append(appendDigits(b, y, 4), '-')
	b = append(appendDigits(b, m, 2), '-')
	b = append(appendDigits(b, d, 2), 'T')
	b = append(appendDigits(b, int(rest/hour), 2), ':')
	b = append(appendDigits(b, int(rest/60_000%60), 2), ':')
	b = append(appendDigits(b, int(rest/1000%60), 2), '.')
	return append(appendDigits(b, int(rest%1000), 3), 'Z')
}

func appendDigits(b []byte, x, n int) []byte {
	start := len(b)
	for range n {
		b = append(b, '0')
	}
	for i := start + n - 1; i >= start; i-- {
		b[i] = byte('0' + x%10)
		x /= 10
	}
	return b
}

// civil turns days since 1970 into a date. Years are counted from March, so
// that the day that some have is their last.
func civil(days int64) (year, month, dayOfMonth int) {
	z := days + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	dayOfMonth = int(doy - (153*mp+2)/5 + 1)
	month = int(mp + 3)
	if month > 12 {
		month -= 12
	}
	year = int(yoe + era*400)
	if month <= 2 {
		year++
	}
	return year, month, dayOfMonth
}
