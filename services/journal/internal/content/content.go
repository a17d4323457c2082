// Package content opens and seals what people said, wrote and are called, under the
// key of their conversation. Without the key (it was destroyed) everything here is
// errs.NotFound.
package content

import (
	"context"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/journal/internal/review"
	"samtale.dk/samtale/services/journal/internal/store"
	"samtale.dk/samtale/services/journal/internal/transcript"
	"samtale.dk/samtale/services/platform/seal"
)

// Names of sealed fields. The first two are the publishers' as well.
const (
	fieldParty    = "party"
	fieldBody     = "body"
	fieldIdentity = "identity"
	fieldNote     = "note"
	fieldComment  = "comment"
)

// Vault opens and seals.
type Vault struct{ Keys seal.Keys }

// Identity is who a caseworker says that the citizen is.
type Identity struct {
	ID         string `json:"id"` // CPR number or login subject
	Name       string `json:"name"`
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
}

// Party opens who called, as the call brought it; zero when nothing is known.
func (v Vault) Party(ctx context.Context, c store.Conversation) (p callv1.Introduced, err error) {
	if len(c.Party) > 0 {
		err = seal.OpenJSON(ctx, v.Keys, c.ID, fieldParty, c.Party, &p)
	}
	return p, err
}

// Identity opens who the citizen is; zero when nobody has said.
func (v Vault) Identity(ctx context.Context, c store.Conversation) (id Identity, err error) {
	if len(c.Identity) > 0 {
		err = seal.OpenJSON(ctx, v.Keys, c.ID, fieldIdentity, c.Identity, &id)
	}
	return id, err
}

// SealIdentity seals who the citizen is.
func (v Vault) SealIdentity(ctx context.Context, conversation string, id Identity) ([]byte, error) {
	return seal.JSON(ctx, v.Keys, conversation, fieldIdentity, id)
}

// Transcript reads and opens a conversation's transcript. After the erasure it holds
// no words, but still what was covered.
func (v Vault) Transcript(ctx context.Context, tx *store.Tx, c store.Conversation) (journalv1.Transcript, error) {
	t, _, err := v.read(ctx, tx, c)
	return t, err
}

// Evidence is the transcript as what notes point at: behind the words that are shown it has
// those that a stronger pass has replaced since.
func (v Vault) Evidence(ctx context.Context, tx *store.Tx, c store.Conversation) (journalv1.Transcript, error) {
	t, replaced, err := v.read(ctx, tx, c)
	t.Words = append(t.Words, replaced...)
	return t, err
}

func (v Vault) read(ctx context.Context, tx *store.Tx, c store.Conversation) (t journalv1.Transcript, replaced []journalv1.Word, err error) {
	legs, err := tx.Legs(ctx, c.ID)
	if err != nil {
		return t, nil, err
	}
	finals, err := v.finals(ctx, tx, c)
	if err != nil {
		return t, nil, err
	}
	return transcript.Assemble(c, legs, finals), transcript.Replaced(c, legs, finals), nil
}

func (v Vault) finals(ctx context.Context, tx *store.Tx, c store.Conversation) ([]transcript.Final, error) {
	list, err := tx.Finals(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	var out []transcript.Final
	for _, f := range list {
		var b transcriptv1.Body
		if len(f.Sealed) > 0 {
			if err := seal.OpenJSON(ctx, v.Keys, c.ID, fieldBody, f.Sealed, &b); err != nil {
				return nil, err
			}
		}
		out = append(out, transcript.Final{Final: f, Words: b.Words})
	}
	return out, nil
}

// Clear finds the clear value of a masked word; ok is false when there is none.
func (v Vault) Clear(ctx context.Context, tx *store.Tx, c store.Conversation, wordID string) (value string, ok bool, err error) {
	finals, err := v.finals(ctx, tx, c)
	if err != nil {
		return "", false, err
	}
	for _, f := range finals {
		for _, w := range f.Words {
			if w.ID == wordID && w.Clear != "" {
				return w.Clear, true, nil
			}
		}
	}
	return "", false, nil
}

// Note opens a note's body.
func (v Vault) Note(ctx context.Context, n store.Note) (b review.Body, err error) {
	if len(n.Sealed) > 0 {
		err = seal.OpenJSON(ctx, v.Keys, n.ConversationID, fieldNote, n.Sealed, &b)
	}
	return b, err
}

// SealNote seals a note's body.
func (v Vault) SealNote(ctx context.Context, conversation string, b review.Body) ([]byte, error) {
	return seal.JSON(ctx, v.Keys, conversation, fieldNote, b)
}

// Comments opens a conversation's comments.
func (v Vault) Comments(ctx context.Context, tx *store.Tx, conversation string) ([]journalv1.Comment, error) {
	list, err := tx.Comments(ctx, conversation)
	if err != nil {
		return nil, err
	}
	var out []journalv1.Comment
	for _, c := range list {
		o := journalv1.Comment{At: c.At}
		if err := seal.OpenJSON(ctx, v.Keys, conversation, fieldComment, c.Sealed, &o.Text); err != nil {
			return nil, err
		}
		out = append(out, o)
	}
	return out, nil
}

// SealComment seals a comment's text.
func (v Vault) SealComment(ctx context.Context, conversation, text string) ([]byte, error) {
	return seal.JSON(ctx, v.Keys, conversation, fieldComment, text)
}
