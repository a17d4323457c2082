package room

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/meeting/internal/store"
	"samtale.dk/samtale/services/platform/errs"
)

// room is one meeting at this node.
type room struct {
	hall  *Hall
	id    string
	epoch int64 // under which this node has it
	area  consentv1.Area
	media *sfu.Room
	tape  tape
	stop  func() // of the subscriptions
	log   *slog.Logger

	joining sync.Mutex // one participant joins, goes or is moved at a time; taken before mu
	writing sync.Mutex // what is typed is written down one after the other; taken before mu

	mu       sync.Mutex
	record   booking.Record // the newest that is known; people are of it
	people   map[string]meetingv1.Participant
	seats    map[string]*seat // of people with media
	legs     map[string]*leg  // by participant
	started  time.Time
	ended    bool
	moving   bool // it has ended here, not the meeting
	messages []meetingv1.Message
	captions []meetingv1.Caption
	heard    []meetingv1.Level // as was told last
	uploads  map[string]*upload
	lines    map[draft]*text        // of real-time text
	typists  map[string]*typist     // legs of typed words, by participant
	former   map[string]formerLeg   // legs of the node before, by id
	empty    func() bool            // stops the clock that ends the meeting when nobody has come back; nil: it does not run
	asked    map[string]time.Time   // when somebody's page has asked for something last
	waits    map[string]func() bool // stop the clocks of those without a connection, by participant

	furnished chan struct{} // closed when what the node before had in memory is here
}

// seat is one participant with media.
type seat struct {
	peer  *sfu.Peer
	phone *telephone // nil: a browser
	up    [2]bool    // which of a browser's connections work, by sfu.Side
	rated [2]string  // how good the network is, by who says so
}

// emptyFor is how long a room without anybody waits before the meeting counts as over.
const emptyFor = 5 * time.Minute

// limits of what a room keeps for those who come late.
const (
	maxMessages = 500
	maxCaptions = 1000
)

func newRoom(h *Hall, rec booking.Record, area consentv1.Area) *room {
	return &room{
		hall: h, id: rec.ID, area: area, log: h.Log.With("meeting_id", rec.ID), seats: map[string]*seat{}, legs: map[string]*leg{},
		uploads: map[string]*upload{}, lines: map[draft]*text{}, people: map[string]meetingv1.Participant{},
		typists: map[string]*typist{}, waits: map[string]func() bool{}, asked: map[string]time.Time{}, started: rec.StartedAt, former: map[string]formerLeg{}, furnished: make(chan struct{}),
	}
}

// join gives a participant a place in the SFU; again gives the same one. A telephone hears a mix instead of tracks.
func (r *room) join(rec booking.Record, p *meetingv1.Participant, phone *telephone) (*sfu.Peer, error) {
	r.joining.Lock()
	defer r.joining.Unlock()
	r.live(rec)
	device := rec.Seats[p.ID].Device
	r.mu.Lock()
	s, ended, moving := r.seats[p.ID], r.ended, r.moving
	r.mu.Unlock()
	switch {
	case moving:
		return nil, store.ErrElsewhere
	case ended:
		return nil, errs.E(errs.NotFound, "Mødet er slut.", nil)
	}
	rec, p = r.newest(p.ID)
	if p == nil || !in(p.State) || rec.Seats[p.ID].Device != device {
		return nil, errs.E(errs.Denied, "Du er ikke lukket ind i mødet.", nil)
	}
	if s != nil {
		return s.peer, nil
	}
	id := p.ID
	cfg := sfu.PeerConfig{
		ID: id, Interpreter: p.Role == meetingv1.RoleInterpreter,
		Offer: func(sdp string) {
			r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventOffer, To: id, SDP: sdp, Session: id})
		},
		State:   func(side sfu.Side, up bool) { r.connected(id, side, up) },
		Sound:   func(t sfu.Track) sfu.AudioWriter { return r.sound(id, p.Role, p.User, t) },
		Message: func(m sfu.Message) { r.typed(id, m) },
		Packets: func(t sfu.Track) sfu.PacketWriter { return r.tap(id, t) },
	}
	r.tapeUp(rec)
	if p.Muted {
		cfg.Muted = []sfu.Source{sfu.Microphone}
	}
	if p.State == meetingv1.InSide {
		cfg.Group = sideGroup
	}
	if phone != nil {
		cfg.Mix = phone.mix
	} else { // of a telephone's network the phone service tells
		cfg.Quality = func(q sfu.Quality) { r.quality(id, q) }
	}
	peer, err := r.media.Join(cfg)
	if err != nil {
		return nil, full(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seats[id] = &seat{peer: peer, phone: phone}
	if phone != nil {
		phone.peer = peer
	}
	r.attend()
	return peer, nil
}

const sideGroup = "side"

// newest is what is known of the meeting and of a participant: who comes back may have been muted, moved or taken out since the request was
// begun.
func (r *room) newest(participant string) (booking.Record, *meetingv1.Participant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.record, r.record.Participant(participant)
}

// fit makes people's media what is known of them. What is done to somebody is settled so, for of two things that are done at once the later
// may be known here first.
func (r *room) fit(people ...string) {
	r.joining.Lock()
	defer r.joining.Unlock()
	groups := map[string][]string{}
	for _, id := range people {
		r.mu.Lock()
		s, p := r.seats[id], r.people[id]
		r.mu.Unlock()
		if s == nil {
			continue
		}
		s.peer.Mute(sfu.Microphone, p.Muted)
		group := sfu.MainGroup
		if p.State == meetingv1.InSide {
			group = sideGroup
		}
		groups[group] = append(groups[group], id)
	}
	for group, here := range groups {
		if err := r.media.SetGroup(group, here...); err != nil {
			r.log.Error("people are not moved", "err", err)
		}
	}
}

// live takes over from the booking what counts while the meeting runs; false: the record is older than what is known.
func (r *room) live(rec booking.Record) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec.Version < r.record.Version {
		return false
	}
	r.record = rec
	r.tapes(rec)
	clear(r.people)
	for _, p := range rec.Participants {
		r.people[p.ID] = p
		if l := r.legs[p.ID]; l != nil {
			l.mask(r.masked(p))
		}
		r.watch(p.ID)
	}
	return true
}

// masked tells whether what a participant says now is not to be heard by the recogniser: nobody chose a transcript, the meeting
// is paused, the person has not said yes, or speaks in the side room.
func (r *room) masked(p meetingv1.Participant) bool {
	return !r.record.Choices.Transcript || r.record.Paused || p.State == meetingv1.InSide || !agreed(p)
}

// agreed: citizens and those who come with them decide for themselves; the authority's own people are at work.
func agreed(p meetingv1.Participant) bool {
	if p.Transcribe != nil {
		return *p.Transcribe
	}
	return p.Role == meetingv1.RoleCaseworker || p.Role == meetingv1.RoleColleague
}

func (r *room) transcribe(participant string, yes bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if l := r.legs[participant]; l != nil && !yes {
		l.mask(true)
	}
}

// seatOf is a participant's seat; nil: there is none.
func (r *room) seatOf(participant string) *seat {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seats[participant]
}

// leave takes a participant's media away.
func (r *room) leave(participant string) {
	if r.unseat(participant) {
		r.media.Settle()
		r.unfinished(participant)
	}
}

// unseat reports whether there was a seat.
func (r *room) unseat(participant string) bool {
	r.joining.Lock()
	defer r.joining.Unlock()
	r.mu.Lock()
	s := r.seats[participant]
	delete(r.seats, participant)
	r.attend()
	r.mu.Unlock()
	if s == nil {
		return false
	}
	if s.phone != nil {
		s.phone.close()
	}
	s.peer.Leave()
	return true
}

// begin publishes the conversation's start when the first person has media. The event is durable: it goes through the outbox.
func (r *room) begin(ctx context.Context) error {
	r.mu.Lock()
	begun := !r.started.IsZero()
	r.mu.Unlock()
	if begun {
		return nil
	}
	now := r.hall.Now()
	rec, err := r.hall.Book.UpdateWith(ctx, r.id, "started", "", func(rec *booking.Record) error {
		if !rec.StartedAt.IsZero() {
			return booking.ErrUnchanged
		}
		rec.State, rec.StartedAt = meetingv1.Live, now
		rec.Recording = rec.Choices.Recording && rec.RecordingProblem == ""
		return nil
	}, func(tx *store.Tx, rec booking.Record) error {
		if err := tx.Fence(ctx, r.id, r.epoch); err != nil {
			return err
		}
		party, err := r.hall.Book.Party(ctx, rec)
		if err != nil {
			return err
		}
		setup, _, err := booking.SetupOf(ctx, tx, rec)
		if err != nil {
			return err
		}
		return tx.Publish(ctx, callv1.Started{
			Meta: event.NewMeta("call.v1.started", "meeting", rec.StartedAt), ConversationID: rec.ID, Channel: callv1.ChannelMeeting,
			ServiceArea: rec.ServiceArea, Sealed: party, Caseworker: caseworker(rec), Follows: rec.Follows,
			Template: setup.Template, KeepAfter: setup.KeepAfter,
		})
	})
	if err != nil {
		return r.refused(err)
	}
	r.mu.Lock()
	r.started = rec.StartedAt
	r.mu.Unlock()
	r.hall.announce(rec)
	return nil
}

// caseworker is whose meeting it is at the desk.
func caseworker(rec booking.Record) string {
	if i := slices.IndexFunc(rec.Participants, func(p meetingv1.Participant) bool { return moderates(&p) && p.User != "" }); i >= 0 {
		return rec.Participants[i].User
	}
	return rec.CreatedBy
}

// over ends a meeting: media stops, what was said is committed, and the journal hears of it.
func (h *Hall) over(r *room, reason string) {
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	err := h.Book.Store.InTx(ctx, func(tx *store.Tx) error { return tx.Fence(ctx, r.id, r.epoch) })
	if errors.Is(r.refused(err), store.ErrElsewhere) { // nobody is told of an end that is not for this node to say
		return
	}
	r.mu.Lock()
	if r.ended {
		r.mu.Unlock()
		return
	}
	r.ended = true
	r.mu.Unlock()
	h.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventEnded})
	words, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	legs := r.quiet()
	commit(words, legs)
	r.stop() // the last words are captions, too
	h.close(r)
	if err := h.insist(r, reason, lengthsOf(legs)); err != nil {
		h.Log.Error("meeting has ended, but nobody hears of it yet", "meeting_id", r.id, "err", err)
	}
}

// insist writes a room's end down. A database that takes nothing is asked again for a while.
func (h *Hall) insist(r *room, reason string, legs []callv1.LegEnd) error {
	began := time.Now()
	for pause := time.Second; ; pause *= 2 {
		ctx, cancel := context.WithTimeout(context.Background(), openWithin)
		err := h.finish(ctx, r.id, reason, legs, r.epoch)
		cancel()
		over := errors.Is(err, store.ErrElsewhere) || errors.Is(err, errs.NotFound) // it is not ours to end, or not there
		if err == nil || over || time.Since(began) > endWithin {
			return err
		}
		time.Sleep(pause)
	}
}

// endWithin bounds how long the end of a meeting waits for the last words, and then for the database.
const endWithin = 60 * time.Second

// finish writes the end to the booking and tells the journal, in one transaction. Epoch is that of the room, 0 when there is none.
func (h *Hall) finish(ctx context.Context, id, reason string, legs []callv1.LegEnd, epoch int64) error {
	now := h.Now()
	known, err := h.Book.Store.Read().Legs(ctx, id)
	if err != nil {
		return err
	}
	_, err = h.Book.UpdateWith(ctx, id, "ended", "", func(rec *booking.Record) error {
		if !rec.EndedAt.IsZero() || reason == reasonLost && h.find(id) != nil {
			return booking.ErrUnchanged
		}
		rec.State, rec.EndedAt, rec.Recording = meetingv1.Ended, now, false
		switch {
		case rec.Off:
			rec.State = meetingv1.Cancelled
		case rec.Missed(now):
			rec.State = meetingv1.NoShow
		}
		rec.Legs = lengths(merge(rec.Legs, legs), known, rec.StartedAt, now)
		for i := range rec.Participants {
			if p := &rec.Participants[i]; in(p.State) || p.State == meetingv1.InLobby {
				p.State, p.Since = meetingv1.Left, now
			}
		}
		return nil
	}, func(tx *store.Tx, rec booking.Record) error {
		if epoch > 0 {
			if err := tx.Release(ctx, id, epoch, now); err != nil {
				return err
			}
		}
		if rec.StartedAt.IsZero() {
			return nil
		}
		if err := h.lastTyped(ctx, tx, rec, known); err != nil {
			return err
		}
		return tx.Publish(ctx, callv1.Ended{
			Meta: event.NewMeta("call.v1.ended", "meeting", now), ConversationID: rec.ID, Channel: callv1.ChannelMeeting,
			ServiceArea: rec.ServiceArea, StartedAt: rec.StartedAt, AnsweredAt: rec.StartedAt, Reason: reason,
			Caseworker: caseworker(rec), Transcribed: rec.Choices.Transcript, Legs: rec.Legs,
		})
	})
	return err
}

// lengths gives the legs that nobody has ended, as of a node that was killed, the length that is known. Typed legs are as long as
// the meeting.
func lengths(legs []callv1.LegEnd, known []store.Leg, started, now time.Time) []callv1.LegEnd {
	for _, k := range known {
		i := slices.IndexFunc(legs, func(l callv1.LegEnd) bool { return l.ID == k.ID })
		if i < 0 {
			continue
		}
		legs[i].Samples = max(legs[i].Samples, k.Samples)
		if k.Writer != "" {
			legs[i].Samples = max(legs[i].Samples, samples(now.Sub(started)))
		}
	}
	return legs
}

// merge adds legs to those that earlier stretches of the meeting have left; the newer account of a leg counts.
func merge(old, more []callv1.LegEnd) []callv1.LegEnd {
	out := slices.Clone(old)
	for _, l := range more {
		if i := slices.IndexFunc(out, func(o callv1.LegEnd) bool { return o.ID == l.ID }); i >= 0 {
			out[i] = l
			continue
		}
		out = append(out, l)
	}
	return out
}

// quiet closes the media and gives the legs as long as they were.
func (r *room) quiet() []*leg {
	r.media.Close()
	r.untape()
	r.media.Settle()
	r.mu.Lock()
	lines := slices.Collect(maps.Keys(r.lines))
	r.mu.Unlock()
	for _, l := range lines {
		r.unfinished(l.who)
	}
	r.mu.Lock()
	if r.empty != nil {
		r.empty()
	}
	for id := range r.waits {
		r.still(id)
	}
	legs := make([]*leg, 0, len(r.legs))
	for _, l := range r.legs {
		legs = append(legs, l)
	}
	seats := r.seats
	r.legs, r.seats = map[string]*leg{}, map[string]*seat{}
	r.mu.Unlock()
	for _, s := range seats {
		if s.phone != nil {
			s.phone.close()
		}
	}
	for _, l := range legs {
		l.close()
	}
	return legs
}

// sound gives a microphone's track the way to the recogniser.
func (r *room) sound(participant, role, user string, t sfu.Track) sfu.AudioWriter {
	if t.Source != sfu.Microphone {
		return nil
	}
	r.mu.Lock()
	p, ok := r.people[participant]
	l, masked, wanted := r.legs[participant], r.masked(p), r.record.Choices.Transcript
	r.mu.Unlock()
	if !ok || !wanted {
		return nil
	}
	if l != nil {
		l.resume(r.hall.Now())
		l.mask(masked)
		return l
	}
	l, err := newLeg(r.hall, r.id, callv1.Leg{
		ID: event.NewID(r.hall.Now()), Role: callRole(role), StartedAt: r.hall.Now(), User: user,
	})
	if err != nil {
		r.log.Error("a microphone is not written down", "participant_id", participant, "err", err)
		return nil
	}
	r.mu.Lock()
	l.mask(r.masked(r.people[participant])) // a pause may have begun meanwhile
	r.legs[participant] = l
	r.mu.Unlock()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.tellLeg(ctx, participant, l.Leg, nil); err != nil {
			r.log.Error("a leg is not announced", "err", err)
		}
	}()
	return l
}

// callRole is a participant's role as the transcript names it.
func callRole(role string) string {
	switch role {
	case meetingv1.RoleCitizen:
		return callv1.RoleCitizen
	case meetingv1.RoleCaseworker, meetingv1.RoleColleague:
		return callv1.RoleCaseworker
	}
	return callv1.RoleOther
}

// tellLeg records a new leg, so that the transcript and a restart know whose it is. With does more in the same transaction.
func (r *room) tellLeg(ctx context.Context, participant string, l callv1.Leg, with func(*store.Tx) error) error {
	_, err := r.hall.Book.UpdateWith(ctx, r.id, "leg", participant, func(rec *booking.Record) error {
		if slices.ContainsFunc(rec.Legs, func(o callv1.LegEnd) bool { return o.ID == l.ID }) || !rec.EndedAt.IsZero() {
			return booking.ErrUnchanged
		}
		rec.Legs = append(rec.Legs, callv1.LegEnd{Leg: l, Transcribed: true})
		if p := rec.Participant(participant); p != nil && with == nil {
			p.LegID = l.ID
		}
		return nil
	}, func(tx *store.Tx, rec booking.Record) error {
		keep := with
		if keep == nil {
			keep = func(tx *store.Tx) error { return tx.PutLeg(ctx, r.id, store.Leg{ID: l.ID, Speaker: participant}) }
		}
		if err := keep(tx); err != nil {
			return err
		}
		if err := tx.Fence(ctx, r.id, r.epoch); err != nil {
			return err
		}
		legs := make([]callv1.Leg, 0, len(rec.Legs))
		for _, e := range rec.Legs {
			legs = append(legs, e.Leg)
		}
		yes := true
		return tx.Publish(ctx, callv1.Changed{
			Meta: event.NewMeta("call.v1.changed", "meeting", r.hall.Now()), ConversationID: r.id, State: callv1.StateTalking,
			ServiceArea: rec.ServiceArea, Caseworker: caseworker(rec), Legs: legs, Transcribe: &yes,
		})
	})
	return r.refused(err)
}

func (r *room) speakers(list []sfu.Speaker) {
	if !r.hall.Awake() {
		return
	}
	levels := make([]meetingv1.Level, 0, len(list))
	for _, s := range list {
		if s.Speaking {
			levels = append(levels, meetingv1.Level{ParticipantID: s.Peer, DB: s.DB, Active: s.Active})
		}
	}
	r.mu.Lock()
	r.heard = levels
	r.mu.Unlock()
	r.hall.tell(meetingv1.RoomEvent{MeetingID: r.id, Kind: meetingv1.EventSpeak, Levels: levels})
}

// listen subscribes to what the recogniser says of this meeting.
func (r *room) listen() (stop func(), err error) {
	var subs []*nats.Subscription
	stop = func() {
		for _, s := range subs {
			_ = s.Unsubscribe() // the connection may be gone already
		}
	}
	for subject, take := range r.captionSubjects() {
		s, err := r.hall.Bus.NC.Subscribe(subject, take)
		if err != nil {
			stop()
			return nil, err
		}
		subs = append(subs, s)
	}
	return stop, nil
}

// reasonLost ends a meeting that no node has.
const reasonLost = "lost"

// Cancelled tells those who have the page of a meeting open, or wait in its lobby, that it is cancelled.
func (h *Hall) Cancelled(rec booking.Record) {
	h.tell(meetingv1.RoomEvent{MeetingID: rec.ID, Kind: meetingv1.EventEnded, Notice: meetingv1.Cancelled, Text: rec.Reason})
}

// deserted ends the meeting when nobody has come back, or looks again later.
func (r *room) deserted() {
	r.mu.Lock()
	r.empty = nil
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	rec, _, err := r.hall.Book.Get(ctx, r.id)
	if err != nil {
		r.log.Warn("whether an empty room is over is not known yet", "err", err)
	}
	r.mu.Lock()
	back := r.attended() || r.empty != nil
	r.mu.Unlock()
	if back {
		return
	}
	if err == nil && rec.Deserted(r.hall.Now()) {
		r.hall.over(r, "empty")
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attend()
}

// Over ends a meeting that was left open, wherever its media is.
func (h *Hall) Over(ctx context.Context, id string) error {
	if r := h.find(id); r != nil {
		h.over(r, "left-open")
		return nil
	}
	return h.finish(ctx, id, reasonLost, nil, 0)
}
