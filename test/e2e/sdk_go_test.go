package e2e

import (
	"sync"
	"testing"
	"time"

	"github.com/segmentio/analytics-go/v3"
)

// outcomes records what the SDK tells of each message.
type outcomes struct {
	mu      sync.Mutex
	success int
	failed  []error
}

func (o *outcomes) Success(analytics.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.success++
}

func (o *outcomes) Failure(_ analytics.Message, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failed = append(o.failed, err)
}

// Segment's SDK for Go, with nothing changed but where it sends to.
func TestSDKGo(t *testing.T) {
	t.Parallel()
	s := newSite(t, binary(t))
	p := s.start(t)
	var told outcomes
	sdk, err := analytics.NewWithConfig(keyOf("dev"), analytics.Config{
		Endpoint: p.URL(""), Callback: &told, Interval: 50 * time.Millisecond, BatchSize: 4,
		Logger: analytics.StdLogger(testLog(t)),
	})
	if err != nil {
		t.Fatal(err)
	}
	phone := &analytics.Context{
		App:    analytics.AppInfo{Name: "SegKicks", Version: "4.2.0"},
		Device: analytics.DeviceInfo{Id: "go-device-1", Type: "android"},
	}
	messages := []analytics.Message{
		analytics.Track{AnonymousId: "go-anon-1", Event: "Shoe Viewed", Context: phone, Properties: analytics.NewProperties().Set("product_id", "shoe-a")},
		analytics.Screen{AnonymousId: "go-anon-1", Name: "Cart", Context: phone},
		analytics.Identify{AnonymousId: "go-anon-1", UserId: "go-user-1", Context: phone,
			Traits: analytics.NewTraits().SetEmail("Gopher@Example.com").SetFirstName("Gopher")},
		analytics.Track{UserId: "go-user-1", Event: "Order Completed", Properties: analytics.NewProperties().SetRevenue(129)},
		analytics.Page{UserId: "go-user-1", Name: "Thanks"},
		analytics.Group{UserId: "go-user-1", GroupId: "go-company", Traits: analytics.NewTraits().SetName("Gophers")},
		analytics.Alias{PreviousId: "go-anon-0", UserId: "go-user-1"},
	}
	for _, m := range messages {
		if err := sdk.Enqueue(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := sdk.Close(); err != nil {
		t.Fatal(err)
	}
	if told.success != len(messages) || len(told.failed) > 0 {
		t.Errorf("the SDK says that %d messages arrived and %d did not: %v", told.success, len(told.failed), told.failed)
	}
	equal(t, "external IDs", p.ids(t, "dev", "anonymous_id:go-anon-1"),
		[]string{"android.id:go-device-1", "anonymous_id:go-anon-1", "email:gopher@example.com", "user_id:go-user-1"})
	if n := len(p.events(t, "dev", "user_id:go-user-1")); n != len(messages) {
		t.Errorf("%d events, want %d", n, len(messages))
	}
	traits := p.traits(t, "dev", "email:gopher@example.com")
	if traits["firstName"] != "Gopher" || traits["name"] != nil {
		t.Errorf("traits %v", traits)
	}
	if a := p.profileOf(t, "dev", "accounts", "group_id:go-company", "traits"); a.status != 200 {
		t.Errorf("the account: status %d: %s", a.status, a.body)
	}
	p.stop(t)
	s.verify(t)
}
