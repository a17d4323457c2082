package sipua

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
)

// refresh is a dialog's session timer (RFC 4028). Whoever is the refresher sends
// an UPDATE or re-INVITE at half the interval; the other side hangs up shortly
// before the interval is over.
type refresh struct {
	mu    sync.Mutex
	every time.Duration // 0: no timer
	ours  bool          // we refresh
	t     *time.Timer
}

// accept decides on the interval and the refresher for a request from the peer
// and returns the headers of our 200.
func (r *refresh) accept(d *Dialog, req *sip.Request) []sip.Header {
	se, asked := parseExpires(header(req, "Session-Expires", "x"))
	theirs := supports(req, "timer")
	r.mu.Lock()
	defer r.mu.Unlock()
	if !asked {
		se.every = d.ua.cfg.SessionExpires
	}
	switch {
	case !theirs:
		// They do not know timers: we refresh, and tell nobody to be able to
		// (section 9: only the UAS may then be the refresher).
		se.refresher = "uas"
	case se.refresher == "":
		se.refresher = "uac"
	}
	r.every, r.ours = se.every, se.refresher == "uas"
	if !theirs {
		return nil
	}
	hs := []sip.Header{sip.NewHeader("Session-Expires", se.String())}
	if se.refresher == "uac" {
		hs = append(hs, sip.NewHeader("Require", "timer"))
	}
	return hs
}

// offerHeaders are those of our own INVITE or UPDATE: the roles stay as they are.
func (r *refresh) offerHeaders(d *Dialog) []sip.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	se := expires{every: r.every}
	if se.every == 0 {
		se.every = d.ua.cfg.SessionExpires
	} else if r.ours {
		se.refresher = "uac"
	} else {
		se.refresher = "uas"
	}
	return []sip.Header{
		sip.NewHeader("Session-Expires", se.String()),
		sip.NewHeader("Min-SE", strconv.Itoa(int(d.ua.cfg.MinSE/time.Second))),
	}
}

// answered takes the 200 to our INVITE or UPDATE. Without Session-Expires in it
// the peer knows no timers, and we refresh at our own interval.
func (r *refresh) answered(d *Dialog, res *sip.Response) {
	se, ok := parseExpires(header(res, "Session-Expires", "x"))
	r.mu.Lock()
	if ok {
		r.every, r.ours = se.every, se.refresher != "uas"
	} else {
		r.every, r.ours = d.ua.cfg.SessionExpires, true
	}
	r.mu.Unlock()
	r.start(d)
}

// start runs the timer anew; every refresh does.
func (r *refresh) start(d *Dialog) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.t != nil {
		r.t.Stop()
	}
	select {
	case <-d.done:
		return
	default:
	}
	if r.every == 0 {
		return
	}
	if r.ours {
		r.t = time.AfterFunc(r.every/2, func() { r.refresh(d) })
		return
	}
	// Section 10: hang up min(32 s, a third) before the end.
	r.t = time.AfterFunc(r.every-min(32*time.Second, r.every/3), func() {
		d.ua.cfg.Log.Warn("session was not refreshed")
		d.Bye(context.Background(), sip.NewHeader("Reason", `SIP ;cause=408 ;text="session expired"`))
	})
}

func (r *refresh) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.t != nil {
		r.t.Stop()
	}
}

// refresh sends the refresh and, when it fails in a way that leaves the dialog
// standing, tries again in good time.
func (r *refresh) refresh(d *Dialog) {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	err := d.refreshOnce(ctx)
	if err == nil {
		return
	}
	select {
	case <-d.done:
		return
	default:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t = time.AfterFunc(max(r.every/8, time.Second), func() { r.refresh(d) })
}

func (d *Dialog) refreshOnce(ctx context.Context) error {
	d.mu.Lock()
	update := has(d.allows, "update")
	d.mu.Unlock()
	if update {
		return d.update(ctx)
	}
	offer, err := d.owner().LocalOffer()
	if err != nil {
		return err
	}
	b, err := d.Reinvite(ctx, offer)
	if err != nil {
		return err
	}
	return d.owner().Answer(b)
}
