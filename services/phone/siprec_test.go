package phone

import (
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
)

func TestSIPREC(t *testing.T) {
	for _, c := range []struct{ name, params, boundary string }{
		{"UDP", "", "plain"},
		{"TCP, quoted boundary", ";transport=tcp", "=_a b:c?"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, "SAMTALE_EXTENSIONS=1234=anna")
			d := w.dialer(dialer.Config{})
			r, err := d.Record(t.Context(), dialer.RecordOptions{
				To: w.uri("recorder") + c.params, Boundary: c.boundary,
				Speakers: []dialer.Speaker{{AOR: "sip:1234@pbx.example", Name: "Anna"}, {AOR: "sip:+4512345678@pbx.example", Name: "Bo & Co"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			id := r.ConversationID
			r.Play(0, tone(440, time.Second))
			w.until("the desk shows both legs", func() bool {
				l, err := ask[callv1.ListReply](w, callv1.ListSubject, callv1.ListRequest{})
				return err == nil && len(l.Calls) == 1 && l.Calls[0].Caseworker == "anna" && len(l.Calls[0].Legs) == 2 && l.Calls[0].Party.Name == "Bo & Co"
			})
			w.until("the caseworker is heard", func() bool { return w.loud(callv1.RoleCaseworker) > 1 })
			if s := w.loud(callv1.RoleCitizen); s != 0 {
				t.Errorf("the citizen's leg has %.1f s of the caseworker's voice", s)
			}
			if err := r.Pause(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			w.inState(id, callv1.StateHeld)
			r.Play(1, tone(500, time.Second))
			if err := r.Pause(t.Context(), false); err != nil {
				t.Fatal(err)
			}
			w.until("the citizen is heard", func() bool { return w.loud(callv1.RoleCitizen) > 0.5 })
			if err := r.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.until("both channels lie on the same clock", func() bool {
				citizen, caseworker := w.length(callv1.RoleCitizen), w.length(callv1.RoleCaseworker)
				return max(citizen, caseworker)-min(citizen, caseworker) <= 1600
			})
			w.hangUp(r)
			e := w.endOf(id)
			if e.Channel != callv1.ChannelSIPREC || !e.Transcribed || len(e.Legs) != 2 {
				t.Fatalf("ended: %+v", e)
			}
			for _, l := range e.Legs {
				w.complete(l)
			}
		})
	}
}

// loudIn is how many seconds of a conversation's legs are loud.
func (w *world) loudIn(conversation string) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0.0
	for _, l := range w.legs {
		if l.attach.ConversationID == conversation {
			n += l.seconds()
		}
	}
	return n
}

// loud is how many seconds of a role's leg are loud.
func (w *world) loud(role string) float64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.legs {
		if l.attach.Role == role {
			return l.seconds()
		}
	}
	return 0
}

// length of a role's leg in samples, as the worker has it.
func (w *world) length(role string) int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.legs {
		if l.attach.Role == role {
			return l.end()
		}
	}
	return 0
}

// recordBody is what a recording client sends: parts in the order given.
func recordBody(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		typ := "application/sdp"
		if strings.HasPrefix(p, "<") {
			typ = "application/rs-metadata+xml"
		}
		b.WriteString("--b\r\nContent-Type: " + typ + "\r\n\r\n" + p + "\r\n")
	}
	return b.String() + "--b--\r\n"
}

func twoStreams(dir string) string {
	s := "v=0\r\no=sbc 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
	for i, port := range []string{"9100", "9102"} {
		s += "m=audio " + port + " RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=label:" + string(rune('1'+i)) + "\r\na=" + dir + "\r\n"
	}
	return s
}

func TestSIPRECUpdates(t *testing.T) {
	w := start(t, "SAMTALE_EXTENSIONS=1234=anna")
	r := w.raw()
	multi := "Content-Type: multipart/mixed;boundary=b"
	a := r.setup("srs", recordBody(twoStreams("sendonly")), multi, "Require: siprec", "Supported: timer", "Session-Expires: 1800;refresher=uac")
	id := a.h.Get("X-Samtale-Conversation")
	if n := strings.Count(a.body, "a=recvonly"); n != 2 || !strings.Contains(a.body, "a=label:2") || !strings.Contains(a.h.Get("Contact"), "+sip.srs") {
		t.Errorf("200: Contact %s\n%s", a.h.Get("Contact"), a.body)
	}
	r.ack("srs", "")
	meta := `<recording><participant participant_id="p"><nameID aor="sip:1234@x"/></participant></recording>`
	r.request("UPDATE", "srs", recordBody(meta), multi)
	if a := r.final("UPDATE"); a.code != 200 || a.body != "" {
		t.Errorf("metadata alone by UPDATE: %s\n%s", a.line, a.body)
	}
	w.until("the call is at the extension's desk", func() bool {
		c, err := ask[callv1.Call](w, callv1.CheckSubject, callv1.CheckRequest{ConversationID: id})
		return err == nil && c.Caseworker == "anna"
	})
	for _, c := range []struct{ method, dir, want string }{
		{"UPDATE", "inactive", "a=inactive"}, {"INVITE", "sendonly", "a=recvonly"}, {"INVITE", "inactive", "a=inactive"}, {"UPDATE", "sendonly", "a=recvonly"},
	} {
		r.request(c.method, "srs", recordBody(meta, twoStreams(c.dir)), multi)
		a := r.final(c.method)
		if a.code != 200 || strings.Count(a.body, c.want) != 2 {
			t.Errorf("%s %s: %s\n%s", c.method, c.dir, a.line, a.body)
		}
		if c.method == "INVITE" {
			r.ack("srs", "")
		}
	}
	r.request("INVITE", "srs", recordBody("<recording"), multi) // metadata that is cut off
	if a := r.final("INVITE"); a.code != 200 || !strings.Contains(a.body, "m=audio") {
		t.Errorf("re-INVITE with metadata alone: %s", a.line)
	}
	r.ack("srs", "")
	r.bye("srs")
	if e := w.endOf(id); len(e.Legs) != 2 || e.Caseworker != "anna" {
		t.Errorf("ended: %+v", e)
	}
}

func TestRecordedCallWithdrawnOnTheWeb(t *testing.T) {
	w := start(t, "SAMTALE_EXTENSIONS=1234=anna")
	d := w.dialer(dialer.Config{})
	r, err := d.Record(t.Context(), dialer.RecordOptions{
		To: w.uri("recorder"), Boundary: "b",
		Speakers: []dialer.Speaker{{AOR: "sip:1234@pbx.example"}, {AOR: "sip:+4512345678@pbx.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Play(1, tone(440, time.Second))
	w.until("the citizen is heard", func() bool { return w.loud(callv1.RoleCitizen) > 0.5 })
	w.onTheWeb(r.ConversationID, false, time.Now())
	w.until("masked", func() bool { return w.masked(callv1.RoleCitizen) && w.masked(callv1.RoleCaseworker) })
	w.control(r.ConversationID, "anna", callv1.ActionPause, "")
	w.control(r.ConversationID, "anna", callv1.ActionContinue, "") // ends the pause, not the no
	loud := w.loud(callv1.RoleCitizen)
	_, before := w.taken()
	w.until("a second passes", func() bool { _, n := w.taken(); return n-before > 2*16000 })
	if now := w.loud(callv1.RoleCitizen); now > loud+0.2 {
		t.Errorf("%.1f s were taken after the withdrawal", now-loud)
	}
	w.hangUp(r)
	w.endOf(r.ConversationID)
}
