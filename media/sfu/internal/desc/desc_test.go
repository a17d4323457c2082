package desc

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/media/sfu/internal/packet"
)

const head = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"

const transport = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n" +
	"a=fingerprint:sha-256 00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:19:1A:1B:1C:1D:1E:1F\r\n"

// A Chrome-like offer, shortened.
const offer = head + "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9\r\n" + transport + `a=mid:0
a=sendonly
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=rtpmap:9 G722/8000
a=ssrc:11 cname:x
m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104
a=mid:1
a=sendonly
a=content:slides
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:103 H264/90000
a=fmtp:103 packetization-mode=0
a=rtpmap:104 H264/90000
a=fmtp:104 packetization-mode=1;profile-level-id=42e01f
a=rid:q send
a=rid:h send
a=simulcast:send q;h
a=ssrc-group:FID 21 22
a=ssrc:21 cname:x
a=ssrc:22 cname:x
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:2
a=sctp-port:5000
m=text 9 RTP/AVP 98
a=mid:3
`

func TestParse(t *testing.T) {
	r, err := Parse(offer)
	if err != nil {
		t.Fatal(err)
	}
	if r.Ufrag != "abcd" || r.Setup != "actpass" || r.Fingerprint[31] != 0x1f {
		t.Errorf("transport %+v", r)
	}
	want := []Section{
		{
			Mid: "0", Kind: Audio, Direction: "sendonly", SSRCs: []uint32{11}, Exts: map[string]uint8{ExtLevel: 1}, Repairs: map[uint32]uint32{},
			Codecs: []Codec{
				{Type: 111, Codec: packet.Opus, Fmtp: "minptime=10;useinbandfec=1", Wide: true},
				{Type: 63, Codec: packet.Opus, RED: true, Fmtp: "111/111"},
			},
		},
		{
			Mid: "1", Kind: Video, Direction: "sendonly", SSRCs: []uint32{21, 22}, Exts: map[string]uint8{}, Repairs: map[uint32]uint32{22: 21},
			Rids: []string{"q", "h"}, Slides: true,
			Codecs: []Codec{
				{Type: 96, Codec: packet.VP8, RTX: 97, NACK: true, PLI: true},
				{Type: 104, Codec: packet.H264, Fmtp: "packetization-mode=1;profile-level-id=42e01f"},
			},
		},
		{Mid: "2", Kind: Data, Direction: "sendrecv", Exts: map[string]uint8{}, Repairs: map[uint32]uint32{}},
		{Mid: "3", Kind: "text", Direction: "sendrecv", Rejected: true, Exts: map[string]uint8{}, Repairs: map[uint32]uint32{}},
	}
	if diff := cmp.Diff(want, r.Sections); diff != "" {
		t.Error(diff)
	}
}

// In a bundle, Firefox gives a port to the first section alone.
func TestBundleOnly(t *testing.T) {
	r, err := Parse(strings.Replace(offer, "m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104\n", "m=video 0 UDP/TLS/RTP/SAVPF 96 97 103 104\na=bundle-only\n", 1))
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Sections[1]; s.Rejected || !s.Sends() {
		t.Errorf("%+v", s)
	}
	r, err = Parse(strings.Replace(offer, "m=video 9", "m=video 0", 1))
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Sections[1]; !s.Rejected {
		t.Errorf("%+v", s)
	}
}

// What we write can be read.
func TestWrite(t *testing.T) {
	r, err := Parse(offer)
	if err != nil {
		t.Fatal(err)
	}
	l := Local{ID: 1, Version: 2, Ufrag: "efgh", Pwd: strings.Repeat("p", 24), Fingerprint: r.Fingerprint, Setup: "passive", Candidates: []string{"1 1 udp 1 127.0.0.1 5 typ host"}}
	for _, s := range r.Sections {
		l.Sections = append(l.Sections, LocalSection{Section: s, Offer: s.Kind == Video, SSRC: 5, RTX: 6, Stream: "a", Track: "b"})
	}
	text := l.String()
	again, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if again.Ufrag != "efgh" || again.Setup != "passive" || again.Fingerprint != r.Fingerprint {
		t.Errorf("transport %+v", again)
	}
	for i, s := range again.Sections {
		if diff := cmp.Diff(r.Sections[i].Codecs, s.Codecs); diff != "" {
			t.Error(diff)
		}
	}
	for _, want := range []string{"a=simulcast:recv q;h\r\n", "a=rid:q recv\r\n", "a=ssrc-group:FID 5 6\r\n", "a=msid:a b\r\n", "a=ice-lite\r\n", "m=text 0 "} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty":          "",
		"rubbish":        "hello",
		"no sections":    head,
		"no ICE":         strings.ReplaceAll(offer, "a=ice-ufrag:abcd\r\n", ""),
		"no fingerprint": strings.ReplaceAll(offer, "a=fingerprint:sha-256", "a=fingerprint:sha-1"),
		"too long":       strings.Repeat("a", MaxBytes+1),
		"same mid":       strings.ReplaceAll(offer, "a=mid:1", "a=mid:0"),
		"mid":            strings.ReplaceAll(offer, "a=mid:1", "a=mid:0/1"),
		"many sections":  offer + strings.Repeat("m=audio 9 RTP/AVP 0\r\n", maxSections),
	} {
		if _, err := Parse(text); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFragment(t *testing.T) {
	l := Local{Ufrag: "abcdefgh", Pwd: strings.Repeat("p", 24), Candidates: []string{"x"}}
	got, err := ParseFragment(l.Fragment())
	if err != nil || got.Ufrag != l.Ufrag || got.Pwd != l.Pwd || got.Sections != nil {
		t.Errorf("%+v %v", got, err)
	}
	l.Sections = []LocalSection{{Section: Section{Kind: Audio, Mid: "0"}}, {Section: Section{Kind: Video, Mid: "1"}}}
	got, err = ParseFragment(l.Fragment())
	if err != nil || len(got.Sections) != 1 || got.Sections[0].Kind != Audio || got.Sections[0].Mid != "0" {
		t.Errorf("%+v %v", got, err)
	}
	for _, bad := range []string{"a=ice-ufrag:x", "a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n", strings.Repeat("a", MaxBytes+1)} {
		if _, err := ParseFragment(bad); !errors.Is(err, ErrRefused) {
			t.Errorf("%.40q: %v", bad, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(offer)
	f.Fuzz(func(t *testing.T, text string) {
		if l, err := ParseFragment(text); err == nil && strings.Count(l.Fragment(), "\nm=") != len(l.Sections) {
			t.Errorf("a section was lost or made up:\n%s", l.Fragment())
		}
		r, err := Parse(text)
		if err != nil {
			return
		}
		l := Local{Ufrag: r.Ufrag, Pwd: r.Pwd, Fingerprint: r.Fingerprint, Setup: "passive"}
		for _, s := range r.Sections {
			l.Sections = append(l.Sections, LocalSection{Section: s})
		}
		if strings.Count(l.String(), "\nm=") != len(r.Sections) {
			t.Errorf("a section was lost or made up:\n%s", l.String())
		}
	})
}
