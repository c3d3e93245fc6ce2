package terminal

import "strings"

// Fold breaks text into lines of a width at spaces. Every line but the first is
// indented; the first is taken to begin where the indent ends.
func Fold(text string, width int, indent string) string {
	var b strings.Builder
	at := Columns(indent)
	for i, word := range strings.Fields(text) {
		n := Columns(word)
		switch {
		case i == 0:
		case at+1+n > width:
			b.WriteString("\n" + indent)
			at = Columns(indent)
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}
