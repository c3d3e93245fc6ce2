package computed

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"

	"github.com/selfsame-id/selfsame/internal/compute"
	"github.com/selfsame-id/selfsame/internal/identity"
	"github.com/selfsame-id/selfsame/internal/kv"
	"github.com/selfsame-id/selfsame/internal/space/codec"
)

// What a memo of a large profile is stored as, under the profile in codec.Folds:
//
//	h                          the head: version(1) digest(32) head, see compute.Memo
//	s                          the strands whose rows are in it: hashes, sorted
//	e fold(8) table(1) text    an entry: empty text, value; or, if the text is long, its
//	                           beginning and hash in the key, and text, value
//
// All of it is as of the evaluator's position, and is written and dropped in the commits
// that move that. So nothing that writes rows has to know of it: it holds for a profile
// that has the strands of the digest and of which the feed after the position says only
// which rows came.

const (
	headPart    = "h"
	strandsPart = "s"
	entryPart   = "e"
	headVersion = 1
	// longText is from how many bytes on a text is not all in the key of its entry.
	longText = 900
)

// storedEntries are the entries of a profile's memo in a snapshot.
type storedEntries struct {
	ctx     context.Context
	reader  kv.Reader
	keys    codec.Keyspace
	profile codec.ProfileID
}

var _ compute.Entries = (*storedEntries)(nil)

func foldPrefix(fold uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte(entryPart), fold)
}

// entryKey is where an entry lies.
func entryKey(keys codec.Keyspace, p codec.ProfileID, k compute.EntryKey) []byte {
	part := append(foldPrefix(k.Fold), k.Table)
	if len(k.Key) <= longText {
		return codec.Folds.Key(keys, p, string(append(part, k.Key...)))
	}
	sum := sha256.Sum256([]byte(k.Key))
	return codec.Folds.Key(keys, p, string(append(part, k.Key[:longText]...))+hex.EncodeToString(sum[:16]))
}

func entryValue(e *compute.Entry) []byte {
	text := ""
	if len(e.Key) > longText {
		text = e.Key
	}
	return append(append(binary.AppendUvarint(nil, uint64(len(text))), text...), e.Value...)
}

// parseEntry takes an entry's value apart.
func parseEntry(b []byte) (text string, value []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return "", nil, kv.ErrCorrupt
	}
	return string(b[used : used+int(n)]), b[used+int(n):], nil
}

// Get implements compute.Entries.
func (s *storedEntries) Get(keys []compute.EntryKey) ([][]byte, error) {
	at := make([][]byte, len(keys))
	for i, k := range keys {
		at[i] = entryKey(s.keys, s.profile, k)
	}
	values, err := s.reader.Get(s.ctx, at...)
	for i := range values {
		if values[i] != nil && err == nil {
			_, values[i], err = parseEntry(values[i])
		}
	}
	return values, err
}

// Scan implements compute.Entries. Where many long texts begin alike, those of one
// beginning come in another order.
func (s *storedEntries) Scan(fold uint64, table byte, after *string, limit int) ([]compute.Entry, error) {
	prefix := append(foldPrefix(fold), table)
	start, end := codec.Under(codec.Folds.Key(s.keys, s.profile, string(prefix)))
	if after != nil {
		start = kv.After(entryKey(s.keys, s.profile, compute.EntryKey{Fold: fold, Table: table, Key: *after}))
	}
	page, err := s.reader.Scan(s.ctx, start, end, limit, false)
	if err != nil {
		return nil, err
	}
	out := make([]compute.Entry, len(page))
	for i, e := range page {
		_, part, ok := codec.Folds.Parse(e.Key)
		if !ok || len(part) < len(prefix) {
			return nil, kv.ErrCorrupt
		}
		text, value, err := parseEntry(e.Value)
		if err != nil {
			return nil, err
		}
		if text == "" {
			text = part[len(prefix):]
		}
		out[i] = compute.Entry{EntryKey: compute.EntryKey{Fold: fold, Table: table, Key: text}, Value: value}
	}
	return out, nil
}

// digestOf stands for strands, which are sorted.
func digestOf(strands []identity.Hash) [32]byte {
	h := sha256.New()
	for i := range strands {
		h.Write(strands[i][:])
	}
	return [32]byte(h.Sum(nil))
}

func appendHead(digest [32]byte, memo []byte) []byte {
	return append(append([]byte{headVersion}, digest[:]...), memo...)
}

// parseHead takes a head apart; ok is false of one of another version, which is of no use.
func parseHead(b []byte) (digest [32]byte, memo []byte, ok bool) {
	if len(b) < 33 || b[0] != headVersion {
		return digest, nil, false
	}
	return [32]byte(b[1:33]), b[33:], true
}

func appendHashes(dst []byte, hashes []identity.Hash) []byte {
	for i := range hashes {
		dst = append(dst, hashes[i][:]...)
	}
	return dst
}

func parseHashes(b []byte) ([]identity.Hash, error) {
	const size = len(identity.Hash{})
	if len(b)%size != 0 {
		return nil, kv.ErrCorrupt
	}
	out := make([]identity.Hash, 0, len(b)/size)
	for ; len(b) > 0; b = b[size:] {
		out = append(out, identity.Hash(b[:size]))
	}
	return out, nil
}

// sortedStrands lists the strands of a profile in order.
func (g *gathered) sortedStrands() []identity.Hash {
	out := g.strandHashes()
	slices.SortFunc(out, func(a, b identity.Hash) int { return slices.Compare(a[:], b[:]) })
	return out
}
