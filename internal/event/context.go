package event

// contextSpans is what a parser noted inside `context`.
type contextSpans struct {
	traits, crossDomainID, traitsEmail span
	groupID, app, appName              span
	device                             deviceSpans
	gaClientID, brazeID                span
	externalIDs                        span
}

type deviceSpans struct {
	id, kind, advertisingID, token, adTracking span
}

// readContext reads the value of the message's `context` at i.
func (p *parser) readContext(i int) int {
	const outer = 1
	if !p.opens(i, '{') {
		return p.skip(i, outer)
	}
	if i = p.enter(i, outer); i < 0 {
		return -1
	}
	c := &p.context
	for first := true; ; first = false {
		key, at, done := p.member(i, first)
		if done || at < 0 {
			return at
		}
		switch key {
		case "device":
			c.device = deviceSpans{}
			i = p.readDevice(at)
		case "traits":
			c.traitsEmail, c.crossDomainID = span{}, span{}
			i = p.readContextTraits(at)
			c.traits = span{int32(at), int32(i)}
		case "app":
			c.appName = span{}
			i = p.objectWith(at, outer+1, "name", &c.appName)
			c.app = span{int32(at), int32(i)}
		case "integrations":
			c.gaClientID = span{}
			i = p.readIntegrations(at)
		case "Braze":
			c.brazeID = span{}
			i = p.objectWith(at, outer+1, "braze_id", &c.brazeID)
		case "groupId":
			i = p.skip(at, outer+1)
			c.groupID = span{int32(at), int32(i)}
		case "externalIds":
			i = p.skip(at, outer+1)
			c.externalIDs = span{int32(at), int32(i)}
		default:
			i = p.skip(at, outer+1)
		}
		if i < 0 {
			return -1
		}
	}
}

// readDevice reads the value of context.device at i.
func (p *parser) readDevice(i int) int {
	const outer = 2
	if !p.opens(i, '{') {
		return p.skip(i, outer)
	}
	if i = p.enter(i, outer); i < 0 {
		return -1
	}
	d := &p.context.device
	for first := true; ; first = false {
		key, at, done := p.member(i, first)
		if done || at < 0 {
			return at
		}
		if i = p.skip(at, outer+1); i < 0 {
			return -1
		}
		v := span{int32(at), int32(i)}
		switch key {
		case "id":
			d.id = v
		case "type":
			d.kind = v
		case "advertisingId":
			d.advertisingID = v
		case "token":
			d.token = v
		case "adTrackingEnabled":
			d.adTracking = v
		}
	}
}

// readContextTraits reads the value of context.traits at i.
func (p *parser) readContextTraits(i int) int {
	const outer = 2
	if !p.opens(i, '{') {
		return p.skip(i, outer)
	}
	if i = p.enter(i, outer); i < 0 {
		return -1
	}
	for first := true; ; first = false {
		key, at, done := p.member(i, first)
		if done || at < 0 {
			return at
		}
		if i = p.skip(at, outer+1); i < 0 {
			return -1
		}
		switch key {
		case "email":
			p.context.traitsEmail = span{int32(at), int32(i)}
		case "crossDomainId":
			p.context.crossDomainID = span{int32(at), int32(i)}
		}
	}
}

// readIntegrations reads the value of context.integrations at i.
func (p *parser) readIntegrations(i int) int {
	const outer = 2
	if !p.opens(i, '{') {
		return p.skip(i, outer)
	}
	if i = p.enter(i, outer); i < 0 {
		return -1
	}
	for first := true; ; first = false {
		key, at, done := p.member(i, first)
		if done || at < 0 {
			return at
		}
		if key == "Google Analytics" {
			p.context.gaClientID = span{}
			i = p.objectWith(at, outer+1, "clientId", &p.context.gaClientID)
		} else {
			i = p.skip(at, outer+1)
		}
		if i < 0 {
			return -1
		}
	}
}

// interpretContext reads the fields of a well-formed context.
func (p *parser) interpretContext(m *Message) {
	c := &p.context
	m.ContextTraits = p.object(c.traits)
	m.ContextTraitsEmail = p.looseID(c.traitsEmail)
	m.CrossDomainID = p.looseID(c.crossDomainID)
	m.ContextGroupID = p.looseID(c.groupID)
	m.GAClientID = p.looseID(c.gaClientID)
	m.BrazeID = p.looseID(c.brazeID)
	if p.object(c.app) != nil {
		m.App = p.loose(c.appName)
	} else {
		m.App = p.loose(c.app)
	}
	d := &m.Device
	d.ID = p.looseID(c.device.id)
	d.AdvertisingID = p.looseID(c.device.advertisingID)
	d.Token = p.looseID(c.device.token)
	// Only the boolean: a string "true" is no consent.
	d.AdTrackingEnabled = c.device.adTracking.to != 0 && p.b[c.device.adTracking.from] == 't'
	switch kind := p.loose(c.device.kind); {
	case equalFoldASCII(kind, "ios"):
		d.Type = "ios"
	case equalFoldASCII(kind, "android"):
		d.Type = "android"
	default:
		d.Type = kind
	}
	if c.externalIDs.to != 0 {
		m.ExternalIDs = externalIDs(p.bytes(c.externalIDs))
	}
}
