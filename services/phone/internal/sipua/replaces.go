package sipua

import (
	"net/url"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"
)

// Replaceable is a Peer whose dialog another one may take the place of (RFC 3891).
// Replace runs on the goroutine of the new INVITE and answers or rejects it; when it
// was answered the old dialog is the Peer's to end.
type Replaceable interface {
	Replace(in *Incoming)
}

// replaces is the value of a Replaces header.
type replaces struct {
	callID, to, from string
	earlyOnly        bool
}

func parseReplaces(v string) (replaces, bool) {
	id, params, _ := strings.Cut(v, ";")
	r := replaces{callID: strings.TrimSpace(id)}
	for p := range strings.SplitSeq(params, ";") {
		k, val, _ := strings.Cut(p, "=")
		switch strings.ToLower(strings.TrimSpace(k)) {
		case "to-tag":
			r.to = strings.TrimSpace(val)
		case "from-tag":
			r.from = strings.TrimSpace(val)
		case "early-only":
			r.earlyOnly = true
		}
	}
	return r, r.callID != "" && r.to != "" && r.from != ""
}

func unescapeHeader(v string) string {
	if s, err := url.PathUnescape(v); err == nil {
		return s
	}
	return v
}

// Dialog returns the dialog of ours that a Replaces value names; nil when there is
// none.
func (u *UA) Dialog(value string) *Dialog {
	rep, ok := parseReplaces(value)
	if !ok {
		return nil
	}
	d, _ := u.match(rep)
	return d
}

// Owner is the Peer of the dialog; nil while there is none.
func (d *Dialog) Owner() Peer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.peer
}

// remember keeps for a while that a dialog has been: who replaces it then is told
// 603, not 481 (section 3).
func (u *UA) remember(key, remoteTag string) {
	u.past[key] = remoteTag
	time.AfterFunc(64*sip.T1, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.past, key)
	})
}

// match finds the dialog that is to be replaced, or the status to refuse with: 481
// when there is none, or one that rings here; 486 when it was answered and only an
// unanswered one was meant; 603 when it is over (section 3).
func (u *UA) match(r replaces) (*Dialog, int) {
	key := callKey(r.callID, r.to)
	u.mu.Lock()
	d := u.dialogs[key]
	past, was := u.past[key]
	u.mu.Unlock()
	if d == nil {
		if was && past == r.from {
			return nil, sip.StatusGlobalDecline
		}
		return nil, sip.StatusCallTransactionDoesNotExists
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.remoteTag != r.from:
		return nil, sip.StatusCallTransactionDoesNotExists
	case d.ended:
		return nil, sip.StatusGlobalDecline
	case !d.taken && !d.caller:
		return nil, sip.StatusCallTransactionDoesNotExists
	case d.taken && r.earlyOnly:
		return nil, sip.StatusBusyHere
	}
	return d, 0
}

// replace lets the owner of the old dialog take a new call in its place.
func (u *UA) replace(in *Incoming) {
	hs := in.req.GetHeaders("Replaces")
	rep, ok := parseReplaces(hs[0].Value())
	if !ok || len(hs) > 1 {
		in.RejectText(sip.StatusBadRequest, "Bad Request", "one Replaces with call and tags is needed")
		return
	}
	d, code := u.match(rep)
	switch code {
	case 0:
	case sip.StatusBusyHere:
		in.RejectText(code, "Busy Here", "the call was answered")
		return
	case sip.StatusGlobalDecline:
		in.RejectText(code, "Decline", "the call is over")
		return
	default:
		in.RejectText(code, "Call/Transaction Does Not Exist", "no such call")
		return
	}
	owner, ok := d.owner().(Replaceable)
	if !ok {
		in.RejectText(sip.StatusGlobalDecline, "Decline", "this call is not replaced")
		return
	}
	owner.Replace(in)
}
