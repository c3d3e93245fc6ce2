package population

import "strconv"

// context appends what the SDK of a device says about it and its surroundings.
func (v *visitor) context(b []byte) []byte {
	home := v.traits >> 12
	b = append(b, `,"integrations":{},"context":{"ip":"203.0.113.`...)
	b = strconv.AppendUint(b, v.traits>>30&255, 10)
	b = append(b, `","locale":"`...)
	b = append(b, pick(locales, home)...)
	b = append(b, `","timezone":"`...)
	b = append(b, pick(zones, home)...)
	b = append(b, '"')
	if v.device.platform == web {
		b = v.browserContext(b)
	} else {
		b = v.appContext(b)
	}
	if v.known && v.company > 0 {
		b = append(b, `,"groupId":"`...)
		b = append(appendCompany(b, v.company), '"')
	}
	if v.known && v.loyal && v.orders {
		b = append(b, `,"externalIds":[{"id":"LC-`...)
		b = appendHex(b, v.traits, 8)
		b = append(b, `","type":"loyalty_id","collection":"users","encoding":"none"}]`...)
	}
	return append(b, '}')
}

func (v *visitor) browserContext(b []byte) []byte {
	b = append(b, `,"library":{"name":"analytics.js","version":"next-1.84.3"},"userAgent":"`...)
	b = append(b, pick(agents, v.device.id)...)
	b = append(b, `","page":{"path":"`...)
	b = v.path(b, v.cookie>>uint(v.step&31))
	b = append(b, `","referrer":"`...)
	b = append(b, referrer(v.traits>>uint(v.visit&15))...)
	b = append(b, `","search":"?s=`...)
	b = pickReferral(b, v.traits)
	b = append(b, `","title":"SegKicks: shoes and more","url":"https://shop.segkicks.example`...)
	b = v.path(b, v.cookie>>uint(v.step&31))
	b = append(b, `"}`...)
	if v.device.measured {
		b = append(b, `,"integrations":{"Google Analytics":{"clientId":"GA1.1.`...)
		b = strconv.AppendUint(b, v.cookie>>34, 10)
		b = append(b, `.1735689600"}}`...)
	}
	return b
}

func (v *visitor) appContext(b []byte) []byte {
	apple := v.device.platform == iOS
	if v.device.app == 0 {
		b = append(b, `,"app":{"name":"SegKicks","version":"4.2.0","build":"420"}`...)
	} else {
		b = append(b, `,"app":{"name":"SegRuns","version":"1.7.3","build":"173"}`...)
	}
	id := v.device.id
	if apple {
		b = append(b, `,"library":{"name":"analytics-ios","version":"4.1.8"},"device":{"manufacturer":"Apple","type":"ios","model":"`...)
		b = append(b, pick(phones, id)...)
		b = append(b, `","id":"`...)
		b = appendUUID(b, id)
	} else {
		b = append(b, `,"library":{"name":"analytics-android","version":"4.11.3"},"device":{"manufacturer":"`...)
		b = append(b, pick(makers, id)...)
		b = append(b, `","type":"android","model":"`...)
		b = append(b, pick(droids, id)...)
		b = append(b, `","id":"`...)
		b = appendHex(b, id, 16)
	}
	b = append(b, `","adTrackingEnabled":`...)
	b = strconv.AppendBool(b, v.device.tracking)
	b = append(b, `,"advertisingId":"`...)
	if v.device.tracking {
		b = appendUUID(b, scramble(id^1))
	} else {
		b = append(b, "00000000-0000-0000-0000-000000000000"...)
	}
	if v.device.pushes {
		b = append(b, `","token":"`...)
		b = appendHex(b, scramble(id^2), 16)
		b = appendHex(b, scramble(id^3), 16)
	}
	b = append(b, `"},"network":{"carrier":"Example","wifi":false},"os":{"name":"`...)
	if apple {
		b = append(b, `iOS","version":"18.1"}`...)
	} else {
		b = append(b, `Android","version":"15"}`...)
	}
	return b
}
