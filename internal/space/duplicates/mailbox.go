package duplicates

import "strings"

// provider is how a mail provider reads the part of an address before the @.
type provider struct {
	domain string // under which all its domains are one; "": each is its own
	tag    bool   // what follows a + is a tag
	drop   string // signs that do not count
}

// Providers whose rules are published. Where a provider has several domains that
// always lead to one mailbox, they are one.
var providers = map[string]provider{
	"gmail.com":      {domain: "gmail.com", tag: true, drop: "."},
	"googlemail.com": {domain: "gmail.com", tag: true, drop: "."},
	"outlook.com":    {tag: true},
	"hotmail.com":    {tag: true},
	"live.com":       {tag: true},
	"icloud.com":     {domain: "icloud.com", tag: true},
	"me.com":         {domain: "icloud.com", tag: true},
	"mac.com":        {domain: "icloud.com", tag: true},
	"fastmail.com":   {tag: true},
	"fastmail.fm":    {tag: true},
	"proton.me":      {domain: "proton.me", tag: true, drop: ".-_"},
	"protonmail.com": {domain: "proton.me", tag: true, drop: ".-_"},
	"pm.me":          {domain: "proton.me", tag: true, drop: ".-_"},
	"yandex.ru":      {domain: "yandex.ru", tag: true},
	"yandex.com":     {domain: "yandex.ru", tag: true},
	"ya.ru":          {domain: "yandex.ru", tag: true},
}

// mailbox is the address in the form in which all addresses of one mailbox are
// equal, as far as the rules of its provider are known; "" if it is no address.
// Addresses of other providers differ by anything but capitals.
func mailbox(address string) string {
	address = strings.ToLower(strings.TrimSpace(address))
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 || len(address) > mostSignBytes || strings.ContainsAny(address, " \t\r\n") {
		return ""
	}
	local, domain := address[:at], address[at+1:]
	p, ok := providers[domain]
	if !ok {
		return address
	}
	if p.domain != "" {
		domain = p.domain
	}
	if p.tag {
		local, _, _ = strings.Cut(local, "+")
	}
	for _, r := range p.drop {
		local = strings.ReplaceAll(local, string(r), "")
	}
	if local == "" {
		return ""
	}
	return local + "@" + domain
}
