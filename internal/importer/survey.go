package importer

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"unicode/utf8"
)

// headBytes is how much of the beginning of an input is looked at for what it
// is: a CSV header has to fit.
const headBytes = 1 << 20

// findings are what one look through an input's content tells, before anything
// of it is delivered. The content is what is in the file once it is unpacked, so
// a file and its packed copy have the same findings.
type findings struct {
	fingerprint string
	head        []byte // the first headBytes, or all
	size        int64  // in bytes; of standard input that of the head

	multi, invalid    int64 // sequences of several bytes that are UTF-8, bytes that are not
	evenZero, oddZero int64 // bytes that are 0, by their place
	mac, windows      int   // how well the bytes that are no UTF-8 read in either
}

// surveyor makes findings of what is written to it.
type surveyor struct {
	findings
	sum   hash.Hash
	carry []byte // the beginning of a character, at the end of what was written
	join  []byte
	last  byte // before what is written next
}

func newSurveyor() *surveyor { return &surveyor{sum: sha256.New()} }

// Write looks at a part of the content.
func (s *surveyor) Write(p []byte) (int, error) {
	s.sum.Write(p)
	if room := headBytes - len(s.head); room > 0 {
		s.head = append(s.head, p[:min(len(p), room)]...)
	}
	if bytes.IndexByte(p, 0) >= 0 {
		for i, c := range p {
			switch {
			case c != 0:
			case (s.size+int64(i))%2 == 0:
				s.evenZero++
			default:
				s.oddZero++
			}
		}
	}
	s.size += int64(len(p))
	text := p
	if len(s.carry) > 0 {
		s.join = append(append(s.join[:0], s.carry...), p...)
		text = s.join
	}
	cut := len(text) - unfinished(text)
	s.text(text[:cut])
	s.carry = append(s.carry[:0], text[cut:]...)
	return len(p), nil
}

// unfinished is how many bytes at the end of text begin a character that may go
// on.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if c := text[len(text)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRune(text[len(text)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// text counts what is UTF-8 and what is not.
func (s *surveyor) text(text []byte) {
	if len(text) == 0 {
		return
	}
	for i := ascii(text); i < len(text); i += ascii(text[i:]) {
		_, n := utf8.DecodeRune(text[i:])
		if n > 1 {
			s.multi++
			i += n
			continue
		}
		s.invalid++
		before, after := s.last, byte(0)
		if i > 0 {
			before = text[i-1]
		}
		if i+1 < len(text) {
			after = text[i+1]
		}
		if s.invalid < 1<<20 {
			s.mac += plausible(macRoman, text[i], before, after)
			s.windows += plausible(windows1252, text[i], before, after)
		}
		i++
	}
	s.last = text[len(text)-1]
}

// ascii is how many bytes at the beginning of text are ASCII.
func ascii(text []byte) int {
	const high = 0x8080808080808080
	n := 0
	for len(text)-n >= 16 && (binary.LittleEndian.Uint64(text[n:])|binary.LittleEndian.Uint64(text[n+8:]))&high == 0 {
		n += 16
	}
	for n < len(text) && text[n] < utf8.RuneSelf {
		n++
	}
	return n
}

// findings ends the survey.
func (s *surveyor) done() findings {
	s.invalid += int64(len(s.carry))
	s.sum.Write(binary.BigEndian.AppendUint64(nil, uint64(s.size)))
	s.fingerprint = hex.EncodeToString(s.sum.Sum(nil)[:16])
	return s.findings
}

// survey looks through the whole content of a file, or through as much of it as
// can be unpacked: what is damaged is found again, and said, when it is read.
func (in *Input) survey(ctx context.Context) (findings, error) {
	s, err := in.unpack(&in.looked)
	if err != nil {
		return findings{}, err
	}
	look := newSurveyor()
	_, err = io.Copy(look, &contextReader{ctx, s})
	if err != nil {
		if cause := ctx.Err(); cause != nil {
			return findings{}, errors.Join(context.Cause(ctx), s.Close())
		}
		if !s.packed {
			return findings{}, errors.Join(err, s.Close())
		}
	}
	return look.done(), s.Close()
}

// surveyHead looks at the beginning of standard input, which cannot be read
// twice. All of it is known when it ends there; else the same beginning is taken
// for the same input, so that one that has grown is read on where it ended.
func (in *Input) surveyHead() (findings, error) {
	raw, err := in.stdin.Peek(headBytes)
	whole := errors.Is(err, io.EOF)
	if err != nil && !whole {
		return findings{}, err
	}
	s, err := unpacked(bytes.NewReader(raw))
	if err != nil {
		return findings{}, err
	}
	look := newSurveyor()
	if whole {
		_, err = io.Copy(look, s)
	} else if _, err = io.CopyN(look, s, headBytes); errors.Is(err, io.EOF) {
		err = nil
	}
	if err != nil && !s.packed {
		return findings{}, errors.Join(err, s.Close())
	}
	if !whole {
		look.sum.Write([]byte("stream"))
		look.sum.Write(raw)
	}
	return look.done(), s.Close()
}

// contextReader ends a long read when its context does.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
