package inquiry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/errs"
)

// maxMessages bounds one inquiry: nobody writes that many to a person, and every one becomes part of a note.
const maxMessages = 2000

// say keeps a message. The same id again gives the same message.
func (s *Service) say(ctx context.Context, r inquiryv1.SayRequest) (inquiryv1.Message, error) {
	if err := event.CheckToken(r.ID); err != nil {
		return inquiryv1.Message{}, errs.E(errs.Invalid, "", err)
	}
	if utf8.RuneCountInString(r.Text) > inquiryv1.MaxMessage || strings.TrimSpace(clean(r.Text)) == "" {
		return inquiryv1.Message{}, errs.E(errs.Invalid, textMessage, nil)
	}
	i, err := s.reach(ctx, r.Receipt, r.InquiryID, r.Actor)
	if err != nil {
		return inquiryv1.Message{}, err
	}
	before, err := s.before(ctx, i, r.Actor != nil)
	if err != nil {
		return inquiryv1.Message{}, err
	}
	t := write(before, r.Text)
	i, err = s.change(ctx, i.ID, func(ctx context.Context, c *change) error {
		_, err := c.tx.Message(ctx, c.ID, r.ID)
		switch {
		case err == nil:
			return errNothing
		case !errors.Is(err, errs.NotFound):
			return err
		case c.Over():
			return errs.E(errs.Conflict, textOver, nil)
		}
		if r.Actor == nil {
			return c.fromCitizen(ctx, r.ID, t)
		}
		return c.fromCaseworker(ctx, r.ID, t, *r.Actor)
	})
	if err != nil {
		return inquiryv1.Message{}, err
	}
	m, err := s.store.Read().Message(ctx, i.ID, r.ID)
	if err != nil {
		return inquiryv1.Message{}, err
	}
	return s.shown(ctx, i, m)
}

// together is how long after a message the next one may go on with a number: people look it up.
const together = 2 * time.Minute

// before is what the same side wrote last, if that was just now.
func (s *Service) before(ctx context.Context, i store.Inquiry, worker bool) (string, error) {
	sender := inquiryv1.FromCitizen
	if worker {
		sender = inquiryv1.FromCaseworker
	}
	const few = 4 // the other side and the system may have written in between
	list, err := s.store.Read().Messages(ctx, i.ID, max(0, i.Messages-few), few)
	if err != nil {
		return "", err
	}
	for _, m := range slices.Backward(list) {
		if m.Sender != sender || s.Now().Sub(m.At) > together {
			continue
		}
		v, err := opened[message](ctx, s.Keys, i.ConversationID, fieldMessage, m.Sealed)
		if errors.Is(err, errs.NotFound) {
			return "", nil
		}
		return v.clear(), err
	}
	return "", nil
}

// reach finds the inquiry of a citizen, by receipt number, or of a caseworker.
func (s *Service) reach(ctx context.Context, number, id string, a *inquiryv1.Actor) (store.Inquiry, error) {
	if a == nil {
		return s.byReceipt(ctx, number)
	}
	return s.find(ctx, id, *a)
}

func (c *change) fromCitizen(ctx context.Context, id string, t typed) error {
	if c.Messages >= maxMessages {
		return errs.E(errs.Limited, textTooMany, nil)
	}
	if err := c.add(ctx, id, inquiryv1.FromCitizen, message{typed: t}); err != nil {
		return err
	}
	c.CitizenAt, c.CitizenWroteAt = c.now, c.now
	return c.said(ctx, callv1.RoleCitizen, "", t)
}

func (c *change) fromCaseworker(ctx context.Context, id string, t typed, a inquiryv1.Actor) error {
	if err := c.holds(a); err != nil {
		return err
	}
	if err := c.add(ctx, id, inquiryv1.FromCaseworker, message{typed: t, Name: a.Name}); err != nil {
		return err
	}
	c.WorkerWroteAt = c.now
	return c.said(ctx, callv1.RoleCaseworker, a.ID, t)
}

// said makes a message part of the transcript, once there is one, and tells of it.
func (c *change) said(ctx context.Context, role, user string, t typed) error {
	if !c.ToldAt.IsZero() {
		l, err := c.leg(ctx, role, user, c.now)
		if err != nil {
			return err
		}
		if err := c.utter(ctx, l, t.Words, c.now); err != nil {
			return err
		}
	}
	return c.changed(ctx, "message")
}

// shown opens a message. One whose words were deleted is empty.
func (s *Service) shown(ctx context.Context, i store.Inquiry, m store.Message) (inquiryv1.Message, error) {
	v, err := opened[message](ctx, s.Keys, i.ConversationID, fieldMessage, m.Sealed)
	if errors.Is(err, errs.NotFound) {
		err = nil
	}
	return inquiryv1.Message{ID: m.ID, Seq: m.Seq, At: m.At, From: m.Sender, Name: v.Name, Text: v.Text}, err
}

// One answer must fit into a message of the bus (1 MB): whoever wants more asks after the last.
const (
	historyPage  = 100
	historyBytes = 500_000
)

func (s *Service) history(ctx context.Context, r inquiryv1.HistoryRequest) (inquiryv1.HistoryReply, error) {
	var out inquiryv1.HistoryReply
	i, err := s.reach(ctx, r.Receipt, r.InquiryID, r.Actor)
	if err != nil {
		return out, err
	}
	side, actor, role, purpose := inquiryv1.FromCitizen, byReceipt, roleCitizen, purposeCitizen
	if r.Actor != nil {
		side, actor, role, purpose = inquiryv1.FromCaseworker, r.Actor.ID, r.Actor.Role, purposeWork
	}
	if err := s.look(ctx, actor, role, "view-chat", purpose, i.ConversationID); err != nil {
		return out, err
	}
	list, err := s.store.Read().Messages(ctx, i.ID, max(0, r.After), historyPage)
	if err != nil {
		return out, err
	}
	out.Messages = []inquiryv1.Message{}
	last, size := 0, 0
	for _, m := range list {
		if size > historyBytes {
			break
		}
		v, err := s.shown(ctx, i, m)
		if err != nil {
			return out, err
		}
		out.Messages, last, size = append(out.Messages, v), m.Seq, size+len(v.Text)
	}
	if r.Actor != nil && (r.Peek || i.State == inquiryv1.Claimed && i.Caseworker != r.Actor.ID) {
		last = 0 // not on screen yet, or a colleague's: whoever looks in does not read for them
	}
	i, err = s.seen(ctx, i, side, last)
	if err != nil {
		return out, err
	}
	out.Inquiry, err = s.view(ctx, i, side)
	return out, err
}

// seenEvery bounds how often it is written down that the citizen's page is open.
const seenEvery = 30 * time.Second

// seen records how far a side has read, and that the citizen is there.
func (s *Service) seen(ctx context.Context, i store.Inquiry, side string, upTo int) (store.Inquiry, error) {
	citizen := side == inquiryv1.FromCitizen
	here := citizen && !i.Over() && s.Now().Sub(i.CitizenAt) > seenEvery
	if citizen && upTo <= i.CitizenSeen && !here || !citizen && upTo <= i.WorkerSeen {
		return i, nil
	}
	err := s.store.InTx(ctx, func(tx *store.Tx) error {
		var err error
		i, err = tx.Inquiry(ctx, i.ID)
		if err != nil {
			return err
		}
		if citizen {
			i.CitizenSeen, i.CitizenAt = max(i.CitizenSeen, upTo), s.Now()
		} else {
			i.WorkerSeen = max(i.WorkerSeen, upTo)
		}
		return tx.Save(ctx, i)
	})
	return i, err
}

// check answers the journal, which asks every gateway whether its conversations are alive.
func (s *Service) check(ctx context.Context, r callv1.CheckRequest) (callv1.Call, error) {
	i, err := s.store.Read().ByConversation(ctx, r.ConversationID)
	if err != nil {
		return callv1.Call{}, err
	}
	if i.Over() {
		return callv1.Call{}, errs.E(errs.NotFound, "", nil)
	}
	c := callv1.Call{
		ConversationID: i.ConversationID, Channel: callv1.ChannelChat, State: callv1.StateWaiting, ServiceArea: i.ServiceArea,
		Caseworker: i.Caseworker, StartedAt: i.CreatedAt, AnsweredAt: i.ToldAt,
	}
	if i.State == inquiryv1.Claimed {
		c.State = callv1.StateTalking
	}
	return c, nil
}
