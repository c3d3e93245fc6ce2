package httpapi

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// ourDestinations are a webhook whose host is internal and is not allowed, one that
// refuses all, and mails to a server that is not there.
const ourDestinations = `,"destinations":{
	"crm":{"type":"webhook","send":{"audiences":"all"},"initial":"send","webhook":{"url":"http://10.0.0.1/hook","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}},
	"picky":{"type":"webhook","send":{"audiences":"all"},"initial":"send","webhook":{"url":"PICKY","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}},
	"mail":{"type":"email","email":{"server":"smtp://127.0.0.1:1","from":"a@example.com","mails":{"hello":{"audience":"lookers","subject":"Hello","text":"{{.Unsubscribe}}"}}}}}}`

// destinations asks about destinations.
func destinations(a *auditor, shop, definitions string) {
	a.Helper()
	picky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnprocessableEntity) }))
	defer picky.Close()
	whole := strings.TrimSuffix(definitions, "}") + strings.Replace(ourDestinations, "PICKY", picky.URL, 1)
	a.call(400, "PUT", shop+"/definitions", strings.Replace(whole, "http://10", "ftp://10", 1))
	if unreadable := fmt.Sprint(a.call(400, "PUT", shop+"/definitions", "- a list", "Content-Type", "application/yaml")); !strings.Contains(unreadable, "the definitions have mistakes") || strings.Contains(unreadable, ": : ") {
		a.Errorf("a list instead of a document: %s", unreadable)
	}
	check := a.call(200, "POST", shop+"/definitions/check", whole)
	if added := fmt.Sprint(check["destinations"].(map[string]any)["added"]); added != "[crm picky mail]" {
		a.Errorf("added: %s", added)
	}
	a.call(200, "PUT", shop+"/definitions", whole)
	shown := a.call(200, "GET", shop+"/definitions", "")["document"].(string)
	if strings.Contains(shown, "MfKQ9r8G") || !strings.Contains(shown, "(set)") || !strings.Contains(shown, "looks") {
		a.Errorf("the document is\n%s", shown)
	}
	again := a.call(200, "PUT", shop+"/definitions", shown, "Content-Type", "application/yaml")
	if changed := fmt.Sprint(again["destinations"]); changed != "map[added:[] changed:[] removed:[]]" || again["unchanged"] != 2.0 {
		a.Errorf("what was read back changes %v", again)
	}
	crm := shop + "/destinations/crm"
	until := func(what string, f func() bool) {
		a.Helper()
		for deadline := time.Now().Add(2 * time.Minute); !f(); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				a.Fatal(what)
			}
		}
	}
	until("the destination is never tried", func() bool {
		d := a.call(200, "GET", crm, "")
		return d["failures"].(float64) > 0 && strings.Contains(fmt.Sprint(d["last_reason"]), "not public")
	})
	a.call(200, "GET", shop+"/destinations?limit=1", "")
	a.call(404, "GET", shop+"/destinations/none", "")
	a.call(200, "GET", crm+"/queue", "")
	a.call(400, "GET", crm+"/queue?next=x", "")
	until("there is no dead letter", func() bool {
		letters := a.call(200, "GET", shop+"/destinations/picky/dead-letters", "")["data"].([]any)
		if len(letters) > 0 {
			a.call(204, "POST", shop+"/destinations/picky/dead-letters/retry", fmt.Sprintf(`{"numbers":[%v]}`, letters[0].(map[string]any)["number"]))
		}
		return len(letters) > 0
	})
	a.call(404, "POST", crm+"/dead-letters/retry", `{"numbers":[99]}`)
	a.call(400, "POST", crm+"/dead-letters/retry", `{"numbers":[]}`)
	a.call(204, "POST", crm+"/dead-letters/discard", `{"numbers":[99]}`)
	a.call(200, "POST", crm+"/enable", "")
	a.call(200, "POST", crm+"/test", `{}`)
	a.call(400, "POST", crm+"/test", `{"to":"me@example.com"}`)
	a.call(200, "POST", shop+"/destinations/mail/test", `{"to":"me@example.com","mail":"hello"}`)
	a.call(200, "GET", crm+"/dry-run", "")
	a.call(200, "GET", shop+"/destinations/mail/dry-run", "")
	a.call(404, "GET", shop+"/suppressions/jane@example.com", "")
	a.call(200, "PUT", shop+"/suppressions/jane@example.com", "")
	a.call(200, "GET", shop+"/suppressions/JANE@example.com", "")
	a.call(204, "DELETE", shop+"/suppressions/jane@example.com", "")
	a.call(200, "PUT", shop+"/definitions", definitions) // without destinations: they are gone
	a.call(404, "GET", crm, "")
}

// Definitions that stand in the configuration cannot be changed here; they can be tried.
func TestDefinitionsOfTheConfiguration(t *testing.T) {
	a := newAuditor(t)
	a.house.declared = "fixed"
	a.call(201, "POST", "/api/spaces", `{"id":"fixed"}`)
	const path, document = "/api/spaces/fixed/definitions", `{"traits":{"looks":{"event":"Looked","kind":"count"}}}`
	if got := fmt.Sprint(a.call(409, "PUT", path, document)); !strings.Contains(got, "declared in the configuration") {
		t.Error(got)
	}
	if got := a.call(200, "POST", path+"/check", document); got["applied"] != false {
		t.Error(got)
	}
	if got := a.call(200, "GET", path, ""); fmt.Sprint(got["revision"]) != "0" || got["declared"] != true {
		t.Error(got)
	}
}
