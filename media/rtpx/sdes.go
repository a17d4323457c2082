package rtpx

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

// ErrCrypto says that an a=crypto line cannot be used.
var ErrCrypto = errors.New("rtpx: crypto attribute cannot be used")

// Suites are the SRTP suites that can be offered and answered, the best first
// (RFC 4568 section 6.2, RFC 7714 section 14).
func Suites() []string {
	return []string{
		"AEAD_AES_256_GCM", "AEAD_AES_128_GCM",
		"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32",
	}
}

func suiteProfile(name string) (srtp.ProtectionProfile, bool) {
	switch name {
	case "AEAD_AES_256_GCM":
		return srtp.ProtectionProfileAeadAes256Gcm, true
	case "AEAD_AES_128_GCM":
		return srtp.ProtectionProfileAeadAes128Gcm, true
	case "AES_CM_128_HMAC_SHA1_80":
		return srtp.ProtectionProfileAes128CmHmacSha1_80, true
	case "AES_CM_128_HMAC_SHA1_32":
		return srtp.ProtectionProfileAes128CmHmacSha1_32, true
	}
	return 0, false
}

// Crypto is one a=crypto attribute (RFC 4568): a suite and the master key of
// one direction. Value shows it for SDP; anything that prints or logs it shows
// the suite only.
type Crypto struct {
	Tag   int
	Suite string
	key   []byte // master key and salt
}

// NewCrypto makes a fresh key for a suite.
func NewCrypto(tag int, suite string) (Crypto, error) {
	n, err := keyLen(suite)
	if err != nil {
		return Crypto{}, err
	}
	key := make([]byte, n)
	_, _ = rand.Read(key) // never fails: it ends the program instead
	return Crypto{Tag: tag, Suite: suite, key: key}, nil
}

// keyLen is the length of master key and salt together.
func keyLen(suite string) (int, error) {
	p, ok := suiteProfile(suite)
	if !ok {
		return 0, fmt.Errorf("%w: suite is not supported", ErrCrypto)
	}
	k, err := p.KeyLen()
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrCrypto, err)
	}
	s, err := p.SaltLen()
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrCrypto, err)
	}
	return k + s, nil
}

// ParseCrypto reads the value of an a=crypto attribute:
//
//	1 AES_CM_128_HMAC_SHA1_80 inline:BASE64[|lifetime][|MKI:length] [params]
//
// The lifetime is ignored: a call ends long before 2^31 packets. A master key
// identifier and session parameters other than a key derivation rate change
// the packets in ways that are not supported, so such a line is refused.
func ParseCrypto(value string) (Crypto, error) {
	f := strings.Fields(value)
	if len(f) < 3 {
		return Crypto{}, fmt.Errorf("%w: too short", ErrCrypto)
	}
	tag, err := strconv.Atoi(f[0])
	if err != nil || tag < 0 || len(f[0]) > 9 {
		return Crypto{}, fmt.Errorf("%w: tag", ErrCrypto)
	}
	want, err := keyLen(f[1])
	if err != nil {
		return Crypto{}, err
	}
	for _, p := range f[3:] {
		if !strings.HasPrefix(p, "KDR=0") && !strings.HasPrefix(p, "WSH=") {
			return Crypto{}, fmt.Errorf("%w: session parameter", ErrCrypto)
		}
	}
	key, err := parseInline(f[2], want)
	if err != nil {
		return Crypto{}, err
	}
	return Crypto{Tag: tag, Suite: f[1], key: key}, nil
}

func parseInline(s string, want int) ([]byte, error) {
	s, ok := strings.CutPrefix(s, "inline:")
	if !ok || strings.Contains(s, ";") {
		return nil, fmt.Errorf("%w: not one inline key", ErrCrypto)
	}
	s, rest, _ := strings.Cut(s, "|")
	if strings.Contains(rest, ":") {
		return nil, fmt.Errorf("%w: master key identifier", ErrCrypto)
	}
	// Some peers leave out the padding.
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil || len(key) != want {
		return nil, fmt.Errorf("%w: key", ErrCrypto)
	}
	return key, nil
}

// Value is the attribute's value, key and all: for SDP and nothing else.
func (c Crypto) Value() string {
	return fmt.Sprintf("%d %s inline:%s", c.Tag, c.Suite, base64.StdEncoding.EncodeToString(c.key))
}

// String hides the key.
func (c Crypto) String() string { return c.Suite }

// GoString hides the key.
func (c Crypto) GoString() string { return "rtpx.Crypto(" + c.Suite + ")" }

// LogValue hides the key.
func (c Crypto) LogValue() slog.Value { return slog.StringValue(c.Suite) }

// cipher is SRTP in one direction. It belongs to one goroutine at a time.
type cipher struct {
	ctx *srtp.Context
	buf []byte
	hdr rtp.Header
	ctl rtcp.Header
}

// replayWindow in packets: more than any reordering that is still played.
const replayWindow = 256

func newCipher(c Crypto) (*cipher, error) {
	p, ok := suiteProfile(c.Suite)
	if !ok {
		return nil, fmt.Errorf("%w: suite is not supported", ErrCrypto)
	}
	n, err := p.KeyLen()
	if err != nil || len(c.key) <= n {
		return nil, fmt.Errorf("%w: key", ErrCrypto)
	}
	ctx, err := srtp.CreateContext(c.key[:n], c.key[n:], p,
		srtp.SRTPReplayProtection(replayWindow), srtp.SRTCPReplayProtection(replayWindow))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCrypto, err)
	}
	return &cipher{ctx: ctx, buf: make([]byte, 0, 2*maxPayload)}, nil
}

// The results are valid until the next call.

func (c *cipher) sealRTP(b []byte) ([]byte, error) {
	return c.keep(c.ctx.EncryptRTP(c.buf[:0], b, &c.hdr))
}

func (c *cipher) openRTP(b []byte) ([]byte, error) {
	return c.keep(c.ctx.DecryptRTP(c.buf[:0], b, &c.hdr))
}

func (c *cipher) sealRTCP(b []byte) ([]byte, error) {
	return c.keep(c.ctx.EncryptRTCP(c.buf[:0], b, &c.ctl))
}

func (c *cipher) openRTCP(b []byte) ([]byte, error) {
	return c.keep(c.ctx.DecryptRTCP(c.buf[:0], b, &c.ctl))
}

func (c *cipher) keep(b []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, fmt.Errorf("rtpx: SRTP: %w", err)
	}
	return b, nil
}
