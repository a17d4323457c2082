package room

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/platform/errs"
)

// Publish takes the offer of a participant's publishing connection (also a WHIP client's) and answers it.
func (h *Hall) Publish(ctx context.Context, q meetingv1.MediaRequest) (meetingv1.MediaReply, error) {
	if q.Trial {
		return h.try(ctx, q)
	}
	if q.End {
		return h.endMedia(ctx, q.Seat, sfu.Publishing)
	}
	if q.Fragment != "" {
		return h.restartICE(ctx, q, sfu.Publishing)
	}
	peer, epoch, err := h.peer(ctx, q.Seat, q.SDP)
	if err != nil {
		return meetingv1.MediaReply{}, err
	}
	sdp, err := peer.Publish(q.SDP)
	return meetingv1.MediaReply{SDP: sdp, Session: q.Seat.ParticipantID, Room: epoch, ICE: peer.ICE(sfu.Publishing)}, full(err)
}

// Subscribe makes the connection that a participant watches and hears by: without SDP the SFU offers, and gets the answer in a
// second request (Session); with SDP and no Session the client offers (WHEP).
func (h *Hall) Subscribe(ctx context.Context, q meetingv1.MediaRequest) (meetingv1.MediaReply, error) {
	if q.End {
		return h.endMedia(ctx, q.Seat, sfu.Subscribing)
	}
	if q.Fragment != "" {
		return h.restartICE(ctx, q, sfu.Subscribing)
	}
	var offers []string
	if q.SDP != "" && q.Session == "" {
		offers = append(offers, q.SDP)
	}
	peer, epoch, err := h.peer(ctx, q.Seat, offers...)
	if err != nil {
		return meetingv1.MediaReply{}, err
	}
	rep := meetingv1.MediaReply{Session: q.Seat.ParticipantID, Room: epoch}
	switch {
	case q.Restart:
		rep.SDP, err = peer.RestartICE(sfu.Subscribing, "")
	case q.SDP == "":
		rep.SDP, err = peer.Subscribe()
	case q.Session == "":
		rep.SDP, err = peer.SubscribeOffer(q.SDP)
	default:
		err = peer.Answer(q.SDP)
	}
	rep.ICE = peer.ICE(sfu.Subscribing)
	return rep, full(err)
}

// restartICE does so for a client that tells of new credentials (RFC 9725, 4.3). Of more candidates there is nothing to do: whoever answers
// checks learns of addresses by them (ICE lite).
func (h *Hall) restartICE(ctx context.Context, q meetingv1.MediaRequest, side sfu.Side) (meetingv1.MediaReply, error) {
	rec, me, err := h.seat(ctx, q.Seat, true)
	if err != nil {
		return meetingv1.MediaReply{}, err
	}
	peer := h.connected(rec.ID, me.ID, side)
	if peer == nil {
		return meetingv1.MediaReply{}, errs.E(errs.NotFound, "Forbindelsen er ikke længere i mødet. Lav en ny.", nil)
	}
	rep := meetingv1.MediaReply{Session: me.ID}
	switch {
	case q.ICE == "":
		rep.SDP, err = peer.RestartICE(side, q.Fragment)
	case q.ICE != peer.ICE(side):
		err = errs.E(errs.Conflict, "Forbindelsen er begyndt forfra siden. Brug If-Match: \"*\" for at begynde forfra igen.", nil)
	}
	rep.ICE = peer.ICE(side)
	return rep, full(err)
}

// connected is a participant who has the connection; nil: nobody has.
func (h *Hall) connected(meeting, participant string, side sfu.Side) *sfu.Peer {
	r := h.find(meeting)
	if r == nil {
		return nil
	}
	s := r.seatOf(participant)
	if s == nil || s.peer.ICE(side) == "" {
		return nil
	}
	return s.peer
}

// endMedia closes one of a participant's connections. Who has no other one leaves.
func (h *Hall) endMedia(ctx context.Context, s meetingv1.SeatRef, side sfu.Side) (meetingv1.MediaReply, error) {
	rec, me, err := h.seat(ctx, s, true)
	if err != nil {
		return meetingv1.MediaReply{}, err
	}
	if r := h.find(rec.ID); r == nil || !r.endMedia(me.ID, side) {
		_, err = h.Leave(ctx, s)
	}
	return meetingv1.MediaReply{Session: me.ID}, err
}

// endMedia reports whether the other connection is still there.
func (r *room) endMedia(participant string, side sfu.Side) (other bool) {
	s := r.seatOf(participant)
	return s != nil && s.peer.End(side)
}

// peer lets a participant's media into the room; the first one opens it, but none with an offer that is broken. Epoch is the room's.
func (h *Hall) peer(ctx context.Context, s meetingv1.SeatRef, offers ...string) (peer *sfu.Peer, epoch int64, err error) {
	rec, p, err := h.seat(ctx, s, true)
	if err != nil {
		return nil, 0, err
	}
	if h.early(rec) {
		return nil, 0, errEarly
	}
	for _, sdp := range offers {
		if err := sfu.CheckOffer(sdp); err != nil {
			return nil, 0, full(err)
		}
	}
	r, err := h.open(ctx, rec)
	if err != nil {
		return nil, 0, err
	}
	peer, err = r.join(rec, p, nil)
	if err != nil {
		return nil, 0, err
	}
	if err := r.begin(ctx); err != nil {
		return nil, 0, err
	}
	h.announce(rec)
	return peer, r.epoch, nil
}

// early tells whether a meeting cannot begin yet: begun, it could neither be moved nor cancelled, and nobody would be reminded.
func (h *Hall) early(rec booking.Record) bool {
	return rec.State == meetingv1.Booked && h.Book.Early(rec)
}

var errEarly = errs.E(errs.Conflict, "Det er for tidligt. Mødet kan begynde en halv time før den aftalte tid.", nil)

// Leave takes a participant out, who may come back by the same link.
func (h *Hall) Leave(ctx context.Context, s meetingv1.SeatRef) (meetingv1.Entry, error) {
	rec, me, err := h.seat(ctx, s, false)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	device, _ := booking.CheckKey(h.Master, s)
	gone := false
	rec, err = h.Book.Update(ctx, rec.ID, "left", me.ID, func(rec *booking.Record) error {
		p := rec.Participant(me.ID)
		if p == nil {
			return booking.ErrUnchanged
		}
		var err error
		gone, err = leave(rec, p, device, h.Now())
		return err
	})
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if r := h.find(rec.ID); r != nil && gone {
		r.leave(me.ID)
	}
	h.announce(rec)
	return h.entry(ctx, rec, me.ID, device)
}

// leave takes a device out of the room or the lobby. Whoever knocks by the same link waits on as before.
func leave(rec *booking.Record, p *meetingv1.Participant, device string, now time.Time) (gone bool, err error) {
	s := rec.Seats[p.ID]
	switch {
	case p.Again && s.Knocks == device:
		p.Again, s.Knocks = false, ""
	case holder(p, s) != device:
		return false, booking.ErrUnchanged // it is another device that is in the room
	case p.Again:
		p.Again, p.State, p.Since, p.Transcribe, p.Record = false, meetingv1.InLobby, now, nil, nil
		assume(p, s, s.Knocks)
		gone = true
	default:
		gone = in(p.State)
		p.State, p.Since, p.Line, s.Device, s.Knocks = meetingv1.Left, now, "", device, ""
	}
	if gone {
		p.Camera, p.Screen, p.Hand, p.Away, p.Quality = false, false, false, false, ""
	}
	rec.Seats[p.ID] = s
	return gone, nil
}

// Say sends a chat message to those who are in the same place.
func (h *Hall) Say(ctx context.Context, q meetingv1.SayRequest) (meetingv1.Message, error) {
	rec, me, err := h.seat(ctx, q.Seat, true)
	if err != nil {
		return meetingv1.Message{}, err
	}
	r, err := h.running(ctx, rec)
	if err != nil {
		return meetingv1.Message{}, err
	}
	text := strings.TrimSpace(q.Text)
	if n := utf8.RuneCountInString(text); n == 0 && q.File == "" || n > maxText || !utf8.ValidString(text) {
		return meetingv1.Message{}, errs.E(errs.Invalid, "Skriv en besked på højst 2.000 tegn.", nil)
	}
	if event.CheckToken(q.ID) != nil {
		return meetingv1.Message{}, errs.E(errs.Invalid, "Beskeden mangler et id.", nil)
	}
	m := meetingv1.Message{ID: q.ID, At: h.Now(), From: me.ID, Text: text, Side: me.State == meetingv1.InSide}
	if q.File != "" {
		if err := r.there(ctx); err != nil {
			return meetingv1.Message{}, err
		}
		f, ok := r.file(q.File)
		if !ok {
			return meetingv1.Message{}, errs.E(errs.NotFound, "Filen er ikke sendt helt. Prøv igen.", nil)
		}
		m.File = &f
	}
	return r.say(ctx, m, false, false)
}

// maxText is the longest chat message, in characters.
const maxText = 2000

// History is what a participant has missed: chat of the own place, captions, and who is heard.
func (h *Hall) History(ctx context.Context, s meetingv1.SeatRef) (meetingv1.HistoryReply, error) {
	rec, me, err := h.seat(ctx, s, true)
	if err != nil {
		return meetingv1.HistoryReply{}, err
	}
	rep := meetingv1.HistoryReply{Messages: []meetingv1.Message{}, Captions: []meetingv1.Caption{}}
	r, err := h.running(ctx, rec)
	if errors.Is(err, errs.Conflict) { // it has not begun
		return rep, nil
	}
	if err == nil {
		err = r.there(ctx)
	}
	if err != nil {
		return rep, err
	}
	rep.Room, rep.Offer = r.epoch, r.pending(me.ID)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.messages {
		if m.Side && me.State != meetingv1.InSide {
			continue
		}
		if m.File != nil && r.uploads[m.File.ID] == nil {
			f := *m.File
			f.Gone, m.File = true, &f
		}
		rep.Messages = append(rep.Messages, m)
	}
	rep.Captions, rep.Levels = append(rep.Captions, r.captions...), r.heard
	return rep, nil
}

// pending is the offer that a seat has not answered.
func (r *room) pending(id string) string {
	s := r.seatOf(id)
	if s == nil {
		return ""
	}
	return s.peer.Pending()
}

// Files of the chat are held in memory while the room lives: nothing is left of them afterwards.

// maxFiles is how many files a room holds.
const maxFiles = 20

// upload is a file on its way.
type upload struct {
	meetingv1.File
	parts [][]byte
	whole bool
}

// File takes one part of a file, or gives one. What a file is, its bytes say, not its name.
func (h *Hall) File(ctx context.Context, q meetingv1.FileRequest) (meetingv1.FilePart, error) {
	rec, _, err := h.seat(ctx, q.Seat, true)
	if err != nil {
		return meetingv1.FilePart{}, err
	}
	r, err := h.running(ctx, rec)
	if err == nil {
		err = r.there(ctx)
	}
	if err != nil {
		return meetingv1.FilePart{}, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.uploads[q.File.ID]
	if len(q.Data) > 0 {
		return r.take(u, q)
	}
	if u == nil || !u.whole || q.Part < 0 || q.Part >= len(u.parts) {
		return meetingv1.FilePart{}, errs.E(errs.NotFound, "Filen findes ikke længere.", nil)
	}
	return meetingv1.FilePart{File: u.File, Part: q.Part, Data: u.parts[q.Part], Last: q.Part == len(u.parts)-1}, nil
}

// take adds a part. r.mu is held.
func (r *room) take(u *upload, q meetingv1.FileRequest) (meetingv1.FilePart, error) {
	invalid := func(text string) (meetingv1.FilePart, error) {
		return meetingv1.FilePart{}, errs.E(errs.Invalid, text, nil)
	}
	const maxParts = meetingv1.MaxFile / meetingv1.MaxPart
	switch {
	case event.CheckToken(q.File.ID) != nil || len(q.File.Name) > 200:
		return invalid("Filens navn er for langt.")
	case q.Parts < 1 || q.Parts > maxParts || q.Part >= q.Parts || len(q.Data) > meetingv1.MaxPart:
		return invalid("Filen er for stor. Den må højst fylde 10 MB.")
	case u == nil && q.Part == 0 && len(r.uploads) >= maxFiles:
		return invalid("Der er sendt for mange filer i mødet.")
	case u == nil && q.Part == 0:
		u = &upload{File: meetingv1.File{ID: q.File.ID, Name: clean(q.File.Name), Type: http.DetectContentType(q.Data)}}
		if !allowed(u.Type) {
			return invalid("Filtypen kan ikke sendes. Brug PDF, billede eller tekst.")
		}
		r.uploads[u.ID] = u
	case u != nil && q.Part == len(u.parts)-1 && bytes.Equal(q.Data, u.parts[q.Part]):
		return meetingv1.FilePart{File: u.File, Part: q.Part, Last: u.whole}, nil // sent again, for the answer was lost
	case u == nil || q.Part != len(u.parts) || u.whole:
		return meetingv1.FilePart{}, errs.E(errs.Conflict, "Filens dele kom i forkert orden. Send den igen.", nil)
	}
	u.parts = append(u.parts, q.Data)
	u.Size += int64(len(q.Data))
	u.whole = len(u.parts) == q.Parts
	return meetingv1.FilePart{File: u.File, Part: q.Part, Last: u.whole}, nil
}

// allowed are types that a browser shows without running anything.
func allowed(mime string) bool {
	mime, _, _ = strings.Cut(mime, ";")
	return slices.Contains([]string{"application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp", "text/plain"}, mime)
}

// clean leaves a name without path and control characters.
func clean(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return -1
		}
		return c
	}, name)
}

// file finds one that was sent whole.
func (r *room) file(id string) (meetingv1.File, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u := r.uploads[id]
	if u == nil || !u.whole {
		return meetingv1.File{}, false
	}
	return u.File, true
}
