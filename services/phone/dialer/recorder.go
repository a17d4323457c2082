package dialer

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"mime/multipart"
	"net/netip"
	"net/textproto"
	"strconv"
	"sync"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/phone/internal/offer"
	"samtale.dk/samtale/services/phone/internal/sipua"
)

// Speaker is one party of a call that is recorded.
type Speaker struct {
	AOR  string // e.g. sip:1234@pbx.example
	Name string
}

// RecordOptions describe a recording session (RFC 7866) from the side of the
// session border controller.
type RecordOptions struct {
	To       string
	Speakers []Speaker // each gets a stream, labels from 1 on
	// Boundary of the multipart body; empty: a usual one.
	Boundary string
}

// Recording is a recording session client.
type Recording struct {
	ConversationID string

	d        *Dialer
	opt      RecordOptions
	dialog   *sipua.Dialog
	origin   offer.Origin
	boundary string
	peer     string // host that is called
	ended    chan struct{}
	once     sync.Once

	mu   sync.Mutex
	legs []*rtpx.Leg
	dir  offer.Dir
}

// Record begins a recording session with one sendonly stream for each speaker.
func (d *Dialer) Record(ctx context.Context, o RecordOptions) (*Recording, error) {
	r := &Recording{d: d, opt: o, origin: offer.NewOrigin(), ended: make(chan struct{}), dir: offer.Send, boundary: o.Boundary}
	if r.boundary == "" {
		r.boundary = "samtale-recording"
	}
	var uri sip.Uri
	if err := sip.ParseUri(o.To, &uri); err != nil || uri.Host == "" {
		return nil, fmt.Errorf("%q is not a SIP address", o.To)
	}
	r.peer = uri.Host
	for range o.Speakers {
		leg, err := rtpx.NewLeg(rtpx.LegConfig{Ports: d.line.Ports, Local: d.line.Listen, Clock: d.clock, Log: d.cfg.Log})
		if err != nil {
			r.close()
			return nil, err
		}
		r.legs = append(r.legs, leg)
	}
	body, err := r.body("complete")
	if err != nil {
		r.close()
		return nil, err
	}
	a, err := d.ua.Dial(ctx, sipua.Outgoing{
		To: o.To, From: "sbc", Body: body, Peer: r,
		Headers: []sip.Header{sip.NewHeader("Require", "siprec")},
	})
	if err != nil {
		r.close()
		return nil, err
	}
	r.dialog = a.Dialog
	r.ConversationID = a.Header(sipua.ConversationName)
	if err := r.Answer(a.Body); err != nil {
		r.HangUp(ctx)
		return nil, err
	}
	return r, nil
}

// body is SDP and metadata.
func (r *Recording) body(mode string) (sipua.Body, error) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if err := w.SetBoundary(r.boundary); err != nil {
		return sipua.Body{}, err
	}
	for _, p := range []struct {
		typ  string
		data []byte
	}{{"application/sdp", r.sdp()}, {"application/rs-metadata+xml", r.metadata(mode)}} {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {p.typ}, "Content-Disposition": {disposition(p.typ)}})
		if err != nil {
			return sipua.Body{}, err
		}
		part.Write(p.data)
	}
	w.Close()
	return sipua.Body{Type: `multipart/mixed;boundary="` + r.boundary + `"`, Data: b.Bytes()}, nil
}

func disposition(typ string) string {
	if typ == "application/sdp" {
		return "session"
	}
	return "recording-session"
}

func (r *Recording) sdp() []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	var lines []*offer.Line
	for i, l := range r.legs {
		lines = append(lines, &offer.Line{
			Port: l.LocalPort(), Formats: offer.Offered(r.d.cfg.Codecs), Dir: r.dir, Label: strconv.Itoa(i + 1),
		})
	}
	r.origin.Version++
	return offer.Write(r.origin, r.addr(), nil, lines)
}

func (r *Recording) addr() netip.Addr { return r.d.line.Address(r.peer) }

// metadata is the XML of RFC 7865.
func (r *Recording) metadata(mode string) []byte {
	esc := func(s string) string {
		var b bytes.Buffer
		if err := xml.EscapeText(&b, []byte(s)); err != nil {
			return ""
		}
		return b.String()
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<recording xmlns=\"urn:ietf:params:xml:ns:recording:1\">\n<datamode>%s</datamode>\n", mode)
	b.WriteString("<session session_id=\"s0\"></session>\n")
	for i, s := range r.opt.Speakers {
		fmt.Fprintf(&b, "<participant participant_id=\"p%d\"><nameID aor=\"%s\"><name>%s</name></nameID></participant>\n", i, esc(s.AOR), esc(s.Name))
		fmt.Fprintf(&b, "<stream stream_id=\"st%d\" session_id=\"s0\"><label>%d</label></stream>\n", i, i+1)
		fmt.Fprintf(&b, "<participantstreamassoc participant_id=\"p%d\"><send>st%d</send></participantstreamassoc>\n", i, i)
	}
	b.WriteString("</recording>\n")
	return b.Bytes()
}

// Answer implements sipua.Peer.
func (r *Recording) Answer(b sipua.Body) error {
	if b.Empty() {
		return nil
	}
	s, err := offer.Parse(b.Data)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(s.Streams) != len(r.legs) {
		return fmt.Errorf("%d streams in the answer to %d", len(s.Streams), len(r.legs))
	}
	for i, l := range r.legs {
		c, err := s.Streams[i].Choose(r.d.cfg.Codecs)
		if err != nil {
			return err
		}
		err = l.Configure(rtpx.Media{
			Remote: c.Remote, RemoteRTCP: c.RTCP, Receive: c.Recv, Send: c.Formats(),
			Sending: c.Dir&r.dir&offer.Send != 0,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Offer implements sipua.Peer; a recorder has nothing to offer.
func (r *Recording) Offer(sipua.Body) ([]byte, error) { return nil, errors.New("we only send") }

// LocalOffer implements sipua.Peer.
func (r *Recording) LocalOffer() ([]byte, error) { return r.sdp(), nil }

// Info implements sipua.Peer.
func (r *Recording) Info(sipua.Body) bool { return false }

// Ended implements sipua.Peer.
func (r *Recording) Ended(string) {
	r.once.Do(func() {
		close(r.ended)
		go r.d.over(r.close)
	})
}

// Over is closed when the session is over.
func (r *Recording) Over() <-chan struct{} { return r.ended }

// Play lets a speaker (from 0) be heard, over and over; nil is silence.
func (r *Recording) Play(speaker int, samples []int16) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if samples == nil {
		r.legs[speaker].SetSource(nil)
		return
	}
	r.legs[speaker].SetSource(pcm.NewClip(samples, true))
}

// Pause stops all streams (a=inactive), or goes on with them.
func (r *Recording) Pause(ctx context.Context, on bool) error {
	r.mu.Lock()
	r.dir = offer.Send
	if on {
		r.dir = offer.Inactive
	}
	r.mu.Unlock()
	return r.Refresh(ctx)
}

// Refresh sends a re-INVITE with everything.
func (r *Recording) Refresh(ctx context.Context) error {
	b, err := r.dialog.Reinvite(ctx, r.sdp())
	if err != nil {
		return err
	}
	return r.Answer(b)
}

// HangUp ends the session.
func (r *Recording) HangUp(ctx context.Context) error {
	return errors.Join(r.dialog.Bye(ctx), r.close())
}

func (r *Recording) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for _, l := range r.legs {
		err = errors.Join(err, l.Close())
	}
	return err
}
