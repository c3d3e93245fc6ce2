package cli

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/selfsame-id/selfsame/internal/api"
)

func TestInsightsOfJane(t *testing.T) {
	w := &world{t: t}
	data := filepath.Join(t.TempDir(), "data")
	w.run(0, "import", "--data", data, "--config", settings, jane)
	nobody := `{"type":"track","event":"x","messageId":"nobody-1","userId":"null","anonymousId":"0"}` + "\n"
	w.feed(0, nobody, "import", "--data", data, "-")

	ask := func(args ...string) []api.Insight {
		t.Helper()
		out, _ := w.run(0, append([]string{"insights", "--data", data, "--json", "--limit", "1000"}, args...)...)
		var list []api.Insight
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			t.Fatal(err, out)
		}
		return list
	}
	lost := ask("--kind", "unresolved")
	if len(lost) != 1 || lost[0].MessageID != "nobody-1" || lost[0].Reason != "ID value blocked" || strings.Join(lost[0].IDs, " ") != "anonymous_id:0 user_id:null" {
		t.Errorf("unresolved: %+v", lost)
	}
	if found := ask("--id", "user_id:null"); len(found) != 1 {
		t.Errorf("by its second ID: %+v", found)
	}
	added := ask("--id", "email:JaneDoe@Example.com")
	if len(added) != 1 || added[0].Kind != "id_added" || added[0].Source != "segkicks" || added[0].Profile == "" {
		t.Errorf("her email: %+v", added)
	}
	of := ask("--profile", "user_id:abc123def", "--kind", "created,merged")
	created, merged := 0, 0
	for _, i := range of {
		switch i.Kind {
		case "created":
			created++
		case "merged":
			merged++
		}
	}
	if created == 0 || merged != created-1 {
		t.Errorf("%d profiles made her, %d merged", created, merged)
	}
	if none := ask("--since", "2h", "--until", "1h"); len(none) != 0 {
		t.Errorf("nothing happened an hour ago: %+v", none)
	}
	if none := ask("--source", "other"); len(none) != 0 {
		t.Errorf("no such source: %+v", none)
	}
	all := ask()
	for i, one := range all {
		if one.At.IsZero() || i > 0 && one.At.After(*all[i-1].At) {
			t.Errorf("%d: %+v", i, one)
		}
	}

	out, _ := w.run(0, "insights", "--data", data, "--limit", "2")
	w.contains(out, "WHEN", "unresolved", "ID value blocked", "nobody-1", "There are older ones")
	out, _ = w.run(0, "insights", "--data", data, "--kind", "unmerged")
	w.contains(out, "Nothing matches.")

	out, _ = w.run(0, "insights", "counts", "--data", data, "--json", "--since", "2h")
	var counts []api.InsightCounts
	if err := json.Unmarshal([]byte(out), &counts); err != nil {
		t.Fatal(err)
	}
	var sum api.InsightCounts
	for _, c := range counts {
		sum.Events += c.Events
		sum.Unresolved += c.Unresolved
		sum.Created += c.Created
		sum.Merged += c.Merged
	}
	if len(counts) != 3 || sum.Events != 27 || sum.Unresolved != 1 || sum.Created != int64(created) || sum.Merged != int64(merged) {
		t.Errorf("%d hours: %+v", len(counts), sum)
	}
	out, _ = w.run(0, "insights", "counts", "--data", data, "--every", "day", "--since", "3d")
	w.contains(out, "EVENTS", "██", time.Now().UTC().Format("2006-01-02"))

	for want, args := range map[string][]string{
		`There is no kind "born"`:   {"--kind", "born"},
		"--since is \"2026-13-45\"": {"--since", "2026-13-45"},
		"The external ID has no ty": {"--id", ":x"},
	} {
		_, errs := w.run(2, append([]string{"insights", "--data", data}, args...)...)
		w.contains(errs, want)
	}
	_, errs := w.run(2, "insights", "--data", data, "--since", "yesterday")
	w.contains(errs, "write a time like")
	_, errs = w.run(2, "insights", "counts", "--data", data, "--since", "2020-01-01")
	w.contains(errs, "ask for at most 1000")
}

// A file whose messageIds all belong to other events brings nothing, and says why.
func TestImportOfUsedMessageIDsSaysSo(t *testing.T) {
	w := &world{t: t}
	data := filepath.Join(t.TempDir(), "data")
	line := `{"type":"track","event":"x","userId":"%s","messageId":"m1"}`
	w.feed(0, fmt.Sprintf(line, "u1"), "import", "--data", data, "--config", settings, "-")
	out, errs := w.feed(1, fmt.Sprintf(line, "u2"), "import", "--data", data, "--config", settings, "-")
	w.contains(out, "1 event kept aside", "or the same ones under another --source")
	w.contains(errs, "other events had the messageIds of all lines before (1); `selfsame rejects --code id_used_before`", "only under the same --source")
}

func TestRefusedMessagesAreSentAgain(t *testing.T) {
	w := &world{t: t}
	data := filepath.Join(t.TempDir(), "data")
	lines := `{"type":"track","userId":"u1"}` + "\n" + `{"type":"track","event":"x"}` + "\n" + `{"type":"track","event":"ok","userId":"u1"}` + "\n"
	w.feed(0, lines, "import", "--data", data, "--config", settings, "-")
	out, _ := w.run(0, "rejects", "--data", data)
	w.contains(out, "missing_event", "missing_id", "RECEIVED")
	out, _ = w.run(0, "rejects", "counts", "--data", data)
	w.contains(out, "segkicks", "missing_event  1")
	out, _ = w.run(0, "rejects", "--data", data, "--code", "missing_event", "--json")
	var list []api.Reject
	if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 1 {
		t.Fatal(err, out)
	}
	id := list[0].ID
	out, _ = w.run(0, "rejects", "show", id, "--data", data)
	w.contains(out, `{"type":"track","userId":"u1"}`, "missing_event")
	_, errs := w.run(1, "rejects", "resend", id, "--data", data)
	w.contains(errs, "still refused")
	out, _ = w.feed(0, `{"type":"track","event":"mended","userId":"u1"}`, "rejects", "resend", id, "--body", "-", "--data", data, "--why", "our bug")
	w.contains(out, "1 message accepted: 1 event stored")
	out, _ = w.run(0, "rejects", "resend", "--all", "--data", data)
	w.contains(out, "0 messages accepted", "1 still refused", "missing_id")
	out, _ = w.run(0, "audit", "--data", data)
	w.contains(out, "rejects.resend", id, "our bug")
	for _, args := range [][]string{{"resend"}, {"resend", id, "--all"}, {"resend", id, "--code", "x"}} {
		w.run(2, append(append([]string{"rejects"}, args...), "--data", data)...)
	}
	// Dots lead to nothing else.
	for _, id := range []string{"nothing", "..", "."} {
		_, errs = w.run(1, "rejects", "show", id, "--data", data)
		w.contains(errs, "Nothing with that name exists here")
	}
	_, errs = w.run(2, "rejects", "show", id[:3], "--data", data)
	w.contains(errs, "is too short; give at least 4 of its 32 characters")
}
