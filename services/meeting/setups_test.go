package meeting

import (
	"slices"
	"strings"
	"testing"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// An editor changes a set-up, another who has read the old one is told, and the delivered one comes back; each is in the audit log.
func TestSetupIsChangedAndReset(t *testing.T) {
	w := newWorld(t)
	var entries []consentv1.Audit
	follow(w, "audit.v1.entry.setup-hospital", once(&entries))
	find := func(id string) meetingv1.Setup {
		t.Helper()
		all := get[meetingv1.SetupsReply](w, meetingv1.SetupsSubject, meetingv1.SetupsRequest{}).Setups
		i := slices.IndexFunc(all, func(s meetingv1.Setup) bool { return s.ID == id })
		if i < 0 {
			return meetingv1.Setup{}
		}
		return all[i]
	}
	s := find("hospital")
	if s.Version != 0 || !s.Delivered || s.Changed || s.Identity == "" {
		t.Fatalf("delivered: %+v", s)
	}
	s.Identity, s.Name = "", "Samtale på sygehuset"
	refused(w, errs.Denied, meetingv1.SaveSetupSubject, s)
	s.Actor = "ida"
	saved := get[meetingv1.Setup](w, meetingv1.SaveSetupSubject, s)
	if saved.Version != 1 || !saved.Changed || saved.Identity != "" || saved.Actor != "" {
		t.Errorf("saved: %+v", saved)
	}
	refused(w, errs.Conflict, meetingv1.SaveSetupSubject, s) // it has read the version before
	bad := saved
	bad.Actor, bad.Invitation = "ida", "Kom!"
	refused(w, errs.Invalid, meetingv1.SaveSetupSubject, bad)
	if got := find("hospital"); got.Name != "Samtale på sygehuset" || got.Identity != "" || got.Version != 1 {
		t.Errorf("read: %+v", got)
	}
	refused(w, errs.Conflict, meetingv1.ResetSetupSubject, meetingv1.SetupRef{ID: "hospital", Version: 7, Actor: "ida"})
	refused(w, errs.Conflict, meetingv1.ResetSetupSubject, meetingv1.SetupRef{ID: "psykiatri", Actor: "ida"})
	get[meetingv1.SetupsReply](w, meetingv1.ResetSetupSubject, meetingv1.SetupRef{ID: "hospital", Version: 1, Actor: "ida"})
	if got := find("hospital"); got.Changed || got.Identity != meetingv1.LevelSubstantial || got.Version != 2 {
		t.Errorf("reset: %+v", got)
	}
	saved.Actor = "ida"
	refused(w, errs.Conflict, meetingv1.SaveSetupSubject, saved) // what was reset is not brought back by an old page
	w.until("the audit log", func() bool {
		var log []string
		for _, e := range entries {
			log = append(log, e.Actor+" "+e.Role+" "+e.Action)
		}
		return slices.Equal(log, []string{"ida editor save-setup", "ida editor reset-setup"})
	})

	// The history has both, newest first, with what stood before and after.
	history := func(r meetingv1.SetupChangesRequest) (changes []meetingv1.SetupChange) {
		t.Helper()
		rep := get[meetingv1.SetupChangesReply](w, meetingv1.SetupChangesSubject, r)
		if rep.More {
			t.Errorf("more of %+v", r)
		}
		return rep.Changes
	}
	changes := history(meetingv1.SetupChangesRequest{ID: "hospital"})
	if len(changes) != 2 {
		t.Fatalf("history: %+v", changes)
	}
	if c := changes[0]; c.Version != 2 || !c.Reset || c.Actor != "ida" || c.At.IsZero() || c.Before.Name != "Samtale på sygehuset" || c.After.Identity != meetingv1.LevelSubstantial {
		t.Errorf("the reset: %+v", c)
	}
	if c := changes[1]; c.Version != 1 || c.Reset || c.Before.Identity != meetingv1.LevelSubstantial || c.After.Identity != "" || c.After.Name != "Samtale på sygehuset" {
		t.Errorf("the change: %+v", c)
	}
	if older := history(meetingv1.SetupChangesRequest{ID: "hospital", Below: 2}); len(older) != 1 || older[0].Version != 1 {
		t.Errorf("older: %+v", older)
	}

	own := find("hospital")
	own.ID, own.Version, own.Actor = "tandpleje", 0, "ida"
	own = get[meetingv1.Setup](w, meetingv1.SaveSetupSubject, own)
	if own.Delivered || !own.Changed || own.Version != 1 {
		t.Errorf("added: %+v", own)
	}
	rep := get[meetingv1.SetupsReply](w, meetingv1.ResetSetupSubject, meetingv1.SetupRef{ID: "tandpleje", Version: 1, Actor: "ida"})
	if len(rep.Setups) != 5 {
		t.Errorf("one that is not delivered is still there: %d", len(rep.Setups))
	}
	if c := history(meetingv1.SetupChangesRequest{ID: "tandpleje"}); len(c) != 2 || c[0].After != nil || c[0].Before == nil || c[1].Before != nil || c[1].After == nil {
		t.Errorf("added and deleted: %+v", c)
	}

	letters := get[meetingv1.PreviewReply](w, meetingv1.PreviewSubject, bad).Letters
	if len(letters) != 2 || !strings.Contains(letters[0].Body, "Kom!") || letters[1].Language != "en" || !strings.Contains(letters[1].Body, "The link is only for you.") {
		t.Errorf("preview: %+v", letters)
	}
}
