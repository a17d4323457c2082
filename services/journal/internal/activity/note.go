package activity

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"time"

	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/deliver"
	"samtale.dk/samtale/services/journal/internal/draft"
	"samtale.dk/samtale/services/journal/internal/record"
	"samtale.dk/samtale/services/journal/internal/review"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/journal/internal/transcript"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/workflows/note"
)

// Draft implements note.Activities.
func (a *Activities) Draft(ctx context.Context, in note.DraftInput) (note.DraftResult, error) {
	c, err := a.Store.Read().Conversation(ctx, in.ConversationID)
	if err != nil {
		return note.DraftResult{}, again(err)
	}
	n, err := a.Store.Read().Note(ctx, c.ID)
	if errors.Is(err, errs.NotFound) {
		n, err = a.draft(ctx, c)
	}
	if errors.Is(err, errs.NotFound) { // the key: everything else was there a moment ago
		return note.DraftResult{Gone: true}, nil
	}
	return note.DraftResult{NoteID: n.ID, RemindAt: n.RemindAt, DeadlineAt: n.DeadlineAt}, again(err)
}

func (a *Activities) draft(ctx context.Context, c store.Conversation) (store.Note, error) {
	before, err := a.Store.Read().Withdrawals(ctx, c.ID)
	if err != nil {
		return store.Note{}, err
	}
	d, err := a.Drafter.Draft(ctx, c)
	if err != nil {
		return store.Note{}, err
	}
	n, err := a.newNote(ctx, c, d)
	if err != nil {
		return n, err
	}
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if c, err := tx.Conversation(ctx, c.ID); err != nil {
			return err
		} else if !c.ErasedAt.IsZero() { // while the note was drafted
			return errs.E(errs.NotFound, "", nil)
		}
		now, err := tx.Withdrawals(ctx, c.ID)
		if err != nil {
			return err
		}
		if !maps.Equal(before, now) { // this draft holds what nobody may read any more
			return errs.E(errs.Unavailable, "", errors.New("a consent changed while the note was drafted"))
		}
		if err := tx.AddNote(ctx, n); err != nil {
			return err
		}
		if err := tx.Move(ctx, c.ID, store.Review); err != nil {
			return err
		}
		return record.Changed(ctx, tx, a.Now(), c.ID, "drafted")
	})
	return n, err
}

func (a *Activities) newNote(ctx context.Context, c store.Conversation, d draft.Draft) (store.Note, error) {
	sealed, err := a.Vault.SealNote(ctx, c.ID, d.Body)
	now := a.Now()
	return store.Note{
		ID: event.NewID(now), ConversationID: c.ID, State: journalv1.NoteDraft, Version: 1, Template: d.Template, Sealed: sealed,
		RemindAt: now.Add(d.Area.RemindAfter), DeadlineAt: now.Add(d.Area.ApproveWithin), UpdatedAt: now, UpdatedBy: d.Body.DraftedBy,
	}, err
}

// Remind implements note.Activities.
func (a *Activities) Remind(ctx context.Context, in note.RemindInput) (note.RemindResult, error) {
	what := "reminded"
	if in.Overdue {
		what = "overdue"
	}
	err := a.Store.InTx(ctx, func(tx *store.Tx) error { return record.Changed(ctx, tx, a.Now(), in.ConversationID, what) })
	return note.RemindResult{}, again(err)
}

// deliverLimit bounds one attempt.
const deliverLimit = 30 * time.Second

// Deliver implements note.Activities.
func (a *Activities) Deliver(ctx context.Context, in note.DeliverInput) (note.DeliverResult, error) {
	n, err := a.Store.Read().Note(ctx, in.NoteID)
	if err != nil {
		return note.DeliverResult{}, again(err)
	}
	before, err := a.Store.Read().Delivery(ctx, n.ID)
	if err != nil && !errors.Is(err, errs.NotFound) {
		return note.DeliverResult{}, again(err)
	}
	if before.Receipt != nil {
		return note.DeliverResult{Delivered: true}, nil
	}
	receipt, err := a.attempt(ctx, n)
	if err != nil {
		a.Log.Warn("note not delivered", "note_id", n.ID, "attempt", before.Attempts+1, "err", err)
		return note.DeliverResult{}, again(a.failed(ctx, n, before, err, in.NextIn))
	}
	return note.DeliverResult{Delivered: true}, again(a.delivered(ctx, n, before, receipt))
}

func (a *Activities) attempt(ctx context.Context, n store.Note) (journalv1.Receipt, error) {
	ctx, cancel := context.WithTimeout(ctx, deliverLimit)
	defer cancel()
	m, err := a.message(ctx, n)
	if err != nil {
		return journalv1.Receipt{}, err
	}
	return a.Deliverer.Deliver(ctx, m)
}

func (a *Activities) failed(ctx context.Context, n store.Note, d store.Delivery, cause error, next time.Duration) error {
	now := a.Now()
	d.Attempts, d.Problem, d.LastAt, d.NextAt = d.Attempts+1, deliver.Text(cause), now, now.Add(next)
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		if done, err := received(ctx, tx, n.ID); err != nil || done {
			return err
		}
		if err := tx.PutDelivery(ctx, n.ID, d); err != nil {
			return err
		}
		return record.Changed(ctx, tx, now, n.ConversationID, "delivery-failed")
	})
}

func (a *Activities) delivered(ctx context.Context, n store.Note, d store.Delivery, r journalv1.Receipt) error {
	now := a.Now()
	d = store.Delivery{Attempts: d.Attempts + 1, LastAt: now, Receipt: &r}
	return a.Store.InTx(ctx, func(tx *store.Tx) error {
		if done, err := received(ctx, tx, n.ID); err != nil || done {
			return err
		}
		if err := tx.PutDelivery(ctx, n.ID, d); err != nil {
			return err
		}
		if err := tx.SetDelivered(ctx, n.ID, n.Version); err != nil {
			return err
		}
		if err := tx.Move(ctx, n.ConversationID, store.Delivered); err != nil {
			return err
		}
		return record.Changed(ctx, tx, now, n.ConversationID, "delivered")
	})
}

// received tells whether a note has its receipt by now: an attempt that was given up as hung may still be at work beside the next one,
// and the first receipt stands.
func received(ctx context.Context, tx *store.Tx, note string) (bool, error) {
	d, err := tx.Delivery(ctx, note)
	if errors.Is(err, errs.NotFound) {
		return false, nil
	}
	return d.Receipt != nil, err
}

// message builds what is delivered, and refuses anything but the approved version.
func (a *Activities) message(ctx context.Context, n store.Note) (deliveryv1.Note, error) {
	b, err := a.Vault.Note(ctx, n)
	if err != nil {
		return deliveryv1.Note{}, err
	}
	if err := a.checkSignature(n, b); err != nil {
		return deliveryv1.Note{}, err
	}
	tx := a.Store.Read()
	c, err := tx.Conversation(ctx, n.ConversationID)
	if err != nil {
		return deliveryv1.Note{}, err
	}
	legs, err := tx.Legs(ctx, c.ID)
	if err != nil {
		return deliveryv1.Note{}, err
	}
	area, err := a.Areas.Get(ctx, c.ServiceArea)
	if err != nil {
		return deliveryv1.Note{}, err
	}
	m := deliveryv1.Note{
		ID: n.ID, ConversationID: c.ID, Version: n.Version, Channel: c.Channel, ServiceArea: c.ServiceArea, CaseNumber: c.CaseNumber,
		Follows: c.Follows, StartedAt: c.StartedAt, EndedAt: c.EndedAt, Title: b.Title, Template: n.Template, Sections: sections(b),
		Coverage: transcript.Coverage(c, legs), DraftedBy: b.DraftedBy, Hash: n.Hash, Signature: n.Signature,
		PublicKey:  base64.StdEncoding.EncodeToString(a.Public),
		ApprovedBy: b.ApprovedBy, ApprovedAt: n.ApprovedAt, KLE: area.KLE, Facet: area.Facet, Demo: transcript.Demo(legs),
	}
	return m, a.addParty(ctx, c, &m)
}

func (a *Activities) addParty(ctx context.Context, c store.Conversation, m *deliveryv1.Note) error {
	p, err := a.Vault.Party(ctx, c)
	if err != nil {
		return err
	}
	id, err := a.Vault.Identity(ctx, c)
	if err != nil {
		return err
	}
	m.Party = callv1.Party{Name: p.Name, Number: p.Number}
	if id.Name != "" {
		m.Party.Name = id.Name
	}
	m.PartyID, m.OnBehalfOf = id.ID, cmp.Or(id.OnBehalfOf, p.OnBehalfOf)
	return nil
}

// sections arranges a note's sentences under its headings. Evidence goes along as
// places; what was said there stays here, and is deleted here.
func sections(b review.Body) []deliveryv1.Section {
	var out []deliveryv1.Section
	for _, s := range b.Sections {
		d := deliveryv1.Section{Section: s, Sentences: []journalv1.Sentence{}}
		for _, x := range b.Sentences {
			if x.Section == s.ID {
				x.Evidence = places(x.Evidence)
				d.Sentences = append(d.Sentences, x)
			}
		}
		out = append(out, d)
	}
	return out
}

func places(ev []journalv1.Evidence) []journalv1.Evidence {
	out := []journalv1.Evidence{}
	for _, e := range ev {
		e.Quote = ""
		out = append(out, e)
	}
	return out
}

func (a *Activities) checkSignature(n store.Note, b review.Body) error {
	hash, err := hex.DecodeString(n.Hash)
	if err != nil {
		return fmt.Errorf("hash of note %s: %w", n.ID, err)
	}
	value, err := base64.StdEncoding.DecodeString(n.Signature)
	if err != nil {
		return fmt.Errorf("signature of note %s: %w", n.ID, err)
	}
	if n.State != journalv1.NoteApproved {
		return fmt.Errorf("note %s is %s, not approved", n.ID, n.State)
	}
	err = evidence.Check(b.Document(n.Template), evidence.Signature{Hash: hash, Value: value}, a.Public)
	if err != nil {
		return &deliver.Problem{Text: "Notatet er ikke det, der blev godkendt, og afleveres derfor ikke.", Cause: err}
	}
	return nil
}

// Retain implements note.Activities. The first answer stands.
func (a *Activities) Retain(ctx context.Context, in note.RetainInput) (note.RetainResult, error) {
	c, err := a.Store.Read().Conversation(ctx, in.ConversationID)
	if err != nil || !c.EraseAt.IsZero() {
		return note.RetainResult{EraseAt: c.EraseAt}, again(err)
	}
	keep, err := a.keep(ctx, c, in.Discarded)
	if err != nil {
		return note.RetainResult{}, again(err)
	}
	at := a.Now().Add(keep)
	err = a.Store.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.SetEraseAt(ctx, c.ID, at); err != nil {
			return err
		}
		return record.Changed(ctx, tx, a.Now(), c.ID, journalv1.Retained)
	})
	return note.RetainResult{EraseAt: at}, again(err)
}

// keep is how long content is kept from now on.
func (a *Activities) keep(ctx context.Context, c store.Conversation, discarded bool) (time.Duration, error) {
	if discarded {
		return 0, nil
	}
	if c.KeepAfter > 0 { // what was promised for this kind of meeting
		return c.KeepAfter, nil
	}
	area, err := a.Areas.Get(ctx, c.ServiceArea)
	return area.KeepAfter, err
}
