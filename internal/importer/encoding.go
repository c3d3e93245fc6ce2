package importer

import (
	"bytes"
	"fmt"
	"unicode"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	uni "golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// textEncoding is how the text of an input is written; a nil decoder is UTF-8.
type textEncoding struct {
	name    string // for people
	decoder encoding.Encoding
}

var (
	utf8Text = textEncoding{name: "UTF-8"}
	utf16LE  = textEncoding{"UTF-16 (little-endian)", uni.UTF16(uni.LittleEndian, uni.UseBOM)}
	utf16BE  = textEncoding{"UTF-16 (big-endian)", uni.UTF16(uni.BigEndian, uni.UseBOM)}
	utf32LE  = textEncoding{"UTF-32 (little-endian)", utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)}
	utf32BE  = textEncoding{"UTF-32 (big-endian)", utf32.UTF32(utf32.BigEndian, utf32.UseBOM)}
	macText  = textEncoding{"Mac Roman", charmap.Macintosh}
	winText  = textEncoding{"Windows-1252 (Latin-1)", charmap.Windows1252}

	macRoman    = highHalf(charmap.Macintosh)
	windows1252 = highHalf(charmap.Windows1252)
)

// byteOrderMark is what some programs write before UTF-8.
var byteOrderMark = []byte("\xef\xbb\xbf")

// marks are the byte order marks, the longer ones first.
var marks = []struct {
	mark []byte
	text textEncoding
}{
	{byteOrderMark, utf8Text},
	{[]byte("\xff\xfe\x00\x00"), utf32LE},
	{[]byte("\x00\x00\xfe\xff"), utf32BE},
	{[]byte("\xff\xfe"), utf16LE},
	{[]byte("\xfe\xff"), utf16BE},
}

// encoding tells how the text is written: by its byte order mark; else by bytes
// that are 0, which no text in UTF-8 has and UTF-16 has in every second place;
// else by what is valid. A text that is UTF-8 but for a few bytes is damaged
// UTF-8; these cost their lines only.
func (f *findings) encoding() textEncoding {
	for _, m := range marks {
		if bytes.HasPrefix(f.head, m.mark) {
			return m.text
		}
	}
	if zeros := f.evenZero + f.oddZero; zeros > 0 && zeros >= f.size/50 {
		switch {
		case f.oddZero > 10*f.evenZero:
			return utf16LE
		case f.evenZero > 10*f.oddZero:
			return utf16BE
		}
	}
	switch {
	case f.invalid == 0 || f.multi >= f.invalid:
		return utf8Text
	case f.mac > f.windows:
		return macText
	}
	return winText
}

// ParseEncoding checks the name of an encoding; "" is none.
func ParseEncoding(name string) (string, error) {
	if name == "" {
		return "", nil
	}
	_, err := namedEncoding(name)
	return name, err
}

// namedEncoding finds an encoding by one of the names that the WHATWG lists for
// the web, such as utf-16le, windows-1252, macintosh or shift_jis.
func namedEncoding(name string) (textEncoding, error) {
	e, err := htmlindex.Get(name)
	if err != nil {
		return textEncoding{}, fmt.Errorf("%q is not an encoding; write one such as utf-8, utf-16le, windows-1252, macintosh or shift_jis", name)
	}
	known, err := htmlindex.Name(e)
	if err != nil {
		known = name
	}
	switch known {
	case "utf-8":
		return utf8Text, nil
	case "utf-16le":
		return utf16LE, nil
	case "utf-16be":
		return utf16BE, nil
	}
	return textEncoding{known, e}, nil
}

// highHalf is what the bytes from 0x80 mean.
func highHalf(c *charmap.Charmap) (runes [128]rune) {
	for i := range runes {
		runes[i] = c.DecodeByte(byte(128 + i))
	}
	return runes
}

// plausible says how well a byte above 0x7f reads between two others: letters
// belong into words, capitals to their beginning or among capitals, and signs
// elsewhere.
func plausible(runes [128]rune, c, before, after byte) int {
	lower := func(c byte) bool { return 'a' <= c && c <= 'z' }
	upper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	r := runes[c-128]
	inWord := lower(before) || lower(after) || upper(before) || upper(after)
	switch {
	case r == unicode.ReplacementChar || unicode.IsControl(r):
		return -4
	case unicode.IsUpper(r) && lower(before):
		return -3
	case unicode.IsLower(r) && upper(before) && upper(after):
		return -2
	case unicode.In(r, unicode.Lu, unicode.Ll):
		if inWord {
			return 2
		}
		return 0
	case unicode.In(r, unicode.Pi, unicode.Pf, unicode.Pd, unicode.Ps) || r == '€' || r == '…':
		return 1
	case inWord:
		return -2
	}
	return 0
}
