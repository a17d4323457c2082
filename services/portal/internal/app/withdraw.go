package app

import (
	"net/http"
	"slices"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
)

// standing is what holds now for one thing that can be chosen.
type standing struct {
	Kind     string
	Value    bool
	Default  bool // nobody chose: the service area's rule holds
	Withdraw bool // the citizen can say no to it here
}

// Standing gives what holds now, in fixed order; things that were never chosen are left
// out, except a machine's note: it may be made without a yes where the area allows it.
func (d mineData) Standing() []standing {
	var out []standing
	for _, kind := range []string{consentv1.Transcription, consentv1.AINote, consentv1.Recording} {
		s, ok := d.standing(kind)
		if ok {
			out = append(out, s)
		}
	}
	return out
}

func (d mineData) standing(kind string) (s standing, ok bool) {
	s.Kind = kind
	for _, c := range d.Choices { // oldest first: the last counts
		if c.Kind == kind {
			s.Value, ok = c.Value, true
		}
	}
	if !ok && kind == consentv1.AINote && d.Area.AllowAINote {
		written, _ := d.standing(consentv1.Transcription)
		s.Value, s.Default, ok = written.Value, true, written.Value
	}
	s.Withdraw = s.Value
	if kind == consentv1.Recording {
		s.Withdraw = d.recorded() && !d.unrecorded()
	}
	s.Withdraw = s.Withdraw && d.Conversation.ErasedAt.IsZero()
	return s, ok
}

// recorded tells whether there may be a recording of the citizen that can be deleted: in a meeting a no counts from then on, so what
// was recorded before it is there. While the meeting is held, the choice is made in it.
func (d mineData) recorded() bool {
	return d.Conversation.Channel == callv1.ChannelMeeting && !d.Conversation.EndedAt.IsZero() &&
		slices.ContainsFunc(d.Choices, func(c consentv1.Choice) bool { return c.Kind == consentv1.Recording && c.Value })
}

// unrecorded tells whether the citizen has taken back afterwards that they may be recorded.
func (d mineData) unrecorded() (yes bool) {
	for _, c := range d.Choices {
		if c.Kind == consentv1.Recording {
			yes = !c.Value && c.At.After(d.Conversation.EndedAt)
		}
	}
	return yes
}

// justWithdrawn is kind when a no stands there, so that a made-up address claims nothing.
func (d mineData) justWithdrawn(kind string) string {
	s, ok := d.standing(kind)
	if ok && !s.Value && withdrawable(kind) && (kind != consentv1.Recording || d.recorded() && d.unrecorded()) {
		return kind
	}
	return ""
}

func withdrawable(kind string) bool {
	return slices.Contains([]string{consentv1.Transcription, consentv1.AINote, consentv1.Recording}, kind)
}

// withdrawData is the page that says what a withdrawal means, before it is done.
type withdrawData struct {
	Conversation journalv1.Conversation
	Kind         string
}

// mineChoice asks whether the choice shall be withdrawn.
func (a *App) mineChoice(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d, kind, err := a.withdrawal(r, p)
	if err != nil {
		return err
	}
	if s, _ := d.standing(kind); !s.Withdraw {
		http.Redirect(w, r, backTo(d, kind), http.StatusSeeOther)
		return nil
	}
	return a.page(w, r, p, http.StatusOK, "mine_withdraw", "withdraw."+kind+".title", withdrawData{d.Conversation, kind})
}

// mineChosen stores the citizen's no. Sent twice it is stored once.
func (a *App) mineChosen(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d, kind, err := a.withdrawal(r, p)
	if err != nil {
		return err
	}
	if s, _ := d.standing(kind); s.Withdraw {
		if _, err := a.choose(r, p, d.Conversation, choiceBody{Kind: kind}); err != nil {
			return err
		}
	}
	http.Redirect(w, r, backTo(d, kind), http.StatusSeeOther)
	return nil
}

func (a *App) withdrawal(r *http.Request, p who.Person) (mineData, string, error) {
	kind := r.PathValue("kind")
	if !withdrawable(kind) {
		return mineData{}, "", errs.E(errs.NotFound, "", nil)
	}
	d, err := a.mineData(r, p)
	if err == nil && kind == consentv1.Recording && d.Conversation.Channel != callv1.ChannelMeeting {
		err = errs.E(errs.NotFound, "", nil)
	}
	return d, kind, err
}

func backTo(d mineData, kind string) string {
	return "/mit/" + d.Conversation.ID + "?valg=" + kind + "#valg"
}
