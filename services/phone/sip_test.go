package phone

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
)

const user = "borgerservice"

func TestRefusals(t *testing.T) {
	w := start(t)
	ok := sdp("127.0.0.1", 9000, "")
	for _, c := range []struct {
		name   string
		method string
		user   string
		body   string
		hs     []string
		code   int
		header string // name: part of value
	}{
		{"no such number", "INVITE", "9999", ok, nil, 404, ""},
		{"unknown extension", "INVITE", user, ok, []string{"Require: foo"}, 420, "Unsupported: foo"},
		{"other body", "INVITE", user, "hej", []string{"Content-Type: text/plain"}, 415, "Accept: application/sdp"},
		{"unreadable SDP", "INVITE", user, "v=0\r\nhej\r\n", nil, 488, "Warning: description"},
		{"no common codec", "INVITE", user, strings.NewReplacer("8 101", "18", "rtpmap:8 PCMA", "rtpmap:18 G729", "a=rtpmap:101 telephone-event/8000\r\n", "").Replace(ok), nil, 488, "Warning: codec"},
		{"video only", "INVITE", user, strings.Replace(ok, "m=audio", "m=video", 1), nil, 488, "Warning: audio"},
		{"SRTP without a key", "INVITE", user, strings.Replace(ok, "RTP/AVP", "RTP/SAVP", 1), nil, 488, "Warning: key"},
		{"session too short", "INVITE", user, ok, []string{"Session-Expires: 30", "Supported: timer"}, 422, "Min-Se: 90"},
		{"no From tag", "INVITE", user, ok, []string{"From: <sip:a@b>"}, 400, "Warning: From"},
		{"no Contact", "INVITE", user, ok, []string{"Contact:"}, 400, "Warning: Contact"},
		{"no To", "INVITE", user, ok, []string{"To:"}, 400, ""},
		{"no Call-ID", "INVITE", user, ok, []string{"Call-ID:"}, 400, ""},
		{"CSeq of another method", "INVITE", user, ok, []string{"CSeq: 5 BYE"}, 400, ""},
		{"in no dialog", "INVITE", user, ok, []string{"To: <sip:a@b>;tag=nope"}, 481, ""},
		{"BYE in no dialog", "BYE", user, "", []string{"To: <sip:a@b>;tag=nope"}, 481, ""},
		{"UPDATE in no dialog", "UPDATE", user, "", []string{"To: <sip:a@b>;tag=nope"}, 481, ""},
		{"CANCEL of nothing", "CANCEL", user, "", nil, 481, ""},
		{"REGISTER", "REGISTER", user, "", nil, 405, "Allow: INVITE"},
		{"SUBSCRIBE", "SUBSCRIBE", user, "", nil, 405, "Allow: PRACK"},
		{"a method nobody knows", "HELLO", user, "", nil, 405, ""},
		{"OPTIONS", "OPTIONS", user, "", nil, 200, "Supported: siprec"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w.t = t
			r := w.raw()
			r.request(c.method, c.user, c.body, c.hs...)
			a := r.next("a final answer", func(a answer) bool { return a.code >= 200 })
			if a.code != c.code {
				t.Errorf("answer %s, want %d", a.line, c.code)
			}
			name, part, _ := strings.Cut(c.header, ": ")
			if name != "" && !strings.Contains(a.h.Get(name), part) {
				t.Errorf("%s: %q, want %q", name, a.h.Get(name), part)
			}
		})
	}
}

func TestRubbishIsSurvived(t *testing.T) {
	w := start(t)
	r := w.raw()
	for _, m := range []string{
		"\x00", "\r\n\r\n", "INVITE", "INVITE sip:a SIP/2.0\r\n\r\n", "SIP/2.0 200 OK\r\n\r\n",
		"INVITE sip:x@y SIP/2.0\r\nVia: \r\nCSeq: x\r\n\r\n",
		"INVITE sip:x@y SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=\r\nContent-Length: 99999999\r\n\r\n",
		strings.Repeat("A", 60000),
		r.message("INVITE", user, strings.Repeat("m=audio 1 RTP/AVP 8\r\n", 2000)),
	} {
		r.write(m)
	}
	tc, err := net.Dial("tcp", w.sip)
	if err != nil {
		t.Fatal(err)
	}
	tc.Write([]byte("INVITE sip:x SIP/2.0\r\nContent-Length: -5\r\n\r\nGET / HTTP/1.1\r\n\r\n"))
	tc.Close()
	fresh := w.raw()
	fresh.request("OPTIONS", user, "")
	if a := fresh.final("OPTIONS"); a.code != 200 {
		t.Errorf("afterwards: %s", a.line)
	}
	c := w.call(w.dialer(dialer.Config{}), user)
	c.HangUp(t.Context())
}

func TestHoldIsAnsweredRightly(t *testing.T) {
	w := start(t)
	r := w.raw()
	a := r.setup(user, sdp("127.0.0.1", 9000, ""))
	if d := direction(a.body); d != "sendrecv" {
		t.Errorf("first answer: %s", d)
	}
	if !strings.Contains(a.body, "telephone-event") || a.h.Get("X-Samtale-Conversation") == "" {
		t.Errorf("200:\n%s", a.body)
	}
	r.ack(user, "")
	for _, c := range []struct{ name, addr, dir, want string }{
		{"sendonly", "127.0.0.1", "sendonly", "recvonly"},
		{"inactive", "127.0.0.1", "inactive", "inactive"},
		{"recvonly", "127.0.0.1", "recvonly", "sendonly"},
		{"resume", "127.0.0.1", "sendrecv", "sendrecv"},
		{"RFC 2543 hold", "0.0.0.0", "", "recvonly"},
		{"resume without attribute", "127.0.0.1", "", "sendrecv"},
	} {
		r.request("INVITE", user, sdp(c.addr, 9000, c.dir))
		a := r.final("INVITE")
		if a.code != 200 || direction(a.body) != c.want {
			t.Errorf("%s: %s, %s, want %s", c.name, a.line, direction(a.body), c.want)
		}
		r.ack(user, "")
		r.request("UPDATE", user, sdp(c.addr, 9000, c.dir))
		if a := r.final("UPDATE"); a.code != 200 || direction(a.body) != c.want {
			t.Errorf("%s by UPDATE: %s, %s, want %s", c.name, a.line, direction(a.body), c.want)
		}
	}
	r.request("INVITE", user, strings.Replace(sdp("127.0.0.1", 9000, ""), "RTP/AVP 8 101", "RTP/AVP 99", 1))
	if a := r.final("INVITE"); a.code != 488 {
		t.Errorf("re-INVITE with another codec: %s", a.line)
	}
	r.ack(user, "")
	r.bye(user) // the call has survived the refusal
}

func TestLateOffer(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	r := w.raw()
	a := r.setup(user, "")
	if !strings.Contains(a.body, "m=audio") || !strings.Contains(a.body, "PCMA/8000") {
		t.Fatalf("no offer in the 200:\n%s", a.body)
	}
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer pc.Close()
	r.ack(user, sdp("127.0.0.1", pc.LocalAddr().(*net.UDPAddr).Port, "sendrecv"))
	pc.SetReadDeadline(time.Now().Add(time.Minute))
	buf := make([]byte, 1500)
	n, _, err := pc.ReadFrom(buf)
	if err != nil || n != 172 || buf[1]&0x7f != 8 {
		t.Errorf("no PCMA after the answer in the ACK: %d bytes, %v", n, err)
	}
	r.request("INVITE", user, "") // late offer in a re-INVITE
	if a := r.final("INVITE"); a.code != 200 || !strings.Contains(a.body, "m=audio") {
		t.Errorf("re-INVITE without offer: %s", a.line)
	}
	r.ack(user, sdp("127.0.0.1", 9000, "sendrecv"))
	r.bye(user)
}

func TestRetransmissionsAndMergedRequests(t *testing.T) {
	w := start(t)
	r := w.raw()
	m := r.request("INVITE", user, sdp("127.0.0.1", 9000, ""))
	r.write(m) // a retransmission: the same transaction
	a := r.final("INVITE")
	r.tagOf(a)
	again := r.final("INVITE") // no ACK yet: the 200 is repeated
	if again.h.Get("To") != a.h.Get("To") || again.body != a.body {
		t.Error("the repeated 200 is another one")
	}
	r.ack(user, "")
	copyOf := strings.Replace(m, "branch=z9hG4bK", "branch=z9hG4bKother", 1)
	r.write(copyOf)
	merged := r.next("an answer to the copy", func(a answer) bool { return a.code >= 200 && strings.Contains(a.h.Get("Via"), "z9hG4bKother") })
	if merged.code != 482 {
		t.Errorf("merged request: %s", merged.line)
	}
	w.until("there is one call", func() bool {
		l, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{})
		return err == nil && len(l.Calls) == 1
	})
	r.bye(user)
	id := a.h.Get("X-Samtale-Conversation")
	w.endOf(id)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.started) != 1 {
		t.Errorf("%d conversations were begun", len(w.started))
	}
}

func TestCancelRace(t *testing.T) {
	w := start(t)
	for range 10 {
		r := w.raw()
		// 100rel without a PRACK keeps the INVITE open long enough to be cancelled.
		r.request("INVITE", user, sdp("127.0.0.1", 9000, ""), "Supported: 100rel")
		r.provisional(180)
		r.request("CANCEL", user, "", "Contact:")
		codes := map[string]int{}
		for len(codes) < 2 {
			a := r.next("final answers to INVITE and CANCEL", func(a answer) bool { return a.code >= 200 })
			_, method, _ := strings.Cut(a.h.Get("Cseq"), " ")
			codes[method] = a.code
		}
		if codes["CANCEL"] != 200 || codes["INVITE"] != 487 {
			t.Errorf("answers: %v", codes)
		}
		r.write(r.message("ACK", user, ""))
	}
	// Crossing CANCEL and 200: whoever wins, no call stays behind.
	for range 20 {
		r := w.raw()
		r.request("INVITE", user, sdp("127.0.0.1", 9000, ""))
		r.request("CANCEL", user, "", "Contact:")
		a := r.final("INVITE")
		switch a.code {
		case 200:
			r.tagOf(a)
			r.ack(user, "")
			r.bye(user)
		case 487:
		default:
			t.Errorf("INVITE: %s", a.line)
		}
	}
	w.until("no calls are left", func() bool {
		l, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{})
		return err == nil && len(l.Calls) == 0
	})
}

func TestReliableProvisional(t *testing.T) {
	w := start(t)
	r := w.raw()
	r.request("INVITE", user, sdp("127.0.0.1", 9000, ""), "Require: 100rel")
	ringing := r.provisional(180)
	if ringing.h.Get("Rseq") == "" || !strings.Contains(ringing.h.Get("Require"), "100rel") {
		t.Fatalf("180: %v", ringing.h)
	}
	if again := r.provisional(180); again.h.Get("Rseq") != ringing.h.Get("Rseq") {
		t.Errorf("the repeated 180 is another one: %v", again.h)
	}
	invite := r.cseq
	r.tagOf(ringing)
	r.request("PRACK", user, "", "RAck: 999 1 INVITE")
	if a := r.final("PRACK"); a.code != 481 {
		t.Errorf("PRACK of another answer: %s", a.line)
	}
	r.request("PRACK", user, "", "RAck: "+ringing.h.Get("Rseq")+" 1 INVITE")
	if a := r.final("PRACK"); a.code != 200 {
		t.Errorf("PRACK: %s", a.line)
	}
	if a := r.finalOf(invite, "INVITE"); a.code != 200 {
		t.Fatalf("INVITE: %s", a.line)
	}
	r.cseq, invite = invite, r.cseq
	r.ack(user, "")
	r.cseq = invite
	r.bye(user)
}

func TestSessionTimers(t *testing.T) {
	w := start(t)
	t.Run("they refresh", func(t *testing.T) {
		w.t = t
		r := w.raw()
		a := r.setup(user, sdp("127.0.0.1", 9000, ""), "Supported: timer", "Session-Expires: 120;refresher=uac", "Min-SE: 90")
		if se := a.h.Get("Session-Expires"); se != "120;refresher=uac" || !strings.Contains(a.h.Get("Require"), "timer") {
			t.Errorf("Session-Expires %q, Require %q", se, a.h.Get("Require"))
		}
		r.ack(user, "")
		r.request("UPDATE", user, "", "Supported: timer", "Session-Expires: 100;refresher=uac")
		if a := r.final("UPDATE"); a.code != 200 || a.h.Get("Session-Expires") != "100;refresher=uac" || a.body != "" {
			t.Errorf("refresh: %s %q", a.line, a.h.Get("Session-Expires"))
		}
		r.bye(user)
	})
	t.Run("we refresh", func(t *testing.T) {
		w.t = t
		r := w.raw()
		a := r.setup(user, sdp("127.0.0.1", 9000, ""), "Supported: timer", "Session-Expires: 120;refresher=uas")
		if se := a.h.Get("Session-Expires"); se != "120;refresher=uas" {
			t.Errorf("Session-Expires %q", se)
		}
		r.ack(user, "")
		r.bye(user)
	})
	t.Run("they do not know timers", func(t *testing.T) {
		w.t = t
		r := w.raw()
		a := r.setup(user, sdp("127.0.0.1", 9000, ""))
		if se := a.h.Get("Session-Expires") + a.h.Get("Require"); se != "" {
			t.Errorf("timer headers for somebody who does not know them: %q", se)
		}
		r.ack(user, "")
		r.bye(user)
	})
}

func TestInfo(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	r := w.raw()
	a := r.setup(user, sdp("127.0.0.1", 9000, ""))
	id := a.h.Get("X-Samtale-Conversation")
	r.ack(user, "")
	w.asked(id)
	r.request("INFO", user, "Signal=1\r\nDuration=160\r\n", "Content-Type: application/dtmf-relay")
	if a := r.final("INFO"); a.code != 200 {
		t.Errorf("INFO: %s", a.line)
	}
	w.until("the yes is noted", func() bool {
		c, err := ask[callv1.Call](w, callv1.CheckSubject, callv1.CheckRequest{ConversationID: id})
		return err == nil && c.Transcribe != nil && *c.Transcribe
	})
	r.request("INFO", user, "<x/>", "Content-Type: application/other+xml")
	if a := r.final("INFO"); a.code != 415 {
		t.Errorf("INFO with another body: %s", a.line)
	}
	r.request("REFER", user, "", "Refer-To: <sip:elsewhere@example.org>")
	if a := r.final("REFER"); a.code != 603 && a.code != 403 { // by the state of the call, or by where to
		t.Errorf("REFER: %s", a.line)
	}
	r.bye(user)
}

func TestLimits(t *testing.T) {
	w := start(t, "SAMTALE_SIP_RATE=0.001", "SAMTALE_SIP_BURST=2", "SAMTALE_SIP_MAX_CALLS=500")
	for i := range 4 {
		r := w.raw()
		r.request("INVITE", user, sdp("127.0.0.1", 9000, ""))
		a := r.final("INVITE")
		if i < 2 {
			if a.code != 200 {
				t.Errorf("call %d: %s", i, a.line)
			}
			r.tagOf(a)
			r.ack(user, "")
			r.bye(user)
			continue
		}
		if a.code != 503 || a.h.Get("Retry-After") == "" {
			t.Errorf("call %d: %s, Retry-After %q", i, a.line, a.h.Get("Retry-After"))
		}
	}
}

func TestDigest(t *testing.T) {
	w := start(t, "SAMTALE_SIP_TRUNKS=192.0.2.0/24", "SAMTALE_SIP_DIGEST=trunk:secret")
	r := w.raw()
	r.request("INVITE", user, sdp("127.0.0.1", 9000, ""))
	a := r.final("INVITE")
	if a.code != 401 {
		t.Fatalf("without login: %s", a.line)
	}
	_, nonce, _ := strings.Cut(a.h.Get("Www-Authenticate"), `nonce="`)
	nonce, _, _ = strings.Cut(nonce, `"`)
	r.request("ACK", user, "")
	for _, c := range []struct {
		password string
		code     int
	}{{"wrong", 401}, {"secret", 200}, {"secret", 401}} { // the last has overheard the one before
		r.request("INVITE", user, sdp("127.0.0.1", 9000, ""), "Authorization: "+credentials("trunk", c.password, nonce, "sip:x@y"))
		a := r.final("INVITE")
		if a.code != c.code {
			t.Errorf("password %s: %s", c.password, a.line)
		}
		if stale := strings.Contains(a.h.Get("Www-Authenticate"), "stale=true"); stale != (c.code == 401 && c.password == "secret") {
			t.Errorf("password %s: the challenge is %q", c.password, a.h.Get("Www-Authenticate"))
		}
		r.tagOf(a)
		r.ack(user, "")
		if a.code == 200 {
			r.bye(user)
		}
		r.toTag = ""
	}
}

func credentials(name, password, nonce, uri string) string {
	sum := func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) }
	resp := sum(sum(name+":samtale:"+password) + ":" + nonce + ":" + sum("INVITE:"+uri))
	return `Digest username="` + name + `", realm="samtale", nonce="` + nonce + `", uri="` + uri + `", response="` + resp + `", algorithm=MD5`
}

func TestForeignAddress(t *testing.T) {
	w := start(t, "SAMTALE_SIP_TRUNKS=192.0.2.0/24")
	r := w.raw()
	r.request("INVITE", user, sdp("127.0.0.1", 9000, ""))
	if a := r.final("INVITE"); a.code != 403 {
		t.Errorf("from an address that is not listed: %s", a.line)
	}
}

func TestCodecsAndSRTP(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t))
	for _, c := range []struct {
		codec  rtpx.Codec
		secure bool
	}{{rtpx.PCMA, false}, {rtpx.PCMU, false}, {rtpx.G722, false}, {rtpx.Opus, false}, {rtpx.PCMA, true}, {rtpx.Opus, true}} {
		name := c.codec.String()
		if c.secure {
			name += " over SRTP"
		}
		t.Run(name, func(t *testing.T) {
			w.t = t
			d := w.dialer(dialer.Config{Codecs: []rtpx.Codec{c.codec}, Secure: c.secure})
			call := w.call(d, "besked")
			if call.Codec() != c.codec {
				t.Errorf("codec %s", call.Codec())
			}
			w.inState(call.ConversationID, callv1.StateMessage)
			w.until("announcement and tone are heard", func() bool { return loudest(call.Heard()) > -30 })
			call.Loop(tone(440, time.Second))
			w.until("the recogniser hears the caller", func() bool { return w.loudIn(call.ConversationID) > 0.3 })
			w.pressLast(call, "#")
			if e := w.endOf(call.ConversationID); e.Reason != "message-left" {
				t.Errorf("ended: %+v", e)
			}
		})
	}
}

// TestDrainIsTold: desks hear until when a call may go on while the process stops.
func TestDrainIsTold(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_DRAIN=10m")
	c := w.call(w.dialer(dialer.Config{}), user)
	w.inState(c.ConversationID, callv1.StateWaiting)
	told := make(chan time.Time, 1)
	sub, err := w.bus.NC.Subscribe(callv1.SnapshotTopic, func(m *nats.Msg) {
		var rep callv1.ListReply
		if json.Unmarshal(m.Data, &rep) != nil || len(rep.Calls) != 1 || rep.Calls[0].EndsBy.IsZero() {
			return
		}
		select {
		case told <- rep.Calls[0].EndsBy:
		default:
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Unsubscribe()
	if err := w.bus.NC.Flush(); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	before := time.Now()
	go func() { defer close(stopped); w.stop() }()
	select {
	case at := <-told:
		if d := at.Sub(before); d < 9*time.Minute || d > 30*time.Minute {
			t.Errorf("the call may go on for %v", d)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("nobody was told")
	}
	w.hangUp(c)
	<-stopped
}

func TestDrain(t *testing.T) {
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_DRAIN=500ms")
	c := w.call(w.dialer(dialer.Config{}), user)
	w.inState(c.ConversationID, callv1.StateWaiting)
	w.stop()
	if e := w.endOf(c.ConversationID); e.Reason != "drained" {
		t.Errorf("ended: %+v", e)
	}
	<-c.Ended()
}
