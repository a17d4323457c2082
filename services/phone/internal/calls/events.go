package calls

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/phone/internal/announce"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/seal"
)

// tell publishes the call as it is.
func (c *Call) tell(reason string) {
	c.snapshot()
	e := callv1.Changed{
		Meta:           event.NewMeta("call.v1.changed", source, time.Now()),
		ConversationID: c.id, State: c.state, ServiceArea: c.area.ID, Caseworker: c.caseworker,
		Legs: c.legs(), Transcribe: c.transcribe, Reason: reason,
	}
	party := c.news
	c.news = nil
	c.out.add("changed", func(ctx context.Context) error {
		if party != nil && e.Sealed == nil {
			sealed, err := c.sealParty(ctx, *party)
			if err != nil {
				return err
			}
			e.Sealed = sealed
		}
		return c.s.cfg.Bus.Publish(ctx, e)
	})
}

func (c *Call) sealParty(ctx context.Context, p callv1.Party) ([]byte, error) {
	return seal.JSON(ctx, c.s.cfg.Keys, c.id, "party", p)
}

func (c *Call) snapshot() {
	consult := ""
	if c.caseworker != "" {
		consult = c.consult.state()
	}
	c.snap.Store(&callv1.Call{
		ConversationID: c.id, Channel: c.channel, State: c.state, ServiceArea: c.area.ID, Party: c.party,
		Caseworker: c.caseworker, Offered: c.offered, StartedAt: c.started, AnsweredAt: c.answered,
		Transcribe: c.transcribe, Asked: c.asked, Legs: c.legs(), Consult: consult, Muted: c.muted, Paused: c.paused, Quality: c.quality(),
		Text: c.hasText(),
	})
	c.s.changed()
}

// quality of the citizen's line.
func (c *Call) quality() string {
	if c.line == nil {
		return ""
	}
	return c.line.Quality()
}

func (c *Call) legs() []callv1.Leg {
	var out []callv1.Leg
	for _, r := range c.recs {
		out = append(out, r.leg)
	}
	for _, t := range c.typists {
		out = append(out, t.leg)
	}
	return out
}

func (c *Call) publishStarted() {
	sum := sha256.Sum256([]byte(c.sipCallID))
	e := callv1.Started{
		Meta:           event.NewMeta("call.v1.started", source, c.started),
		ConversationID: c.id, Channel: c.channel, ServiceArea: c.area.ID,
		SIPCallIDHash: hex.EncodeToString(sum[:]), Caseworker: c.caseworker, Extension: c.extension,
		Legs: c.legs(), Follows: c.regarding,
	}
	party := c.party
	c.out.add("started", func(ctx context.Context) error {
		if e.Sealed == nil {
			sealed, err := c.sealParty(ctx, party)
			if err != nil {
				return err
			}
			e.Sealed = sealed
		}
		return c.s.cfg.Bus.Publish(ctx, e)
	})
}

// choose records a choice about transcription.
func (c *Call) choose(yes bool, how, who string) {
	c.transcribe = &yes
	now := time.Now()
	c.chosenAt = now.UTC()
	c.tellCaptions()
	ch := consentv1.Choice{
		Meta:           event.NewMeta("consent.v1.choice", source, now),
		ConversationID: c.id, Kind: consentv1.Transcription, Value: yes, Basis: c.area.Basis, Purpose: c.area.Purpose,
		TextVersion: announce.Version, Language: "da", How: how, Who: who, At: c.chosenAt,
	}
	if c.line != nil && c.line.HasText() { // typed answers are keys, too
		ch.TextVersion = announce.VersionWritten
	}
	if c.area.TextVersion != "" {
		ch.TextVersion = c.area.TextVersion + "+" + ch.TextVersion
	}
	c.out.add("choice", func(ctx context.Context) error {
		_, err := bus.Request[consentv1.Choice](ctx, c.s.cfg.Bus, consentv1.ChoiceSubject, ch)
		return err
	})
}

func (c *Call) publishEnded() {
	e := callv1.Ended{
		Meta:           event.NewMeta("call.v1.ended", source, time.Now()),
		ConversationID: c.id, Channel: c.channel, ServiceArea: c.area.ID, StartedAt: c.started.UTC(), AnsweredAt: c.answered,
		Reason: c.reason, Caseworker: c.caseworker, Transcribed: len(c.recs)+len(c.typists) > 0, CallBack: c.callBack, Legs: []callv1.LegEnd{},
	}
	for _, r := range c.recs {
		e.Legs = append(e.Legs, r.finish())
	}
	e.Legs = append(e.Legs, c.typedEnds()...)
	c.s.cfg.Metrics.end(c.reason)
	c.endWill()
	c.out.add("ended", func(ctx context.Context) error { return c.s.cfg.Bus.Publish(ctx, e) })
	c.out.add("will", func(ctx context.Context) error { return c.s.forgetWill(ctx, c.id) })
}
