package api

// RefusedLine is a line of a file that the client refused: a row of a table that
// is no event, for example, of which only the client knows file and line.
type RefusedLine struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	MessageID string `json:"message_id,omitempty"`
	Type      string `json:"type,omitempty"`
	Body      []byte `json:"body"`
}

// Imported is the answer to one request of an import.
type Imported struct {
	Stored     int            `json:"stored"`
	Repeats    int            `json:"repeats"`
	Compared   int            `json:"compared"` // with all that is stored
	Unresolved int            `json:"unresolved"`
	Created    int            `json:"created"`
	Merged     int            `json:"merged"`
	Demoted    int            `json:"demoted"`
	Refused    int            `json:"refused"`
	IDUsed     int            `json:"id_used"` // of the refused, those whose messageIds other events had before
	ByCode     map[string]int `json:"refused_by_code,omitempty"`
	Reasons    []LineReason   `json:"reasons,omitempty"` // the first few
}

// LineReason says why a line was refused.
type LineReason struct {
	Line    int    `json:"line"` // of the request, from 1
	Code    string `json:"code"`
	Message string `json:"message"`
}
