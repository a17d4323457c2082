package inquiry

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

func (s *Service) get(ctx context.Context, r inquiryv1.Ref) (inquiryv1.Inquiry, error) {
	i, err := s.find(ctx, r.ID, r.Actor)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	if err := s.look(ctx, r.Actor.ID, r.Actor.Role, "view-inquiry", purposeWork, i.ConversationID); err != nil {
		return inquiryv1.Inquiry{}, err
	}
	return s.view(ctx, i, inquiryv1.FromCaseworker)
}

// A list must fit into a message of the bus (1 MB): it shows the beginning of each summary. Nobody reads more lines.
const (
	listMost    = 500
	listSummary = 300 // characters
)

// list is the desk's: what waits in the actor's areas and what the actor has.
func (s *Service) list(ctx context.Context, r inquiryv1.ListRequest) (inquiryv1.ListReply, error) {
	if r.Actor.ID == "" || r.Actor.Role != roleCaseworker {
		s.metrics.refused.Inc()
		return inquiryv1.ListReply{}, errs.E(errs.Denied, "", nil)
	}
	all, err := s.store.Read().Open(ctx)
	if err != nil {
		return inquiryv1.ListReply{}, err
	}
	out := inquiryv1.ListReply{Inquiries: []inquiryv1.Inquiry{}}
	var looked []string
	lines := lines{}
	for _, i := range all {
		if !sees(r.Actor, i) || i.State == inquiryv1.Claimed && i.Caseworker != r.Actor.ID {
			continue
		}
		v, err := s.viewIn(ctx, lines, i, inquiryv1.FromCaseworker)
		if err != nil {
			return inquiryv1.ListReply{}, err
		}
		v.Summary, v.Sources = short(v.Summary), nil
		out.Inquiries, looked = append(out.Inquiries, v), append(looked, i.ConversationID)
		if len(looked) == listMost {
			break
		}
	}
	return out, s.look(ctx, r.Actor.ID, r.Actor.Role, "list-inquiries", purposeWork, looked...)
}

func short(summary string) string {
	r := []rune(summary)
	if len(r) <= listSummary {
		return summary
	}
	return string(r[:listSummary]) + " …"
}

// act is a caseworker's change of an inquiry that they may see.
func (s *Service) act(ctx context.Context, id string, a inquiryv1.Actor, f func(ctx context.Context, c *change) error) (inquiryv1.Inquiry, error) {
	if _, err := s.find(ctx, id, a); err != nil {
		return inquiryv1.Inquiry{}, err
	}
	i, err := s.change(ctx, id, func(ctx context.Context, c *change) error {
		if !sees(a, c.Inquiry) { // it was forwarded in between
			return errs.E(errs.Conflict, textTaken, nil)
		}
		return f(ctx, c)
	})
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	return s.view(ctx, i, inquiryv1.FromCaseworker)
}

// holds refuses what only whoever has the inquiry may do.
func (c *change) holds(a inquiryv1.Actor) error {
	switch {
	case c.Over():
		return errs.E(errs.Conflict, textOver, nil)
	case c.State == inquiryv1.Waiting:
		return errs.E(errs.Conflict, textNotYours, nil)
	case c.Caseworker != a.ID:
		return errs.E(errs.Conflict, textTaken, nil)
	}
	return nil
}

func (s *Service) claim(ctx context.Context, r inquiryv1.Ref) (inquiryv1.Inquiry, error) {
	i, err := s.find(ctx, r.ID, r.Actor)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	also, err := s.areas.get(ctx, i.Also)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	return s.act(ctx, r.ID, r.Actor, func(ctx context.Context, c *change) error {
		switch {
		case c.Over():
			return errs.E(errs.Conflict, textOver, nil)
		case c.State == inquiryv1.Claimed && c.Caseworker == r.Actor.ID:
			return errNothing
		case c.State == inquiryv1.Claimed:
			return errs.E(errs.Conflict, textTaken, nil)
		}
		if !slices.Contains(r.Actor.Areas, c.ServiceArea) { // helped out: theirs is the note as well
			if c.Also != also.ID {
				return errs.E(errs.Conflict, "", nil) // it has escalated this moment
			}
			c.move(also)
		}
		if err := c.give(ctx, r.Actor.ID, r.Actor.Name); err != nil {
			return err
		}
		name := r.Actor.Name
		if name == "" {
			name = someone().in(c.Language)
		}
		return errors.Join(
			c.system(ctx, saidClaimed().in(c.Language, name)),
			c.journal(ctx), c.audit(ctx, r.Actor, "claim-inquiry", purposeWork), c.step(ctx, "claimed", ""))
	})
}

// move puts the inquiry into another area, whose rules hold from then on.
func (c *change) move(to area) {
	c.area = to
	c.ServiceArea, c.Also, c.Transcribe = to.ID, "", c.Transcribe && to.AllowTranscript
}

// give makes somebody the inquiry's caseworker.
func (c *change) give(ctx context.Context, id, name string) error {
	c.State, c.Caseworker, c.ClaimedAt, c.WorkerName = inquiryv1.Claimed, id, c.now, nil
	if name == "" {
		return nil
	}
	var err error
	c.WorkerName, err = seal.JSON(ctx, c.keys, c.ConversationID, fieldName, name)
	return err
}

// journal tells the journal of the conversation, or of who has it now. A call-back becomes a conversation of its own when it
// is made, so the inquiry is none.
func (c *change) journal(ctx context.Context) error {
	if c.Channel != inquiryv1.CallBack {
		if err := c.tell(ctx); err != nil {
			return err
		}
	}
	return c.talking(ctx, "")
}

func (s *Service) release(ctx context.Context, r inquiryv1.Ref) (inquiryv1.Inquiry, error) {
	return s.act(ctx, r.ID, r.Actor, func(ctx context.Context, c *change) error {
		if err := c.holds(r.Actor); err != nil {
			return err
		}
		return errors.Join(c.audit(ctx, r.Actor, "release-inquiry", purposeWork), c.back(ctx))
	})
}

// back puts the inquiry into the queue again, where it keeps its place.
func (c *change) back(ctx context.Context) error {
	c.State, c.Caseworker, c.WorkerName = inquiryv1.Waiting, "", nil
	c.deadline()
	return errors.Join(c.system(ctx, saidReleased().in(c.Language)), c.talking(ctx, "released"), c.step(ctx, "released", ""))
}

func (s *Service) forward(ctx context.Context, r inquiryv1.ForwardRequest) (inquiryv1.Inquiry, error) {
	to, err := s.checkForward(ctx, r)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	r.Reason = write("", r.Reason).Text // the citizen reads it, in the log as well, which is not sealed
	return s.act(ctx, r.ID, r.Actor, func(ctx context.Context, c *change) error {
		if c.State != inquiryv1.Waiting { // who sees that a waiting one is in the wrong place may pass it on at once
			if err := c.holds(r.Actor); err != nil {
				return err
			}
		}
		if err := c.audit(ctx, r.Actor, "forward-inquiry", "Givet videre: "+r.Reason); err != nil {
			return err
		}
		switch {
		case r.Area != "":
			return c.toArea(ctx, to, r.Reason)
		case r.Caseworker != "":
			return c.toColleague(ctx, r)
		}
		return c.toAuthority(ctx, r)
	})
}

func (s *Service) checkForward(ctx context.Context, r inquiryv1.ForwardRequest) (to area, err error) {
	n := 0
	for _, f := range []string{r.Area, r.Caseworker, r.Authority} {
		if f != "" {
			n++
		}
	}
	if n != 1 || strings.TrimSpace(r.Reason) == "" {
		return to, errs.E(errs.Invalid, textForward, nil)
	}
	for _, f := range []string{r.Caseworker, r.Name, r.Authority, r.Contact, r.Reason} {
		if utf8.RuneCountInString(f) > 2*maxField {
			return to, errs.E(errs.Invalid, textField, nil)
		}
	}
	if r.Authority != "" && (strings.TrimSpace(r.Authority) == "" || strings.TrimSpace(r.Contact) == "") {
		return to, errs.E(errs.Invalid, textAuthority, nil)
	}
	if r.Area == "" {
		return to, nil
	}
	_, known, err := s.areas.Find(ctx, r.Area)
	if err != nil {
		return to, err
	}
	if !known {
		return to, errs.E(errs.Invalid, textArea, nil)
	}
	return s.areas.get(ctx, r.Area)
}

func (c *change) toArea(ctx context.Context, to area, reason string) error {
	if to.ID == c.ServiceArea {
		return errs.E(errs.Conflict, textSameArea, nil)
	}
	c.State, c.Caseworker, c.WorkerName = inquiryv1.Waiting, "", nil
	c.EscalatedAt = time.Time{}
	c.move(to)
	c.deadline()
	return errors.Join(c.system(ctx, saidForwarded().in(c.Language, to.name(c.Language))), c.talking(ctx, "transferred"), c.step(ctx, "forwarded", reason))
}

func (c *change) toColleague(ctx context.Context, r inquiryv1.ForwardRequest) error {
	if r.Caseworker == r.Actor.ID {
		return errs.E(errs.Invalid, textForward, nil)
	}
	if err := c.give(ctx, r.Caseworker, r.Name); err != nil {
		return err
	}
	return errors.Join(c.system(ctx, saidColleague().in(c.Language)), c.journal(ctx), c.step(ctx, "forwarded", r.Reason))
}

// toAuthority ends the inquiry here: the citizen is told where to turn, and a note says so.
func (c *change) toAuthority(ctx context.Context, r inquiryv1.ForwardRequest) error {
	if c.Caseworker == "" {
		if err := c.give(ctx, r.Actor.ID, r.Actor.Name); err != nil {
			return err
		}
	}
	where := strings.TrimSpace(r.Authority) + ", " + strings.TrimSpace(r.Contact)
	if err := c.system(ctx, saidAuthority().in(c.Language, strings.TrimSpace(r.Authority), strings.TrimSpace(r.Contact))); err != nil {
		return err
	}
	if err := errors.Join(c.tell(ctx), c.talking(ctx, "transferred")); err != nil {
		return err
	}
	return c.over(ctx, inquiryv1.Forwarded, "transferred", "forwarded", where)
}

// over ends the inquiry.
func (c *change) over(ctx context.Context, state, reason, what, note string) error {
	c.State, c.EndedAt = state, c.now
	if err := c.finish(ctx, reason); err != nil {
		return err
	}
	if c.ToldAt.IsZero() { // the journal does not know it, so nobody else deletes it
		c.EraseAt = c.now
		if state != inquiryv1.Withdrawn {
			c.EraseAt = c.now.Add(c.area.KeepAfter)
		}
	}
	if c.Withdrawn {
		if err := c.forget(ctx); err != nil {
			return err
		}
	}
	return c.step(ctx, what, note)
}

// called records that the call-back was dialled. Without a conversation it was made on another telephone.
func (s *Service) called(ctx context.Context, r inquiryv1.CalledRequest) (inquiryv1.Inquiry, error) {
	if r.ConversationID != "" {
		if err := event.CheckToken(r.ConversationID); err != nil {
			return inquiryv1.Inquiry{}, errs.E(errs.Invalid, "", err)
		}
	}
	return s.act(ctx, r.ID, r.Actor, func(ctx context.Context, c *change) error {
		if err := c.holds(r.Actor); err != nil {
			return err
		}
		if !c.CalledAt.IsZero() && c.CallID == r.ConversationID {
			return errNothing
		}
		c.CalledAt, c.CallID = c.now, r.ConversationID
		return errors.Join(
			c.system(ctx, saidCalled().in(c.Language)), c.audit(ctx, r.Actor, "call-back", purposeWork), c.step(ctx, "called", ""))
	})
}

func (s *Service) video(ctx context.Context, r inquiryv1.VideoRequest) (inquiryv1.Inquiry, error) {
	return s.act(ctx, r.ID, r.Actor, func(ctx context.Context, c *change) error {
		if err := c.holds(r.Actor); err != nil {
			return err
		}
		link := strings.TrimSpace(r.URL)
		if link == "" {
			link = c.area.Video
		}
		u, err := url.Parse(link)
		if err != nil || !private(u) || u.Host == "" || len(link) > 2000 {
			return errs.E(errs.Invalid, textVideo, nil)
		}
		c.Video, err = seal.JSON(ctx, c.keys, c.ConversationID, fieldVideo, link)
		if err != nil {
			return err
		}
		return errors.Join(
			c.system(ctx, saidVideo().in(c.Language)), c.audit(ctx, r.Actor, "open-video", purposeWork), c.step(ctx, "video", ""))
	})
}

// private tells whether nobody on the way can read what is sent to an address: a trial on one machine has no certificate.
func private(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && ip != nil && ip.IsLoopback()
}

// end is asked for by the citizen, with the receipt number, or by the caseworker.
func (s *Service) end(ctx context.Context, r inquiryv1.EndRequest) (inquiryv1.Inquiry, error) {
	if r.Actor != nil {
		return s.act(ctx, r.ID, *r.Actor, func(ctx context.Context, c *change) error {
			if c.Over() && c.Caseworker == r.Actor.ID {
				return errNothing
			}
			if err := c.holds(*r.Actor); err != nil {
				return err
			}
			return errors.Join(c.audit(ctx, *r.Actor, "end-inquiry", purposeWork), c.answered(ctx))
		})
	}
	i, err := s.byReceipt(ctx, r.Receipt)
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	i, err = s.change(ctx, i.ID, func(ctx context.Context, c *change) error {
		switch {
		case c.Over():
			return errNothing
		case c.ToldAt.IsZero() && c.CalledAt.IsZero(): // nobody has begun to answer it
			return errors.Join(c.system(ctx, saidWithdrawn().in(c.Language)), c.over(ctx, inquiryv1.Withdrawn, "caller-hangup", "withdrawn", ""))
		}
		return c.close(ctx, saidEnded(), "caller-hangup")
	})
	if err != nil {
		return inquiryv1.Inquiry{}, err
	}
	return s.view(ctx, i, inquiryv1.FromCitizen)
}

// answered ends the inquiry for its caseworker. A call-back must have been made.
func (c *change) answered(ctx context.Context) error {
	if c.Channel == inquiryv1.CallBack {
		if c.CalledAt.IsZero() {
			return errs.E(errs.Conflict, textCallFirst, nil)
		}
	}
	return c.close(ctx, saidEnded(), "hangup")
}

// close ends the inquiry. The journal knows a call-back by its call; one that was made on another telephone left none, and what was
// written on the page stands in none: then the inquiry becomes a conversation as well.
func (c *change) close(ctx context.Context, said text, reason string) error {
	if wrote := !latest(c.CitizenWroteAt, c.WorkerWroteAt).IsZero(); c.CallID == "" || wrote {
		if err := errors.Join(c.tell(ctx), c.talking(ctx, "")); err != nil {
			return err
		}
	}
	return errors.Join(c.system(ctx, said.in(c.Language)), c.over(ctx, inquiryv1.Ended, reason, "ended", ""))
}
