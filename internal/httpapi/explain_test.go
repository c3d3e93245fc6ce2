package httpapi

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
)

// get sends a GET with the admin token and returns status and body.
func (s story) get(path string) (int, string) {
	req := httptest.NewRequest("GET", path, nil)
	req.SetBasicAuth(adminToken, "")
	w := httptest.NewRecorder()
	s.api.ServeHTTP(w, req)
	return w.Code, w.Body.String()
}

// janeAndKiosk takes Jane's events, and those of a kiosk that three people used.
func janeAndKiosk(t *testing.T) story {
	t.Helper()
	s := newStory(t)
	text, err := os.ReadFile("../../examples/jane.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	s.do("POST", "/v1/batch", writeKey, `{"batch":[`+strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", ",")+`]}`, nil)
	s.do("POST", "/v1/batch", writeKey, `{"batch":[
		{"type":"track","event":"Opened","messageId":"k1","timestamp":"2020-01-01T00:00:00Z","userId":"ann","context":{"device":{"type":"ios","id":"ki\"osk"}}},
		{"type":"track","event":"Opened","messageId":"k2","timestamp":"2020-01-01T01:00:00Z","userId":"bob","context":{"device":{"type":"ios","id":"ki\"osk"}}},
		{"type":"track","event":"Opened","messageId":"k3","timestamp":"2020-01-01T02:00:00Z","userId":"eve"}]}`, nil)
	return s
}

func TestExplainOverHTTP(t *testing.T) {
	s := janeAndKiosk(t)
	type asked struct{ ID, Profile string }
	type explained struct {
		A, B     asked
		Together bool
		Why      string
		Says     string
		Steps    []struct {
			From, To string
			Events   int
			Sources  []string
			First    struct{ Time, App string }
			KeptOut  []struct {
				ID, Reason, Says string
				Limit            struct {
					Type   string
					Values int
					Window string
				}
				Had []struct{ ID, Since string }
			} `json:"kept_out"`
		}
		Graph struct {
			Nodes []struct{ ID string }
			Edges []struct {
				From, To  string
				KeptApart bool `json:"kept_apart"`
			}
		}
	}
	ask := func(query string) (e explained) {
		s.do("GET", "/api/spaces/dev/explain?"+query, adminToken, "", &e)
		return e
	}
	e := ask("a=ios.id:ios_abc123&b=anonymous_id:anon_789")
	if !e.Together || e.Why != "evidence" || len(e.Steps) != 2 || e.A.Profile != e.B.Profile ||
		e.Steps[1].Events != 13 || !slices.Equal(e.Steps[1].Sources, []string{"web"}) || e.Steps[1].First.App != "SegRuns" ||
		e.Steps[1].First.Time != "2019-11-16T18:01:00Z" || len(e.Graph.Nodes) != 3 || len(e.Graph.Edges) != 2 {
		t.Errorf("%+v", e)
	}
	e = ask(`a=user_id:bob&b=user_id:ann`)
	out := e.Steps[0].KeptOut
	if e.Together || e.Why != "kept_apart" || len(out) != 1 || out[0].Limit.Type != "user_id" || out[0].Limit.Values != 1 || out[0].Limit.Window != "ever" ||
		out[0].Had[0].ID != "user_id:bob" || !e.Graph.Edges[0].KeptApart ||
		out[0].Says != `ios.id:ki"osk was left out at 2020-01-01 01:00:00 UTC: a profile may have 1 user_id ever. It had user_id:bob, and this would have added user_id:ann.` {
		t.Errorf("%+v", e)
	}
	if e = ask("a=user_id:eve&b=user_id:ann"); e.Why != "nothing" || len(e.Graph.Nodes) != 2 {
		t.Errorf("%+v", e)
	}
	if e = ask("a=user_id:eve&b=user_id:eve"); e.Why != "same" || len(e.Graph.Nodes) != 1 {
		t.Errorf("%+v", e)
	}
	if e = ask("a=user_id:eve&b=user_id:null"); e.Why != "blocked" {
		t.Errorf("%+v", e)
	}
	status, dot := s.get("/api/spaces/dev/explain?a=user_id:bob&b=user_id:ann&format=dot")
	if status != 200 || !strings.HasPrefix(dot, "graph selfsame {") || !strings.Contains(dot, `"ios.id:ki\"osk" -- "user_id:ann" [label="1 event"];`) ||
		!strings.Contains(dot, "style=dashed") {
		t.Errorf("%d %s", status, dot)
	}
	for query, want := range map[string]string{
		"":                                         "400 a is missing",
		"a=user_id:eve":                            "400 b is missing",
		"a=eve&b=user_id:ann":                      "400 The profile is neither",
		"a=user_id:eve&b=:x":                       "400 The external ID has no type",
		"a=user_id:eve&b=user_id:zoe":              "404 no event of this space has the ID user_id:zoe",
		"a=user_id:zoe&b=user_id:eve":              "404 no event of this space has the ID user_id:zoe",
		"a=user_id:zoe&b=use_nobody":               "404 no event of this space has the ID user_id:zoe",
		"a=user_id:eve&b=use_nobody":               "404 no profile of this space ever had the ID use_nobody",
		"a=user_id:eve&b=user_id:ann&collection=x": "400 The collection",
		"a=user_id:eve&b=user_id:ann&format=png":   "400 format",
	} {
		status, body := s.get("/api/spaces/dev/explain?" + query)
		code, text, _ := strings.Cut(want, " ")
		if code != "400" && status != 404 || code == "400" && status != 400 || !strings.Contains(body, text) {
			t.Errorf("%s: %d %s; want %s", query, status, body, want)
		}
	}
}

func TestStoryOverHTTP(t *testing.T) {
	s := janeAndKiosk(t)
	var a struct {
		ID    string
		Total int
		Data  []struct {
			Kind  string
			IDs   []string
			Event struct{ Name string }
			Parts []struct{ Profile string }
		}
		Graph  struct{ Nodes, Edges []json.RawMessage }
		Cursor struct {
			HasMore bool `json:"has_more"`
			Next    string
		}
	}
	s.do("GET", "/api/spaces/dev/profiles/users/user_id:abc123def/story", adminToken, "", &a)
	if len(a.Data) != 5 || a.Total != 5 || a.Data[0].Kind != "created" || a.Data[0].Event.Name != "App Opened" || a.Data[3].Kind != "merged" ||
		len(a.Data[3].Parts) != 2 || a.Cursor.HasMore || len(a.Graph.Nodes) != 7 || len(a.Graph.Edges) != 6 {
		t.Errorf("%+v, %d nodes, %d edges", a.Data, len(a.Graph.Nodes), len(a.Graph.Edges))
	}
	s.do("GET", "/api/spaces/dev/profiles/users/user_id:bob/story?limit=1", adminToken, "", &a)
	if a.Total != 2 || len(a.Data) != 1 || !a.Cursor.HasMore {
		t.Errorf("%+v", a)
	}
	s.do("GET", "/api/spaces/dev/profiles/users/user_id:bob/story?limit=1&next="+a.Cursor.Next, adminToken, "", &a)
	if len(a.Data) != 1 || a.Data[0].Kind != "kept_out" || a.Cursor.HasMore {
		t.Errorf("%+v", a)
	}
	for path, want := range map[string]int{
		"user_id:zoe/story": 404, "user_id:bob/story?next=-": 400, "user_id:bob/story?limit=0": 400,
		"user_id:bob/story?format=png": 400, "user_id:bob/story?format=dot": 200, "user_id:bob/story?as_of=never": 400,
		"user_id:bob/story?as_of=2019-01-01": 404,
	} {
		if got, body := s.get("/api/spaces/dev/profiles/users/" + path); got != want {
			t.Errorf("%s: %d %s", path, got, body)
		}
	}
}

func TestAsOfOverHTTP(t *testing.T) {
	s := janeAndKiosk(t)
	phone := "/v1/spaces/dev/collections/users/profiles/ios.id:ios_abc123/"
	var ids struct{ Data []struct{ Type string } }
	s.do("GET", phone+"external_ids?as_of=2019-11-15T14:05:00Z", readToken, "", &ids)
	if len(ids.Data) != 2 {
		t.Errorf("%+v", ids)
	}
	var traits struct{ Traits map[string]any }
	s.do("GET", phone+"traits?as_of=2019-11-15T14:05:00Z", readToken, "", &traits)
	if len(traits.Traits) != 0 {
		t.Errorf("%+v", traits)
	}
	s.do("GET", phone+"traits?as_of=2100-01-01", readToken, "", &traits)
	if len(traits.Traits) != 4 {
		t.Errorf("%+v", traits)
	}
	var events struct {
		Data []struct {
			MessageID string `json:"message_id"`
		}
	}
	s.do("GET", phone+"events?limit=100&as_of=2019-11-15T14:05:00Z", readToken, "", &events)
	if len(events.Data) != 6 || events.Data[0].MessageID != "jane-006" {
		t.Errorf("%+v", events)
	}
	var meta struct {
		Metadata struct {
			LastMessageID string `json:"last_message_id"`
		}
	}
	s.do("GET", phone+"metadata?as_of=2019-11-15T14:05:00Z", readToken, "", &meta)
	if meta.Metadata.LastMessageID != "jane-006" {
		t.Errorf("%+v", meta)
	}
	var person struct {
		Events int
		AsOf   string `json:"as_of"`
	}
	s.do("GET", "/api/spaces/dev/profiles/users/ios.id:ios_abc123?as_of=2019-11-15T14:05:00Z", adminToken, "", &person)
	if person.Events != 6 || person.AsOf != "2019-11-15T14:05:00Z" {
		t.Errorf("%+v", person)
	}
	for path, want := range map[string]string{
		"traits?as_of=yesterday":            "400 as_of is not a time",
		"traits?as_of=":                     "400 as_of is not a time",
		"traits?as_of=2019-11-15":           "404 nothing was seen of ios.id:ios_abc123 by 2019-11-15T00:00:00Z; its first event is from 2019-11-15T14:00:05Z",
		"links?as_of=2019-11-16":            "400 links are shown as of now only",
		"events?as_of=2019-11-15T14:00:04Z": "404 nothing was seen",
	} {
		status, body := s.get(phone + path)
		code, text, _ := strings.Cut(want, " ")
		if !strings.Contains(body, text) || (code == "404") != (status == 404) || (code == "400") != (status == 400) {
			t.Errorf("%s: %d %s; want %s", path, status, body, want)
		}
	}
	if status, body := s.get("/v1/spaces/dev/collections/users/profiles/user_id:zoe/traits?as_of=2019-11-16"); status != 404 || !strings.Contains(body, "Profile was not found.") {
		t.Errorf("%d %s", status, body)
	}
}
