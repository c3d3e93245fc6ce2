package email

import (
	"encoding/json"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/selfsame-id/selfsame/internal/deliver"
)

// addressForm is what is written to: nothing that an SMTP server or a header could read
// in another way.
var addressForm = regexp.MustCompile(`^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// deliverable reports whether an address is one that mails can go to.
func deliverable(address string) bool {
	if len(address) > 254 || !addressForm.MatchString(address) || strings.Contains(address, "..") {
		return false
	}
	a, err := mail.ParseAddress(address)
	return err == nil && a.Address == address
}

// addressOf is the address of a profile: the one that its trait email says, if that is
// one of its identifiers, else the newest of these; "": it has none.
func addressOf(p *deliver.Profile) string {
	var ids []string
	for _, id := range p.Identifiers {
		if id.Type == "email" {
			ids = append(ids, id.Value)
		}
	}
	var trait string
	if json.Unmarshal(p.Traits["email"], &trait) == nil {
		trait = strings.ToLower(strings.TrimSpace(trait))
		if slices.Contains(ids, trait) {
			return trait
		}
	}
	if len(ids) == 0 {
		return ""
	}
	return ids[len(ids)-1]
}

// meets reports whether a profile is one that may be written to.
func (r *requirement) meets(p *deliver.Profile) bool {
	if r.trait != "" && string(p.Traits[r.trait]) != "true" && string(p.Values[r.trait].JSON) != "true" {
		return false
	}
	return len(r.sources) == 0 || slices.Contains(r.sources, p.TraitSources["email"])
}
