// Package draft makes the first version of a note: by extraction or a language model
// where the service area and the citizen allow a machine to write, else the empty form
// for the caseworker.
package draft

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/models/notes"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/journal/internal/areas"
	"samtale.dk/samtale/services/journal/internal/content"
	"samtale.dk/samtale/services/journal/internal/review"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/platform/bus"
)

// Drafter drafts notes. It is safe for concurrent use.
type Drafter struct {
	Model llm.Model // llm.None: drafts are made of what was said
	Store *store.Store
	Vault content.Vault
	Areas *areas.Client
	Bus   *bus.Bus
	Log   *slog.Logger
}

// Draft is a note's first version.
type Draft struct {
	Template string
	Body     review.Body
	Area     consentv1.Area
}

// Draft drafts the note of a conversation.
func (d *Drafter) Draft(ctx context.Context, c store.Conversation) (Draft, error) {
	area, err := d.Areas.Get(ctx, c.ServiceArea)
	if err != nil {
		return Draft{}, err
	}
	t, err := d.Vault.Transcript(ctx, d.Store.Read(), c)
	if err != nil {
		return Draft{}, err
	}
	n, err := d.write(ctx, c, area, t)
	if err != nil {
		return Draft{}, err
	}
	return Draft{Template: n.Template.Name, Body: review.FromDraft(n, review.NewWords(t)), Area: area}, nil
}

func (d *Drafter) write(ctx context.Context, c store.Conversation, area consentv1.Area, t journalv1.Transcript) (notes.Draft, error) {
	template, note := d.template(c, area)
	why, err := d.refused(ctx, c, area)
	if err != nil {
		return notes.Draft{}, err
	}
	gone, err := d.Store.Read().Withdrawals(ctx, c.ID)
	if err != nil {
		return notes.Draft{}, err
	}
	if _, withdrawn := gone[consentv1.Transcription]; withdrawn {
		why = Withdrawn(consentv1.Transcription)
	}
	if why == "" && len(t.Words) == 0 {
		why = "Samtalen er ikke skrevet ned. Skriv selv notatet."
	}
	if why != "" {
		return notes.Draft{Template: template, By: review.Form, Notice: join(note, why)}, nil
	}
	n, err := d.machine(ctx, template, spoken(c, t))
	n.Notice = join(note, n.Notice, missing(n))
	return n, err
}

// template is the meeting's set-up's, else the area's; a spoken message has its own, for whoever calls back. A name that nobody knows is a mistake in
// the settings: the note is written all the same, and says so.
func (d *Drafter) template(c store.Conversation, area consentv1.Area) (t notes.Template, note string) {
	name := cmp.Or(c.Template, area.Template)
	switch {
	case c.Channel == callv1.ChannelMessage:
		name = notes.NameCallBack
	case name == "":
		name = notes.NameStandard
	}
	t, ok := notes.Named(name, area.ID)
	if ok {
		return t, ""
	}
	d.Log.Error("the note template of the area or set-up does not exist; the standard one is used",
		"area", area.ID, "template", name, "known", notes.Names(), "conversation_id", c.ID)
	return notes.Standard(area.ID), "Notatskabelonen findes ikke. Standardskabelonen er brugt."
}

// missing names the required sections about which nothing was said.
func missing(d notes.Draft) string {
	var titles []string
	for _, s := range d.Missing() {
		titles = append(titles, s.Title)
	}
	if len(titles) == 0 {
		return ""
	}
	return "Skal med i notatet, men er ikke omtalt: " + strings.Join(titles, ", ") + "."
}

// join puts the notices that there are behind each other.
func join(notices ...string) string {
	return strings.Join(slices.DeleteFunc(notices, func(s string) bool { return s == "" }), " ")
}

// modelLimit bounds the model's draft; a slow machine then gets the extracted one. It
// is less than the workflow waits for a draft.
const modelLimit = 4 * time.Minute

func (d *Drafter) machine(ctx context.Context, template notes.Template, said notes.Transcript) (notes.Draft, error) {
	if d.Model == llm.None {
		return notes.Extract(template, said), nil
	}
	limited, cancel := context.WithTimeout(ctx, modelLimit)
	defer cancel()
	n, err := notes.FromModel(limited, d.Model, template, said)
	if err != nil && ctx.Err() == nil {
		d.Log.Warn("draft by model took too long", "model", d.Model.Name(), "limit", modelLimit)
		n = notes.Extract(template, said)
		n.Notice = strings.TrimSpace("Sprogmodellen var for længe om at svare. Kladden er lavet af citater. " + n.Notice)
		return n, nil
	}
	return n, err
}

// refused says, in Danish, why no machine may write this note; empty when it may.
func (d *Drafter) refused(ctx context.Context, c store.Conversation, area consentv1.Area) (string, error) {
	if !area.AllowAINote {
		return "Fagområdet bruger ikke notater skrevet af maskine. Skriv selv notatet.", nil
	}
	rep, err := bus.Request[consentv1.ChoicesReply](ctx, d.Bus, consentv1.ChoicesSubject, consentv1.ConversationRequest{ConversationID: c.ID})
	if err != nil {
		return "", err
	}
	why := ""
	for _, x := range rep.Choices { // oldest first: the latest counts
		if x.Kind == consentv1.AINote {
			why = ""
			if !x.Value {
				why = Withdrawn(consentv1.AINote)
			}
		}
	}
	return why, nil
}

// Withdrawn is what the caseworker reads above the form after a withdrawal.
func Withdrawn(kind string) string {
	if kind == consentv1.Transcription {
		return "Borgeren har trukket sit samtykke tilbage. Det, der var skrevet ned, er slettet. Skriv selv notatet."
	}
	return "Borgeren ønsker ikke et notat skrevet af maskine. Skriv selv notatet."
}

const rate = 16000 // Hz, of positions in the models

// spoken turns a transcript into what the models read.
func spoken(c store.Conversation, t journalv1.Transcript) notes.Transcript {
	var out notes.Transcript
	for _, l := range t.Legs {
		leg := notes.Leg{ID: l.ID, Role: l.Role}
		if !l.StartedAt.IsZero() {
			leg.Offset = max(0, int64(l.StartedAt.Sub(c.StartedAt).Seconds()*rate))
		}
		for _, w := range t.Words {
			if w.Leg == l.ID {
				leg.Words = append(leg.Words, notes.Word{
					ID: w.ID, Text: w.Text, Start: int64(w.Start*rate) - leg.Offset, End: int64(w.End*rate) - leg.Offset,
					Confidence: w.Confidence, Masked: danish.Kind(w.Masked), Sentence: w.Sentence,
				})
			}
		}
		out.Legs = append(out.Legs, leg)
	}
	return out
}
