package cli

import (
	"github.com/selfsame-id/selfsame/internal/cli/show"

	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/selfsame-id/selfsame/internal/importer"
)

// importedFile is a file of which there is more to say than counts.
type importedFile struct {
	Name     string `json:"name"`
	State    string `json:"state"` // finished_before, resumed, empty, header_only, decoded
	Encoding string `json:"encoding,omitempty"`
	Lines    int64  `json:"lines,omitempty"`
	Events   int64  `json:"events,omitempty"`
	Rejected int64  `json:"rejected,omitempty"`
}

// importJSON says what an import did to programs.
func (sh *shell) importJSON(s *importer.Summary, took time.Duration, err error) error {
	type refusal struct {
		Code  string `json:"code"`
		Count int64  `json:"count"`
		First string `json:"first"`
	}
	out := struct {
		Files      int            `json:"files"`
		Lines      int64          `json:"lines"`
		Events     int64          `json:"events"`
		Repeats    int64          `json:"repeats"`
		Compared   int64          `json:"compared"`
		IDUsed     int64          `json:"id_used"`
		Created    int64          `json:"created"`
		Merged     int64          `json:"merged"`
		Demoted    int64          `json:"demoted"`
		Unresolved int64          `json:"unresolved"`
		Refused    int64          `json:"refused"`
		Refusals   []refusal      `json:"refusals"`
		Notes      []importedFile `json:"notes"`
		Seconds    float64        `json:"seconds"`
		Complete   bool           `json:"complete"` // every file was read to its end
		Error      string         `json:"error,omitempty"`
	}{
		Files: s.Files, Lines: s.Lines, Events: s.Events, Repeats: s.Repeats, Compared: s.Compared, IDUsed: s.Used,
		Created: s.Created, Merged: s.Merged, Demoted: s.Demoted, Unresolved: s.Unresolved, Refused: s.Rejected(),
		Refusals: []refusal{}, Notes: []importedFile{}, Seconds: took.Round(time.Millisecond).Seconds(), Complete: err == nil,
	}
	if err != nil {
		out.Error = err.Error()
	}
	for _, code := range show.ByCount(s.Refusals) {
		out.Refusals = append(out.Refusals, refusal{code, s.Refusals[code].Count, s.Refusals[code].First})
	}
	for _, e := range s.Encodings {
		out.Notes = append(out.Notes, importedFile{Name: e.Name, State: "decoded", Encoding: e.Encoding})
	}
	for state, list := range map[string][]importer.Earlier{"finished_before": s.Finished, "resumed": s.Resumed} {
		for _, e := range list {
			out.Notes = append(out.Notes, importedFile{Name: e.Name, State: state, Lines: e.Lines, Events: e.Events, Rejected: e.Rejected})
		}
	}
	for _, e := range s.Empty {
		state := "empty"
		if e.Header {
			state = "header_only"
		}
		out.Notes = append(out.Notes, importedFile{Name: e.Name, State: state})
	}
	slices.SortStableFunc(out.Notes, func(a, b importedFile) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.State, b.State))
	})
	return sh.json(out)
}
