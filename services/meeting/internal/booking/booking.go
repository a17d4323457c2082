// Package booking is the meeting as a case event: who meets whom, when, on what basis, and each participant's link. It knows
// nothing of media.
//
// A meeting with its participants is one sealed record. It is read, changed in memory and written back under its version, so
// that two changes at once are never lost: the later one is made again on the newer record.
package booking

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/setups"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// Record is a meeting as it is kept: with the secrets of its links.
type Record struct {
	meetingv1.Meeting
	Seats    map[string]Seat `json:"seats"`            // by participant
	Sequence int             `json:"sequence"`         // of the calendar entry
	Legs     []callv1.LegEnd `json:"legs,omitempty"`   // of the conversation, also of nodes that are gone
	Reason   string          `json:"reason,omitempty"` // of a cancellation
	Off      bool            `json:"off,omitempty"`    // cancelled while its room was open early
	// Citizen is the participant whose conversation it is: the citizen who was there logged in first. It stays so when they go.
	Citizen string `json:"citizen,omitempty"`
	// Attended are the citizens who took part logged in: the seat by pseudonym.
	Attended map[string]string `json:"attended,omitempty"`
	// Dropped are those who are not to come any more since a change: they are told so.
	Dropped []Dropped `json:"dropped,omitempty"`
	Version int64     `json:"-"` // more with every change
}

// Dropped is somebody who is not to come any more, and the meeting as they knew it: what it is moved to is not theirs to know.
type Dropped struct {
	meetingv1.Participant
	Path     string    `json:"path,omitempty"` // of the link that they had
	Title    string    `json:"title,omitempty"`
	StartsAt time.Time `json:"starts_at,omitzero"`
	Minutes  int       `json:"minutes,omitempty"`
}

// Knew is the meeting as somebody knew it who is not to come any more.
func (d Dropped) Knew(rec Record) Record {
	if d.Title != "" { // else they were dropped before that was kept
		rec.Title, rec.StartsAt, rec.Minutes = d.Title, d.StartsAt, d.Minutes
	}
	return rec
}

// Seat is the private side of a participant.
type Seat struct {
	Secret string `json:"secret"`           // last part of the link
	Device string `json:"device,omitempty"` // hash of the device that was admitted with it
	Knocks string `json:"knocks,omitempty"` // hash of the device that waits in the lobby
	// Refused are devices that were turned away: they do not knock again.
	Refused []string `json:"refused,omitempty"`
	// Known is who has logged in on which device. A link that is opened elsewhere gives nobody the identity.
	Known map[string]Identity `json:"known,omitempty"`
	Code  string              `json:"code,omitempty"` // for those who come by telephone
	// Lines are the devices that are telephones.
	Lines map[string]Line `json:"lines,omitempty"`
}

// Refuse turns devices away. The device of a seat that is given up stays known, so that it can be told.
func (s *Seat) Refuse(devices ...string) {
	for _, d := range devices {
		if d != "" && !slices.Contains(s.Refused, d) {
			s.Refused = append(s.Refused, d)
		}
	}
	s.Knocks = ""
}

// Identity is what a login has said about who uses a device.
type Identity struct {
	Level      string `json:"level"`
	Name       string `json:"name"`
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
	PartyRef   string `json:"party_ref,omitempty"` // a citizen's pseudonym
}

// Book keeps meetings. It is safe for concurrent use.
type Book struct {
	Store *store.Store
	Keys  seal.Keys
	// Areas gives the service areas.
	Areas func(ctx context.Context) ([]consentv1.Area, error)
	Now   func() time.Time
	// DialIn is the number to call for a meeting; empty: nobody can. CodeKey hashes the codes.
	DialIn  string
	CodeKey []byte
}

const (
	// MaxParticipants is how many people a meeting has room for.
	MaxParticipants = 25
	// MaxKnown is how many a booking knows, also of those who came by a token and have left.
	MaxKnown = 4 * MaxParticipants
)

const (
	fieldMeeting = "meeting"
	fieldSent    = "sent"
	// lateJoin is how long after its planned end a link still opens a meeting that nobody has ended.
	lateJoin = 12 * time.Hour
	// earlyJoin is how long before the start a link opens more than the page that tells the time.
	earlyJoin = 30 * time.Minute
	retries   = 8
)

var phone = regexp.MustCompile(`^\+?[0-9 ]{8,16}$`)

// New books a meeting. The same id again gives the meeting that is there; so does another one that is to begin now and to go on from
// the same conversation, as long as the first is not over.
func (b *Book) New(ctx context.Context, r meetingv1.BookRequest) (Record, error) {
	goesOn := r.Follows != "" && r.StartsAt.IsZero()
	now := b.Now()
	if r.ID == "" {
		r.ID = event.NewID(now)
	}
	rec := Record{Meeting: meetingv1.Meeting{ID: r.ID, State: meetingv1.Booked, CreatedBy: r.Actor.ID, Follows: r.Follows}, Seats: map[string]Seat{}}
	if err := b.fill(ctx, &rec, r); err != nil {
		return Record{}, err
	}
	if goesOn {
		other, err := b.Store.Read().Going(ctx, r.Follows, r.ServiceArea)
		if err != nil {
			return Record{}, err
		}
		if other != "" && other != r.ID {
			return b.join(ctx, other, r)
		}
	}
	added, other, err := b.add(ctx, rec, goesOn)
	if err != nil || added {
		return rec, err
	}
	if other != "" { // somebody else was first
		return b.join(ctx, other, r)
	}
	rec, _, err = b.Get(ctx, r.ID)
	if err == nil && rec.CreatedBy != r.Actor.ID {
		err = errs.E(errs.Conflict, "Der findes allerede et møde med det id.", nil)
	}
	return rec, err
}

// add keeps a new meeting, unless it is there, or another is that its conversation goes on as.
func (b *Book) add(ctx context.Context, rec Record, goesOn bool) (added bool, other string, err error) {
	row, err := b.seal(ctx, rec, 1)
	if err != nil {
		return false, "", err
	}
	if goesOn {
		defer b.Store.Turn(rec.Follows)()
	}
	err = b.Store.InTx(ctx, func(tx *store.Tx) error {
		added, other = false, ""
		if goesOn {
			other, err = tx.Follow(ctx, rec.Follows, rec.ServiceArea, rec.ID)
			if err != nil || other != "" {
				return err
			}
		}
		added, err = tx.Add(ctx, row)
		if err != nil || !added {
			return err
		}
		if err := b.putCodes(ctx, tx, rec); err != nil {
			return err
		}
		return b.tell(ctx, tx, rec, "booked", "")
	})
	return added, other, err
}

// join gives the meeting that goes on already. As long as nobody has come, whoever asks gets a seat, and where the citizen is to be told
// at another address than before, the link goes there.
func (b *Book) join(ctx context.Context, id string, r meetingv1.BookRequest) (Record, error) {
	return b.Update(ctx, id, "changed", "", func(rec *Record) error {
		if rec.State != meetingv1.Booked {
			return ErrUnchanged
		}
		changed := false
		for _, w := range r.Participants {
			i := slices.IndexFunc(rec.Participants, func(p meetingv1.Participant) bool { return p.Role == w.Role && p.User == w.User })
			switch {
			case w.Role == meetingv1.RoleCaseworker && w.User != "" && rec.Own(w.User) == nil && !rec.Full():
				rec.seat(w.Role, w.User, w.Name, b.Now())
				changed = true
			case w.Role == meetingv1.RoleCitizen && i >= 0 && address(&rec.Participants[i], w):
				rec.Sequence++
				changed = true
			}
		}
		if !changed {
			return ErrUnchanged
		}
		return nil
	})
}

// Join gives a caseworker who asks for a meeting a seat of their own: the one that is there, or a new one as a colleague. Lead: they
// take its place who should lead it and is not there, so that nobody who comes finds a closed door because a caseworker is ill.
func (b *Book) Join(ctx context.Context, id string, who meetingv1.Actor, lead bool) (rec Record, seat string, err error) {
	rec, err = b.Update(ctx, id, "joined", "", func(rec *Record) error {
		if err := b.open(*rec); err != nil {
			return err
		}
		switch p := rec.Own(who.ID); {
		case p != nil && p.State == meetingv1.Removed:
			return errs.E(errs.Denied, "Du er taget ud af mødet.", nil)
		case lead && (p == nil || p.Role != meetingv1.RoleCaseworker):
			seat, err = b.takeOver(rec, p, who)
			return err
		case p != nil:
			seat = p.ID
			return ErrUnchanged
		case rec.Full():
			return errs.E(errs.Limited, "Mødet er fuldt.", nil)
		}
		seat = rec.seat(meetingv1.RoleColleague, who.ID, who.Name, b.Now())
		return nil
	})
	return rec, seat, err
}

// takeOver has somebody lead a meeting that is about to begin, or goes on, while nobody leads it. P is their seat, if they have one.
func (b *Book) takeOver(rec *Record, p *meetingv1.Participant, who meetingv1.Actor) (seat string, err error) {
	switch {
	case b.led(*rec):
		return "", errs.E(errs.Conflict, "Mødet bliver ledet af en anden. Gå med som kollega.", nil)
	case b.Early(*rec):
		return "", errs.E(errs.Conflict, "Det er for tidligt. Mødet kan overtages fra en halv time før den aftalte tid.", nil)
	case p != nil:
		p.Role = meetingv1.RoleCaseworker
		return p.ID, nil
	case rec.Full():
		return "", errs.E(errs.Limited, "Mødet er fuldt.", nil)
	}
	return rec.seat(meetingv1.RoleCaseworker, who.ID, who.Name, b.Now()), nil
}

// led tells whether somebody is there who leads the meeting. Before it is held no connection tells of a browser that was closed: then
// whoever opened it counts for a while.
func (b *Book) led(rec Record) bool {
	return slices.ContainsFunc(rec.Participants, func(p meetingv1.Participant) bool {
		in := p.State == meetingv1.InRoom || p.State == meetingv1.InSide
		return p.Role == meetingv1.RoleCaseworker && in && !p.Away && (rec.State == meetingv1.Live || b.Now().Before(p.Since.Add(waitsFor)))
	})
}

// waitsFor is how long somebody who has opened a meeting counts as there while it is not held.
const waitsFor = 10 * time.Minute

// Leaderless tells whether a meeting that is about to begin, or goes on, has nobody who leads it.
func (b *Book) Leaderless(rec Record) bool {
	return (rec.State == meetingv1.Booked && b.open(rec) == nil || rec.State == meetingv1.Live) && !b.Early(rec) && !b.led(rec)
}

// seat adds somebody who comes with an own login.
func (rec *Record) seat(role, user, name string, now time.Time) (id string) {
	p := meetingv1.Participant{ID: event.NewID(now), Role: role, User: user, Name: name, State: meetingv1.Invited, Since: now}
	rec.Participants = append(rec.Participants, p)
	rec.Seats[p.ID] = Seat{Secret: rand.Text()}
	return p.ID
}

// address takes over where a person is to be told, as far as it is said; true: it is another place than before.
func address(p *meetingv1.Participant, w meetingv1.Participant) bool {
	before := *p
	p.Email, p.Phone = cmp.Or(strings.TrimSpace(w.Email), p.Email), cmp.Or(strings.TrimSpace(w.Phone), p.Phone)
	return p.Email != before.Email || p.Phone != before.Phone
}

// Change changes time, choices and participants; people who stay keep their links.
func (b *Book) Change(ctx context.Context, r meetingv1.BookRequest) (Record, error) {
	return b.UpdateWith(ctx, r.ID, "changed", "", func(rec *Record) error {
		if rec.State != meetingv1.Booked {
			return errs.E(errs.Conflict, "Mødet er begyndt eller slut og kan ikke ændres. Slut det, og book et nyt.", nil)
		}
		rec.Sequence++
		return b.fill(ctx, rec, r)
	}, func(tx *store.Tx, rec Record) error { return b.putCodes(ctx, tx, rec) })
}

// maxReason is the longest reason of a cancellation, in characters.
const maxReason = 500

// Cancel cancels a meeting whose time has not come. The reason is told to those who were invited. Where its room was opened early, the
// meeting is marked, and cancelled when the room has ended.
func (b *Book) Cancel(ctx context.Context, id, reason string) (Record, error) {
	reason = strings.TrimSpace(reason)
	if utf8.RuneCountInString(reason) > maxReason {
		return Record{}, errs.E(errs.Invalid, fmt.Sprintf("Begrundelsen er for lang (højst %d tegn).", maxReason), nil)
	}
	return b.Update(ctx, id, "cancelled", "", func(rec *Record) error {
		switch rec.State {
		case meetingv1.Booked:
			rec.State, rec.Reason = meetingv1.Cancelled, reason
			rec.Sequence++
			return nil
		case meetingv1.Cancelled:
			return ErrUnchanged
		case meetingv1.Live:
			if !b.Now().Before(rec.StartsAt) {
				return errs.E(errs.Conflict, "Mødet er begyndt. Gå ind i det, og slut det for alle.", nil)
			}
			if !rec.Off {
				rec.Off, rec.Reason = true, reason
				rec.Sequence++
			}
			return nil
		}
		return errs.E(errs.Conflict, "Mødet er slut og kan ikke aflyses.", nil)
	})
}

// fill checks a request and writes it into the record.
func (b *Book) fill(ctx context.Context, rec *Record, r meetingv1.BookRequest) error {
	if err := b.area(ctx, r.ServiceArea, r.Choices); err != nil {
		return err
	}
	invalid := func(text string) error { return errs.E(errs.Invalid, text, nil) }
	r.Title = strings.TrimSpace(r.Title)
	if r.Minutes == 0 {
		r.Minutes = 30
	}
	if r.StartsAt.IsZero() {
		r.StartsAt = b.Now()
	}
	switch {
	case r.Title == "" || len(r.Title) > 200:
		return invalid("Skriv, hvad mødet handler om (højst 200 tegn).")
	case r.Minutes < 5 || r.Minutes > 8*60:
		return invalid("Et møde varer mellem 5 minutter og 8 timer.")
	case r.StartsAt.Before(b.Now().Add(-time.Hour)) && !r.StartsAt.Equal(rec.StartsAt):
		return invalid("Mødets tid er gået. Vælg en tid, der ikke er passeret.")
	case r.StartsAt.After(b.Now().AddDate(2, 0, 0)):
		return invalid("Mødet ligger mere end to år fremme.")
	case len(r.Participants) == 0 || len(r.Participants) > MaxParticipants:
		return invalid(fmt.Sprintf("Et møde har mellem 1 og %d deltagere.", MaxParticipants))
	case r.Choices.AINote && !r.Choices.Transcript:
		return invalid("Et notat fra AI kræver, at mødet skrives ned.")
	case r.Choices.Recording && len(strings.TrimSpace(r.Choices.Basis)) < 3:
		return invalid("Skriv det lovgrundlag, som mødet optages på.")
	case len(r.Choices.Basis) > 300:
		return invalid("Lovgrundlaget er for langt (højst 300 tegn).")
	case !slices.Contains([]string{"", meetingv1.LevelLow, meetingv1.LevelSubstantial, meetingv1.LevelHigh}, r.Identity):
		return invalid("Kravet til identitet skal være low, substantial eller high, eller intet.")
	}
	before := *rec
	rec.Title, rec.CaseNumber, rec.ServiceArea = r.Title, strings.TrimSpace(r.CaseNumber), r.ServiceArea
	rec.StartsAt, rec.Minutes = r.StartsAt.UTC().Truncate(time.Second), r.Minutes
	rec.Setup, rec.Identity, rec.Choices = r.Setup, r.Identity, r.Choices
	rec.Choices.Basis = strings.TrimSpace(r.Choices.Basis)
	if err := rec.people(r.Participants, before, b.Now()); err != nil {
		return err
	}
	return b.giveCodes(rec)
}

func (b *Book) area(ctx context.Context, id string, c meetingv1.Choices) error {
	areas, err := b.Areas(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(areas, func(a consentv1.Area) bool { return a.ID == id })
	switch {
	case i < 0:
		return errs.E(errs.Invalid, "Fagområdet findes ikke.", nil)
	case c.Transcript && !areas[i].AllowTranscript:
		return errs.E(errs.Invalid, "Fagområdet skriver ikke samtaler ned. Slå udskrift fra.", nil)
	case c.AINote && !areas[i].AllowAINote:
		return errs.E(errs.Invalid, "Fagområdet bruger ikke notater fra AI. Slå notatet fra.", nil)
	}
	return nil
}

// people takes over the participants of a request. Those with a known id stay who they are; others are new. Before is the record as it was.
func (rec *Record) people(wanted []meetingv1.Participant, before Record, now time.Time) error {
	seats := map[string]Seat{}
	var list []meetingv1.Participant
	for _, w := range wanted {
		p := meetingv1.Participant{ID: w.ID, State: meetingv1.Invited, Since: now}
		if i := rec.index(w.ID); i >= 0 {
			p = rec.Participants[i]
			seats[p.ID] = rec.Seats[p.ID]
		} else {
			p.ID = event.NewID(now)
			seats[p.ID] = Seat{Secret: rand.Text()}
		}
		p.Role, p.User, p.Language = w.Role, w.User, w.Language
		p.Name, p.Email, p.Phone = strings.TrimSpace(w.Name), strings.TrimSpace(w.Email), strings.TrimSpace(w.Phone)
		if err := checkPerson(p); err != nil {
			return err
		}
		list = append(list, p)
	}
	for _, p := range rec.Participants {
		if _, stays := seats[p.ID]; !stays {
			rec.Dropped = append(rec.Dropped, Dropped{
				Participant: p, Path: rec.Path(p.ID), Title: before.Title, StartsAt: before.StartsAt, Minutes: before.Minutes,
			})
		}
	}
	if n := len(rec.Dropped); n > maxDropped {
		rec.Dropped = rec.Dropped[n-maxDropped:]
	}
	rec.Participants, rec.Seats = list, seats
	return nil
}

// maxDropped is of how many who are not to come any more a booking knows.
const maxDropped = 2 * MaxParticipants

func checkPerson(p meetingv1.Participant) error {
	invalid := func(text string) error { return errs.E(errs.Invalid, text, nil) }
	if !setups.KnownRole(p.Role) {
		return invalid("En deltager har en rolle, der ikke findes.")
	}
	if p.Language != "" && p.Language != "da" && p.Language != "en" {
		return invalid("Sproget skal være da eller en.")
	}
	if len(p.Name) > 120 {
		return invalid("Et navn er for langt.")
	}
	if p.Email != "" {
		if a, err := mail.ParseAddress(p.Email); err != nil || a.Address != p.Email { // names and comments may hold line ends
			return invalid("En e-mailadresse er ikke skrevet rigtigt.")
		}
	}
	if p.Phone != "" && !phone.MatchString(p.Phone) {
		return invalid("Et telefonnummer er ikke skrevet rigtigt.")
	}
	return nil
}

// index finds a participant; -1 when there is none.
func (rec *Record) index(id string) int {
	return slices.IndexFunc(rec.Participants, func(p meetingv1.Participant) bool { return id != "" && p.ID == id })
}

// Participant finds one; nil when there is none.
func (rec *Record) Participant(id string) *meetingv1.Participant {
	if i := rec.index(id); i >= 0 {
		return &rec.Participants[i]
	}
	return nil
}

// Full tells whether a meeting has room for nobody more. Of those who came by a token only who is there has a place: they have no link
// that is to let them in again.
func (rec *Record) Full() bool {
	n := 0
	for _, p := range rec.Participants {
		gone := p.State == meetingv1.Left || p.State == meetingv1.Removed
		if !gone || rec.Seats[p.ID].Secret != "" {
			n++
		}
	}
	return n >= MaxParticipants
}

// Own finds the seat of one of the authority's people by login; nil when there is none. One that leads the meeting and is nobody's is
// whose who booked it.
func (rec *Record) Own(user string) *meetingv1.Participant {
	i := slices.IndexFunc(rec.Participants, func(p meetingv1.Participant) bool {
		return p.User == user || p.User == "" && p.Role == meetingv1.RoleCaseworker && rec.CreatedBy == user
	})
	if i < 0 || user == "" {
		return nil
	}
	return &rec.Participants[i]
}

// Remove takes a participant out who was never there.
func (rec *Record) Remove(id string) {
	rec.Participants = slices.DeleteFunc(rec.Participants, func(p meetingv1.Participant) bool { return p.ID == id })
	delete(rec.Seats, id)
}

// ErrUnchanged ends an Update without writing.
var ErrUnchanged = errors.New("unchanged")

// Get reads a meeting and its version; errs.NotFound also when its content was erased.
func (b *Book) Get(ctx context.Context, id string) (Record, store.Meeting, error) {
	if event.CheckToken(id) != nil {
		return Record{}, store.Meeting{}, notFound()
	}
	row, err := b.Store.Read().Meeting(ctx, id)
	if err != nil {
		if errors.Is(err, errs.NotFound) {
			err = notFound()
		}
		return Record{}, row, err
	}
	if !row.ErasedAt.IsZero() {
		return Record{}, row, errs.E(errs.NotFound, "Mødets oplysninger er slettet.", nil)
	}
	var rec Record
	err = seal.OpenJSON(ctx, b.Keys, id, fieldMeeting, row.Sealed, &rec)
	rec.Version = row.Version
	return rec, row, err
}

func notFound() error { return errs.E(errs.NotFound, "Mødet findes ikke.", nil) }

// Update changes a meeting by f, again on the newer record when somebody else was first, and tells what happened.
func (b *Book) Update(ctx context.Context, id, what, participant string, f func(rec *Record) error) (Record, error) {
	return b.UpdateWith(ctx, id, what, participant, f, nil)
}

// UpdateWith does more in the same transaction: what is published there is told if, and only if, the change was made.
func (b *Book) UpdateWith(
	ctx context.Context, id, what, participant string, f func(rec *Record) error, with func(tx *store.Tx, rec Record) error,
) (Record, error) {
	defer b.Store.Turn(id)()
	for range retries {
		rec, row, err := b.Get(ctx, id)
		if err != nil {
			return rec, err
		}
		was := party(rec)
		err = f(&rec)
		if err == nil && rec.Citizen == "" && rec.State == meetingv1.Live {
			rec.Citizen = known(rec)
		}
		var came map[string]string
		if err == nil {
			came = rec.attend()
		}
		if err != nil {
			if errors.Is(err, ErrUnchanged) {
				err = nil
			}
			return rec, err
		}
		next, err := b.seal(ctx, rec, row.Version)
		if err != nil {
			return rec, err
		}
		err = b.Store.InTx(ctx, func(tx *store.Tx) error {
			if err := tx.Put(ctx, next); err != nil {
				return err
			}
			if with != nil {
				if err := with(tx, rec); err != nil {
					return err
				}
			}
			if err := b.introduce(ctx, tx, rec, was); err != nil {
				return err
			}
			if err := keepParties(ctx, tx, rec.ID, came); err != nil {
				return err
			}
			return b.tell(ctx, tx, rec, what, participant)
		})
		if err == nil || !errors.Is(err, errs.Conflict) {
			rec.Version = row.Version + 1
			return rec, err
		}
	}
	return Record{}, errs.E(errs.Conflict, "Mange ændrer mødet på én gang. Prøv igen.", nil)
}

func (b *Book) seal(ctx context.Context, rec Record, version int64) (store.Meeting, error) {
	sealed, err := seal.JSON(ctx, b.Keys, rec.ID, fieldMeeting, rec)
	return store.Meeting{
		ID: rec.ID, ServiceArea: rec.ServiceArea, State: rec.State, StartsAt: rec.StartsAt, Version: version, Sealed: sealed,
	}, err
}

// tell publishes what happened, without names. Bookings also wake the meeting's workflow.
func (b *Book) tell(ctx context.Context, tx *store.Tx, rec Record, what, participant string) error {
	e := meetingv1.Changed{
		Meta: event.NewMeta("meeting.v1.event.changed", "meeting", b.Now()), MeetingID: rec.ID, ServiceArea: rec.ServiceArea,
		State: rec.State, ParticipantID: participant, What: what,
	}
	if err := tx.Publish(ctx, e); err != nil {
		return err
	}
	switch what {
	case "booked", "changed", "cancelled", "started", "ended":
		return tx.Signal(ctx, WorkflowID(rec.ID), what)
	}
	return nil
}

// WorkflowID is the id of a meeting's workflow.
func WorkflowID(meeting string) string { return "meeting-" + meeting }

// Waits tells whether somebody is in the lobby.
func (rec *Record) Waits() bool {
	return slices.ContainsFunc(rec.Participants, func(p meetingv1.Participant) bool { return p.State == meetingv1.InLobby || p.Again })
}

// Came tells whether somebody with one of some roles has been in the meeting or its lobby.
func (rec *Record) Came(roles ...string) bool {
	return slices.ContainsFunc(rec.Participants, func(p meetingv1.Participant) bool {
		s := rec.Seats[p.ID]
		return slices.Contains(roles, p.Role) && (p.State != meetingv1.Invited || p.Line == "" && s.Device != "" || s.Knocks != "")
	})
}

// Missed tells whether the citizen has not come though the meeting should have begun a while ago.
func (rec *Record) Missed(now time.Time) bool {
	return !now.Before(rec.StartsAt.Add(lateFor)) && !rec.Came(meetingv1.RoleCitizen) &&
		slices.ContainsFunc(rec.Participants, func(p meetingv1.Participant) bool { return p.Role == meetingv1.RoleCitizen })
}

// lateFor is how late one may be without having missed a meeting that the others end.
const lateFor = 5 * time.Minute

// NoShowAfter is how long after the start a meeting that nobody has come to is given up.
const NoShowAfter = 20 * time.Minute

// Deserted tells whether a meeting whose room is empty is over: not before it should have begun, within its planned time not while
// somebody waits to be let in, and a while later only if those from outside who were expected have not come yet.
func (rec *Record) Deserted(now time.Time) bool {
	planned := rec.StartsAt.Add(time.Duration(rec.Minutes) * time.Minute)
	if now.Before(rec.StartsAt) || rec.Waits() && now.Before(planned) { // a browser that was closed waits for ever
		return false
	}
	outside := []string{meetingv1.RoleCitizen, meetingv1.RoleCompanion, meetingv1.RoleInterpreter, meetingv1.RoleExpert}
	expected := slices.ContainsFunc(rec.Participants, func(p meetingv1.Participant) bool { return slices.Contains(outside, p.Role) })
	return !expected || rec.Came(outside...) || !now.Before(rec.StartsAt.Add(NoShowAfter))
}

// Path is a participant's link below the portal's address.
func (rec *Record) Path(participant string) string {
	return path(rec.ID, rec.Seats[participant].Secret)
}

func path(meeting, secret string) string { return "/moede/" + meeting + "/" + secret }

// Open finds whose link it is. Links open from a while before the start until the meeting has ended, or half a day after its
// planned end.
func (b *Book) Open(ctx context.Context, meeting, secret string) (Record, string, error) {
	rec, _, err := b.Get(ctx, meeting)
	if err != nil {
		return rec, "", err
	}
	for id, s := range rec.Seats {
		if subtle.ConstantTimeCompare([]byte(s.Secret), []byte(secret)) == 1 {
			return rec, id, b.open(rec)
		}
	}
	for _, d := range rec.Dropped {
		if subtle.ConstantTimeCompare([]byte(d.Path), []byte(path(meeting, secret))) == 1 {
			return d.Knew(rec), d.ID, cmp.Or(b.open(rec), ErrDropped)
		}
	}
	return Record{}, "", notFound()
}

// ErrDropped is what a link opens that somebody had who is not to come any more.
var ErrDropped error = errs.E(errs.NotFound, "Du skal ikke længere være med i mødet. Det bliver holdt uden dig.", nil)

func (b *Book) open(rec Record) error {
	end := rec.StartsAt.Add(time.Duration(rec.Minutes)*time.Minute + lateJoin)
	switch {
	case rec.State == meetingv1.Cancelled:
		return errs.E(errs.NotFound, "Mødet er aflyst.", nil)
	case rec.State == meetingv1.Ended || rec.State == meetingv1.NoShow || b.Now().After(end):
		return errs.E(errs.NotFound, "Mødet er slut. Linket virker ikke længere.", nil)
	}
	return nil
}

// Early tells whether it is too early to come into the lobby.
func (b *Book) Early(rec Record) bool { return b.Now().Before(rec.StartsAt.Add(-earlyJoin)) }

// Device is how a device's random id is kept.
func Device(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// Key proves a participant's seat on one device to the service: whoever opened the link there gets it.
func Key(master []byte, meeting, participant, device string) string {
	return device + "." + proof(master, meeting, participant, device)
}

// CheckKey returns the device that a key was made for.
func CheckKey(master []byte, seat meetingv1.SeatRef) (device string, ok bool) {
	device, mac, _ := strings.Cut(seat.Key, ".")
	return device, hmac.Equal([]byte(mac), []byte(proof(master, seat.MeetingID, seat.ParticipantID, device)))
}

func proof(master []byte, parts ...string) string {
	mac := hmac.New(sha256.New, master)
	for _, part := range parts {
		fmt.Fprintf(mac, "%d:%s;", len(part), part)
	}
	return hex.EncodeToString(mac.Sum(nil))
}

// SetupOf is a meeting's set-up; ok is false, and nothing is set, in that of a meeting without one.
func SetupOf(ctx context.Context, tx *store.Tx, rec Record) (s meetingv1.Setup, ok bool, err error) {
	changed, err := tx.Setups(ctx)
	if err != nil {
		return s, false, err
	}
	return setups.Find(changed, rec.Setup)
}

// Party is who the citizen is, sealed as callv1 has it.
func (b *Book) Party(ctx context.Context, rec Record) ([]byte, error) {
	return seal.JSON(ctx, b.Keys, rec.ID, "party", party(rec))
}

// known is the first citizen who is in the meeting and logged in; empty: there is none.
func known(rec Record) string {
	for _, p := range rec.Participants {
		s := rec.Seats[p.ID]
		inside := p.State == meetingv1.InRoom || p.State == meetingv1.InSide
		if p.Role == meetingv1.RoleCitizen && inside && s.Known[s.Device].PartyRef != "" {
			return p.ID
		}
	}
	return ""
}

// party is the citizen whose conversation it is, else the first citizen.
func party(rec Record) (first callv1.Introduced) {
	for _, p := range slices.Backward(rec.Participants) {
		if p.Role == meetingv1.RoleCitizen {
			first.Party = callv1.Party{Name: p.Name, Number: p.Phone}
		}
	}
	id := cmp.Or(rec.Citizen, known(rec))
	if p := rec.Participant(id); p != nil {
		if who := rec.Seats[id].Known[rec.Seats[id].Device]; who.PartyRef != "" {
			return callv1.Introduced{Party: callv1.Party{Name: who.Name, Number: p.Phone}, Ref: who.PartyRef, OnBehalfOf: who.OnBehalfOf}
		}
	}
	return first
}

// introduce tells who the citizen is when somebody comes who is logged in, so that they find the conversation among theirs. Whoever is
// there when it begins is in its first event.
func (b *Book) introduce(ctx context.Context, tx *store.Tx, rec Record, was callv1.Introduced) error {
	if now := party(rec); rec.State != meetingv1.Live || now.Ref == "" || now == was {
		return nil
	}
	sealed, err := b.Party(ctx, rec)
	if err != nil {
		return err
	}
	return tx.Publish(ctx, callv1.Changed{
		Meta: event.NewMeta("call.v1.changed", "meeting", b.Now()), ConversationID: rec.ID, State: callv1.StateTalking, Sealed: sealed,
	})
}

// KeepSent keeps, sealed, what was sent to a participant; again replaces it.
func (b *Book) KeepSent(ctx context.Context, s meetingv1.Sent) error {
	sealed, err := seal.JSON(ctx, b.Keys, s.MeetingID, fieldSent, s)
	if err != nil {
		return err
	}
	return b.Store.InTx(ctx, func(tx *store.Tx) error { return tx.AddSent(ctx, s.ID, s.MeetingID, s.At, sealed) })
}

// Sent reads what was sent for a meeting, newest first.
func (b *Book) Sent(ctx context.Context, meeting string) ([]meetingv1.Sent, error) {
	rows, err := b.Store.Read().Sent(ctx, meeting)
	if err != nil {
		return nil, err
	}
	out := make([]meetingv1.Sent, len(rows))
	for i, sealed := range rows {
		if err := seal.OpenJSON(ctx, b.Keys, meeting, fieldSent, sealed, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Query is what List looks for: meetings of some areas that start in [From, To), from After on.
type Query struct {
	Areas    []string
	From, To time.Time
	Find     string // all of its words stand in title, case number or a participant's name
	After    string // List's next
	Limit    int
}

// List reads meetings, earliest first. Next is not empty when there are more. What is looked for by words is sealed: it is read and
// opened, a batch at a time.
func (b *Book) List(ctx context.Context, q Query) (out []Record, next string, err error) {
	at, err := spot(q.After)
	if err != nil {
		return nil, "", err
	}
	words := strings.Fields(strings.ToLower(q.Find))
	const batch = 200
	for {
		rows, err := b.Store.Read().Meetings(ctx, q.Areas, q.From, q.To, at, batch)
		if err != nil {
			return nil, "", err
		}
		for _, row := range rows {
			if len(out) == q.Limit {
				return out, next, nil
			}
			at = store.Spot{StartsAt: row.StartsAt, ID: row.ID}
			next = fmt.Sprintf("%d-%s", at.StartsAt.UnixMicro(), at.ID)
			var rec Record
			err := seal.OpenJSON(ctx, b.Keys, row.ID, fieldMeeting, row.Sealed, &rec)
			if errors.Is(err, errs.NotFound) { // its key is gone, the row follows
				continue
			}
			if err != nil {
				return nil, "", err
			}
			if rec.has(words) {
				out = append(out, rec)
			}
		}
		if len(rows) < batch {
			return out, "", nil
		}
	}
}

// spot reads a place in the list.
func spot(s string) (store.Spot, error) {
	if s == "" {
		return store.Spot{}, nil
	}
	micros, id, ok := strings.Cut(s, "-")
	n, err := strconv.ParseInt(micros, 10, 64)
	if err != nil || !ok {
		return store.Spot{}, errs.E(errs.Invalid, "Stedet i listen findes ikke. Begynd forfra.", err)
	}
	return store.Spot{StartsAt: time.UnixMicro(n).UTC(), ID: id}, nil
}

// has tells whether all words stand in what a caseworker knows a meeting by.
func (rec *Record) has(words []string) bool {
	text := rec.Title + "\n" + rec.CaseNumber
	for _, p := range rec.Participants {
		text += "\n" + p.Name
	}
	text = strings.ToLower(text)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
}

// Erase deletes a meeting's content here; that its key is gone comes first, and from elsewhere.
func (b *Book) Erase(ctx context.Context, id string) error {
	if err := b.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Erase(ctx, id, b.Now()) }); err != nil {
		return err
	}
	return b.Store.Scrub(ctx)
}
