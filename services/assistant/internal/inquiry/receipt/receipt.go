// Package receipt makes and reads receipt numbers: twelve characters of Crockford's base 32 (60 random bits) in groups of
// four, easy to read aloud and to copy from paper. Whoever has the number sees the inquiry, so the database holds only its
// keyed hash. Pure, apart from the random source.
package receipt

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

const (
	// alphabet leaves out I, L, O and U.
	alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	length   = 12
	group    = 4
)

// New returns a fresh number, e.g. "K7QF-3M9T-WX2A".
func New() string {
	var b [length]byte
	rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	for i, v := range b {
		b[i] = alphabet[v%byte(len(alphabet))] // 256 is a multiple of 32: every character is as likely
	}
	return grouped(string(b[:]))
}

func grouped(s string) string {
	var parts []string
	for ; len(s) > group; s = s[group:] {
		parts = append(parts, s[:group])
	}
	return strings.Join(append(parts, s), "-")
}

// lookAlike are the characters that people read or write for others.
var lookAlike = strings.NewReplacer("O", "0", "I", "1", "L", "1", "U", "V", "-", "", " ", "", "\u00a0", "", ".", "", "–", "")

// Parse reads a number as people write it: lower case, with or without hyphens, O for 0. ok is false when it can be none.
func Parse(text string) (number string, ok bool) {
	if len(text) > 4*length {
		return "", false
	}
	s := lookAlike.Replace(strings.ToUpper(strings.TrimSpace(text)))
	if len(s) != length {
		return "", false
	}
	for _, r := range s {
		if !strings.ContainsRune(alphabet, r) {
			return "", false
		}
	}
	return grouped(s), true
}

// Hash is how a number is stored: without the key (32 bytes) none can be tried out.
func Hash(key []byte, number string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("receipt\x00" + number))
	return hex.EncodeToString(m.Sum(nil))
}
