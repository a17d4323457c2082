package calls

import (
	"context"
	"sync/atomic"
	"time"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/internal/softphone"
	"samtale.dk/samtale/services/platform/errs"
)

// desk is a caseworker's browser on a call.
type desk struct {
	caseworker string
	phone      *softphone.Phone
	ear        ear         // hears the caseworker
	up         atomic.Bool // its media works
	watched    bool        // its loss is being timed
	ups        int         // how often it came up: a loss that was timed before that is none
}

// Posts about desks.
type (
	connect struct { // a browser wants the call
		desk  *desk
		reply chan error
	}
	deskUp   struct{ desk *desk } // its media came up or went away
	deskLost struct {             // and stayed away
		desk *desk
		ups  int
	}
	control struct {
		req   callv1.ControlRequest
		reply chan error
	}
)

// newDesk answers a browser's offer for a call.
func (c *Call) newDesk(ctx context.Context, caseworker, sdp string) (*desk, string, error) {
	d := &desk{caseworker: caseworker}
	p, answer, err := c.s.cfg.Phones.Answer(ctx, sdp, softphone.Hooks{
		Frame: func(f rtpx.Frame) { d.ear.frame(f) },
		Gap:   func(g rtpx.Gap) { d.ear.gap(g) },
		Up:    func(up bool) { d.up.Store(up); c.post(deskUp{d}) },
	})
	if err != nil {
		return nil, "", err
	}
	d.phone = p
	return d, answer, nil
}

// ask posts a request and waits for the call's answer.
func (c *Call) ask(ctx context.Context, v any, reply chan error) error {
	if !c.post(v) {
		return errs.E(errs.Limited, "", nil)
	}
	select {
	case err := <-reply:
		return err
	case <-c.gone:
		return errs.E(errs.NotFound, "Opkaldet er slut.", nil)
	case <-ctx.Done():
		return errs.E(errs.Unavailable, "", ctx.Err())
	}
}

// take connects a browser: a first one, or another one of the same caseworker.
func (c *Call) take(v connect) bool {
	if c.caseworker != "" && c.caseworker != v.desk.caseworker {
		v.reply <- errs.E(errs.Conflict, "En anden medarbejder har taget opkaldet.", nil)
		return false
	}
	c.dropDesk()
	c.desk = v.desk
	c.caseworker = v.desk.caseworker
	c.offered = nil
	c.watchDesk(c.s.cfg.Times.Connect)
	v.reply <- nil
	c.retellLines()
	return true
}

// watchDesk gives the call up for this desk when its media is not there after a while.
func (c *Call) watchDesk(d time.Duration) {
	lost := deskLost{c.desk, c.desk.ups}
	time.AfterFunc(d, func() { c.post(lost) })
}

// lost reports whether the call's browser is gone for good.
func (c *Call) lost(v deskLost) bool {
	return v.desk == c.desk && v.ups == c.desk.ups && !c.desk.up.Load()
}

// dropDesk lets the browser go and ends the caseworker's leg.
func (c *Call) dropDesk() {
	if c.yours != nil {
		c.yours.finish()
		c.yours = nil
	}
	if c.desk == nil {
		return
	}
	c.desk.ear.route.Store(nil)
	c.desk.phone.Close()
	c.desk = nil
}
