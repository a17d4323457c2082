package sipua

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emiago/sipgo/sip"
)

const session = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"

// side is one end: it takes calls, owns their dialogs and notes what happens.
type side struct {
	*UA
	t      *testing.T
	accept func(in *Incoming)

	mu     sync.Mutex
	offers int
	ended  chan string
	calls  chan *Dialog
	hold   chan struct{} // not nil: an offer waits for it
	inside chan struct{}
}

func newSide(t *testing.T, cfg Config) *side {
	t.Helper()
	s := &side{t: t, ended: make(chan string, 8), calls: make(chan *Dialog, 8), inside: make(chan struct{}, 8)}
	s.accept = func(in *Incoming) {
		in.Dialog().SetPeer(s)
		if _, err := in.Accept(Body{"application/sdp", []byte(session)}); err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		s.calls <- in.Dialog()
	}
	if cfg.Addr == "" {
		cfg.Addr = "127.0.0.1:0"
	}
	u, err := New(cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	s.UA = u
	if err := u.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return s
}

func (s *side) Invite(in *Incoming) {
	s.mu.Lock()
	f := s.accept
	s.mu.Unlock()
	f(in)
}

// taking sets what is done with calls.
func (s *side) taking(f func(in *Incoming)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accept = f
}

func (s *side) Offer(Body) ([]byte, error) {
	s.mu.Lock()
	s.offers++
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		s.inside <- struct{}{}
		<-hold
	}
	return []byte(session), nil
}
func (s *side) LocalOffer() ([]byte, error) { return []byte(session), nil }
func (s *side) Answer(Body) error           { return nil }
func (s *side) Info(Body) bool              { return true }
func (s *side) Ended(reason string)         { s.ended <- reason }

func (s *side) seen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offers
}

func (s *side) dial(to *side, params string, o Outgoing) (*Answered, error) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*time.Minute)
	defer cancel()
	o.To = "sip:x@" + to.Addr() + params
	if o.Body.Empty() {
		o.Body = Body{"application/sdp", []byte(session)}
	}
	o.Peer = s
	return s.Dial(ctx, o)
}

func (s *side) mustDial(to *side, params string) *Dialog {
	s.t.Helper()
	a, err := s.dial(to, params, Outgoing{})
	if err != nil {
		s.t.Fatal(err)
	}
	return a.Dialog
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for range 6000 { // two minutes
		if cond() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func TestBothTransportsAndBothWays(t *testing.T) {
	for _, params := range []string{"", ";transport=tcp"} {
		a, b := newSide(t, Config{}), newSide(t, Config{})
		d := a.mustDial(b, params)
		theirs := <-b.calls
		if _, err := d.Reinvite(t.Context(), []byte(session)); err != nil {
			t.Errorf("re-INVITE by the caller%s: %v", params, err)
		}
		if _, err := theirs.Reinvite(t.Context(), []byte(session)); err != nil {
			t.Errorf("re-INVITE by the called%s: %v", params, err)
		}
		if err := theirs.Info(t.Context(), Body{"application/dtmf", []byte("1")}); err != nil {
			t.Errorf("INFO%s: %v", params, err)
		}
		if err := theirs.Bye(t.Context()); err != nil {
			t.Errorf("BYE%s: %v", params, err)
		}
		if r := <-a.ended; r != "bye" {
			t.Errorf("ended by %q", r)
		}
		if a.Dialogs()+b.Dialogs() != 0 {
			t.Error("dialogs are left")
		}
	}
}

// Who has started anew in the middle of a call knows nothing of it: that is no proper end.
func TestByeToOneWhoForgot(t *testing.T) {
	a, b := newSide(t, Config{}), newSide(t, Config{})
	d := a.mustDial(b, "")
	theirs := <-b.calls
	<-theirs.confirmed
	b.UA.mu.Lock()
	clear(b.dialogs)
	b.UA.mu.Unlock()
	if err := d.Bye(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("BYE: %v", err)
	}
	if r := <-a.ended; r != "bye" {
		t.Errorf("ended by %q", r)
	}
}

func TestIPv6(t *testing.T) {
	l, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here")
	}
	l.Close()
	for _, params := range []string{"", ";transport=tcp"} {
		a, b := newSide(t, Config{Addr: "[::1]:0"}), newSide(t, Config{Addr: "[::1]:0"})
		d := a.mustDial(b, params)
		theirs := <-b.calls
		if _, err := theirs.Reinvite(t.Context(), []byte(session)); err != nil {
			t.Errorf("re-INVITE by the called%s: %v", params, err)
		}
		if err := d.Bye(t.Context()); err != nil {
			t.Errorf("BYE%s: %v", params, err)
		}
		if err := a.Probe(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestGlare(t *testing.T) {
	a, b := newSide(t, Config{}), newSide(t, Config{})
	d := a.mustDial(b, "")
	theirs := <-b.calls
	b.mu.Lock()
	b.hold = make(chan struct{})
	b.mu.Unlock()
	first := make(chan error, 1)
	go func() {
		_, err := d.Reinvite(t.Context(), []byte(session))
		first <- err
	}()
	<-b.inside // our offer is being answered
	second := make(chan error, 1)
	go func() {
		_, err := theirs.Reinvite(t.Context(), []byte(session))
		second <- err
	}()
	close(b.hold)
	for name, ch := range map[string]chan error{"first": first, "second": second} {
		if err := <-ch; err != nil {
			t.Errorf("%s offer: %v", name, err)
		}
	}
	if a.seen() != 1 || b.seen() != 1 {
		t.Errorf("offers: %d and %d", a.seen(), b.seen())
	}
}

func TestRequestPending(t *testing.T) {
	a, b := newSide(t, Config{}), newSide(t, Config{})
	d := a.mustDial(b, "")
	theirs := <-b.calls
	if err := theirs.claim(); err != nil { // an offer of theirs is under way
		t.Fatal(err)
	}
	_, err := d.reinvite(t.Context(), []byte(session))
	var st *StatusError
	if !errors.As(err, &st) || st.Code != sip.StatusRequestPending {
		t.Errorf("err = %v", err)
	}
	theirs.unclaim()
	if _, err := d.reinvite(t.Context(), []byte(session)); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// due lets the session's timer run out now.
func (d *Dialog) due() {
	d.timer.mu.Lock()
	defer d.timer.mu.Unlock()
	d.timer.t.Reset(0)
}

// refreshed does something and waits until the session's timer runs anew.
func refreshed(t *testing.T, d *Dialog, do func()) {
	t.Helper()
	running := func() *time.Timer {
		d.timer.mu.Lock()
		defer d.timer.mu.Unlock()
		return d.timer.t
	}
	before := running()
	do()
	eventually(t, "the session was refreshed", func() bool { return running() != before })
}

func TestRefreshByUpdateOrReinvite(t *testing.T) {
	a, b := newSide(t, Config{}), newSide(t, Config{})
	d := a.mustDial(b, "")
	theirs := <-b.calls
	// The caller is the refresher and uses UPDATE; a peer that does not list it
	// gets a re-INVITE.
	if d.timer.every != DefaultSessionExpires || theirs.timer.every != d.timer.every || !d.timer.ours || theirs.timer.ours {
		t.Errorf("every %s, every %s", d.timer.every, theirs.timer.every)
	}
	refreshed(t, theirs, func() { refreshed(t, d, d.due) })
	if b.seen() != 0 {
		t.Error("UPDATE carried an offer")
	}
	d.mu.Lock()
	d.allows = []string{"invite"}
	d.mu.Unlock()
	refreshed(t, theirs, func() { refreshed(t, d, d.due) })
	if b.seen() != 1 {
		t.Errorf("%d offers came by re-INVITE", b.seen())
	}
	select {
	case r := <-b.ended:
		t.Errorf("a refreshed session ended: %s", r)
	default:
	}
}

func TestSessionThatIsNotRefreshedEnds(t *testing.T) {
	a, b := newSide(t, Config{}), newSide(t, Config{})
	d := a.mustDial(b, "")
	theirs := <-b.calls
	d.timer.stop() // the refresher has died
	theirs.due()
	if r := <-a.ended; r != "bye" {
		t.Errorf("ended by %q", r)
	}
}

func TestIntervalTooSmall(t *testing.T) {
	a := newSide(t, Config{SessionExpires: 2 * time.Second, MinSE: time.Second})
	b := newSide(t, Config{MinSE: 100 * time.Second})
	d := a.mustDial(b, "")
	<-b.calls
	d.timer.mu.Lock()
	defer d.timer.mu.Unlock()
	if d.timer.every != 100*time.Second {
		t.Errorf("interval %s after 422", d.timer.every)
	}
}

func TestLogin(t *testing.T) {
	b := newSide(t, Config{Access: Access{Users: map[string]string{"me": "secret"}}})
	for _, c := range []struct {
		user, password string
		code           int
	}{{"", "", 401}, {"me", "wrong", 401}, {"you", "secret", 401}, {"me", "secret", 200}} {
		a := newSide(t, Config{})
		ans, err := a.dial(b, "", Outgoing{User: c.user, Password: c.password})
		var st *StatusError
		switch {
		case c.code == 200 && err != nil:
			t.Errorf("%+v: %v", c, err)
		case c.code != 200 && (!errors.As(err, &st) || st.Code != c.code):
			t.Errorf("%+v: %v", c, err)
		case err == nil:
			ans.Dialog.Bye(t.Context())
		}
		if a.Dialogs() != 0 {
			t.Errorf("%+v: a dialog is left", c)
		}
	}
}

func TestGivingUpACall(t *testing.T) {
	b := newSide(t, Config{})
	gone := make(chan struct{})
	b.taking(func(in *Incoming) {
		if err := in.Progress(180, "Ringing", Body{}); err != nil && !errors.Is(err, ErrCancelled) {
			t.Errorf("180: %v", err)
		}
		<-in.cancelled
		if _, err := in.Accept(Body{"application/sdp", []byte(session)}); !errors.Is(err, ErrCancelled) {
			t.Errorf("accept after CANCEL: %v", err)
		}
		close(gone)
	})
	a := newSide(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := a.Dial(ctx, Outgoing{
		To: "sip:x@" + b.Addr(), Body: Body{"application/sdp", []byte(session)},
		Progress: func(code int, _ Body, _ func(string) string) {
			if code == 180 {
				cancel()
			}
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	<-gone
	eventually(t, "no dialogs are left", func() bool { return a.Dialogs()+b.Dialogs() == 0 })
}

func TestReliableProvisionalAnswers(t *testing.T) {
	a, b := newSide(t, Config{}), newSide(t, Config{})
	b.taking(func(in *Incoming) {
		for _, code := range []int{180, 183} { // each waits for its PRACK
			if err := in.Progress(code, "X", Body{}, sip.NewHeader("X-Test", "1")); err != nil {
				t.Errorf("%d: %v", code, err)
			}
		}
		in.Dialog().SetPeer(b)
		in.Accept(Body{"application/sdp", []byte(session)})
	})
	var codes []int
	ans, err := a.dial(b, "", Outgoing{Progress: func(code int, _ Body, h func(string) string) {
		if h("X-Test") == "1" {
			codes = append(codes, code)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if len(codes) != 2 || codes[0] != 180 || codes[1] != 183 {
		t.Errorf("provisional answers: %v", codes)
	}
	ans.Dialog.Bye(t.Context())
}

// TestRepeatedProvisionalAnswer: one that is repeated although the next has come already, as when they overtake each other, is no
// news, and gets no PRACK.
func TestRepeatedProvisionalAnswer(t *testing.T) {
	a := newSide(t, Config{})
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	var codes []int
	answered := make(chan error, 1)
	go func() {
		_, err := a.Dial(t.Context(), Outgoing{
			To: "sip:x@" + c.LocalAddr().String(), Body: Body{"application/sdp", []byte(session)},
			Progress: func(code int, _ Body, _ func(string) string) { codes = append(codes, code) },
		})
		answered <- err
	}()
	last := uint32(0)
	read := func(method string) (*sip.Request, net.Addr) { // a new one, not one that is sent again
		for buf := make([]byte, 65536); ; {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				t.Fatal(err)
			}
			m, err := sip.ParseMessage(buf[:n])
			if err != nil {
				t.Fatal(err)
			}
			if req, ok := m.(*sip.Request); ok && string(req.Method) == method && req.CSeq().SeqNo > last {
				last = req.CSeq().SeqNo
				return req, from
			}
		}
	}
	invite, from := read("INVITE")
	invite.To().Params.Add("tag", "theirs")
	say := func(to *sip.Request, code int, hs ...sip.Header) {
		res := sip.NewResponseFromRequest(to, code, "X", nil)
		res.AppendHeader(sip.NewHeader("Contact", "<sip:x@"+c.LocalAddr().String()+">"))
		for _, h := range hs {
			res.AppendHeader(h)
		}
		if _, err := c.WriteTo([]byte(res.String()), from); err != nil {
			t.Fatal(err)
		}
	}
	reliably := func(code int, rseq string) {
		say(invite, code, sip.NewHeader("Require", "100rel"), sip.NewHeader("RSeq", rseq))
	}
	for i, code := range []int{180, 183} {
		rseq := fmt.Sprint(i + 1)
		reliably(code, rseq)
		prack, _ := read("PRACK")
		if got, want := header(prack, "RAck"), rseq+" "+fmt.Sprint(invite.CSeq().SeqNo)+" INVITE"; got != want {
			t.Errorf("RAck %q, want %q", got, want)
		}
		say(prack, 200)
	}
	reliably(180, "1")
	reliably(181, "3")
	if prack, _ := read("PRACK"); !strings.HasPrefix(header(prack, "RAck"), "3 ") {
		t.Errorf("RAck %q", header(prack, "RAck"))
	} else {
		say(prack, 200)
	}
	say(invite, 486)
	var st *StatusError
	if err := <-answered; !errors.As(err, &st) || st.Code != 486 {
		t.Errorf("err = %v", err)
	}
	if fmt.Sprint(codes) != "[180 183 181]" {
		t.Errorf("provisional answers: %v", codes)
	}
}

func TestCheckEndsOnlyWhatIsGone(t *testing.T) {
	a, b := newSide(t, Config{}), newSide(t, Config{})
	d := a.mustDial(b, "")
	theirs := <-b.calls
	if err := d.Check(t.Context()); err != nil {
		t.Errorf("a call that stands: %v", err)
	}
	theirs.SetPeer(nil)
	theirs.end("crashed") // forgets the dialog without a BYE
	if err := d.Check(t.Context()); !errors.Is(err, ErrEnded) {
		t.Errorf("a call that is gone: %v", err)
	}
	if r := <-a.ended; r != "timeout" {
		t.Errorf("ended by %q", r)
	}
}

func TestErrorsTellNoNumbers(t *testing.T) {
	a := newSide(t, Config{})
	for _, to := range []string{"sip:+4512345678@127.0.0.1:9;transport=tcp", "sip:+4512345678@no-such-host.invalid"} {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		_, err := a.Dial(ctx, Outgoing{To: to, Body: Body{"application/sdp", []byte(session)}})
		cancel()
		if err == nil || strings.Contains(err.Error(), "12345678") {
			t.Errorf("err = %v", err)
		}
	}
}

func TestPanicEndsOneCallOnly(t *testing.T) {
	a, b := newSide(t, Config{}), newSide(t, Config{})
	first := true
	accept := b.accept
	b.taking(func(in *Incoming) {
		if first {
			first = false
			panic("a fault")
		}
		accept(in)
	})
	_, err := a.dial(b, "", Outgoing{})
	var st *StatusError
	if !errors.As(err, &st) || st.Code != sip.StatusInternalServerError {
		t.Errorf("err = %v", err)
	}
	if b.Dialogs() != 0 {
		t.Error("a dialog is left")
	}
	a.mustDial(b, "")
}

func TestOutboundProxy(t *testing.T) {
	a, proxy := newSide(t, Config{}), newSide(t, Config{Access: Access{Users: map[string]string{"me": "secret"}}})
	route := make(chan string, 2)
	proxy.taking(func(in *Incoming) {
		route <- in.req.Recipient.String() + " " + header(in.req, "Route")
		in.Dialog().SetPeer(proxy)
		in.Accept(Body{"application/sdp", []byte(session)})
	})
	ans, err := a.Dial(t.Context(), Outgoing{
		To: "sip:+4512345678@operator.invalid", Via: "sip:" + proxy.Addr(), User: "me", Password: "secret",
		Body: Body{"application/sdp", []byte(session)}, Peer: a,
	})
	if err != nil {
		t.Fatal(err)
	}
	want := "sip:+4512345678@operator.invalid <sip:" + proxy.Addr() + ";lr>"
	if got := <-route; got != want {
		t.Errorf("the proxy got %s, want %s", got, want)
	}
	if err := ans.Dialog.Bye(t.Context()); err != nil {
		t.Errorf("BYE: %v", err)
	}
}

func TestReferWithReplaces(t *testing.T) {
	a, b, c := newSide(t, Config{}), newSide(t, Config{}), newSide(t, Config{})
	d := a.mustDial(b, "")
	<-b.calls
	k := a.mustDial(c, "")
	<-c.calls
	err := d.Refer(t.Context(), k.Target(), k, func(int) {})
	var st *StatusError
	if !errors.As(err, &st) || st.Code != sip.StatusGlobalDecline {
		t.Errorf("our own UA declines transfers: %v", err)
	}
	if s := escapeHeader("a@b;to-tag=1;from-tag=2"); s != "a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2" {
		t.Errorf("escaped: %s", s)
	}
}

func TestRateLimit(t *testing.T) {
	r := newRateLimit(2, 3)
	now := time.Now()
	a := source(fromAddr("192.0.2.1:5060"))
	b := source(fromAddr("192.0.2.2:5060"))
	var got strings.Builder
	for i := range 5 {
		if r.take(a, now) {
			got.WriteByte(byte('0' + i))
		}
	}
	if got.String() != "012" || !r.take(b, now) {
		t.Errorf("burst: %s", got.String())
	}
	if !r.take(a, now.Add(500*time.Millisecond)) || r.take(a, now.Add(500*time.Millisecond)) {
		t.Error("half a second is one call at two a second")
	}
	r.forget(now.Add(time.Hour))
	if len(r.m) != 0 {
		t.Error("full buckets are remembered")
	}
}

// TestTurnedAwayWithoutState: what is no call of ours is answered and forgotten: the same request again is looked at anew, and gets
// its answer at once, without a provisional one.
func TestTurnedAwayWithoutState(t *testing.T) {
	var refused atomic.Int32
	b := newSide(t, Config{Rate: 1e-9, Burst: 1, Refused: func(string) { refused.Add(1) }})
	c, err := net.Dial("udp", b.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	answer := func(method, branch, extra, toTag string) string {
		t.Helper()
		_, err := fmt.Fprintf(c, "%s sip:x@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s;rport\r\nFrom: <sip:a@b>;tag=1\r\n"+
			"To: <sip:x@y>%s\r\nCall-ID: %s\r\nCSeq: 1 %s\r\nMax-Forwards: 70\r\n%sContent-Length: 0\r\n\r\n",
			method, b.Addr(), c.LocalAddr(), branch, toTag, branch, method, extra)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 4096)
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		first, _, _ := strings.Cut(string(buf[:n]), "\r\n")
		return strings.TrimPrefix(first, "SIP/2.0 ")[:3]
	}
	contact := fmt.Sprintf("Contact: <sip:a@%s>\r\n", c.LocalAddr())
	for b.limit.take(source(fromAddr(c.LocalAddr().String())), time.Now()) { // the only call that this address may place
	}
	for _, tt := range []struct {
		method, extra, toTag, want string
		counted                    bool
	}{
		{"INVITE", contact, "", "503", true},
		{"INVITE", "", "", "400", true},
		{"INVITE", contact, ";tag=unknown", "481", false},
		{"OPTIONS", "", "", "200", false},
		{"BYE", "", ";tag=unknown", "481", false},
		{"MESSAGE", "", "", "405", false},
	} {
		ask := func() {
			t.Helper()
			if got := answer(tt.method, tt.want+tt.method, tt.extra, tt.toTag); got != tt.want {
				t.Errorf("%s: %s, want %s", tt.method, got, tt.want)
			}
		}
		ask()
		// A transaction would answer the same again by itself, for 32 s; without one it is looked at.
		before := refused.Load()
		for till := time.Now().Add(25 * time.Second); tt.counted && refused.Load() == before; ask() {
			if time.Now().After(till) {
				t.Errorf("%s (%s) stands", tt.method, tt.want)
				break
			}
		}
	}
}

func fromAddr(a string) *sip.Request {
	r := sip.NewRequest(sip.INVITE, sip.Uri{Scheme: "sip", Host: "x"})
	r.SetSource(a)
	return r
}

func TestUDPSourcesAreBounded(t *testing.T) {
	trunks, err := ParseTrunks("198.51.100.0/24")
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	p := newPeers(Config{Access: Access{Trunks: trunks}, Refused: func(string) { refused++ }})
	p.limit = 2
	take := func(addr net.Addr) bool {
		b, err := p.filter(sip.TransportReadProps{RemoteAddr: addr}, []byte("x"))
		return err == nil && len(b) == 1
	}
	udp := func(ip string, port int) net.Addr { return &net.UDPAddr{IP: net.ParseIP(ip), Port: port} }
	for _, c := range []struct {
		addr net.Addr
		want bool
	}{
		{udp("192.0.2.1", 1), true},
		{udp("192.0.2.1", 2), true},
		{udp("192.0.2.1", 3), false},
		{udp("192.0.2.1", 1), true},
		{udp("198.51.100.7", 9), true},
		{&net.TCPAddr{IP: net.ParseIP("192.0.2.9"), Port: 1}, true},
	} {
		if got := take(c.addr); got != c.want {
			t.Errorf("%s: %v", c.addr, got)
		}
	}
	if refused != 1 {
		t.Errorf("%d counted", refused)
	}
}

func TestParseSettings(t *testing.T) {
	for in, want := range map[string]int{"": 0, "192.0.2.1": 1, "192.0.2.0/24, 2001:db8::/32 10.0.0.1": 3, "pbx.example": -1, "10.0.0.0/99": -1} {
		p, err := ParseTrunks(in)
		if (err != nil) != (want < 0) || err == nil && len(p) != want {
			t.Errorf("trunks %q: %v, %v", in, p, err)
		}
	}
	for in, ok := range map[string]bool{"": true, "a:b": true, "a:b,c:d:e": true, "a": false, ":b": false, "a:": false} {
		if _, err := ParseUsers(in); (err == nil) != ok {
			t.Errorf("users %q: %v", in, err)
		}
	}
	for in, want := range map[string]string{"90": "90", "120;refresher=uac": "120;refresher=uac", " 90 ; Refresher=UAS": "90;refresher=uas", "x": "", "0": "", "99999999999": ""} {
		e, ok := parseExpires(in)
		if ok != (want != "") || ok && e.String() != want {
			t.Errorf("expires %q: %v, %v", in, e, ok)
		}
	}
	for in, want := range map[string]int{"SIP/2.0 200 OK": 200, "SIP/2.0 180 Ringing\r\n": 180, "": 0, "HTTP/1.1 200 OK": 0, "SIP/2.0 abc": 0, "SIP/2.0 9999 x": 0} {
		if got := sipfrag([]byte(in)); got != want {
			t.Errorf("sipfrag %q: %d, want %d", in, got, want)
		}
	}
}
