package population

import "strconv"

// write appends the visitor's next event.
func (v *visitor) write(b []byte, c *Config) []byte {
	bits := v.dice.next()
	if v.step == v.loginAt {
		v.known = true
		return v.identify(b, c, bits)
	}
	last := v.step == v.steps-1
	switch {
	case v.step == 0 && v.device.platform != web:
		return v.track(b, c, bits, "Application Opened")
	case v.orders && last:
		return v.track(b, c, bits, "Order Completed")
	case v.known && v.signing && v.company > 0 && v.step == v.loginAt+1:
		return v.group(b, c, bits)
	case v.known && v.loginAt < 0 && v.step == 1 && bits>>60 < 3:
		// Many sites say who it is on the way.
		return v.identify(b, c, bits)
	case v.step == 0, bits>>56&15 < 6:
		return v.view(b, c, bits)
	case bits>>52&15 < 7:
		return v.track(b, c, bits, "Product Viewed")
	case bits>>52&15 < 11:
		return v.track(b, c, bits, "Product Added")
	case bits>>52&15 < 14:
		return v.track(b, c, bits, "Products Searched")
	default:
		return v.track(b, c, bits, "Product Removed")
	}
}

// open writes what every event begins with.
func (v *visitor) open(b []byte, c *Config, kind string) []byte {
	careless := v.dice.chance(c.Careless)
	b = append(b, `{"type":"`...)
	b = append(b, kind...)
	b = append(b, `","messageId":"`...)
	if v.device.platform == web {
		b = append(b, "ajs-next-"...)
		b = append(strconv.AppendInt(b, v.at, 10), '-')
	}
	b = appendUUID(b, mix(c.Seed, forStream, v.index, v.event))
	b = append(b, `","timestamp":"`...)
	b = appendTime(b, v.at)
	b = append(b, `","anonymousId":"`...)
	if careless && v.event&1 == 1 {
		b = append(b, "null"...)
	} else {
		b = appendUUID(b, v.cookie)
	}
	b = append(b, '"')
	if v.known {
		b = append(b, `,"userId":"`...)
		b = append(appendUserID(b, c, v.index), '"')
	} else if careless {
		b = append(b, `,"userId":"undefined"`...)
	}
	return v.context(b)
}

func (v *visitor) identify(b []byte, c *Config, bits uint64) []byte {
	b = v.open(b, c, "identify")
	b = append(b, `,"traits":{"email":"`...)
	b = appendEmail(b, &v.person, bits>>20&31 == 0)
	b = append(b, `","firstName":"`...)
	b = append(b, pick(firstNames, v.traits)...)
	b = append(b, `","lastName":"`...)
	b = append(b, pick(lastNames, v.traits>>5)...)
	b = append(b, `","plan":"`...)
	b = append(b, pick(plans, v.traits>>40+uint64(v.visit)/8)...)
	b = append(b, `","visits":`...)
	b = strconv.AppendInt(b, int64(v.visit+1), 10)
	b = append(b, `,"newsletter":`...)
	b = strconv.AppendBool(b, bits>>30&3 != 0)
	if bits>>32&15 == 0 {
		b = append(b, `,"referral":null`...) // removes it
	} else {
		b = append(b, `,"referral":"`...)
		b = append(pickReferral(b, bits), '"')
	}
	b = append(b, `,"address":{"city":"`...)
	b = append(b, pick(cities, v.traits>>12)...)
	b = append(b, `","country":"`...)
	b = append(b, pick(countries, v.traits>>12)...)
	b = append(b, `"},"favorite":"`...)
	b = append(b, pick(categories, bits>>36)...)
	b = append(b, `","createdAt":"2024-0`...)
	b = append(b, '1'+byte(v.traits>>50%9), '-', '1', '0'+byte(v.traits>>54%10))
	return append(b, `T09:00:00Z"}}`...)
}

func pickReferral(b []byte, bits uint64) []byte {
	return append(b, pick([]string{"friend", "search", "poster", "podcast"}, bits>>44)...)
}

func (v *visitor) group(b []byte, c *Config, bits uint64) []byte {
	b = v.open(b, c, "group")
	b = append(b, `,"groupId":"`...)
	b = appendCompany(b, v.company)
	b = append(b, `","traits":{"name":"Company `...)
	b = strconv.AppendUint(b, v.company, 10)
	b = append(b, `","industry":"`...)
	b = append(b, pick([]string{"retail", "sport", "health", "logistics"}, v.company)...)
	b = append(b, `","employees":`...)
	b = strconv.AppendUint(b, 10+bits>>40%500, 10)
	b = append(b, `,"plan":"`...)
	b = append(b, pick(plans, v.company)...)
	return append(b, `"}}`...)
}

// view is a page of the shop, or a screen of an app.
func (v *visitor) view(b []byte, c *Config, bits uint64) []byte {
	n := int(bits & 7)
	if v.device.platform != web {
		b = v.open(b, c, "screen")
		b = append(b, `,"name":"`...)
		b = append(b, screens[n]...)
		b = append(b, `","properties":{"name":"`...)
		b = append(b, screens[n]...)
		b = append(b, `","previous":"`...)
		b = append(b, pick(screens, bits>>3)...)
		return append(b, `"}}`...)
	}
	b = v.open(b, c, "page")
	b = append(b, `,"name":"`...)
	b = append(b, screens[n]...)
	b = append(b, `","properties":{"path":"`...)
	b = v.path(b, bits)
	b = append(b, `","referrer":"`...)
	b = append(b, referrer(bits)...)
	b = append(b, `","search":"","title":"`...)
	b = append(b, screens[n]...)
	b = append(b, ` - SegKicks","url":"https://shop.segkicks.example`...)
	b = v.path(b, bits)
	return append(b, `"}}`...)
}

func (v *visitor) path(b []byte, bits uint64) []byte {
	n := bits & 7
	b = append(b, paths[n]...)
	if n == 1 || n == 2 {
		b = strconv.AppendUint(b, bits>>8&63, 10)
	}
	return b
}

func referrer(bits uint64) string {
	return pick([]string{"", "https://search.example/", "https://social.example/feed", "https://shop.segkicks.example/"}, bits>>16)
}

func (v *visitor) track(b []byte, c *Config, bits uint64, name string) []byte {
	b = v.open(b, c, "track")
	b = append(b, `,"event":"`...)
	b = append(b, name...)
	b = append(b, `","properties":{`...)
	switch name {
	case "Application Opened":
		b = append(b, `"from_background":`...)
		b = strconv.AppendBool(b, bits&1 == 0)
		b = append(b, `,"version":"4.2.`...)
		b = append(b, '0'+byte(bits>>1%8))
		b = append(b, `","build":"42`...)
		b = append(b, '0'+byte(bits>>4%8), '"')
	case "Products Searched":
		b = append(b, `"query":"`...)
		b = append(b, pick(adjectives, bits)...)
		b = append(b, ' ')
		b = append(b, pick(categories, bits>>6)...)
		b = append(b, `","results":`...)
		b = strconv.AppendUint(b, bits>>12%90, 10)
	case "Order Completed":
		b = append(b, `"order_id":"o-`...)
		b = appendHex(b, bits, 10)
		b = append(b, `","revenue":`...)
		b = strconv.AppendUint(b, 20+bits>>20%400, 10)
		b = append(b, `.95,"currency":"EUR",`...)
		if v.kind == guest {
			b = append(b, `"email":"`...)
			b = append(appendEmail(b, &v.person, bits>>32&7 == 0), `",`...)
		}
		b = append(b, `"products":[{`...)
		b = append(b, products[bits>>40&63]...)
		b = append(b, `,"quantity":1}]`...)
	default:
		b = append(b, products[bits>>40&63]...)
		b = append(b, `,"quantity":`...)
		b = strconv.AppendUint(b, 1+bits>>50%3, 10)
		b = append(b, `,"cart_id":"cart-`...)
		b = append(appendHex(b, v.cookie>>8, 8), '"')
	}
	return append(b, `}}`...)
}
