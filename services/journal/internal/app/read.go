package app

import (
	"cmp"
	"context"
	"errors"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/review"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/journal/internal/transcript"
	"samtale.dk/samtale/services/platform/errs"
)

// Lists give this many conversations when the request does not say, and at most.
const (
	listDefault = 50
	listMost    = 200
)

func (a *App) list(ctx context.Context, r journalv1.ListRequest) (journalv1.ListReply, error) {
	f := store.Filter{State: r.State, Before: r.Before, Limit: r.Limit, Find: r.Find}
	if f.Limit <= 0 {
		f.Limit = listDefault
	}
	f.Limit = min(f.Limit, listMost)
	rep := journalv1.ListReply{Conversations: []journalv1.Conversation{}}
	switch r.Actor.Role {
	case roleCaseworker:
		if len(r.Actor.Areas) == 0 {
			return rep, nil
		}
		f.Areas = r.Actor.Areas
	case roleCitizen:
		if r.Actor.PartyRef == "" {
			return rep, nil
		}
		f.PartyRef = r.Actor.PartyRef
	case roleEditor, roleOperator, roleAuditor:
	default:
		a.metrics.refused.Inc()
		return rep, errs.E(errs.Denied, "", nil)
	}
	rows, err := a.Store.Read().Conversations(ctx, f)
	if err != nil {
		return rep, err
	}
	var people []string // conversations whose party is shown
	for _, c := range rows {
		v, err := a.view(ctx, c, see(r.Actor, c))
		if err != nil {
			return rep, err
		}
		if v.Party != (callv1.Party{}) {
			people = append(people, c.ID)
		}
		rep.Conversations = append(rep.Conversations, v)
	}
	return rep, a.look(ctx, r.Actor, "list", people...)
}

func (a *App) get(ctx context.Context, r journalv1.Ref) (journalv1.Conversation, error) {
	c, s, err := a.find(ctx, r.ID, r.Actor, metadata)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	if s > metadata {
		if err := a.look(ctx, r.Actor, "view-conversation", c.ID); err != nil {
			return journalv1.Conversation{}, err
		}
	}
	v, err := a.view(ctx, c, s)
	if err != nil || s == metadata {
		return v, err
	}
	if err := a.relate(ctx, r.Actor, c, &v); err != nil {
		return v, err
	}
	v.Comments, err = a.Vault.Comments(ctx, a.Store.Read(), c.ID)
	return v, forgotten(err)
}

// forgotten lets content that was erased between two reads be simply absent.
func forgotten(err error) error {
	if errors.Is(err, errs.NotFound) {
		return nil
	}
	return err
}

// view builds what an actor sees of a conversation.
func (a *App) view(ctx context.Context, c store.Conversation, s sight) (journalv1.Conversation, error) {
	tx := a.Store.Read()
	legs, err := tx.Legs(ctx, c.ID)
	if err != nil {
		return journalv1.Conversation{}, err
	}
	v := journalv1.Conversation{
		ID: c.ID, Channel: c.Channel, ServiceArea: c.ServiceArea, State: c.State, Caseworker: c.Caseworker,
		StartedAt: c.StartedAt, EndedAt: c.EndedAt, EraseAt: c.EraseAt, ErasedAt: c.ErasedAt, CallBack: c.CallBack,
		Coverage: transcript.Coverage(c, legs), Demo: transcript.Demo(legs),
	}
	for _, l := range legs {
		v.Legs = append(v.Legs, l.Contract())
	}
	if err := a.addNote(ctx, tx, &v); err != nil {
		return v, err
	}
	if s <= metadata {
		return v, nil
	}
	if s == own {
		v.Caseworker, v.Legs = "", anonymous(v.Legs)
	}
	v.PartyRef, v.CaseNumber = c.PartyRef, c.CaseNumber
	return v, forgotten(a.addParty(ctx, c, &v))
}

// anonymous leaves employees out of what a citizen sees; only the name under an
// approved note stays.
func anonymous(legs []callv1.Leg) []callv1.Leg {
	for i := range legs {
		legs[i].User = ""
	}
	return legs
}

func (a *App) addNote(ctx context.Context, tx *store.Tx, v *journalv1.Conversation) error {
	n, err := tx.Note(ctx, v.ID)
	if err != nil {
		return forgotten(err)
	}
	v.NoteID, v.NoteState, v.DeadlineAt = n.ID, n.State, n.DeadlineAt
	d, err := tx.Delivery(ctx, n.ID)
	v.Receipt = d.Receipt
	return forgotten(err)
}

// addParty fills in who the citizen is: what a caseworker said counts over what the
// call brought.
func (a *App) addParty(ctx context.Context, c store.Conversation, v *journalv1.Conversation) error {
	p, err := a.Vault.Party(ctx, c)
	if err != nil {
		return err
	}
	id, err := a.Vault.Identity(ctx, c)
	if err != nil {
		return err
	}
	if id.Name != "" {
		p.Name = id.Name
	}
	v.Party, v.OnBehalfOf = p.Party, cmp.Or(id.OnBehalfOf, p.OnBehalfOf)
	return nil
}

func (a *App) transcript(ctx context.Context, r journalv1.Ref) (journalv1.Transcript, error) {
	c, s, err := a.find(ctx, r.ID, r.Actor, own)
	if err != nil {
		return journalv1.Transcript{}, err
	}
	if err := a.look(ctx, r.Actor, "view-transcript", c.ID); err != nil {
		return journalv1.Transcript{}, err
	}
	t, err := a.Vault.Transcript(ctx, a.Store.Read(), c)
	if s == own {
		t.Legs = anonymous(t.Legs)
	}
	return t, err
}

func (a *App) note(ctx context.Context, r journalv1.Ref) (journalv1.Note, error) {
	n, c, s, err := a.findNote(ctx, r.ID, r.Actor, own)
	if err != nil {
		return journalv1.Note{}, err
	}
	if s == own && n.State != journalv1.NoteApproved && n.State != journalv1.NoteDelivered {
		return journalv1.Note{}, errs.E(errs.NotFound, "Notatet er ikke godkendt endnu. Du kan se det, når det er.", nil)
	}
	if err := a.look(ctx, r.Actor, "view-note", c.ID); err != nil {
		return journalv1.Note{}, err
	}
	b, err := a.Vault.Note(ctx, n)
	if err := forgotten(err); err != nil {
		return journalv1.Note{}, err
	}
	if s == own {
		n.UpdatedBy = ""
		for i := range b.Sentences {
			b.Sentences[i].By = ""
		}
	}
	return a.noteView(ctx, c, n, b)
}

// findNote reads a note, by its id or its conversation's, that the actor may see.
func (a *App) findNote(ctx context.Context, id string, actor journalv1.Actor, least sight) (store.Note, store.Conversation, sight, error) {
	n, err := a.Store.Read().Note(ctx, id)
	conversation := n.ConversationID
	if errors.Is(err, errs.NotFound) {
		conversation = id // refuse first: whether there is a note is not for everybody
	} else if err != nil {
		return n, store.Conversation{}, nothing, err
	}
	c, s, accessErr := a.find(ctx, conversation, actor, least)
	if accessErr != nil {
		return n, c, s, accessErr
	}
	if err != nil {
		return n, c, s, errs.E(errs.NotFound, "Der er ikke noget notat endnu.", err)
	}
	return n, c, s, nil
}

func (a *App) noteView(ctx context.Context, c store.Conversation, n store.Note, b review.Body) (journalv1.Note, error) {
	tx := a.Store.Read()
	legs, err := tx.Legs(ctx, c.ID)
	if err != nil {
		return journalv1.Note{}, err
	}
	v := journalv1.Note{
		ID: n.ID, ConversationID: c.ID, State: n.State, Version: n.Version, Title: b.Title, Template: n.Template,
		Sections: b.Sections, Sentences: b.Sentences, DraftedBy: b.DraftedBy, Notice: b.Notice,
		Coverage: transcript.Coverage(c, legs), Hash: n.Hash, Signature: n.Signature,
		ApprovedBy: b.ApprovedBy, ApprovedAt: n.ApprovedAt, DeadlineAt: n.DeadlineAt, EraseAt: c.EraseAt,
		UpdatedAt: n.UpdatedAt, UpdatedBy: n.UpdatedBy,
	}
	if b.Sentences == nil { // erased
		v.Sections, v.Sentences = []journalv1.Section{}, []journalv1.Sentence{}
	}
	d, err := tx.Delivery(ctx, n.ID)
	if err != nil {
		return v, forgotten(err)
	}
	v.Receipt = d.Receipt
	if d.Receipt == nil {
		v.Delivery = &journalv1.Delivery{Attempts: d.Attempts, Problem: d.Problem, LastAt: d.LastAt, NextAt: d.NextAt}
	}
	return v, nil
}
