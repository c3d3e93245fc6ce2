package httpapi

import (
	"fmt"
	"testing"
)

// One messageId for everything, as a careless app sends it: the first event counts,
// what is sent twice counts once, everybody else's is kept aside and taken under a
// new ID when it is sent again.
func TestOneMessageIDForEverybody(t *testing.T) {
	s := newStory(t)
	call := func(user string) string {
		return fmt.Sprintf(`{"type":"track","event":"Opened","userId":"%s","messageId":"init"}`, user)
	}
	s.do("POST", "/v1/track", writeKey, call("jane"), nil)
	s.do("POST", "/v1/track", writeKey, call("jane"), nil)
	s.do("POST", "/v1/batch", writeKey, `{"batch":[`+call("jane")+`,`+call("john")+`]}`, nil)
	var imported struct {
		Stored, Repeats, Refused int
		IDUsed                   int            `json:"id_used"`
		ByCode                   map[string]int `json:"refused_by_code"`
	}
	s.do("POST", "/api/spaces/dev/import?source=web", adminToken, call("jane")+"\n"+call("mary"), &imported)
	if imported.Stored != 0 || imported.Repeats != 1 || imported.Refused != 1 || imported.IDUsed != 1 || imported.ByCode["id_used_before"] != 1 {
		t.Errorf("%+v", imported)
	}
	var rejects struct {
		Data []struct{ ID, Code string }
	}
	s.do("GET", "/api/spaces/dev/rejects?code=id_used_before", adminToken, "", &rejects)
	if len(rejects.Data) != 2 {
		t.Fatalf("%+v", rejects)
	}
	var sent struct{ Resolved, Stored, Repeats, Refused int }
	s.do("POST", "/api/spaces/dev/rejects/"+rejects.Data[0].ID+"/resend", adminToken, "", &sent)
	if sent.Stored != 1 || sent.Resolved != 1 {
		t.Errorf("%+v", sent)
	}
	s.do("POST", "/api/spaces/dev/rejects/resend?code=id_used_before", adminToken, "", &sent)
	if sent.Stored != 1 || sent.Resolved != 1 {
		t.Errorf("%+v", sent)
	}
	for _, user := range []string{"jane", "john", "mary"} {
		var events struct {
			Data []struct {
				MessageID string `json:"message_id"`
			}
		}
		s.do("GET", profilePath+"user_id:"+user+"/events", readToken, "", &events)
		if len(events.Data) != 1 || (user == "jane") != (events.Data[0].MessageID == "init") {
			t.Errorf("%s: %+v", user, events)
		}
	}
	s.verifiedEvents(3)
}
