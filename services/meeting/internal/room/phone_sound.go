package room

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/meeting/internal/booking"
	"samtale.dk/samtale/services/platform/errs"
)

// telephone is the sound of a participant without WebRTC: what it says comes over the bus and is published in the room, and it
// gets the mix of all others. The subscription's goroutine takes the frames in, the media clock puts the mix into a queue, and one
// goroutine sends it: the bus never holds the clock up.
type telephone struct {
	room    *room
	who     string
	session string
	peer    *sfu.Peer
	sub     *nats.Subscription
	out     *pcm.Queue
	stop    context.CancelFunc
	silent  *time.Timer // nothing was heard for too long
	text    phoneText

	mu     sync.Mutex // of what the subscription's goroutine uses, against close
	closed bool
	begun  bool
	frame  audiov1.Frame
	at     int64  // the next sample that is expected
	number uint64 // of the last message
	missed bool   // messages did not come since the last samples
}

// mixSlots wait for the bus: 200 ms.
const mixSlots = 10

// Sound gives a telephone that was let in its sound, or finds that it has it. One that was taken for gone is back.
func (h *Hall) Sound(ctx context.Context, q meetingv1.SoundRequest) (meetingv1.Entry, error) {
	rec, me, err := h.seat(ctx, q.Seat, false)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if event.CheckToken(q.Session) != nil {
		return meetingv1.Entry{}, errs.E(errs.Invalid, "", nil)
	}
	device, _ := booking.CheckKey(h.Master, q.Seat)
	if me.State == meetingv1.Left && me.Line == meetingv1.LineLost {
		rec, err = h.Book.Update(ctx, rec.ID, "admitted", me.ID, func(rec *booking.Record) error {
			p := rec.Participant(me.ID)
			if p == nil || p.State != meetingv1.Left || p.Line != meetingv1.LineLost || rec.Seats[me.ID].Device != device {
				return booking.ErrUnchanged
			}
			p.State, p.Line, p.Since = meetingv1.InRoom, "", h.Now()
			return nil
		})
		if err != nil {
			return meetingv1.Entry{}, err
		}
		me = rec.Participant(me.ID)
	}
	if me == nil || !in(me.State) || rec.Seats[me.ID].Device != device {
		return meetingv1.Entry{}, errs.E(errs.Denied, "Du er ikke lukket ind i mødet.", nil)
	}
	r, err := h.open(ctx, rec)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	fresh, err := r.telephone(rec, me, q)
	if err != nil {
		return meetingv1.Entry{}, err
	}
	if fresh {
		if err := r.begin(ctx); err != nil {
			return meetingv1.Entry{}, err
		}
		h.announce(rec)
	}
	r.rate(me.ID, byServer, q.Quality)
	return h.entry(ctx, rec, me.ID, device)
}

// telephone connects a session; false: it is connected. Another session of the same seat, or a browser's, is replaced.
func (r *room) telephone(rec booking.Record, p *meetingv1.Participant, q meetingv1.SoundRequest) (fresh bool, err error) {
	session := q.Session
	s := r.seatOf(p.ID)
	if s != nil && s.phone != nil && s.phone.session == session {
		s.phone.text.wants(q)
		return false, nil
	}
	if s != nil {
		r.leave(p.ID)
	}
	ctx, stop := context.WithCancel(context.Background())
	t := &telephone{room: r, who: p.ID, session: session, out: pcm.NewQueue(pcm.FrameSamples, mixSlots), stop: stop}
	t.text.wants(q)
	t.silent = time.AfterFunc(meetingv1.SoundLost, func() { r.hall.lost(t) })
	if _, err := r.join(rec, p, t); err != nil {
		t.close()
		return false, err
	}
	s = r.seatOf(p.ID)
	if s == nil || s.phone != t { // it has asked twice: the other request was first
		t.close()
		return false, nil
	}
	go t.send(ctx)
	nc := r.hall.Bus.NC
	t.mu.Lock()
	t.sub, err = nc.Subscribe(meetingv1.UpSubject(session), t.hear)
	if err == nil {
		t.text.sub, err = nc.Subscribe(meetingv1.TextUpSubject(session), t.typed)
	}
	t.mu.Unlock()
	if err == nil {
		err = nc.FlushTimeout(flushLimit)
	}
	if err != nil {
		r.leave(p.ID)
		return false, errs.E(errs.Unavailable, "", err)
	}
	return true, nil
}

// flushLimit is for the bus to know of a subscription.
const flushLimit = 2 * time.Second

// mix is for the media clock.
func (t *telephone) mix(samples []int16) { _ = t.out.WriteFrame(samples) }

// send puts the mix on the bus until ctx ends.
func (t *telephone) send(ctx context.Context) {
	subject := meetingv1.DownSubject(t.session)
	f := audiov1.Frame{PCM: make([]int16, pcm.FrameSamples)}
	var b []byte
	for t.out.Next(ctx, f.PCM) == nil {
		f.Epoch++
		f.Captured = t.room.hall.Now().UnixNano()
		// Not kept for later: it would be late. And where this process was stopped, another may be sending.
		if b = f.Append(b[:0]); t.room.hall.Bus.NC.IsConnected() && t.room.hall.Awake() {
			_ = t.room.hall.Bus.NC.Publish(subject, b)
		}
		f.Position += pcm.FrameSamples
	}
}

// hear takes what the telephone says.
func (t *telephone) hear(m *nats.Msg) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	f := &t.frame
	if f.Decode(m.Data) != nil || !t.room.hall.Awake() { // what was said while this process was stopped, another may have heard
		return
	}
	t.silent.Reset(meetingv1.SoundLost)
	t.missed = t.missed || t.begun && f.Epoch != t.number+1
	t.number = f.Epoch
	if len(f.PCM) != pcm.FrameSamples {
		return
	}
	if t.begun {
		if f.Position < t.at {
			return
		}
		t.account(f)
	}
	t.begun, t.missed, t.at = true, false, f.Position+pcm.FrameSamples
	if err := t.peer.WriteFrame(f.PCM); err != nil {
		t.room.log.Debug("a telephone's frame is not published", "participant_id", t.who, "err", err)
	}
}

// account tells the leg what lies between the last frame and this one: silence, but for what was lost on the line, or here.
func (t *telephone) account(f *audiov1.Frame) {
	gap := f.Position - t.at
	if gap == 0 {
		return
	}
	t.room.mu.Lock()
	l := t.room.legs[t.who]
	t.room.mu.Unlock()
	if l == nil {
		return
	}
	lost := int64(0)
	if f.Flags&audiov1.FlagLost != 0 {
		lost = min(gap, int64(f.Lost))
	}
	if t.missed {
		lost = gap
	}
	l.silence(gap-lost, t.room.hall.Now())
	if lost > 0 {
		l.Lost(lost)
	}
}

func (t *telephone) close() {
	t.stop()
	t.silent.Stop()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, sub := range []*nats.Subscription{t.sub, t.text.sub} {
		if sub != nil {
			_ = sub.Unsubscribe() // the connection may be gone already
		}
	}
}

// lost shows a telephone as gone whose service is not heard any more. The room goes on.
func (h *Hall) lost(t *telephone) {
	if !h.Awake() { // it was this process that was not there
		t.silent.Reset(meetingv1.SoundLost)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r := t.room
	s := r.seatOf(t.who)
	if s == nil || s.phone != t {
		return
	}
	rec, err := h.Book.Update(ctx, r.id, "left", t.who, func(rec *booking.Record) error {
		p := rec.Participant(t.who)
		if p == nil || !in(p.State) {
			return booking.ErrUnchanged
		}
		p.State, p.Line, p.Since, p.Hand = meetingv1.Left, meetingv1.LineLost, h.Now(), false
		return nil
	})
	if err != nil {
		h.Log.Error("a telephone that is gone is shown as there", "meeting_id", r.id, "participant_id", t.who, "err", err)
	}
	r.leave(t.who)
	if err == nil {
		h.announce(rec)
	}
}

// silence writes a stretch in which nothing was said, so that the leg stays on the wall clock.
func (l *leg) silence(samples int64, until time.Time) {
	var zeros [audiov1.MaxFrameSamples]int16
	at := until.Add(-pcm.Duration(samples, pcm.Rate))
	for samples > 0 {
		n := min(samples, int64(len(zeros)))
		if err := l.WriteFrame(zeros[:n], at, audiov1.FlagFilled); err != nil {
			l.Lost(n)
		}
		at = at.Add(pcm.Duration(n, pcm.Rate))
		samples -= n
	}
}
