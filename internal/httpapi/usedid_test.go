package httpapi

import (
	"fmt"
	"math"
	"testing"
	"time"
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

// What is refused keeps what it had from its batch, the time at which that was sent
// and the context beside it. Sent again, even twice, it is the event that it would have
// been: a phone's wrong clock, or its calendar, is set right once.
func TestSentAgainAsPartOfItsBatch(t *testing.T) {
	for year, sentAt := range map[string]string{
		"a slow clock": "2019-03-01T12:00:00Z", "Buddhist years": "2569-03-01T12:00:00Z", "before 1970": "1969-12-31T23:59:00Z",
	} {
		t.Run(year, func(t *testing.T) {
			s := newStory(t)
			sent, err := time.Parse(time.RFC3339, sentAt)
			if err != nil {
				t.Fatal(err)
			}
			hourBefore := sent.Add(-time.Hour).Format(time.RFC3339)
			good := `{"type":"track","event":"Opened","userId":"jane","messageId":"m1"}`
			used := fmt.Sprintf(`{"type":"track","event":"Bought","userId":"john","messageId":"m1","timestamp":%q}`, hourBefore)
			unnamed := fmt.Sprintf(`{"type":"track","userId":"mary","messageId":"m1","timestamp":%q}`, hourBefore)
			named := fmt.Sprintf(`{"type":"track","event":"Bought","userId":"mary","messageId":"m1","timestamp":%q,"context":{"device":{"id":"d2","type":"ios"}}}`, hourBefore)
			s.do("POST", "/v1/batch", writeKey, `{"batch":[`+good+`]}`, nil)
			s.do("POST", "/v1/batch", writeKey, `{"batch":[`+used+`,`+unnamed+`],"context":{"device":{"id":"d1","type":"ios"}},"sentAt":"`+sentAt+`"}`, nil)
			received := time.Now()

			var rejects struct {
				Data []struct{ ID, Code, Body string }
			}
			var out struct{ Resolved, Stored, Refused int }
			s.do("GET", "/api/spaces/dev/rejects?code=missing_event", adminToken, "", &rejects)
			if len(rejects.Data) != 1 {
				t.Fatalf("%+v", rejects)
			}
			// Mended it has an ID that another event had, so it is refused again.
			s.do("POST", "/api/spaces/dev/rejects/"+rejects.Data[0].ID+"/resend", adminToken, named, &out)
			if out.Stored != 0 || out.Resolved != 1 || out.Refused != 1 {
				t.Errorf("%+v", out)
			}
			s.do("POST", "/api/spaces/dev/rejects/resend?code=id_used_before", adminToken, "", &out)
			if out.Stored != 2 || out.Resolved != 2 || out.Refused != 0 {
				t.Errorf("%+v", out)
			}
			for user, device := range map[string]string{"john": "d1", "mary": "d2"} {
				var events struct {
					Data []struct {
						Timestamp time.Time
						Event     string
						Context   struct{ Device struct{ ID string } }
					}
				}
				s.do("GET", profilePath+"user_id:"+user+"/events", readToken, "", &events)
				if len(events.Data) != 1 || events.Data[0].Event != "Bought" || events.Data[0].Context.Device.ID != device {
					t.Fatalf("%s: %+v", user, events)
				}
				if off := events.Data[0].Timestamp.Sub(received.Add(-time.Hour)); math.Abs(off.Seconds()) > 30 {
					t.Errorf("the event of %s is of %v, which is %v off", user, events.Data[0].Timestamp, off)
				}
				s.do("GET", profilePath+"ios.id:"+device+"/events", readToken, "", &events)
				if len(events.Data) != 1 {
					t.Errorf("%d events of %s", len(events.Data), device)
				}
			}
			s.verifiedEvents(3)
		})
	}
}
