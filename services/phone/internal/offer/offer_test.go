package offer

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/media/rtt"
)

var all = []rtpx.Codec{rtpx.Opus, rtpx.G722, rtpx.PCMA, rtpx.PCMU}

func describe(lines ...string) []byte {
	return []byte("v=0\r\no=- 1 7 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n" + strings.Join(lines, "\r\n") + "\r\n")
}

func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name  string
		lines []string
		codec rtpx.Codec
		event uint8
		dir   Dir
		err   error
	}{
		{"their order counts", []string{"m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000"}, rtpx.PCMU, 101, SendRecv, nil},
		{"static types without rtpmap", []string{"m=audio 4000 RTP/AVP 18 9"}, rtpx.G722, 0, SendRecv, nil},
		{"opus with the events of its clock", []string{
			"m=audio 4000 RTP/AVP 107 101 102", "a=rtpmap:107 opus/48000/2",
			"a=rtpmap:101 telephone-event/8000", "a=rtpmap:102 telephone-event/48000",
		}, rtpx.Opus, 102, SendRecv, nil},
		{"PCMA at another rate is another codec", []string{"m=audio 4000 RTP/AVP 97", "a=rtpmap:97 PCMA/16000"}, 0, 0, 0, ErrCodec},
		{"G.729 only", []string{"m=audio 4000 RTP/AVP 18"}, 0, 0, 0, ErrCodec},
		{"video", []string{"m=video 4000 RTP/AVP 96"}, 0, 0, 0, ErrAudio},
		{"port 0", []string{"m=audio 0 RTP/AVP 8"}, 0, 0, 0, ErrAudio},
		{"SRTP without key", []string{"m=audio 4000 RTP/SAVP 8"}, 0, 0, 0, ErrSRTP},
		{"fax beside audio", []string{"m=image 4002 udptl t38", "m=audio 4000 RTP/AVP 8"}, rtpx.PCMA, 0, SendRecv, nil},
		{"hold at session level", []string{"a=sendonly", "m=audio 4000 RTP/AVP 8"}, rtpx.PCMA, 0, Recv, nil},
		{"media level counts more", []string{"a=sendonly", "m=audio 4000 RTP/AVP 8", "a=inactive"}, rtpx.PCMA, 0, Inactive, nil},
		{"RFC 2543 hold", []string{"m=audio 4000 RTP/AVP 8", "c=IN IP4 0.0.0.0"}, rtpx.PCMA, 0, Recv, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse(describe(c.lines...))
			if err != nil {
				t.Fatal(err)
			}
			_, ch, err := s.Audio(all)
			if !errors.Is(err, c.err) {
				t.Fatalf("err = %v", err)
			}
			if err == nil && (ch.Send.Codec != c.codec || ch.Event.Type != c.event || ch.Dir != c.dir) {
				t.Errorf("chose %+v", ch)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	s, err := Parse(describe("m=audio 4000 RTP/AVP 8", "c=IN IP6 2001:db8::1", "a=rtcp:4009", "m=audio 5000 RTP/AVP 8", "a=rtcp-mux", "a=label: 2 "))
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]string{{"[2001:db8::1]:4000", "[2001:db8::1]:4009"}, {"192.0.2.1:5000", "192.0.2.1:5000"}}
	for i, st := range s.Streams {
		if diff := cmp.Diff(want[i], [2]string{st.RTP.String(), st.RTCP.String()}); diff != "" {
			t.Error(diff)
		}
	}
	if s.Streams[1].Label != "2" || s.Version != 7 {
		t.Errorf("label %q, version %d", s.Streams[1].Label, s.Version)
	}
}

// TestAddressOfMany: sound goes to nobody's group, whatever an offer says. It goes to where theirs comes from.
func TestAddressOfMany(t *testing.T) {
	for _, c := range []string{"IP4 255.255.255.255", "IP4 239.1.2.3/127", "IP4 224.0.0.1", "IP6 ff02::1", "IP6 ::ffff:255.255.255.255", "IP4 nowhere"} {
		s, err := Parse(describe("m=audio 4000 RTP/AVP 8", "c=IN "+c))
		if err != nil {
			t.Fatal(err)
		}
		if a := s.Streams[0].RTP.Addr(); !a.IsUnspecified() {
			t.Errorf("%s: sound goes to %s", c, a)
		}
	}
}

func TestAnswerKeepsEveryLine(t *testing.T) {
	key, err := rtpx.NewCrypto(1, "AES_CM_128_HMAC_SHA1_80")
	if err != nil {
		t.Fatal(err)
	}
	remote, err := Parse(describe("m=video 4002 RTP/AVP 96", "m=audio 4000 RTP/SAVP 8 101", "a=rtpmap:101 telephone-event/8000",
		"a=crypto:"+key.Value(), "a=sendonly", "m=application 9 TCP/MRCPv2 1"))
	if err != nil {
		t.Fatal(err)
	}
	i, ch, err := remote.Audio(all)
	if err != nil || i != 1 || ch.Crypto == nil || ch.Crypto.Value() != key.Value() {
		t.Fatalf("%d, %+v, %v", i, ch, err)
	}
	lines := make([]*Line, 3)
	lines[1] = &Line{Port: 20000, Formats: ch.Recv, Dir: ch.Dir, Crypto: &key}
	b := Write(NewOrigin(), netip.MustParseAddr("192.0.2.9"), remote, lines)
	back, err := Parse(b)
	if err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if len(back.Streams) != 3 || back.Streams[0].RTP.Port() != 0 || back.Streams[2].RTP.Port() != 0 {
		t.Errorf("lines:\n%s", b)
	}
	a := back.Streams[1]
	if a.RTP.String() != "192.0.2.9:20000" || a.Dir != Recv || !a.Secure() || len(a.Crypto) != 1 || len(a.Formats) != 2 {
		t.Errorf("answer:\n%s", b)
	}
}

func TestOfferIsUnderstood(t *testing.T) {
	b := Write(NewOrigin(), netip.MustParseAddr("2001:db8::9"), nil, []*Line{{Port: 20000, Formats: Offered(all), Dir: SendRecv, Label: "1"}})
	s, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		_, ch, err := s.Audio([]rtpx.Codec{c})
		if err != nil || ch.Send.Codec != c || ch.Event.Codec != rtpx.Event {
			t.Errorf("%s: %+v, %v", c, ch, err)
		}
	}
}

func TestRealTimeText(t *testing.T) {
	const audio = "m=audio 4000 RTP/AVP 8"
	types := []string{"a=rtpmap:98 t140/1000", "a=rtpmap:100 red/1000"}
	for _, c := range []struct {
		name  string
		lines []string
		want  rtt.Format // zero: turned down
		dir   Dir
		line  string // of the answer
	}{
		{"none", []string{audio}, rtt.Format{}, 0, ""},
		{
			"red", append([]string{audio, "m=text 4002 RTP/AVP 100 98", "a=fmtp:100 98/98/98"}, types...),
			rtt.Format{Type: 98, Red: 100, Generations: 2, Rate: 30},
			SendRecv, "m=text 20002 RTP/AVP 100 98\r\n",
		},
		{
			"one generation, faster", append([]string{audio, "m=text 4002 RTP/AVP 100 98", "a=fmtp:100 98/98", "a=fmtp:98 cps=90"}, types...),
			rtt.Format{Type: 98, Red: 100, Generations: 1, Rate: 90},
			SendRecv, "m=text 20002 RTP/AVP 100 98\r\n",
		},
		{
			"plain, text first, on hold",
			[]string{"m=text 4002 RTP/AVP 98", "a=sendonly", "a=rtpmap:98 T140/1000", audio},
			rtt.Format{Type: 98, Rate: 30},
			Recv, "m=text 20002 RTP/AVP 98\r\n",
		},
		{"no t140", []string{audio, "m=text 4002 RTP/AVP 98", "a=rtpmap:98 lip/1000"}, rtt.Format{}, 0, "m=text 0 RTP/AVP 98\r\n"},
		{"port 0", append([]string{audio, "m=text 0 RTP/AVP 100 98"}, types...), rtt.Format{}, 0, "m=text 0 RTP/AVP 100 98\r\n"},
		{"a type that is not in the line", []string{audio, "m=text 4002 RTP/AVP 97", "a=rtpmap:98 t140/1000"}, rtt.Format{}, 0, "m=text 0 RTP/AVP 97\r\n"},
		{"SRTP without key", append([]string{audio, "m=text 4002 RTP/SAVP 100 98"}, types...), rtt.Format{}, 0, "m=text 0 RTP/SAVP 100 98\r\n"},
		{"not over RTP", []string{audio, "m=text 4002 TCP/MSRP *"}, rtt.Format{}, 0, "m=text 0 TCP/MSRP *\r\n"},
		{
			"bad rate", append([]string{audio, "m=text 4002 RTP/AVP 98", "a=fmtp:98 cps=-1"}, types[:1]...),
			rtt.Format{Type: 98, Rate: 30},
			SendRecv, "m=text 20002 RTP/AVP 98\r\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse(describe(c.lines...))
			if err != nil {
				t.Fatal(err)
			}
			at, ch, ok := s.RealTimeText()
			if ok != (c.want != rtt.Format{}) || ch.Format != c.want || ch.Dir != c.dir {
				t.Fatalf("%+v, %v", ch, ok)
			}
			place, audio, err := s.Audio(all)
			if err != nil {
				t.Fatal(err)
			}
			lines := make([]*Line, len(s.Streams))
			lines[place] = &Line{Port: 20000, Formats: audio.Recv, Dir: audio.Dir}
			if ok {
				lines[at] = &Line{Port: 20002, Text: &ch.Format, Dir: ch.Dir}
			}
			b := string(Write(NewOrigin(), netip.MustParseAddr("192.0.2.9"), s, lines))
			if !strings.Contains(b, c.line) {
				t.Errorf("answer:\n%s", b)
			}
			back, err := Parse([]byte(b))
			if err != nil {
				t.Fatal(err)
			}
			if _, again, is := back.RealTimeText(); is != ok || again.Format.Type != c.want.Type || again.Format.Generations != c.want.Generations {
				t.Errorf("the answer is understood as %+v", again)
			}
		})
	}
}

func TestDirReverse(t *testing.T) {
	for d, want := range map[Dir]Dir{Inactive: Inactive, Send: Recv, Recv: Send, SendRecv: SendRecv} {
		if got := d.Reverse(); got != want {
			t.Errorf("%s: %s", d, got)
		}
	}
}

func TestBadDescriptions(t *testing.T) {
	for name, b := range map[string]string{
		"empty": "", "rubbish": "hello", "too long": string(describe()) + strings.Repeat("a=x\r\n", 4000),
		"too many lines": string(describe(strings.Split(strings.Repeat("m=audio 1 RTP/AVP 8;", 17), ";")[:17]...)),
	} {
		if _, err := Parse([]byte(b)); !errors.Is(err, ErrSDP) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(describe("m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000", "a=sendonly"))
	f.Add(describe("m=audio 4000 RTP/SAVP 9", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA", "a=rtcp:1", "c=IN IP4 0.0.0.0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := Parse(b)
		if err != nil {
			return
		}
		i, c, err := s.Audio(all)
		if err != nil {
			return
		}
		lines := make([]*Line, len(s.Streams))
		lines[i] = &Line{Port: 20000, Formats: c.Recv, Dir: c.Dir}
		back, err := Parse(Write(NewOrigin(), netip.MustParseAddr("192.0.2.9"), s, lines))
		if err != nil {
			t.Fatalf("our own answer is not understood: %v", err)
		}
		if len(back.Streams) != len(s.Streams) {
			t.Fatalf("%d lines answer %d", len(back.Streams), len(s.Streams))
		}
	})
}
