package sipua

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// ErrGlare reports that both sides tried to change the session at once.
var ErrGlare = errors.New("the other side is changing the session")

// pendingTries bounds how often a 491 is taken for a coincidence.
const pendingTries = 4

// Reinvite sends our new offer and returns the answer. On 491, and while we see for ourselves that an offer of the other
// side is under way, it tries again after the random wait of RFC 3261, section 14.1.
func (d *Dialog) Reinvite(ctx context.Context, offer []byte) (Body, error) {
	for refused := 0; ; {
		b, err := d.reinvite(ctx, offer)
		var st *StatusError
		if errors.As(err, &st) && st.Code == sip.StatusRequestPending {
			refused++
		} else if !errors.Is(err, ErrGlare) {
			return b, err
		}
		if refused == pendingTries {
			return b, err
		}
		select {
		case <-time.After(d.glareWait()):
		case <-ctx.Done():
			return Body{}, ctx.Err()
		case <-d.done:
			return Body{}, ErrEnded
		}
	}
}

func (d *Dialog) glareWait() time.Duration {
	if d.caller {
		return 2100*time.Millisecond + time.Duration(rand.IntN(190))*10*time.Millisecond
	}
	return time.Duration(rand.IntN(200)) * 10 * time.Millisecond
}

// claim takes the right to make an offer.
func (d *Dialog) claim() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.ended:
		return ErrEnded
	case d.inviteIn || d.inviteOut:
		return ErrGlare
	}
	d.inviteOut = true
	return nil
}

func (d *Dialog) unclaim() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.inviteOut = false
}

func (d *Dialog) reinvite(ctx context.Context, offer []byte) (Body, error) {
	if err := d.claim(); err != nil {
		return Body{}, err
	}
	defer d.unclaim()
	hs := append(d.timer.offerHeaders(d), sip.NewHeader("Allow", allow), sip.NewHeader("Supported", supported))
	req := d.request(sip.INVITE, Body{"application/sdp", offer}, 0, hs...)
	res, err := d.do(ctx, req)
	if err := d.settle(res, err); err != nil {
		return Body{}, err
	}
	d.retarget(res)
	d.ack(req, res, Body{})
	d.timer.answered(d, res)
	return body(res), nil
}

// ack acknowledges a 2xx (section 13.2.2.4): a request of its own with the
// INVITE's CSeq.
func (d *Dialog) ack(invite *sip.Request, res *sip.Response, b Body) {
	ack := d.request(sip.ACK, b, invite.CSeq().SeqNo)
	if err := d.ua.client.WriteRequest(ack, keepRequest); err != nil {
		d.ua.cfg.Log.Debug("ACK not sent", "code", res.StatusCode)
	}
}

// Update refreshes the session without an offer (RFC 3311).
func (d *Dialog) update(ctx context.Context) error {
	hs := append(d.timer.offerHeaders(d), sip.NewHeader("Supported", supported))
	res, err := d.do(ctx, d.request(sip.UPDATE, Body{}, 0, hs...))
	if err := d.settle(res, err); err != nil {
		return err
	}
	d.timer.answered(d, res)
	return nil
}

// Refer asks the peer to call target (RFC 3515); replaces, when not nil, is a
// dialog of ours that the new call takes over (RFC 3891). progress is called
// with the status of the new call as the peer reports it; the subscription ends
// with a final status or the dialog.
func (d *Dialog) Refer(ctx context.Context, target string, replaces *Dialog, progress func(code int)) error {
	if replaces != nil {
		local, remote := replaces.Tags()
		target += "?Replaces=" + escapeHeader(replaces.callID+";to-tag="+remote+";from-tag="+local)
	}
	d.mu.Lock()
	d.notify = progress
	us := d.local.Address.Addr()
	d.mu.Unlock()
	req := d.request(sip.REFER, Body{}, 0,
		sip.NewHeader("Refer-To", "<"+target+">"), sip.NewHeader("Referred-By", "<"+us+">"))
	return d.settle(d.do(ctx, req))
}

// escapeHeader percent-encodes what may not stand in a URI header value.
func escapeHeader(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-_.!~*'()", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteString("%" + strings.ToUpper(strconv.FormatUint(uint64(c)>>4, 16)+strconv.FormatUint(uint64(c)&15, 16)))
		}
	}
	return b.String()
}
