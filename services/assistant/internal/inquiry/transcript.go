package inquiry

import (
	"context"
	"fmt"
	"time"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/seal"
)

// A chat reaches the journal as a call does: it starts, has legs whose words are committed range by range, and ends. Places
// are the time in the leg, in samples at 16 kHz, as if the words had been spoken.
const (
	rate = 16000
	// engine names what "heard" typed words.
	engine = "typed"
	// perWord is a typed word's length; a whole message takes a second at most, so that places stay near the clock.
	perWord  = rate / 20
	pastable = rate
)

func samples(d time.Duration) int64 { return int64(d / time.Microsecond * rate / 1e6) }

func duration(n int64) time.Duration {
	return time.Duration(n/rate)*time.Second + time.Duration(n%rate)*time.Second/rate
}

// tell opens the conversation at the journal, with all that was written so far: the approved summary is the citizen's first
// words.
func (c *change) tell(ctx context.Context) error {
	if !c.ToldAt.IsZero() {
		return nil
	}
	in, err := opened[content](ctx, c.keys, c.ConversationID, fieldContent, c.Content)
	if err != nil {
		return err
	}
	sealed, err := seal.JSON(ctx, c.keys, c.ConversationID, fieldParty, callv1.Introduced{
		Party: callv1.Party{Number: in.Phone, Name: in.Name}, Ref: in.PartyID, OnBehalfOf: in.OnBehalfOf,
	})
	if err != nil {
		return err
	}
	leg, err := c.leg(ctx, callv1.RoleCitizen, "", c.CreatedAt)
	if err != nil {
		return err
	}
	err = c.tx.Publish(ctx, callv1.Started{
		Meta: event.NewMeta("call.v1.started", source, c.CreatedAt), ConversationID: c.ConversationID, Channel: callv1.ChannelChat,
		ServiceArea: c.ServiceArea, Legs: []callv1.Leg{c.contract(leg)}, Sealed: sealed, Caseworker: c.Caseworker,
	})
	if err != nil {
		return err
	}
	c.ToldAt = c.now
	if err := c.utter(ctx, leg, in.Summary.Words, c.CreatedAt); err != nil {
		return err
	}
	return c.retell(ctx)
}

// retell gives the journal the messages that were written before it was told.
func (c *change) retell(ctx context.Context) error {
	list, err := c.tx.Messages(ctx, c.ID, 0, maxMessages)
	if err != nil {
		return err
	}
	for _, m := range list {
		if m.Sender == inquiryv1.FromSystem {
			continue
		}
		v, err := opened[message](ctx, c.keys, c.ConversationID, fieldMessage, m.Sealed)
		if err != nil {
			return err
		}
		role, user := callv1.RoleCitizen, ""
		if m.Sender == inquiryv1.FromCaseworker {
			role, user = callv1.RoleCaseworker, c.Caseworker
		}
		leg, err := c.leg(ctx, role, user, m.At)
		if err != nil {
			return err
		}
		if err := c.utter(ctx, leg, v.Words, m.At); err != nil {
			return err
		}
	}
	return nil
}

// leg finds the leg of a writer, or begins it at a time.
func (c *change) leg(ctx context.Context, role, user string, at time.Time) (store.Leg, error) {
	legs, err := c.tx.Legs(ctx, c.ID)
	if err != nil {
		return store.Leg{}, err
	}
	for _, l := range legs {
		if l.Role == role && l.User == user {
			return l, nil
		}
	}
	l := store.Leg{ID: event.NewID(c.now), Role: role, User: user, Offset: max(0, samples(at.Sub(c.CreatedAt)))}
	return l, c.tx.PutLeg(ctx, c.ID, l)
}

// contract is a leg as others know it.
func (c *change) contract(l store.Leg) callv1.Leg {
	return callv1.Leg{ID: l.ID, Role: l.Role, User: l.User, StartedAt: c.CreatedAt.Add(duration(l.Offset))}
}

// utter commits what was typed at a time as words of a leg, with the silence before. Nobody's words stand before those that
// were typed earlier.
func (c *change) utter(ctx context.Context, l store.Leg, words []transcriptv1.Word, at time.Time) error {
	if !c.Transcribe || len(words) == 0 {
		return nil
	}
	from := l.HeardTo
	begin := max(samples(at.Sub(c.CreatedAt)), c.SaidTo) - l.Offset
	begin = max(begin, from)
	long := max(1, min(perWord, pastable/int64(len(words))))
	var body transcriptv1.Body
	for i, w := range words {
		w.ID = fmt.Sprintf("%s-%05d", l.ID[len(l.ID)-8:], l.NextWord)
		w.Start = begin + int64(i)*long
		w.End = w.Start + long
		body.Words = append(body.Words, w)
		l.NextWord++
	}
	end := begin + int64(len(words))*long
	l.HeardTo, c.SaidTo = end, l.Offset+end
	ledger := []transcriptv1.Range{{Start: begin, End: end, State: transcriptv1.Transcribed}}
	if begin > from {
		ledger = append([]transcriptv1.Range{{Start: from, End: begin, State: transcriptv1.Silence}}, ledger...)
	}
	if err := c.tx.PutLeg(ctx, c.ID, l); err != nil {
		return err
	}
	return c.final(ctx, l, transcriptv1.Final{From: from, To: end, Ledger: ledger}, body)
}

func (c *change) final(ctx context.Context, l store.Leg, f transcriptv1.Final, body transcriptv1.Body) error {
	sealed, err := seal.JSON(ctx, c.keys, c.ConversationID, fieldBody, body)
	if err != nil {
		return err
	}
	f.Meta = event.NewMeta("transcript.v1.final", source, c.now)
	f.ConversationID, f.LegID, f.Role, f.Engine, f.Sealed, f.NextWord = c.ConversationID, l.ID, l.Role, engine, sealed, l.NextWord
	return c.tx.Publish(ctx, f)
}

// talking tells the journal who talks now; a caseworker who is new gets a leg.
func (c *change) talking(ctx context.Context, reason string) error {
	if c.ToldAt.IsZero() {
		return nil
	}
	state := callv1.StateWaiting
	if c.Caseworker != "" {
		state = callv1.StateTalking
		if _, err := c.leg(ctx, callv1.RoleCaseworker, c.Caseworker, c.now); err != nil {
			return err
		}
	}
	legs, err := c.tx.Legs(ctx, c.ID)
	if err != nil {
		return err
	}
	e := callv1.Changed{
		Meta: event.NewMeta("call.v1.changed", source, c.now), ConversationID: c.ConversationID, State: state,
		ServiceArea: c.ServiceArea, Caseworker: c.Caseworker, Transcribe: &c.Transcribe, Reason: reason,
	}
	for _, l := range legs {
		e.Legs = append(e.Legs, c.contract(l))
	}
	return c.tx.Publish(ctx, e)
}

// finish ends the conversation at the journal: every leg is accounted for to the end, and a note is written.
func (c *change) finish(ctx context.Context, reason string) error {
	if c.ToldAt.IsZero() {
		return nil
	}
	legs, err := c.tx.Legs(ctx, c.ID)
	if err != nil {
		return err
	}
	e := callv1.Ended{
		Meta: event.NewMeta("call.v1.ended", source, c.now), ConversationID: c.ConversationID, Channel: callv1.ChannelChat,
		ServiceArea: c.ServiceArea, StartedAt: c.CreatedAt, AnsweredAt: c.ToldAt, Reason: reason, Caseworker: c.Caseworker,
		Transcribed: c.Transcribe,
	}
	for _, l := range legs {
		end := max(l.HeardTo, samples(c.now.Sub(c.CreatedAt))-l.Offset)
		e.Legs = append(e.Legs, callv1.LegEnd{Leg: c.contract(l), Samples: end, Transcribed: c.Transcribe})
		if !c.Transcribe {
			continue
		}
		f := transcriptv1.Final{From: l.HeardTo, To: end, Last: true, Ledger: []transcriptv1.Range{}}
		if end > l.HeardTo {
			f.Ledger = append(f.Ledger, transcriptv1.Range{Start: l.HeardTo, End: end, State: transcriptv1.Silence})
		}
		if err := c.final(ctx, l, f, transcriptv1.Body{}); err != nil {
			return err
		}
		l.HeardTo = end
		if err := c.tx.PutLeg(ctx, c.ID, l); err != nil {
			return err
		}
	}
	return c.tx.Publish(ctx, e)
}
