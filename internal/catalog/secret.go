package catalog

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
)

// visible is how many characters of a secret are kept for people to know it by.
const visible = 6

// digest is the SHA-256 of a secret. The secrets made here have 192 random
// bits, so a slow password hash would protect nothing more and cost every
// request.
type digest [sha256.Size]byte

func digestOf(secret string) digest { return sha256.Sum256([]byte(secret)) }

func (d digest) equal(other digest) bool { return subtle.ConstantTimeCompare(d[:], other[:]) == 1 }

// MarshalText makes a digest readable in the store.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *digest) UnmarshalText(text []byte) error {
	b, err := hex.DecodeString(string(text))
	if err != nil || len(b) != len(d) {
		return fmt.Errorf("a secret's hash is damaged")
	}
	copy(d[:], b)
	return nil
}

// prefixOf is the visible part of a secret: never more than half of it.
func prefixOf(secret string) string { return secret[:min(visible, len(secret)/2)] }

// newSecret draws a secret: a write key ("wk_") or a token ("tok_").
func newSecret(kind string) string {
	var b [24]byte
	rand.Read(b[:]) // never fails
	return kind + base64.RawURLEncoding.EncodeToString(b[:])
}

func newUID() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
