package codec

import (
	"encoding/hex"
	"strings"
)

// How a messageId is kept. Most are UUIDs, which take less than half of their text.
const (
	idText = iota
	idLowerUUID
	idUpperUUID
)

// appendMessageID appends a messageId of a record.
func appendMessageID(b []byte, id string) []byte {
	if id, kind := parseUUID(id); kind != idText {
		return append(append(b, kind), id[:]...)
	}
	return AppendText(append(b, idText), id)
}

// parseUUID reads a UUID that is written in one case; idText if it is not one.
func parseUUID(text string) (id [16]byte, kind byte) {
	if len(text) != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-' {
		return id, idText
	}
	digits := text[:8] + text[9:13] + text[14:18] + text[19:23] + text[24:]
	if _, err := hex.Decode(id[:], []byte(digits)); err != nil {
		return id, idText
	}
	switch text {
	case strings.ToLower(text):
		return id, idLowerUUID
	case strings.ToUpper(text):
		return id, idUpperUUID
	}
	return id, idText
}

// messageID reads what appendMessageID appended.
func (r *Reader) messageID() string {
	kind := r.Byte()
	switch {
	case kind == idText:
		return r.Text()
	case kind > idUpperUUID || len(r.Rest) < 16:
		r.Fail()
		return ""
	}
	digits := "0123456789abcdef"
	if kind == idUpperUUID {
		digits = "0123456789ABCDEF"
	}
	var text [36]byte
	n := 0
	for i, v := range r.Rest[:16] {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text[n] = '-'
			n++
		}
		text[n], text[n+1] = digits[v>>4], digits[v&15]
		n += 2
	}
	r.Rest = r.Rest[16:]
	return string(text[:])
}
