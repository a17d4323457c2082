package calls

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"samtale.dk/samtale/services/contract/consentv1"
)

// source is ours in the envelope of what we publish.
const source = "phone"

// chosen is the post about a choice that was made elsewhere, on the web say.
type chosen struct{ consentv1.Choice }

// FollowChoices hands choices about transcription to the calls they are about until
// ctx is done. Every process sees all of them, from its start on and in order, also
// those made while the bus was away: it does not know beforehand whose calls it has.
func (s *Service) FollowChoices(ctx context.Context) error {
	now := time.Now()
	cons, err := s.cfg.Bus.JS.OrderedConsumer(ctx, consentv1.Stream, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{consentv1.ChoiceEventSubject("*")},
		DeliverPolicy:  jetstream.DeliverByStartTimePolicy, OptStartTime: &now,
	})
	if err != nil {
		return fmt.Errorf("choices: %w", err)
	}
	work, err := cons.Consume(s.heardChoice)
	if err != nil {
		return fmt.Errorf("choices: %w", err)
	}
	context.AfterFunc(ctx, work.Stop)
	return nil
}

func (s *Service) heardChoice(m jetstream.Msg) {
	var ch consentv1.Choice
	if err := json.Unmarshal(m.Data(), &ch); err != nil {
		s.cfg.Log.Warn("a choice that does not decode was dropped", "err", err)
		return
	}
	if ch.Kind != consentv1.Transcription || ch.Source == source { // ours took effect when it was made
		return
	}
	if c, err := s.Call(ch.ConversationID); err == nil && !c.post(chosen{ch}) {
		go c.insist(chosen{ch}) // out of turn, but the time decides
	}
}

// insist posts what may not be dropped, however busy the call is.
func (c *Call) insist(v any) {
	select {
	case c.inbox <- v:
	case <-c.gone:
	}
}

// heed takes a choice that was made elsewhere and reports whether it changed
// anything. One that is older than what the call knows came late, or twice; a yes needs
// an area with a basis.
func (c *Call) heed(v chosen) bool {
	if !v.At.After(c.chosenAt) || v.Value && !c.area.AllowTranscript {
		return false
	}
	c.chosenAt = v.At
	before := c.transcribe
	c.transcribe = &v.Value
	c.tellCaptions()
	return before == nil || *before != v.Value
}

// heedQuietly is heed for phases in which nobody is connected: a yes takes effect
// when somebody is.
func (c *Call) heedQuietly(v chosen) {
	if !c.heed(v) {
		return
	}
	if !v.Value {
		c.closeMine()
	}
	c.tell("choice")
}
