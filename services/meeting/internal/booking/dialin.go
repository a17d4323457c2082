package booking

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// Line is a device of a seat that is a telephone.
type Line struct {
	Tail string `json:"tail,omitempty"` // the number's last two digits; the rest stays where the number is known
}

const (
	// codeDigits: of a thousand million codes a few thousand are in use, and each caller has few tries.
	codeDigits = 9
	// maxLines is how many telephones of a seat are remembered: one for each call.
	maxLines = 16
)

// giveCodes gives a code to everybody who may come by telephone: not to caseworkers, who lead the meeting and log in for it.
func (b *Book) giveCodes(rec *Record) error {
	if rec.Choices.DialIn && b.DialIn == "" {
		return errs.E(errs.Invalid, "Der er ikke sat et telefonnummer op til møder. Slå opkald til mødet fra.", nil)
	}
	if rec.Choices.DialIn && rec.Identity != "" {
		return errs.E(errs.Invalid, "Et møde, der kræver login, kan man ikke ringe ind til. Slå det ene fra.", nil)
	}
	rec.DialNumber = ""
	if rec.Choices.DialIn {
		rec.DialNumber = b.DialIn
	}
	for _, p := range rec.Participants {
		s := rec.Seats[p.ID]
		switch {
		case !rec.Choices.DialIn || p.Role == meetingv1.RoleCaseworker:
			s.Code = ""
		case s.Code == "":
			code, err := newCode()
			if err != nil {
				return err
			}
			s.Code = code
		}
		rec.Seats[p.ID] = s
	}
	return nil
}

// newCode is one that does not begin with zero: people leave zeros out.
func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(900_000_000))
	if err != nil {
		return "", fmt.Errorf("code: %w", err)
	}
	return fmt.Sprintf("%0*d", codeDigits, n.Int64()+100_000_000), nil
}

func (b *Book) putCodes(ctx context.Context, tx *store.Tx, rec Record) error {
	codes := map[string]string{}
	for id, s := range rec.Seats {
		if s.Code != "" {
			codes[b.hash(s.Code)] = id
		}
	}
	return tx.PutCodes(ctx, rec.ID, codes)
}

// hash is how a code is kept outside of its sealed booking. The key is what protects it: there are few codes.
func (b *Book) hash(code string) string { return proof(b.CodeKey, code) }

// OpenByCode finds whose code it is, as Open does for links.
func (b *Book) OpenByCode(ctx context.Context, code string) (Record, string, error) {
	if len(code) != codeDigits {
		return Record{}, "", notFound()
	}
	meeting, id, err := b.Store.Read().Code(ctx, b.hash(code))
	if err != nil {
		if errors.Is(err, errs.NotFound) {
			err = notFound()
		}
		return Record{}, "", err
	}
	rec, _, err := b.Get(ctx, meeting)
	if err != nil {
		return rec, "", err
	}
	if rec.Seats[id].Code != code {
		return Record{}, "", notFound()
	}
	return rec, id, b.open(rec)
}

// Remember notes that a device is a telephone. The lines of calls that are over give way.
func (s *Seat) Remember(device string, l Line) {
	if len(s.Lines) >= maxLines {
		kept := map[string]Line{}
		for _, d := range []string{s.Device, s.Knocks} {
			if old, ok := s.Lines[d]; ok {
				kept[d] = old
			}
		}
		s.Lines = kept
	}
	if s.Lines == nil {
		s.Lines = map[string]Line{}
	}
	s.Lines[device] = l
}
