package httpapi

import (
	"bytes"
	"testing"
	"unicode/utf8"

	"github.com/selfsame-id/selfsame/internal/event"
	"github.com/selfsame-id/selfsame/internal/feed"
	"github.com/selfsame-id/selfsame/internal/profile"
	"github.com/selfsame-id/selfsame/internal/space/journal"
	"github.com/selfsame-id/selfsame/internal/space/rejects"
)

// Bodies are kept as they were sent; every answer that holds a part of one is
// JSON that the strictest decoder reads.
func TestAnswersAreStrict(t *testing.T) {
	s := jane(t, Settings{})
	half := []byte(`{"a":"\ud83d","a":"x\ude00y","\ud83d":[{"b":1,"b":2}],"big":1e999}`)
	s.dev.view.Traits = []profile.Trait{{Name: "odd", Value: half, Moment: event.Moment{Time: 1}, MessageID: "m", Source: "web"}}
	body := []byte(`{"type":"track","event":"E\ud83d","userId":"u\ud83d","context":` + string(half) + `,"properties":` + string(half) + `}`)
	s.dev.events = []journal.Event{{Body: body, MessageID: "m\ufffd", Time: 1, ReceivedAt: 1, Source: "web", Type: event.Track, Name: "E\ufffd"}}
	s.dev.rejects = []rejects.Reject{{ID: "rej_1", Source: "web", Code: "bad_json", Body: body}}
	s.dev.feed = []feed.Record{{Lane: 1, Seq: 1, Time: 1, Changes: []feed.Change{{Kind: feed.TraitSet, Profile: "use_2Zx", Trait: "odd", Value: half}}}}
	for _, path := range []string{
		profilePath + "user_id:a%2Fb%3Ac/traits", profilePath + "user_id:a%2Fb%3Ac/traits?verbose=true", profilePath + "user_id:a%2Fb%3Ac/events",
		profilePath + "user_id:a%2Fb%3Ac/external_ids",
	} {
		checkStrict(t, path, s.get(path, readToken).Body.Bytes())
	}
	for _, path := range []string{
		"/api/spaces/dev/profiles/users/user_id:a%2Fb%3Ac", "/api/spaces/dev/rejects/rej_1", "/api/spaces/dev/feed",
	} {
		checkStrict(t, path, s.get(path, adminToken).Body.Bytes())
	}
}

func checkStrict(t *testing.T, path string, text []byte) {
	t.Helper()
	if !utf8.Valid(text) || !bytes.Equal(event.Strict(text), text) {
		t.Errorf("%s answers %s", path, text)
	}
	if !bytes.Contains(text, []byte("odd")) && !bytes.Contains(text, []byte("E")) && !bytes.Contains(text, []byte("user_id")) {
		t.Errorf("%s has not what was stored: %s", path, text)
	}
}
