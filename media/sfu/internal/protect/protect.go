// Package protect encrypts and decrypts media where it lies (SRTP, RFC 3711). AES-GCM (RFC 7714), which is what nearly all connections
// agree on, is done here with the standard library's cipher: pion's context parses each header again, copies it and looks its stream up
// three times, which costs as much as the cipher. The older profile is left to pion. Keys come from pion's DTLS.
package protect

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

const (
	// Room is what a packet may grow by.
	Room = tagLen + indexLen

	tagLen   = 16
	indexLen = 4 // of RTCP: the index, with the flag that says that it is encrypted

	// rtcpClear is the part of RTCP that is not encrypted.
	rtcpClear = 8

	// maxStreams of one connection in its life: several for each time that a picture is shared.
	maxStreams = 1024

	// encrypted is the flag of RTCP (RFC 3711 section 3.4). Browsers may not leave it out (RFC 8827 section 6.5).
	encrypted = 1 << 31
)

// What Open says of packets that it does not take.
var (
	ErrShort  = errors.New("protect: too short")
	ErrReplay = errors.New("protect: had already, or too old")
	ErrForged = errors.New("protect: not authentic")
	ErrLimit  = errors.New("protect: too many streams, or packets under one key")
)

// Context is one direction of a connection: it only seals or only opens. It has no lock.
type Context struct {
	rtp, rtcp keyed
	streams   map[uint32]*stream
	last      *stream // the one used before: a picture's packets come in a row
	spare     *stream // what a packet of an unknown stream is looked at with; it becomes one when the packet is authentic
	index     uint32  // of the RTCP that was sealed last, of all streams
	aad       [rtcpClear + indexLen]byte

	other      *srtp.Context // instead of all that, for the older profile
	rtpHeader  rtp.Header
	rtcpHeader rtcp.Header
}

// keyed is a cipher under a session key.
type keyed struct {
	aead  cipher.AEAD
	salt  [12]byte
	nonce [12]byte
}

// stream is one SSRC.
type stream struct {
	ssrc      uint32
	rtp, rtcp window
}

// New makes the context of a direction from its master key and salt.
func New(profile srtp.ProtectionProfile, key, salt []byte) (*Context, error) {
	c := &Context{streams: map[uint32]*stream{}}
	var err error
	switch profile {
	case srtp.ProtectionProfileAeadAes128Gcm, srtp.ProtectionProfileAeadAes256Gcm:
		c.rtp, err = newKeyed(key, salt, 0)
		if err == nil {
			c.rtcp, err = newKeyed(key, salt, 3)
		}
	default:
		c.other, err = srtp.CreateContext(key, salt, profile, srtp.SRTPReplayProtection(windowSize), srtp.SRTCPReplayProtection(windowSize))
	}
	if err != nil {
		return nil, fmt.Errorf("srtp: %w", err)
	}
	return c, nil
}

// newKeyed derives a session key and salt (RFC 3711 section 4.3). The label is that of the key; the salt's is two more.
func newKeyed(key, salt []byte, label byte) (k keyed, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return k, err
	}
	if len(salt) != len(k.salt) {
		return k, fmt.Errorf("salt of %d bytes", len(salt))
	}
	derive := func(label byte, to []byte) {
		var iv [aes.BlockSize]byte
		copy(iv[:], salt)
		iv[7] ^= label
		cipher.NewCTR(block, iv[:]).XORKeyStream(to, to)
	}
	session := make([]byte, len(key))
	derive(label, session)
	derive(label+2, k.salt[:])
	if block, err = aes.NewCipher(session); err != nil {
		return k, err
	}
	k.aead, err = cipher.NewGCM(block)
	return k, err
}

// iv is the nonce of a packet (RFC 7714 sections 8.1 and 9.1): its SSRC and 48 bits of its place.
func (k *keyed) iv(ssrc uint32, index uint64) []byte {
	n := &k.nonce
	copy(n[:2], k.salt[:2])
	binary.BigEndian.PutUint32(n[2:], binary.BigEndian.Uint32(k.salt[2:])^ssrc)
	binary.BigEndian.PutUint16(n[6:], binary.BigEndian.Uint16(k.salt[6:])^uint16(index>>32))
	binary.BigEndian.PutUint32(n[8:], binary.BigEndian.Uint32(k.salt[8:])^uint32(index))
	return n[:]
}

// find returns the stream of an SSRC, a new one if it is not known: keep makes it known.
func (c *Context) find(ssrc uint32) *stream {
	if c.last != nil && c.last.ssrc == ssrc {
		return c.last
	}
	if s := c.streams[ssrc]; s != nil {
		c.last = s
		return s
	}
	if c.spare == nil {
		c.spare = &stream{}
	}
	c.spare.ssrc = ssrc
	return c.spare
}

// keep remembers a stream of which a packet was authentic.
func (c *Context) keep(s *stream) bool {
	if s != c.spare {
		return true
	}
	if len(c.streams) >= maxStreams {
		return false
	}
	c.streams[s.ssrc], c.last, c.spare = s, s, nil
	return true
}

// SealRTP encrypts a packet in place, of which the first at bytes are the header, and returns it, longer by at most Room.
func (c *Context) SealRTP(b []byte, at int) ([]byte, error) {
	if c.other != nil {
		return c.other.EncryptRTP(b[:0], b, &c.rtpHeader)
	}
	s := c.find(binary.BigEndian.Uint32(b[8:]))
	i, ok := s.rtp.index(binary.BigEndian.Uint16(b[2:]))
	if !ok || i>>48 != 0 || !c.keep(s) {
		return nil, ErrLimit
	}
	s.rtp.reach(i)
	sealed := c.rtp.aead.Seal(b[at:at], c.rtp.iv(s.ssrc, i), b[at:], b[:at])
	return b[:at+len(sealed)], nil
}

// OpenRTP decrypts a packet in place, of which the first at bytes are the header, and returns it.
func (c *Context) OpenRTP(b []byte, at int) ([]byte, error) {
	if c.other != nil {
		return c.other.DecryptRTP(b[:0], b, &c.rtpHeader)
	}
	if len(b) < at+tagLen {
		return nil, ErrShort
	}
	s := c.find(binary.BigEndian.Uint32(b[8:]))
	i, ok := s.rtp.index(binary.BigEndian.Uint16(b[2:]))
	if !ok || !s.rtp.fresh(i) {
		return nil, ErrReplay
	}
	plain, err := c.rtp.aead.Open(b[at:at], c.rtp.iv(s.ssrc, i), b[at:], b[:at])
	if err != nil {
		return nil, ErrForged
	}
	if !c.keep(s) {
		return nil, ErrLimit
	}
	s.rtp.mark(i)
	return b[:at+len(plain)], nil
}

// SealRTCP encrypts a compound packet in place and returns it, longer by at most Room.
func (c *Context) SealRTCP(b []byte) ([]byte, error) {
	if c.other != nil {
		return c.other.EncryptRTCP(b[:0], b, &c.rtcpHeader)
	}
	if len(b) < rtcpClear {
		return nil, ErrShort
	}
	if c.index+1 >= encrypted {
		return nil, ErrLimit
	}
	c.index++
	iv := c.rtcp.iv(binary.BigEndian.Uint32(b[4:]), uint64(c.index))
	sealed := c.rtcp.aead.Seal(b[rtcpClear:rtcpClear], iv, b[rtcpClear:], c.associated(b, encrypted|c.index))
	return binary.BigEndian.AppendUint32(b[:rtcpClear+len(sealed)], encrypted|c.index), nil
}

// OpenRTCP decrypts a compound packet in place and returns it.
func (c *Context) OpenRTCP(b []byte) ([]byte, error) {
	if c.other != nil {
		return c.other.DecryptRTCP(b[:0], b, &c.rtcpHeader)
	}
	end := len(b) - indexLen
	if end < rtcpClear+tagLen {
		return nil, ErrShort
	}
	word := binary.BigEndian.Uint32(b[end:])
	if word&encrypted == 0 {
		return nil, ErrForged
	}
	s, i := c.find(binary.BigEndian.Uint32(b[4:])), uint64(word&^encrypted)
	if !s.rtcp.fresh(i) {
		return nil, ErrReplay
	}
	plain, err := c.rtcp.aead.Open(b[rtcpClear:rtcpClear], c.rtcp.iv(s.ssrc, i), b[rtcpClear:end], c.associated(b, word))
	if err != nil {
		return nil, ErrForged
	}
	if !c.keep(s) {
		return nil, ErrLimit
	}
	s.rtcp.mark(i)
	return b[:rtcpClear+len(plain)], nil
}

// associated is what is authenticated beside the encrypted part of RTCP (RFC 7714 section 9.2).
func (c *Context) associated(b []byte, word uint32) []byte {
	copy(c.aad[:], b[:rtcpClear])
	binary.BigEndian.PutUint32(c.aad[rtcpClear:], word)
	return c.aad[:]
}
