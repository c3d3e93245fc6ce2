package compute

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/cockroachdb/apd/v3"
)

// mostListed is how many entries a list has at most; a longer one is cut and marked.
// Tests lower it.
var mostListed = 10_000

// value is a value as it is shown and as expressions have it. The zero value is none.
type value struct {
	json []byte
	cel  ref.Val
	cut  bool
}

func wholeValue(n int64) value {
	return value{json: strconv.AppendInt(nil, n, 10), cel: types.Int(n)}
}

// numberValue is a computed number, rounded once.
func numberValue(d *apd.Decimal) value { return printedValue(roundedText(d)) }

// exactValue is a number of an event.
func exactValue(d *apd.Decimal) value { return printedValue(numberText(d)) }

func printedValue(text string) value {
	f, _ := strconv.ParseFloat(text, 64)
	return value{json: []byte(text), cel: types.Double(f)}
}

func textValue(s string) value {
	return value{json: jsonOf(s), cel: types.String(s)}
}

func jsonValue(raw []byte) value {
	return value{json: slices.Clone(raw), cel: valueOf(raw)}
}

// listValue is a list of texts that are sorted and of which the first mostListed stay.
func listValue(sorted []string, cut bool) value {
	if len(sorted) > mostListed {
		sorted, cut = sorted[:mostListed], true
	}
	sorted = append([]string{}, sorted...) // the list of no texts is [], not null
	return value{json: jsonOf(sorted), cel: types.NewStringList(types.DefaultTypeAdapter, sorted), cut: cut}
}

// jsonOf writes texts as JSON.
func jsonOf(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte("null") // of texts there is none
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
