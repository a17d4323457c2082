package calls

import (
	"cmp"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/internal/announce"
)

// Text of three: who reads what somebody types goes after who hears them. A telephone has one text, so each shows the two others
// with their names in turn (line.Page).

// company is for whom what is typed is.
type company uint8

const (
	alone     company = iota // citizen and caseworker
	aside                    // the caseworker and who was called beside; the citizen waits
	three                    // all
	elsewhere                // citizen and third one, the caseworker is gone
)

// whoReads is the company now.
func (c *Call) whoReads() company {
	switch k := c.consult; {
	case k == nil || !k.up:
		return alone
	case c.desk == nil:
		return elsewhere
	case k.merged && !c.held && !c.moving:
		return three
	}
	return aside
}

// third is the line of who was called beside, when it has text; else nil.
func (c *Call) third() *end {
	if k := c.consult; k != nil && k.up && k.line.HasText() {
		return k.line
	}
	return nil
}

// hasText tells whether the desk can type to somebody.
func (c *Call) hasText() bool { return c.line != nil && c.line.HasText() || c.third() != nil }

// private: what caseworker and third one type to each other is not for the transcript, as what they say is not.
func (c *Call) private() bool { return c.whoReads() == aside && c.third() != nil }

// readers are the telephones that show what the caseworker types, the first of which decides whether it can be typed.
func (c *Call) readers() (to []*end) {
	third := c.third()
	if c.line.HasText() && (third == nil || c.whoReads() != aside) {
		to = append(to, c.line)
	}
	if third != nil && c.whoReads() != alone {
		to = append(to, third)
	}
	return to
}

// readOther takes what the third one has typed.
func (c *Call) readOther() {
	text := c.consult.line.unread.read()
	c.pass(callv1.RoleOther, text)
	if c.whoReads() == elsewhere {
		return
	}
	for _, l := range c.add(&c.others, text) {
		if announce.AsksForCaptions(l.text) {
			c.toggleCaptions(c.consult.line)
			continue
		}
		c.utter(l)
	}
}

// pass shows what citizen or third one type to the other, when they are together.
func (c *Call) pass(role, text string) {
	if w := c.whoReads(); w != three && w != elsewhere || text == "" {
		return
	}
	to := c.line
	if role == callv1.RoleCitizen {
		to = c.third()
	}
	if to == nil || !to.HasText() {
		return
	}
	if err := to.page.Write(role, c.label(to, role), text); err != nil {
		c.log.Debug("typed text is not shown", "err", err)
	}
}

// label is what stands before somebody's text: nothing, where there is only one who writes, and no captions beside that.
func (c *Call) label(to *end, role string) string {
	if c.whoReads() != three && !to.captions.on {
		return ""
	}
	return announce.Writer(role)
}

// lastWords ends what the third one is typing, who goes. The next one is somebody else.
func (c *Call) lastWords(k *consultation) {
	if k != c.consult || !k.up {
		return
	}
	c.readOther()
	c.endAndUtter(&c.others)
	for _, t := range c.typists {
		t.over = t.over || t.leg.Role == callv1.RoleOther
	}
}

// tellReaders ends the lines that were for others, and writes to everybody who has text who reads it now. It is called when
// anything about that may have changed, and says nothing twice.
func (c *Call) tellReaders() {
	now := c.whoReads()
	if now != c.company {
		c.company = now
		c.endAndUtter(&c.ours)
		c.endAndUtter(&c.others)
	}
	if c.line != nil {
		c.tellReader(c.line, c.citizenReads(now))
	}
	if e := c.third(); e != nil {
		c.tellReader(e, c.thirdReads(now))
	}
	c.tellCaptions()
	has := c.hasText()
	if c.hadText && !has && c.desk != nil {
		c.notice(announce.Written(announce.TextOver))
	}
	c.hadText = has && c.desk != nil
}

func (c *Call) tellReader(e *end, id announce.ID) {
	if e.told == id {
		return
	}
	e.told = id
	c.writeTo(e, announce.Written(id))
}

// citizenReads is what the citizen is told of who reads.
func (c *Call) citizenReads(now company) announce.ID {
	if id := others(now, c.third() != nil, announce.Moved, announce.Unread); id != "" {
		return id
	}
	if c.line.told == "" || now == aside && c.consult.merged { // on hold, they come back
		return c.line.told
	}
	return announce.Two
}

// thirdReads is what the third one is told of who reads.
func (c *Call) thirdReads(now company) announce.ID {
	return cmp.Or(others(now, c.line != nil && c.line.HasText(), announce.Citizen, announce.CitizenUnread), announce.Consulted)
}

// others is what a telephone is told where not the caseworker alone reads it. Text: the telephone beside it has text; left is told of
// that one when the caseworker is gone, unread when it has none. Empty: the caseworker reads alone.
func others(now company, text bool, left, unread announce.ID) announce.ID {
	switch {
	case now == three && text:
		return announce.Three
	case now == three:
		return announce.ThreeUnread
	case now == elsewhere && text:
		return left
	case now == elsewhere:
		return unread
	}
	return ""
}

// writeTo puts a sentence of ours on a telephone, if it has text.
func (c *Call) writeTo(e *end, text string) {
	if e == nil || !e.HasText() || text == "" {
		return
	}
	if err := e.page.Note(text); err != nil {
		c.log.Debug("announcement not typed", "err", err)
	}
}

// notice shows the desk a sentence of ours.
func (c *Call) notice(text string) {
	d := &draft{role: callv1.RoleSystem, began: time.Now(), n: int(c.shownSeq)}
	d.text.Apply(strings.TrimSpace(text))
	c.show(d, true)
}
