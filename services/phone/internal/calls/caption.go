package calls

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/rtt"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/phone/internal/line"
	"samtale.dk/samtale/services/platform/seal"
)

// Captions: what the others say, on a telephone with text whose owner has asked for them. They are the words that the recogniser has
// committed, so there are none of what is not written down: no captions without the citizen's yes, in a pause, or after the
// caseworker has left. They pass by outside of the call's goroutine, which only decides who reads them (tellCaptions).

// captionKey turns captions on and off, as a line does for which announce.AsksForCaptions.
const captionKey = digit('3')

// gap stands for sound that was lost, and for words that did not come.
const gap = string(rtt.MissingText) + " "

// captioned is what a telephone has of captions. It belongs to the call's goroutine.
type captioned struct {
	on      bool        // asked for
	offered bool        // told how to ask
	told    announce.ID // what was last written about them
	since   time.Time   // nothing that was said before is for it
}

// captionReader is a telephone that gets captions now.
type captionReader struct {
	page  *line.Page
	role  string // whose telephone it is: one's own words are not shown
	since time.Time
}

// captioner brings committed words to the telephones.
type captioner struct {
	sub     *nats.Subscription // the call's goroutine's; nil: nobody has asked yet
	readers atomic.Pointer[[]captionReader]

	// heardTo is the subscription's goroutine's: where a leg's next words begin.
	heardTo map[string]int64

	mu   sync.Mutex
	over map[string]chan struct{} // closed when a leg's last words were shown
}

// toggleCaptions turns captions of a telephone on or off.
func (c *Call) toggleCaptions(e *end) {
	e.captions.on = !e.captions.on
	if !e.captions.on {
		e.captions.told = ""
		c.writeTo(e, announce.Written(announce.CaptionsOff))
	}
	c.tellCaptions()
}

// tellCaptions decides who gets captions, and writes to who has asked what has changed about that. It is called when any of it may
// have changed, and says nothing twice.
func (c *Call) tellCaptions() {
	var readers []captionReader
	for _, p := range []struct {
		e    *end
		role string
	}{{c.line, callv1.RoleCitizen}, {c.third(), callv1.RoleOther}} {
		if p.e == nil || !p.e.HasText() {
			continue
		}
		c.tellCaptionsTo(p.e, p.role)
		if p.e.captions.told == announce.CaptionsOn {
			readers = append(readers, captionReader{p.e.page, p.role, p.e.captions.since})
		}
	}
	c.captions.readers.Store(&readers)
}

func (c *Call) tellCaptionsTo(e *end, role string) {
	k := &e.captions
	now := c.captionsOf(role)
	if !k.on {
		if !k.offered && now != announce.CaptionsNone && (c.asked || c.desk != nil) {
			k.offered = true
			c.writeTo(e, announce.Written(announce.CaptionsOffer))
		}
		return
	}
	if k.told == now {
		return
	}
	if now == announce.CaptionsOn {
		k.since = time.Now()
		c.followWords()
	}
	k.told = now
	c.writeTo(e, announce.Written(now))
}

// captionsOf is how it stands with captions for somebody who has asked for them.
func (c *Call) captionsOf(role string) announce.ID {
	reads := c.whoReads()
	switch {
	case !c.area.AllowTranscript, reads == elsewhere, role == callv1.RoleOther && reads != three:
		return announce.CaptionsNone
	case c.transcribe != nil && *c.transcribe && c.paused:
		return announce.CaptionsPaused
	case c.transcribe != nil && *c.transcribe:
		return announce.CaptionsOn
	case role == callv1.RoleOther:
		return announce.CaptionsNone
	}
	return announce.CaptionsWait
}

// captionable: there is somebody to talk to, or will be.
func (c *Call) captionable() bool {
	return c.channel != callv1.ChannelMessage && c.state != callv1.StateMessage
}

// subscribed bounds how long a call waits for the bus to know of its subscription.
const subscribed = 2 * time.Second

// followWords has the words of this call brought here.
func (c *Call) followWords() {
	if c.captions.sub != nil {
		return
	}
	sub, err := c.s.cfg.Bus.NC.Subscribe(transcriptv1.FinalSubject(c.id, "*"), c.caption)
	if err != nil {
		c.log.Error("no captions", "err", err)
		return
	}
	c.captions.sub = sub
	if err := c.s.cfg.Bus.NC.FlushTimeout(subscribed); err != nil {
		c.log.Warn("captions may begin late", "err", err)
	}
}

// caption shows what a recogniser has committed. It runs on the subscription's goroutine.
func (c *Call) caption(m *nats.Msg) {
	var f transcriptv1.Final
	if json.Unmarshal(m.Data, &f) != nil || f.Revision > 0 {
		return
	}
	leg, ok := c.spokenLeg(f.LegID)
	k := &c.captions
	readers := k.readers.Load()
	if readers == nil {
		return // nobody yet
	}
	if k.heardTo == nil {
		k.heardTo = map[string]int64{}
	}
	to, known := k.heardTo[leg.ID]
	if !ok || known && f.From < to { // typed, or told twice
		return
	}
	k.heardTo[leg.ID] = f.To
	missed := known && f.From > to
	body, readable := c.wordsOf(f)
	for _, r := range *readers {
		if r.role == leg.Role {
			continue
		}
		text := captionText(leg.StartedAt, f.Ledger, body.Words, r.since)
		if missed || !readable {
			text = gap + text
		}
		if text == "" {
			continue
		}
		if err := r.page.Write(leg.Role+"/caption", announce.Captioned("", announce.Writer(leg.Role), false), text); err != nil {
			c.log.Debug("a caption is not shown", "err", err)
		}
	}
	if f.Last {
		k.isOver(leg.ID)
	}
}

func (c *Call) wordsOf(f transcriptv1.Final) (body transcriptv1.Body, ok bool) {
	ctx, cancel := context.WithTimeout(c.s.ctx, 5*time.Second)
	defer cancel()
	if err := seal.OpenJSON(ctx, c.s.cfg.Keys, c.id, "body", f.Sealed, &body); err != nil {
		c.log.Warn("words are missing in captions", "err", err)
		return body, false
	}
	return body, true
}

// spokenLeg is one of the legs that a recogniser hears.
func (c *Call) spokenLeg(id string) (callv1.Leg, bool) {
	if all := c.open.Load(); all != nil {
		for _, r := range *all {
			if r.leg.ID == id {
				return r.leg, true
			}
		}
	}
	return callv1.Leg{}, false
}

// captionText is what was said from a time on, each sentence on a line, with a mark where sound was lost. The line stays open: a stretch
// may end within a sentence.
func captionText(began time.Time, ledger []transcriptv1.Range, words []transcriptv1.Word, since time.Time) string {
	first := int64(since.Sub(began)/time.Microsecond) * pcm.Rate / 1e6
	var out strings.Builder
	say := func(until int64) {
		for ; len(words) > 0 && words[0].Start < until; words = words[1:] {
			if words[0].Start < first {
				continue
			}
			if words[0].Sentence {
				out.WriteString(rtt.Newline)
			}
			out.WriteString(words[0].Text + " ")
		}
	}
	for _, g := range ledger {
		say(g.End)
		if g.State == transcriptv1.Lost && g.End > first {
			out.WriteString(gap)
		}
	}
	say(math.MaxInt64)
	return out.String()
}

// isOver: all of a leg was shown. It may be told twice.
func (k *captioner) isOver(leg string) {
	over := k.overOf(leg)
	select {
	case <-over:
	default:
		close(over)
	}
}

func (k *captioner) overOf(leg string) chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over == nil {
		k.over = map[string]chan struct{}{}
	}
	if k.over[leg] == nil {
		k.over[leg] = make(chan struct{})
	}
	return k.over[leg]
}

// sayLast waits until what was said last is on the citizen's telephone, if it reads it and is still there. Legs are those of the
// others that were open at the end.
func (c *Call) sayLast(legs []*recorder) {
	if c.line == nil || c.line.captions.told != announce.CaptionsOn || c.line.Dialog() == nil {
		return
	}
	for _, r := range c.recs {
		r.finish()
	}
	go c.flush() // which the end waits for once more
	limit := time.NewTimer(c.s.cfg.Times.LastWords)
	defer limit.Stop()
	for _, r := range legs {
		select {
		case <-c.captions.overOf(r.leg.ID):
		case <-c.line.Dialog().Done():
			return
		case <-limit.C:
			return
		case <-c.s.ctx.Done():
			return
		}
	}
}

// othersOpen are the legs of who talks with the citizen.
func (c *Call) othersOpen() (legs []*recorder) {
	if c.yours != nil {
		legs = append(legs, c.yours)
	}
	if c.consult != nil && c.consult.rec != nil {
		legs = append(legs, c.consult.rec)
	}
	return legs
}

// endCaptions brings no more words.
func (c *Call) endCaptions() {
	if c.captions.sub != nil {
		_ = c.captions.sub.Unsubscribe() // the connection may be gone already
	}
}
