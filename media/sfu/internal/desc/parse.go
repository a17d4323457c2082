// Package desc reads the session descriptions of WebRTC clients and writes the SFU's: the part of SDP that matters when one side is
// an SFU with ICE-lite, one bundle and known codecs. Nothing here has state.
package desc

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

// ErrRefused is for descriptions that cannot be used.
var ErrRefused = errors.New("session description refused")

// Limits of a description.
const (
	MaxBytes    = 256 << 10
	maxSections = 128
	maxRids     = 3 // simulcast layers; more are ignored
)

// URIs of header extensions.
const (
	ExtLevel = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
	ExtWide  = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	ExtMid   = "urn:ietf:params:rtp-hdrext:sdes:mid"
	ExtRid   = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	ExtRRid  = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	ExtDesc  = "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"
)

// Kinds of sections.
const (
	Audio = "audio"
	Video = "video"
	Data  = "application"
)

// Codec is a payload type.
type Codec struct {
	Type  uint8
	Codec packet.Codec
	RED   bool  // Opus inside RED (RFC 2198)
	RTX   uint8 // payload type of its retransmissions; 0: none
	Fmtp  string
	NACK  bool
	PLI   bool
	FIR   bool
	Wide  bool // transport-wide feedback
}

// Section is an m= section with what it inherits.
type Section struct {
	Mid       string
	Kind      string
	Direction string // sendrecv, sendonly, recvonly, inactive
	Rejected  bool   // port 0, or nothing in it that we understand
	Codecs    []Codec
	Exts      map[string]uint8
	Rids      []string // what it sends, in its order
	SSRCs     []uint32
	Repairs   map[uint32]uint32 // SSRC of a retransmission → of what it repeats
	Slides    bool              // a=content:slides
}

// Sends reports whether the client sends in it.
func (s *Section) Sends() bool {
	return !s.Rejected && (s.Direction == "sendonly" || s.Direction == "sendrecv")
}

// Receives reports whether the client receives in it.
func (s *Section) Receives() bool {
	return !s.Rejected && (s.Direction == "recvonly" || s.Direction == "sendrecv")
}

// Remote is a client's description.
type Remote struct {
	Ufrag, Pwd  string
	Fingerprint [32]byte // SHA-256 of its certificate
	Setup       string   // actpass, active, passive
	Sections    []Section
}

// Parse reads a client's offer or answer.
func Parse(text string) (*Remote, error) {
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%w: too long", ErrRefused)
	}
	var d sdp.SessionDescription
	if err := d.UnmarshalString(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if len(d.MediaDescriptions) == 0 || len(d.MediaDescriptions) > maxSections {
		return nil, fmt.Errorf("%w: %d sections", ErrRefused, len(d.MediaDescriptions))
	}
	r := &Remote{}
	if err := r.transport(&d); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for i, m := range d.MediaDescriptions {
		s := section(&d, m)
		if s.Mid == "" {
			s.Mid = strconv.Itoa(i)
		}
		if seen[s.Mid] || !token(s.Mid) {
			return nil, fmt.Errorf("%w: section identifiers", ErrRefused)
		}
		seen[s.Mid] = true
		r.Sections = append(r.Sections, s)
	}
	return r, nil
}

// token: what may be written back into a line.
func token(s string) bool {
	if len(s) > 32 {
		return false
	}
	for _, c := range s {
		if c < '!' || c > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]`, c) {
			return false
		}
	}
	return true
}

// find is an attribute of the session or of the first section that has it: all sections are one bundle.
func find(d *sdp.SessionDescription, key string) string {
	for _, m := range d.MediaDescriptions {
		if refused(m) {
			continue
		}
		if v, ok := m.Attribute(key); ok {
			return v
		}
	}
	v, _ := d.Attribute(key)
	return v
}

func (r *Remote) transport(d *sdp.SessionDescription) error {
	r.Ufrag, r.Pwd = find(d, "ice-ufrag"), find(d, "ice-pwd")
	if len(r.Ufrag) < 4 || len(r.Pwd) < 22 || len(r.Ufrag) > 256 || len(r.Pwd) > 256 {
		return fmt.Errorf("%w: ICE credentials", ErrRefused)
	}
	r.Setup = find(d, "setup")
	hash, value, _ := strings.Cut(find(d, "fingerprint"), " ")
	b, err := hex.DecodeString(strings.ReplaceAll(strings.TrimSpace(value), ":", ""))
	if !strings.EqualFold(hash, "sha-256") || err != nil || len(b) != len(r.Fingerprint) {
		return fmt.Errorf("%w: fingerprint", ErrRefused)
	}
	copy(r.Fingerprint[:], b)
	return nil
}

// refused tells whether a section has port 0 and means it: in a bundle, Firefox gives a port to the first section alone and calls
// the others bundle-only (RFC 9143 section 6).
func refused(m *sdp.MediaDescription) bool {
	_, bundled := m.Attribute("bundle-only")
	return m.MediaName.Port.Value == 0 && !bundled
}

func section(d *sdp.SessionDescription, m *sdp.MediaDescription) Section {
	s := Section{
		Kind: m.MediaName.Media, Direction: "sendrecv", Rejected: refused(m),
		Exts: map[string]uint8{}, Repairs: map[uint32]uint32{},
	}
	for _, a := range d.Attributes {
		s.direction(a.Key)
	}
	for _, a := range m.Attributes {
		s.attribute(a)
	}
	switch s.Kind {
	case Audio, Video:
		s.codecs(m)
		s.Rejected = s.Rejected || len(s.Codecs) == 0
	case Data:
		s.Rejected = s.Rejected || len(m.MediaName.Formats) != 1 || m.MediaName.Formats[0] != "webrtc-datachannel"
	default:
		s.Rejected = true
	}
	return s
}

func (s *Section) direction(key string) {
	switch key {
	case "sendrecv", "sendonly", "recvonly", "inactive":
		s.Direction = key
	}
}

func (s *Section) attribute(a sdp.Attribute) {
	f := strings.Fields(a.Value)
	switch a.Key {
	case "mid":
		s.Mid = a.Value
	case "content":
		s.Slides = strings.Contains(a.Value, "slides")
	case "extmap":
		if len(f) >= 2 {
			id, _, _ := strings.Cut(f[0], "/")
			if n, err := strconv.Atoi(id); err == nil && n > 0 && n < 256 {
				s.Exts[f[1]] = uint8(n)
			}
		}
	case "rid":
		if len(f) >= 2 && f[1] == "send" && len(s.Rids) < maxRids && token(f[0]) {
			s.Rids = append(s.Rids, f[0])
		}
	case "ssrc":
		if len(f) > 0 {
			s.addSSRC(f[0])
		}
	case "ssrc-group":
		if len(f) == 3 && f[0] == "FID" {
			of, err1 := strconv.ParseUint(f[1], 10, 32)
			by, err2 := strconv.ParseUint(f[2], 10, 32)
			if err1 == nil && err2 == nil {
				s.Repairs[uint32(by)] = uint32(of)
			}
		}
	default:
		s.direction(a.Key)
	}
}

func (s *Section) addSSRC(text string) {
	v, err := strconv.ParseUint(text, 10, 32)
	if err != nil || len(s.SSRCs) >= 2*maxRids {
		return
	}
	for _, x := range s.SSRCs {
		if x == uint32(v) {
			return
		}
	}
	s.SSRCs = append(s.SSRCs, uint32(v))
}

// codecs keeps the client's order.
func (s *Section) codecs(m *sdp.MediaDescription) {
	maps, fmtps, fb := map[int]string{}, map[int]string{}, map[int][]string{}
	for _, a := range m.Attributes {
		pt, rest, _ := strings.Cut(a.Value, " ")
		n, err := strconv.Atoi(pt)
		if err != nil && pt != "*" {
			continue
		}
		switch a.Key {
		case "rtpmap":
			maps[n] = strings.ToLower(rest)
		case "fmtp":
			fmtps[n] = rest
		case "rtcp-fb":
			if pt == "*" {
				n = -1
			}
			fb[n] = append(fb[n], rest)
		}
	}
	rtx := map[int]uint8{}
	for pt, name := range maps {
		if apt, ok := strings.CutPrefix(fmtps[pt], "apt="); ok && name == "rtx/90000" {
			of, err := strconv.Atoi(apt)
			if err == nil && pt >= 0 && pt < 128 {
				rtx[of] = uint8(pt)
			}
		}
	}
	for _, f := range m.MediaName.Formats {
		pt, err := strconv.Atoi(f)
		if err != nil || pt < 0 || pt > 127 {
			continue
		}
		c, ok := codec(maps[pt], fmtps[pt])
		if !ok || c.Codec.Video() != (s.Kind == Video) {
			continue
		}
		c.Type, c.Fmtp, c.RTX = uint8(pt), fmtps[pt], rtx[pt]
		for _, x := range append(fb[pt], fb[-1]...) {
			c.feedback(x)
		}
		s.Codecs = append(s.Codecs, c)
	}
}

func (c *Codec) feedback(x string) {
	switch x {
	case "nack":
		c.NACK = true
	case "nack pli":
		c.PLI = true
	case "ccm fir":
		c.FIR = true
	case "transport-cc":
		c.Wide = true
	}
}

// codec knows what can be forwarded. Of H.264 only packetization-mode 1, of VP9 only profile 0: what every browser decodes.
func codec(name, fmtp string) (Codec, bool) {
	switch name {
	case "opus/48000/2":
		return Codec{Codec: packet.Opus}, true
	case "red/48000/2":
		return Codec{Codec: packet.Opus, RED: true}, true
	case "vp8/90000":
		return Codec{Codec: packet.VP8}, true
	case "h264/90000":
		return Codec{Codec: packet.H264}, strings.Contains(fmtp, "packetization-mode=1")
	case "vp9/90000":
		return Codec{Codec: packet.VP9}, !strings.Contains(fmtp, "profile-id=") || strings.Contains(fmtp, "profile-id=0")
	case "av1/90000":
		return Codec{Codec: packet.AV1}, true
	}
	return Codec{}, false
}

// ParseFragment reads ICE credentials out of a trickle-ice-sdpfrag (RFC 8840), and its first section, if it has one: ours answers in the
// same.
func ParseFragment(text string) (l Local, err error) {
	if len(text) > MaxBytes {
		return l, fmt.Errorf("%w: too long", ErrRefused)
	}
	var first Section
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch {
		case name == "a=ice-ufrag":
			l.Ufrag = value
		case name == "a=ice-pwd":
			l.Pwd = value
		case name == "a=mid" && first.Mid == "":
			first.Mid = value
		case strings.HasPrefix(line, "m=") && first.Kind == "":
			first.Kind, _, _ = strings.Cut(strings.TrimPrefix(line, "m="), " ")
		}
	}
	if len(l.Ufrag) < 4 || len(l.Pwd) < 22 || len(l.Ufrag) > 256 || len(l.Pwd) > 256 {
		return l, fmt.Errorf("%w: ICE credentials", ErrRefused)
	}
	if first.Kind != "" && first.Mid != "" && token(first.Kind) && token(first.Mid) {
		l.Sections = []LocalSection{{Section: first}}
	}
	return l, nil
}
