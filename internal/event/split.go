package event

// Batch is the body of a batch request, taken apart.
type Batch struct {
	// SentAt is the request's sentAt in nanoseconds since 1970, 0 when it is
	// absent or no time: it only corrects the messages' times, so they are not
	// refused for it.
	SentAt  int64
	sentOdd instant // the same, of a calendar in which it is out of reach
	// WriteKey is the request's writeKey, "" when absent or not a string.
	WriteKey string
	// Context and Integrations are the raw objects of those names that stand
	// beside `batch`, nil when absent or not objects. Segment takes them as
	// defaults of each message's own; see Inherit.
	Context, Integrations []byte
	// Messages are the elements of `batch` as they were sent, in order, without
	// white space around them. They are valid JSON, except that their strings
	// may hold bytes that are not UTF-8 and that they may be of any kind, size
	// and depth: Parse judges each by itself. They share memory with the body.
	Messages [][]byte
}

// inheritFactor bounds what Inherit can make of a request: at most so many times
// BatchBytes. Without it a request of half a megabyte could stand for a gigabyte.
const inheritFactor = 16

// Split takes the body of a batch request apart. An error is always a *Refusal
// and refuses the request as a whole: the text is not JSON (the Refusal says at
// which byte), not an object with an array `batch`, or larger than lim allows.
// Where a key is there twice the last one counts. Split does not change body;
// the Batch shares its memory. Read parses the messages in the same pass, and does
// not give up a batch in which a message is no JSON.
func Split(body []byte, lim Limits) (Batch, error) {
	lim = lim.orDefault()
	s := splitter{scanner: scanner{b: body, depth: unbounded, anyBytes: true}, most: lim.BatchMessages}
	b, r := s.split(lim)
	if r != nil {
		return Batch{}, r
	}
	return b, nil
}

// splitter is a scanner that notes where the parts of a batch request are.
type splitter struct {
	scanner
	batch, sentAt, writeKey, context, integrations span

	messages [][]byte
	count    int // of all elements, also those after the first `most`
	most     int
	// each reads an element that starts at its argument and returns the index
	// after it. restart is called before the first element of an array.
	each    func(at int) int
	restart func()
	mender  // of Read, for which a broken element is not a broken batch
}

func (s *splitter) split(lim Limits) (Batch, *Refusal) {
	if len(s.b) > lim.BatchBytes {
		return Batch{}, refuse(TooLarge, "", "the request has %d bytes, the limit is %d; send smaller batches", len(s.b), lim.BatchBytes)
	}
	from := s.space(0)
	i := -1
	isObject := s.opens(from, '{')
	if isObject {
		i = s.request(from + 1)
	} else {
		i = s.skip(from, 0)
	}
	if i >= 0 {
		i = s.end(i)
	}
	if i < 0 {
		return Batch{}, s.refusal("the request")
	}
	if !isObject {
		return Batch{}, refuse(NotObject, "", `the request is %s; send an object such as {"batch":[…]}`, kindOf(s.b[from:]))
	}
	return s.result(lim)
}

// result judges what a well-formed request holds.
func (s *splitter) result(lim Limits) (Batch, *Refusal) {
	if s.bytes(s.batch) == nil {
		return Batch{}, refuse(BadBatch, "batch", `the request has no batch; send an object such as {"batch":[…]}`)
	}
	if s.b[s.batch.from] != '[' {
		return Batch{}, refuse(BadBatch, "batch", "batch is %s; send an array of messages", kindOf(s.bytes(s.batch)))
	}
	if s.count > lim.BatchMessages {
		return Batch{}, refuse(TooMany, "batch", "the batch has %d messages, the limit is %d; send smaller batches", s.count, lim.BatchMessages)
	}
	context, integrations := s.object(s.context), s.object(s.integrations)
	if shared := len(context) + len(integrations); shared*s.count > inheritFactor*lim.BatchBytes {
		return Batch{}, refuse(TooLarge, "context", "the context and integrations beside the batch have %d bytes, too many to give to each of %d messages; put them into the messages that need them", shared, s.count)
	}
	b := Batch{WriteKey: s.loose(s.writeKey), Context: context, Integrations: integrations, Messages: s.messages}
	switch sent := s.stamp(s.sentAt); sent.is {
	case goodStamp:
		b.SentAt = sent.at.nanos()
	case oddStamp:
		b.sentOdd = sent.at
	}
	return b, nil
}

// request reads the object from the byte after its opening brace.
func (s *splitter) request(i int) int {
	for first := true; ; first = false {
		key, at, done := s.member(i, first)
		if done || at < 0 {
			return at
		}
		if key == "batch" && s.opens(at, '[') {
			i = s.elements(at + 1)
		} else {
			i = s.skip(at, 1)
		}
		if i < 0 {
			return -1
		}
		v := span{int32(at), int32(i)}
		switch key {
		case "batch":
			if s.batch = v; s.cut {
				return i
			}
		case "sentAt":
			s.sentAt = v
		case "writeKey":
			s.writeKey = v
		case "context":
			s.context = v
		case "integrations":
			s.integrations = v
		}
	}
}

// elements reads the array of messages from the byte after its opening bracket.
func (s *splitter) elements(i int) int {
	s.messages, s.count = s.messages[:0], 0
	if s.messages == nil {
		s.messages = make([][]byte, 0, min(s.most, 1+len(s.b)/512))
	}
	if s.restart != nil {
		s.restart()
	}
	if s.broken != nil {
		return s.lenient(i)
	}
	for first := true; ; first = false {
		at, done := s.element(i, first)
		if done || at < 0 {
			return at
		}
		if i = s.skip(at, 2); i < 0 {
			return -1
		}
		// Beyond the limit they only count: a request of "1,1,1,…" must not
		// cost twelve times its size.
		if s.count++; s.count <= s.most {
			s.messages = append(s.messages, s.b[at:i:i])
		}
	}
}
