package journal

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/seal"
)

func texts(n journalv1.Note) []string {
	var out []string
	for _, s := range n.Sentences {
		out = append(out, s.Section+": "+s.Text)
	}
	return out
}

func TestTwoPeopleOnOneNote(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	other := caseworker
	other.ID = "cw2"
	save := func(actor journalv1.Actor, version int, text string) journalv1.SaveRequest {
		return journalv1.SaveRequest{
			NoteID: n.ID, Version: version, Title: "Boligstøtte", Actor: actor,
			Sentences: append(append([]journalv1.Sentence{}, n.Sentences...), journalv1.Sentence{Section: "aftalt", Text: text}),
		}
	}
	first := ask[journalv1.Note](w, journalv1.SaveSubject, save(caseworker, n.Version, "Vi ringer i morgen."))
	if first.Version != n.Version+1 || len(first.Sentences) != len(n.Sentences)+1 {
		t.Fatalf("saved: %+v", first)
	}
	err := refuse(w, errs.Conflict, journalv1.SaveSubject, save(other, n.Version, "Vi skriver et brev."))
	if !strings.Contains(errs.Text(err), "En anden har ændret notatet") {
		t.Errorf("text: %q", errs.Text(err))
	}
	now := ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: n.ID, Actor: other})
	if diff := cmp.Diff(texts(first), texts(now)); diff != "" {
		t.Fatalf("the late one overwrote: %s", diff)
	}
}

func TestAutosaveAgainAfterALostAnswer(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	req := journalv1.SaveRequest{
		NoteID: n.ID, Version: n.Version, Title: "  Ny titel ", Actor: caseworker,
		Sentences: []journalv1.Sentence{{Section: "aftalt", Text: "Vi ringer i morgen."}, {Section: "henvendelse", Text: " "}},
	}
	first := ask[journalv1.Note](w, journalv1.SaveSubject, req)
	again := ask[journalv1.Note](w, journalv1.SaveSubject, req) // the answer was lost on the way
	if diff := cmp.Diff(first, again); diff != "" {
		t.Fatal(diff)
	}
	if first.Title != "Ny titel" || len(first.Sentences) != 1 || first.Sentences[0].Verdict != journalv1.Edited || first.Sentences[0].By != "cw1" {
		t.Fatalf("saved: %+v", first)
	}
}

func TestChangedSentencesAreVerifiedAgain(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	tr := ask[journalv1.Transcript](w, journalv1.TranscriptSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	var moved []string // words of "Jeg flyttede den 1. november."
	for i, word := range tr.Words {
		if word.Text == "flyttede" {
			for _, x := range tr.Words[i-1 : i+4] {
				moved = append(moved, x.ID)
			}
		}
	}
	evidence := []journalv1.Evidence{{Leg: c.legs[0].ID, WordIDs: moved, Quote: "noget helt andet"}}
	saved := ask[journalv1.Note](w, journalv1.SaveSubject, journalv1.SaveRequest{
		NoteID: n.ID, Version: n.Version, Title: n.Title, Actor: caseworker,
		Sentences: []journalv1.Sentence{
			{Section: "oplyst", Text: "Borgeren flyttede den 1. november.", Evidence: evidence, Verdict: journalv1.Confirmed},
			{Section: "oplyst", Text: "Borgeren flyttede den 2. november.", Evidence: evidence, Verdict: journalv1.Supported},
			{Section: "oplyst", Text: "Opdigtet.", Evidence: []journalv1.Evidence{{Leg: "x", WordIDs: []string{"y"}}}, Verdict: journalv1.Supported},
		},
	})
	var got []string
	for _, s := range saved.Sentences {
		got = append(got, s.Verdict)
	}
	if diff := cmp.Diff([]string{journalv1.Supported, journalv1.Edited, journalv1.Edited}, got); diff != "" {
		t.Fatal(diff)
	}
	if q := saved.Sentences[0].Evidence[0].Quote; q != "Jeg flyttede den 1. november." {
		t.Errorf("quotation is the client's: %q", q)
	}
	if len(saved.Sentences[2].Evidence) != 0 {
		t.Errorf("evidence that does not exist: %+v", saved.Sentences[2].Evidence)
	}
}

// unsettled makes a sentence of the stored note unsupported, as a model's draft may be.
func (w *world) unsettled(c *call) journalv1.Note {
	w.t.Helper()
	n := w.drafted(c)
	ctx := long(w.t)
	row, err := w.store.Read().Note(ctx, n.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := w.acts.Vault.Note(ctx, row)
	if err != nil {
		w.t.Fatal(err)
	}
	for i := range b.Sentences {
		b.Sentences[i].Verdict = journalv1.Supported
	}
	b.Sentences[0].Verdict = journalv1.Unsupported
	row.Sealed, err = w.acts.Vault.SealNote(ctx, c.id, b)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.store.Read().UpdateNote(ctx, row, row.Version); err != nil {
		w.t.Fatal(err)
	}
	return ask[journalv1.Note](w, journalv1.NoteSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
}

func TestApprovalNeedsProofOrAPerson(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.unsettled(c)
	approve := journalv1.ApproveRequest{NoteID: n.ID, Version: n.Version, Actor: caseworker}
	err := refuse(w, errs.Invalid, journalv1.ApproveSubject, approve)
	if !strings.Contains(errs.Text(err), "nr. 1 under ") || strings.Contains(errs.Text(err), n.Sentences[0].Text) {
		t.Errorf("the text must name the place and not the content: %q", errs.Text(err))
	}
	confirm := journalv1.ConfirmRequest{NoteID: n.ID, Version: n.Version, SentenceID: n.Sentences[0].ID, Actor: caseworker}
	refuse(w, errs.Invalid, journalv1.ConfirmSubject, confirm) // no reason
	confirm.Reason = "Borgeren sagde det, før vi skrev ned"
	confirmed := ask[journalv1.Note](w, journalv1.ConfirmSubject, confirm)
	if s := confirmed.Sentences[0]; s.Verdict != journalv1.Confirmed || s.Confirm != confirm.Reason || s.By != "cw1" {
		t.Fatalf("confirmed: %+v", s)
	}
	refuse(w, errs.Conflict, journalv1.ApproveSubject, approve) // that version is old
	approve.Version = confirmed.Version
	approved := ask[journalv1.Note](w, journalv1.ApproveSubject, approve)
	if approved.State != journalv1.NoteApproved {
		t.Fatalf("approved: %+v", approved)
	}
	err = refuse(w, errs.Conflict, journalv1.SaveSubject, journalv1.SaveRequest{NoteID: n.ID, Version: approved.Version, Title: "x", Actor: caseworker})
	if !strings.Contains(errs.Text(err), "allerede godkendt") {
		t.Errorf("text: %q", errs.Text(err))
	}
	refuse(w, errs.Conflict, journalv1.DiscardSubject, journalv1.DiscardRequest{NoteID: n.ID, Reason: "x", Actor: caseworker})
	again := ask[journalv1.Note](w, journalv1.ApproveSubject, journalv1.ApproveRequest{NoteID: n.ID, Actor: caseworker})
	if again.Hash != approved.Hash || again.Version != approved.Version {
		t.Errorf("approving twice made another approval: %+v", again)
	}
}

func TestADeclinedConversationGetsAForm(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.begin(c)
	w.end(c) // no leg was transcribed
	w.eventually("nothing more to wait for", func() bool { return w.was("transcript call-" + c.id) })
	n := w.drafted(c)
	if len(n.Sentences) != 0 || len(n.Sections) != 5 || n.Notice == "" {
		t.Fatalf("form: %+v", n)
	}
	refuse(w, errs.Invalid, journalv1.ApproveSubject, journalv1.ApproveRequest{NoteID: n.ID, Actor: caseworker})
	n = ask[journalv1.Note](w, journalv1.SaveSubject, journalv1.SaveRequest{
		NoteID: n.ID, Version: n.Version, Title: "Opkald", CaseNumber: "2026-17", Actor: caseworker,
		Sentences: []journalv1.Sentence{{Section: "henvendelse", Text: "Borgeren spurgte til sin sag."}},
	})
	if n = w.approved(n); n.State != journalv1.NoteApproved {
		t.Fatalf("approved: %+v", n)
	}
	conv := ask[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	if conv.CaseNumber != "2026-17" {
		t.Errorf("case number: %+v", conv)
	}
}

func TestNoMachineWritesAgainstAChoice(t *testing.T) {
	for name, set := range map[string]func(*keeper){
		"the citizen said no": func(k *keeper) {
			k.choices = []consentv1.Choice{{Kind: consentv1.AINote, Value: true}, {Kind: consentv1.AINote}}
		},
		"the area does not": func(k *keeper) { k.area.AllowAINote = false },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keys.change(set)
			c := newCall()
			w.talk(c)
			if n := w.drafted(c); len(n.Sentences) != 0 || n.DraftedBy == "extract" || n.Notice == "" {
				t.Fatalf("draft: %+v", n)
			}
		})
	}
}

func TestDiscard(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	refuse(w, errs.Invalid, journalv1.DiscardSubject, journalv1.DiscardRequest{NoteID: n.ID, Actor: caseworker})
	n = ask[journalv1.Note](w, journalv1.DiscardSubject, journalv1.DiscardRequest{NoteID: n.ID, Reason: "Fejlopkald", Actor: caseworker})
	if n.State != journalv1.NoteDiscarded {
		t.Fatalf("note: %+v", n)
	}
	w.eventually("the workflow knows", func() bool { return w.was("discarded note-" + c.id) })
	w.eventually("why stands in the log", func() bool { return slices.Contains(w.audited(), "cw1 discard: Fejlopkald") })
}

func TestRoles(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	master, err := masterkey.LoadOrCreate("", w.data)
	if err != nil {
		t.Fatal(err)
	}
	ask[journalv1.Conversation](w, journalv1.PartySubject, journalv1.PartyRequest{
		ConversationID: c.id, ID: "010190-1234", Name: "Bente Holm", OnBehalfOf: "Aksel Holm", CaseNumber: "17", Actor: caseworker,
	})
	citizen := journalv1.Actor{ID: "b1", Role: "citizen", PartyRef: seal.Pseudonym(master.Derive(masterkey.Parties), "0101901234")}
	stranger := citizen
	stranger.PartyRef = "someone else's"
	nobody := journalv1.Actor{ID: "b2", Role: "citizen"}
	elsewhere := caseworker
	elsewhere.Areas = []string{"pension"}
	auditor := journalv1.Actor{ID: "a1", Role: "auditor"}
	ref := func(a journalv1.Actor) journalv1.Ref { return journalv1.Ref{ID: c.id, Actor: a} }

	for name, tc := range map[string]struct {
		actor                 journalv1.Actor
		get, transcript, note errs.Kind // "" means allowed
		listed                int
	}{
		"caseworker of the area":    {caseworker, "", "", "", 1},
		"caseworker of another":     {elsewhere, errs.Denied, errs.Denied, errs.Denied, 0},
		"caseworker without areas":  {journalv1.Actor{ID: "x", Role: "caseworker"}, errs.Denied, errs.Denied, errs.Denied, 0},
		"the citizen":               {citizen, "", "", errs.NotFound, 1}, // a draft is not shown
		"another citizen":           {stranger, errs.NotFound, errs.NotFound, errs.NotFound, 0},
		"a citizen without a login": {nobody, errs.NotFound, errs.NotFound, errs.NotFound, 0},
		"auditor":                   {auditor, "", errs.Denied, errs.Denied, 1},
		"operator":                  {journalv1.Actor{ID: "o", Role: "operator"}, "", errs.Denied, errs.Denied, 1},
		"editor":                    {journalv1.Actor{ID: "e", Role: "editor"}, "", errs.Denied, errs.Denied, 1},
		"without an id":             {journalv1.Actor{Role: "auditor"}, errs.Denied, errs.Denied, errs.Denied, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			for subject, want := range map[string]errs.Kind{
				journalv1.GetSubject: tc.get, journalv1.TranscriptSubject: tc.transcript, journalv1.NoteSubject: tc.note,
			} {
				if want != "" {
					refuse(w, want, subject, ref(tc.actor))
				} else {
					ask[json.RawMessage](w, subject, ref(tc.actor))
				}
			}
			list := ask[journalv1.ListReply](w, journalv1.ListSubject, journalv1.ListRequest{Actor: tc.actor})
			if len(list.Conversations) != tc.listed {
				t.Errorf("listed %d", len(list.Conversations))
			}
		})
	}
	w.t = t
	refuse(w, errs.Denied, journalv1.ListSubject, journalv1.ListRequest{Actor: journalv1.Actor{ID: "x", Role: "stranger"}})
	seen := ask[journalv1.Conversation](w, journalv1.GetSubject, ref(auditor))
	if seen.Party != (callv1.Party{}) || seen.PartyRef != "" || seen.CaseNumber != "" || seen.OnBehalfOf != "" {
		t.Errorf("an auditor sees people: %+v", seen)
	}
	ask[journalv1.Conversation](w, journalv1.PartySubject, journalv1.PartyRequest{
		ConversationID: c.id, Name: "Bente Holm", OnBehalfOf: "Aksel Holm", Actor: caseworker, // without an id: the link stays
	})
	mine := ask[journalv1.Conversation](w, journalv1.GetSubject, ref(citizen))
	if mine.Party.Name != "Bente Holm" || mine.OnBehalfOf != "Aksel Holm" {
		t.Errorf("the citizen's own: %+v", mine)
	}
	for subject, req := range map[string]any{
		journalv1.SaveSubject:      journalv1.SaveRequest{NoteID: n.ID, Version: n.Version, Actor: citizen},
		journalv1.ApproveSubject:   journalv1.ApproveRequest{NoteID: n.ID, Actor: auditor},
		journalv1.ConfirmSubject:   journalv1.ConfirmRequest{NoteID: n.ID, Actor: elsewhere},
		journalv1.DiscardSubject:   journalv1.DiscardRequest{NoteID: n.ID, Reason: "x", Actor: citizen},
		journalv1.RevealSubject:    journalv1.RevealRequest{ConversationID: c.id, Reason: "x", Actor: citizen},
		journalv1.PartySubject:     journalv1.PartyRequest{ConversationID: c.id, ID: "x", Actor: auditor},
		journalv1.RedraftSubject:   ref(citizen),
		journalv1.DeliverSubject:   ref(auditor),
		journalv1.CloseTaskSubject: ref(elsewhere),
		journalv1.CommentSubject:   journalv1.CommentRequest{ConversationID: c.id, Text: "x", Actor: caseworker},
	} {
		refuse(w, errs.Denied, subject, req)
	}
	w.approved(n)
	for _, subject := range []string{journalv1.NoteSubject, journalv1.GetSubject, journalv1.TranscriptSubject} { // now the note may be read
		if got := ask[json.RawMessage](w, subject, ref(citizen)); strings.Contains(string(got), `"cw1"`) {
			t.Errorf("%s shows the citizen an employee: %s", subject, got)
		}
	}
	commented := ask[journalv1.Conversation](w, journalv1.CommentSubject,
		journalv1.CommentRequest{ConversationID: c.id, Text: "Jeg flyttede den 2.", Actor: citizen})
	if len(commented.Comments) != 1 || commented.Comments[0].Text != "Jeg flyttede den 2." {
		t.Errorf("comments: %+v", commented.Comments)
	}
	after := ask[journalv1.Note](w, journalv1.NoteSubject, ref(caseworker))
	if diff := cmp.Diff(texts(n), texts(after)); diff != "" {
		t.Errorf("the comment changed the note: %s", diff)
	}
}

// audited lists actions of the audit stream in order.
func (w *world) audited() []string {
	w.t.Helper()
	var out []string
	s, err := w.bus.JS.Stream(long(w.t), consentv1.Stream)
	if err != nil {
		w.t.Fatal(err)
	}
	info, err := s.Info(long(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(long(w.t), seq)
		if err != nil {
			w.t.Fatal(err)
		}
		var a consentv1.Audit
		if err := json.Unmarshal(m.Data, &a); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, a.Actor+" "+a.Action+": "+a.Purpose)
	}
	return out
}

func TestEveryLookIsWritten(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	ref := journalv1.Ref{ID: c.id, Actor: caseworker}
	for range 3 { // a page that loads again is one look
		ask[journalv1.Transcript](w, journalv1.TranscriptSubject, ref)
	}
	w.stop()
	w.start()
	ask[journalv1.Transcript](w, journalv1.TranscriptSubject, ref) // also after a restart
	tr := ask[journalv1.Transcript](w, journalv1.TranscriptSubject, ref)
	reveal := journalv1.RevealRequest{ConversationID: c.id, Actor: caseworker}
	for _, word := range tr.Words {
		if word.Masked != "" {
			reveal.WordID = word.ID
		}
	}
	refuse(w, errs.Invalid, journalv1.RevealSubject, reveal) // no reason
	reveal.Reason = "Opslag af 030303-4321 i fagsystemet"
	for range 2 {
		if got := ask[journalv1.RevealReply](w, journalv1.RevealSubject, reveal); got.Value != "0101901234" {
			t.Fatalf("revealed %q", got.Value)
		}
	}
	reveal.WordID = tr.Words[0].ID
	refuse(w, errs.NotFound, journalv1.RevealSubject, reveal) // nothing is hidden there
	want := []string{
		"cw1 view-transcript: Behandling af din henvendelse",
		"cw1 reveal: Opslag af ••••••-•••• i fagsystemet",
		"cw1 reveal: Opslag af ••••••-•••• i fagsystemet",
	}
	w.eventually("all entries", func() bool { return len(w.audited()) >= len(want) })
	if diff := cmp.Diff(want, w.audited()); diff != "" {
		t.Fatal(diff)
	}
}

func TestAutosaveIsOneActInTheLog(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	for _, title := range []string{"B", "Bo", "Bol"} {
		n = ask[journalv1.Note](w, journalv1.SaveSubject, journalv1.SaveRequest{
			NoteID: n.ID, Version: n.Version, Title: title, Sentences: n.Sentences, Actor: caseworker,
		})
	}
	w.approved(n)
	w.eventually("the approval is written", func() bool { return slices.ContainsFunc(w.audited(), isAct("approve")) })
	if got := len(slices.DeleteFunc(w.audited(), func(s string) bool { return !isAct("edit-note")(s) })); got != 1 {
		t.Fatalf("%d entries: %q", got, w.audited())
	}
}

func isAct(action string) func(string) bool {
	return func(entry string) bool { return strings.HasPrefix(entry, "cw1 "+action+":") }
}

func TestWithoutAnAuditEntryNothingIsShown(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	err := w.store.InTx(long(t), func(tx *store.Tx) error {
		_, err := tx.Exec(long(t), `ALTER TABLE outbox RENAME TO outbox_away`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	refuse(w, errs.Internal, journalv1.TranscriptSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
}

func TestCallBackTask(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.begin(c)
	e := callv1.Ended{
		Meta: meta("call.v1.ended", begin.Add(time.Minute)), ConversationID: c.id, Channel: callv1.ChannelMessage,
		ServiceArea: "borgerservice", StartedAt: begin, Reason: "hangup", CallBack: true,
	}
	w.publish(e)
	w.eventually("the task", func() bool {
		got, err := try[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
		return err == nil && got.CallBack
	})
	if got := ask[journalv1.Conversation](w, journalv1.CloseTaskSubject, journalv1.Ref{ID: c.id, Actor: caseworker}); got.CallBack {
		t.Fatalf("task is still open: %+v", got)
	}
}

func TestRedraft(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	n := w.drafted(c)
	edited := ask[journalv1.Note](w, journalv1.SaveSubject, journalv1.SaveRequest{NoteID: n.ID, Version: n.Version, Title: "x", Actor: caseworker})
	again := ask[journalv1.Note](w, journalv1.RedraftSubject, journalv1.Ref{ID: n.ID, Actor: caseworker})
	if again.Version != edited.Version+1 || len(again.Sentences) != len(n.Sentences) {
		t.Fatalf("redrafted: %+v", again)
	}
}

// After a transfer somebody else is at the other end.
func TestTransferredCallHasAnotherParty(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.begin(c)
	sealed, err := seal.JSON(long(t), w.ring(), c.id, "party", callv1.Party{Name: "Ole Skov", Number: "87654321"})
	if err != nil {
		t.Fatal(err)
	}
	w.publish(callv1.Changed{Meta: meta("call.v1.changed", begin), ConversationID: c.id, State: callv1.StateTalking, Sealed: sealed})
	w.eventually("the new party", func() bool {
		got, err := try[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
		return err == nil && got.Party.Name == "Ole Skov"
	})
}

// A citizen who logs in during a conversation finds it among theirs, and for whom they act stands beside it. What a caseworker says
// counts more, and taking it back leaves it to nobody.
func TestWhoLogsInFindsTheConversation(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.begin(c)
	sealed, err := seal.JSON(long(t), w.ring(), c.id, "party", callv1.Introduced{
		Party: callv1.Party{Name: "Lone Holm"}, Ref: "pseudonym-7", OnBehalfOf: "Bente Holm",
	})
	if err != nil {
		t.Fatal(err)
	}
	w.publish(callv1.Changed{
		Meta: meta("call.v1.changed", begin), ConversationID: c.id, State: callv1.StateTalking, Caseworker: "cw1", ServiceArea: "borgerservice", Sealed: sealed,
	})
	lone := journalv1.Actor{ID: "l", Role: "citizen", PartyRef: "pseudonym-7"}
	finds := func() bool {
		return len(ask[journalv1.ListReply](w, journalv1.ListSubject, journalv1.ListRequest{Actor: lone}).Conversations) == 1
	}
	w.eventually("the citizen finds it", finds)
	got := ask[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	if got.Party != (callv1.Party{Name: "Lone Holm"}) || got.OnBehalfOf != "Bente Holm" || got.PartyRef != "pseudonym-7" {
		t.Errorf("the caseworker sees %+v, on behalf of %q, of %q", got.Party, got.OnBehalfOf, got.PartyRef)
	}
	say := func(r journalv1.PartyRequest) {
		r.ConversationID, r.Actor = c.id, caseworker
		ask[journalv1.Conversation](w, journalv1.PartySubject, r)
	}
	say(journalv1.PartyRequest{Name: "Lone Holm Jensen"})
	if !finds() {
		t.Error("a name that was corrected took the conversation from who had logged in")
	}
	say(journalv1.PartyRequest{Name: "Ole Skov", ID: "0202901234"})
	w.publish(callv1.Changed{
		Meta: meta("call.v1.changed", begin.Add(time.Second)), ConversationID: c.id, State: callv1.StateTalking, Caseworker: "cw2", ServiceArea: "borgerservice", Sealed: sealed,
	})
	w.eventually("the event was heard", func() bool {
		return ask[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker}).Caseworker == "cw2"
	})
	if finds() {
		t.Error("a login undid what the caseworker said")
	}
	say(journalv1.PartyRequest{Unlink: true})
	if finds() {
		t.Error("unlinked, and still the citizen's")
	}
}

// A meeting that grows out of a call begins with its citizen and case number, and each names the other to those who may see both.
func TestOneConversationFollowsAnother(t *testing.T) {
	w := newWorld(t)
	c := newCall()
	w.talk(c)
	w.drafted(c)
	ask[journalv1.Conversation](w, journalv1.PartySubject, journalv1.PartyRequest{
		ConversationID: c.id, ID: "010190-1234", Name: "Bente Skov", CaseNumber: "2026-17", Actor: caseworker,
	})
	earlier := ask[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: c.id, Actor: caseworker})
	get := func(id string, actor journalv1.Actor) (out journalv1.Conversation) {
		t.Helper()
		w.eventually("the conversation is known", func() bool {
			var err error
			out, err = try[journalv1.Conversation](w, journalv1.GetSubject, journalv1.Ref{ID: id, Actor: actor})
			return err == nil
		})
		return out
	}
	meet := func(area, follows string) *call {
		m := newCall()
		w.publish(callv1.Started{
			Meta: meta("call.v1.started", begin.Add(time.Hour)), ConversationID: m.id, Channel: callv1.ChannelMeeting, ServiceArea: area, Follows: follows,
		})
		return m
	}
	both := caseworker
	both.Areas = []string{"borgerservice", "pension"}

	m := meet("borgerservice", c.id)
	got := get(m.id, caseworker)
	if got.CaseNumber != "2026-17" || got.Party.Name != "Bente Skov" || got.PartyRef != earlier.PartyRef || got.PartyRef == "" {
		t.Errorf("the meeting begins with %+v", got)
	}
	if got.Follows == nil || got.Follows.ID != c.id || got.Follows.Channel != callv1.ChannelQueue {
		t.Errorf("the meeting follows %+v", got.Follows)
	}
	if again := get(c.id, caseworker); len(again.FollowedBy) != 1 || again.FollowedBy[0].ID != m.id || again.FollowedBy[0].Channel != callv1.ChannelMeeting {
		t.Errorf("the call is followed by %+v", again.FollowedBy)
	}

	// Another area takes nothing over, and is not named to those who may not see it.
	other := meet("pension", c.id)
	if got := get(other.id, both); got.PartyRef != "" || got.CaseNumber != "" || got.Party.Name != "" || got.Follows == nil {
		t.Errorf("in another area: %+v", got)
	}
	elsewhere := both
	elsewhere.Areas = []string{"pension"}
	if got := get(other.id, elsewhere); got.Follows != nil {
		t.Errorf("named to a stranger: %+v", got.Follows)
	}
	if again := get(c.id, caseworker); len(again.FollowedBy) != 1 {
		t.Errorf("the call is followed by %+v", again.FollowedBy)
	}
	for _, nonsense := range []string{"no such conversation", "a.b.*", event.NewID(begin)} {
		if got := get(meet("borgerservice", nonsense).id, caseworker); got.Follows != nil || got.PartyRef != "" {
			t.Errorf("follows %q: %+v", nonsense, got)
		}
	}
}
