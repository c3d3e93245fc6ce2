package importer

import (
	"encoding/json"
	"fmt"

	"github.com/selfsame-id/selfsame/internal/space"
)

// mark is how far a file was imported, as it is committed with each batch.
type mark struct {
	Position
	Events   int64 `json:"events"` // read, repeats among them
	Rejected int64 `json:"rejected"`
	Done     bool  `json:"done"`
}

// markName names the mark of a file that is imported for a source. Read in
// another way, because the first one did not fit, it is imported again.
func markName(source, fingerprint string, how Reading) string {
	return "import:" + source + ":" + fingerprint + how.key()
}

func readMark(value []byte) (mark, error) {
	var m mark
	if value == nil {
		return m, nil
	}
	if err := json.Unmarshal(value, &m); err != nil {
		return m, fmt.Errorf("the mark of an earlier import cannot be read: %w", err)
	}
	return m, nil
}

func (m mark) encode(name string) *space.Mark {
	value, err := json.Marshal(m)
	if err != nil {
		panic(err) // numbers and booleans always encode
	}
	return &space.Mark{Name: name, Value: value}
}
