package httpapi

import (
	"encoding/base64"
	"testing"
)

type unknownList struct {
	Data []struct {
		Key, Address, SDK, Source string
		Count                     int
	}
}

// Every way in keeps that a key was unknown: calls, batches, the pixel, settings.
func TestUnknownKeysAreListed(t *testing.T) {
	s := newOwnServer(t, Settings{})
	call := `{"type":"track","event":"Opened","anonymousId":"a1","context":{"library":{"name":"analytics-ios","version":"4.1.0"}}`
	wrong := "wk_wrongwrongwrong"
	for _, one := range []struct {
		method, target, secret, body string
		status                       int
	}{
		{"POST", "/v1/track", wrong, call + `}`, 401},
		{"POST", "/v1/batch", wrong, `{"batch":[` + call + `}]}`, 401},
		{"POST", "/v1/batch", "", `{"batch":[` + call + `}],"writeKey":"` + wrong + `"}`, 401},
		{"GET", "/v1/pixel/track?data=" + base64.RawURLEncoding.EncodeToString([]byte(call+`,"writeKey":"`+wrong+`"}`)), "", "", 200},
		{"GET", "/v1/projects/" + wrong + "/settings", "", "", 404},
		{"POST", "/v1/track", "", call + `}`, 401},
	} {
		if w := s.do(one.method, one.target, one.secret, one.body, "User-Agent", "SegKicks/7"); w.Code != one.status {
			t.Fatalf("%s %s: %d %s", one.method, one.target, w.Code, w.Body)
		}
	}
	var list unknownList
	s.admin(t, "GET", "/api/unknown-keys", "", 200, &list)
	got := map[[2]string]int{}
	for _, u := range list.Data {
		got[[2]string{u.Key, u.SDK}] += u.Count
		if u.Address != "192.0.2.1" {
			t.Errorf("%+v", u)
		}
	}
	want := map[[2]string]int{{"wk_wrong", "analytics-ios 4.1.0"}: 4, {"wk_wrong", "SegKicks/7"}: 1, {"", "analytics-ios 4.1.0"}: 1}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%q: %d requests, want %d", k, got[k], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%v", got)
	}
	s.admin(t, "DELETE", "/api/unknown-keys", "", 204, nil)
	s.admin(t, "GET", "/api/unknown-keys", "", 200, &list)
	if len(list.Data) != 0 {
		t.Errorf("after forgetting: %+v", list)
	}
}

func TestRotateKeepsTheOldKeyForAWhile(t *testing.T) {
	s := newOwnServer(t, Settings{})
	type source struct {
		WriteKey string `json:"write_key"`
		Former   []struct {
			Prefix string `json:"write_key_prefix"`
			Until  string
		} `json:"former_keys"`
	}
	var first, second source
	s.admin(t, "POST", "/api/spaces/dev/sources", `{"id":"phones"}`, 201, &first)
	for _, grace := range []string{"soon", "-1h", "731d"} {
		s.admin(t, "POST", "/api/spaces/dev/sources/phones/rotate?grace="+grace, "", 400, nil)
	}
	s.admin(t, "POST", "/api/spaces/dev/sources/phones/rotate?grace=30d", "", 200, &second)
	if len(second.Former) != 1 || second.Former[0].Prefix != first.WriteKey[:6] {
		t.Fatalf("%+v", second)
	}
	send := func(key string) int {
		return s.do("POST", "/v1/track", key, `{"event":"Opened","anonymousId":"a1"}`).Code
	}
	if a, b := send(first.WriteKey), send(second.WriteKey); a != 200 || b != 200 {
		t.Errorf("within the grace: old key %d, new key %d", a, b)
	}
	s.admin(t, "POST", "/api/spaces/dev/sources/phones/retire", "", 200, nil)
	if a, b := send(first.WriteKey), send(second.WriteKey); a != 401 || b != 200 {
		t.Errorf("after its end: old key %d, new key %d", a, b)
	}
	var list unknownList
	s.admin(t, "GET", "/api/unknown-keys", "", 200, &list)
	if len(list.Data) != 1 || list.Data[0].Source != "phones" {
		t.Errorf("%+v", list)
	}
}
