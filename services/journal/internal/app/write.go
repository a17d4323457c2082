package app

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"unicode/utf8"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/record"
	"samtale.dk/samtale/services/journal/internal/review"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/note"
)

// edit is a note being changed: as it was read, with what belongs to it.
type edit struct {
	conversation store.Conversation
	note         store.Note
	body         review.Body
	words        review.Words
}

// open reads a note for editing.
func (a *App) open(ctx context.Context, id string, actor journalv1.Actor) (edit, error) {
	n, c, _, err := a.findNote(ctx, id, actor, all)
	if err != nil {
		return edit{}, err
	}
	e := edit{conversation: c, note: n}
	e.body, err = a.Vault.Note(ctx, n)
	if err != nil {
		return e, err
	}
	t, err := a.Vault.Evidence(ctx, a.Store.Read(), c)
	e.words = review.NewWords(t)
	return e, err
}

// current refuses a change that was made to another version, or too late.
func (e edit) current(version int) error {
	switch {
	case e.note.State != journalv1.NoteDraft:
		return errs.E(errs.Conflict, "Notatet er allerede "+stateWords[e.note.State]+" og kan ikke ændres.", nil)
	case version != e.note.Version:
		return conflict()
	}
	return nil
}

var stateWords = map[string]string{
	journalv1.NoteApproved: "godkendt", journalv1.NoteDelivered: "afleveret", journalv1.NoteDiscarded: "kasseret",
}

func conflict() error {
	return errs.E(errs.Conflict, "En anden har ændret notatet imens. Dine seneste ændringer er ikke gemt. Hent den nyeste udgave, og sæt dem ind igen.", nil)
}

// write stores a changed note as its next version, with an audit entry and an event;
// more runs in the same transaction. Who was overtaken gets a conflict.
func (a *App) write(ctx context.Context, e edit, actor journalv1.Actor, action, what string, more func(tx *store.Tx) error) (journalv1.Note, error) {
	sealed, err := a.Vault.SealNote(ctx, e.conversation.ID, e.body)
	if err != nil {
		return journalv1.Note{}, err
	}
	old := e.note.Version
	e.note.Sealed, e.note.Version = sealed, old+1
	e.note.UpdatedAt, e.note.UpdatedBy = a.Now(), actor.ID
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		err := tx.UpdateNote(ctx, e.note, old)
		if errors.Is(err, errs.NotFound) {
			return conflict()
		}
		if err != nil {
			return err
		}
		if more != nil {
			if err := more(tx); err != nil {
				return err
			}
		}
		if err := a.act(ctx, tx, e.conversation.ID, actor, action); err != nil {
			return err
		}
		return record.Changed(ctx, tx, a.Now(), e.conversation.ID, what)
	})
	if err != nil {
		return journalv1.Note{}, err
	}
	return a.noteView(ctx, e.conversation, e.note, e.body)
}

// save also takes a request again whose answer got lost: what it asks for is there, so
// that is no conflict.
func (a *App) save(ctx context.Context, r journalv1.SaveRequest) (journalv1.Note, error) {
	e, err := a.open(ctx, r.NoteID, r.Actor)
	if err != nil {
		return journalv1.Note{}, err
	}
	r.CaseNumber = strings.TrimSpace(r.CaseNumber)
	if utf8.RuneCountInString(r.CaseNumber) > maxCaseNumber {
		return journalv1.Note{}, errs.E(errs.Invalid, "Sagsnummeret er for langt.", nil)
	}
	sameCase := r.CaseNumber == "" || r.CaseNumber == e.conversation.CaseNumber
	if e.note.State == journalv1.NoteDraft && sameCase && e.body.Same(r.Title, r.Sentences) {
		return a.noteView(ctx, e.conversation, e.note, e.body)
	}
	if err := e.current(r.Version); err != nil {
		return journalv1.Note{}, err
	}
	e.body, err = e.body.Save(r.Title, r.Sentences, e.words, r.Actor.ID)
	if err != nil {
		return journalv1.Note{}, err
	}
	return a.write(ctx, e, r.Actor, editNote, "saved", func(tx *store.Tx) error {
		if sameCase {
			return nil
		}
		return tx.SetCaseNumber(ctx, e.conversation.ID, r.CaseNumber)
	})
}

const maxCaseNumber = 100 // characters

func (a *App) confirm(ctx context.Context, r journalv1.ConfirmRequest) (journalv1.Note, error) {
	e, err := a.open(ctx, r.NoteID, r.Actor)
	if err != nil {
		return journalv1.Note{}, err
	}
	if err := e.current(r.Version); err != nil {
		return journalv1.Note{}, err
	}
	e.body, err = e.body.Confirm(r.SentenceID, r.Reason, r.Actor.ID)
	if err != nil {
		return journalv1.Note{}, err
	}
	return a.write(ctx, e, r.Actor, "confirm", "saved", nil)
}

// approve signs what is to be delivered; afterwards nothing can change it. Who has
// approved and did not get the answer may ask again.
func (a *App) approve(ctx context.Context, r journalv1.ApproveRequest) (journalv1.Note, error) {
	e, err := a.open(ctx, r.NoteID, r.Actor)
	if err != nil {
		return journalv1.Note{}, err
	}
	if e.note.State == journalv1.NoteApproved && e.note.ApprovedBy == r.Actor.ID {
		return a.noteView(ctx, e.conversation, e.note, e.body)
	}
	if r.Version == 0 {
		r.Version = e.note.Version
	}
	if err := e.current(r.Version); err != nil {
		return journalv1.Note{}, err
	}
	if err := e.body.Ready(); err != nil {
		return journalv1.Note{}, err
	}
	e.body.ApprovedBy = r.Actor.Name
	if e.body.ApprovedBy == "" {
		e.body.ApprovedBy = r.Actor.ID
	}
	sig := evidence.Sign(e.body.Document(e.note.Template), a.Sign)
	e.note.State, e.note.ApprovedBy, e.note.ApprovedAt = journalv1.NoteApproved, r.Actor.ID, a.Now()
	e.note.Hash, e.note.Signature = hex.EncodeToString(sig.Hash), base64.StdEncoding.EncodeToString(sig.Value)
	return a.write(ctx, e, r.Actor, "approve", "approved", func(tx *store.Tx) error {
		if err := tx.Move(ctx, e.conversation.ID, store.Approved); err != nil {
			return err
		}
		return tx.Signal(ctx, note.ID(e.conversation.ID), note.Approved)
	})
}

func (a *App) discard(ctx context.Context, r journalv1.DiscardRequest) (journalv1.Note, error) {
	e, err := a.open(ctx, r.NoteID, r.Actor)
	if err != nil {
		return journalv1.Note{}, err
	}
	if err := e.current(e.note.Version); err != nil {
		return journalv1.Note{}, err
	}
	reason := strings.TrimSpace(r.Reason)
	if reason == "" {
		return journalv1.Note{}, errs.E(errs.Invalid, "Skriv, hvorfor notatet skal kasseres.", nil)
	}
	r.Actor.Purpose = danish.Hide(reason) // the log is where it stays
	e.note.State = journalv1.NoteDiscarded
	return a.write(ctx, e, r.Actor, "discard", "discarded", func(tx *store.Tx) error {
		if err := tx.Move(ctx, e.conversation.ID, store.Discarded); err != nil {
			return err
		}
		return tx.Signal(ctx, note.ID(e.conversation.ID), note.Discarded)
	})
}

// redraft replaces a draft by a new one, as after a late transcript.
func (a *App) redraft(ctx context.Context, r journalv1.Ref) (journalv1.Note, error) {
	e, err := a.open(ctx, r.ID, r.Actor)
	if err != nil {
		return journalv1.Note{}, err
	}
	if err := e.current(e.note.Version); err != nil {
		return journalv1.Note{}, err
	}
	before, err := a.Store.Read().Withdrawals(ctx, e.conversation.ID)
	if err != nil {
		return journalv1.Note{}, err
	}
	d, err := a.Drafter.Draft(ctx, e.conversation)
	if err != nil {
		return journalv1.Note{}, err
	}
	e.body, e.note.Template = d.Body, d.Template
	return a.write(ctx, e, r.Actor, "redraft", "drafted", func(tx *store.Tx) error {
		now, err := tx.Withdrawals(ctx, e.conversation.ID)
		if err == nil && !maps.Equal(before, now) {
			return errs.E(errs.Conflict, "Borgerens samtykke er ændret imens. Hent den nyeste udgave af notatet.", nil)
		}
		return err
	})
}

func (a *App) deliverNow(ctx context.Context, r journalv1.Ref) (journalv1.Note, error) {
	n, c, _, err := a.findNote(ctx, r.ID, r.Actor, all)
	if err != nil {
		return journalv1.Note{}, err
	}
	if n.State != journalv1.NoteApproved {
		return journalv1.Note{}, errs.E(errs.Conflict, "Kun et godkendt notat, der ikke er afleveret, kan afleveres igen.", nil)
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := a.act(ctx, tx, c.ID, r.Actor, "deliver"); err != nil {
			return err
		}
		return tx.Signal(ctx, note.ID(c.ID), note.DeliverNow)
	})
	if err != nil {
		return journalv1.Note{}, err
	}
	b, err := a.Vault.Note(ctx, n)
	if err != nil {
		return journalv1.Note{}, err
	}
	return a.noteView(ctx, c, n, b)
}
