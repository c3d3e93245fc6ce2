package values

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/cockroachdb/apd/v3"
)

// MostListed is how many entries a list has at most; a longer one is cut and marked.
// Tests lower it.
var MostListed = 10_000

// Value is a value as it is shown and as expressions have it. The zero value is none.
type Value struct {
	JSON []byte
	CEL  ref.Val
	Cut  bool
}

// WholeValue is a whole number.
func WholeValue(n int64) Value {
	return Value{JSON: strconv.AppendInt(nil, n, 10), CEL: types.Int(n)}
}

// NumberValue is a computed number, rounded once.
func NumberValue(d *apd.Decimal) Value { return printedValue(roundedText(d)) }

// ExactValue is a number of an event.
func ExactValue(d *apd.Decimal) Value { return printedValue(numberText(d)) }

func printedValue(text string) Value {
	f, _ := strconv.ParseFloat(text, 64)
	return Value{JSON: []byte(text), CEL: types.Double(f)}
}

// TextValue is a text.
func TextValue(s string) Value {
	return Value{JSON: jsonOf(s), CEL: types.String(s)}
}

// JSON is a value of an event as it is.
func JSON(raw []byte) Value {
	return Value{JSON: slices.Clone(raw), CEL: ValueOf(raw)}
}

// ListValue is a list of texts that are sorted and of which the first MostListed stay.
func ListValue(sorted []string, cut bool) Value {
	if len(sorted) > MostListed {
		sorted, cut = sorted[:MostListed], true
	}
	sorted = append([]string{}, sorted...) // the list of no texts is [], not null
	return Value{JSON: jsonOf(sorted), CEL: types.NewStringList(types.DefaultTypeAdapter, sorted), Cut: cut}
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
