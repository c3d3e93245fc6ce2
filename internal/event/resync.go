package event

// A batch in which one message breaks the grammar of JSON loses that message and
// not the request. Where the broken message ends is worked out from what surely
// is none of it: commas at the depth of the batch, and messages behind it that
// are good. Nothing here is asked for a batch that is valid.
//
// The work is bounded by the length of the text: what was broken is passed over
// once, or twice when brackets do not match up to its end, and all tries to read
// a good message or the end of the request share one budget.

// resyncBudget is how many times the text is read in tries, in all.
const resyncBudget = 4

// mender is what a splitter needs to go on behind a broken message.
type mender struct {
	// broken makes a refusal of the element from one place to another. added
	// says that each has appended an item for it.
	broken func(from, to int, added bool)
	// good reports whether a good message starts at a place, and where it ends
	// or what stopped it.
	good func(at int) (end int, ok bool)

	cut    bool // the text ends within the batch
	mended bool // something was broken
	lost   bool // brackets do not match: what looks nested may be the next message
	work   int  // bytes that tries may still read
}

// lenient is elements for texts that may be broken: an element that is no JSON is
// noted as such. Commas without an element between them are nothing, and objects
// need no comma between them: no message is lost by that.
func (s *splitter) lenient(i int) int {
	for {
		switch i = s.space(i); {
		case i >= len(s.b):
			s.cut = true
			if s.count++; s.count <= s.most {
				s.messages = append(s.messages, s.b[i:])
				s.broken(i, i, false)
			}
			return i
		case s.b[i] == ',':
			i++
			continue
		case s.b[i] == ']' && (!s.mended && s.goesOn(i+1) || s.endsAt(i+1)):
			return i + 1
		}
		at := i
		read := s.count < s.most
		if i = s.one(at, read); i == -1 {
			return -1
		}
		if s.count++; s.count <= s.most {
			s.messages = append(s.messages, s.b[at:i:i])
		}
		if s.cut {
			return len(s.b)
		}
	}
}

// one reads the element at a place, or passes over it if it is broken.
func (s *splitter) one(at int, read bool) int {
	s.fault = fault{}
	i := -1
	if read {
		i = s.each(at)
	} else {
		i = s.skip(at, 2)
	}
	if i < 0 && s.fault.code == "" {
		return -1 // it is not the text
	}
	if i >= 0 {
		if n := s.space(i); n >= len(s.b) || s.b[n] == ',' || s.b[n] == ']' || s.b[n] == '{' {
			return i
		}
		s.fault = fault{}
	}
	s.mended = true
	if i = s.resync(at); i < 0 && !s.lost {
		s.lost = true
		i = s.resync(at)
	}
	if i < 0 {
		i, s.cut = len(s.b), true
	}
	if read {
		s.broken(at, i, true)
	}
	return i
}

// resync returns where the broken element that starts at a place ends, which is
// before a comma or the end of the batch; -1 if that is not found.
func (s *splitter) resync(at int) int {
	b := s.b
	var open []byte // the containers that are open
	for i := at; i < len(b); {
		switch c := b[i]; c {
		case '"':
			// With a quote too many or too few, strings and what is between them
			// are mistaken for each other. Then the start of the next message,
			// `,{"`, is the end of such a string.
			end := stringEnd(b, i+1)
			if comma, brace := opening(b, i+1, end-1); comma >= 0 && s.try(brace) {
				return comma
			}
			i = end
			continue
		case ',':
			next := s.space(i + 1)
			if next >= len(b) || b[next] != '{' {
				break
			}
			inner := byte(0)
			if len(open) > 0 {
				inner = open[len(open)-1]
			}
			// An object has no place after a comma of another; in an array it has.
			if inner == 0 || (inner == '{' || s.lost) && s.try(next) {
				return i
			}
		case '{':
			if len(open) == 0 && i > at && s.try(i) {
				return i // a comma is missing
			}
			open = append(open, c)
		case '[':
			open = append(open, c)
		case '}', ']':
			kind := c - 2 // the codes of '{' and '}', '[' and ']' are two apart
			n := len(open) - 1
			for n >= 0 && open[n] != kind {
				n--
			}
			if n >= 0 {
				open = open[:n] // and what was not closed inside of it
			} else if c == ']' && s.endsAt(i+1) {
				return i
			}
		}
		i++
	}
	return -1
}

// stringEnd returns the index after the quote that ends a string, whatever is in
// it, or the end of the text.
func stringEnd(b []byte, i int) int {
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			return i + 1
		case '\\':
			i++
		}
	}
	return len(b)
}

// opening finds a comma and a brace at the end of b[from:to]; comma is -1 when
// they are not there.
func opening(b []byte, from, to int) (comma, brace int) {
	back := func(i int) int {
		for i > from && (b[i-1] == ' ' || b[i-1] == '\n' || b[i-1] == '\t' || b[i-1] == '\r') {
			i--
		}
		return i - 1
	}
	brace = back(to)
	if brace < from || b[brace] != '{' {
		return -1, -1
	}
	if comma = back(brace); comma < from || b[comma] != ',' {
		return -1, -1
	}
	return comma, brace
}

// try reports whether a good message starts at a place and another element, or
// the end of the batch, comes after it.
func (s *splitter) try(at int) bool {
	if s.work <= 0 {
		return false
	}
	end, ok := s.good(at)
	s.work -= end - at + 1
	if !ok {
		return false
	}
	n := s.space(end)
	return n >= len(s.b) || s.b[n] == ',' || s.b[n] == ']' || s.b[n] == '{'
}

// goesOn reports whether the request may go on, or end, behind its batch.
func (s *splitter) goesOn(i int) bool {
	if i = s.space(i); s.opens(i, ',') {
		return s.opens(s.space(i+1), '"')
	}
	return i >= len(s.b) || s.b[i] == '}'
}

// endsAt reports whether the batch ends at a place: what follows is the rest of
// the request.
func (s *splitter) endsAt(i int) bool {
	if s.work <= 0 {
		return false
	}
	rest := scanner{b: s.b, depth: unbounded, anyBytes: true}
	from := i
	for {
		_, at, done := rest.member(i, false)
		if at >= 0 && !done {
			at = rest.skip(at, 1)
		}
		if at < 0 {
			s.work -= rest.fault.at - from + 1
			return false
		}
		if i = at; done {
			s.work -= i - from + 1
			return rest.space(i) == len(s.b)
		}
	}
}
