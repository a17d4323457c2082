package recording

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
)

const (
	// A cluster is written when it is so large, or so long, or has waited so long: what a crash takes is no more. Times in a
	// cluster have 16 bits of milliseconds.
	maxCluster = 64 << 10
	maxSpan    = 2 * time.Second
	maxAge     = 2 * time.Second

	// absent: with nothing for so long it was not a pause in speaking (DTX sends every 400 ms) but nothing.
	absent = 2 * time.Second
	// noticed is the loss that is told as a gap; a shorter one in sound is silence, as it was for those who heard it.
	noticed = 500 * time.Millisecond
	// drift: where a sender's clock and the arrival of its packets are farther apart, the clock has jumped.
	drift = 1500 * time.Millisecond
	// seekable is how far apart the places are at most where a picture can be entered.
	seekable = 20 * time.Second
)

// lane is one source of one person on its way to its track; another codec makes another track.
type lane struct {
	rec    *Recorder
	tap    *Tap
	order  order
	tracks map[string]*track
	err    error
}

func (l *lane) take(it *item) error {
	l.order.add(it, l.give, l.rec.release)
	return l.error()
}

func (l *lane) give(it *item) {
	defer l.rec.release(it)
	if l.err != nil {
		return
	}
	t := l.tracks[it.codec]
	if t == nil {
		t, l.err = l.open(it)
		if l.err != nil {
			return
		}
		l.tracks[it.codec] = t
	}
	l.err = t.take(it)
}

func (l *lane) error() error {
	err := l.err
	l.err = nil
	return err
}

// settle writes what has waited long enough.
func (l *lane) settle(now time.Time) error {
	l.order.settle(now, l.give)
	for _, t := range l.tracks {
		if l.err == nil && len(t.blocks) > 0 && now.Sub(t.since) >= maxAge {
			l.err = t.flush()
		}
	}
	return l.error()
}

// end writes all that there is and closes the tracks. A track that has been waiting says until when and why.
func (l *lane) end() error {
	l.order.flush(l.give)
	for _, t := range l.tracks {
		l.err = errors.Join(l.err, t.end(l.tap.why))
	}
	return l.error()
}

func (l *lane) abandon() {
	l.order.flush(l.rec.release)
	for _, t := range l.tracks {
		t.file.Close()
	}
}

// open makes the track of a codec, or goes on with what an earlier node has left: the last piece, unless that is still being written.
func (l *lane) open(it *item) (*track, error) {
	key, err := l.rec.cfg.Key(l.tap.participant)
	if err != nil {
		return nil, err
	}
	base := l.tap.participant + "_" + l.tap.source + "_" + strings.ToLower(it.codec)
	n := 1
	for n < maxPieces && l.rec.there(piece(base, n+1)) {
		n++
	}
	f, err := l.rec.cfg.Shelf.Append(l.rec.cfg.Meeting, piece(base, n))
	for errors.Is(err, ErrBusy) && n < maxPieces {
		n++
		f, err = l.rec.cfg.Shelf.Append(l.rec.cfg.Meeting, piece(base, n))
	}
	if err != nil {
		return nil, err
	}
	t := &track{
		rec: l.rec, tap: l.tap, file: f, began: it.at, name: it.codec, next: piece(base, n+1),
		frames: frames{to: f, key: key, place: place(l.rec.cfg.Meeting, piece(base, n))},
	}
	t.codec, t.known = allCodecs[it.codec]
	t.pictures = newPictures(it.codec)
	if err := t.resume(); err != nil {
		f.Close()
		return nil, err
	}
	return t, nil
}

// maxPieces is how many pieces a track may have: one more each time that a node which hung had its file still open.
const maxPieces = 20

// piece names the pieces of a track.
func piece(base string, n int) string {
	if n == 1 {
		return base
	}
	return base + "_" + strconv.Itoa(n)
}

// there tells whether a file is.
func (r *Recorder) there(id string) bool {
	f, err := r.cfg.Shelf.Open(r.cfg.Meeting, id)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// track writes one file.
type track struct {
	rec      *Recorder
	tap      *Tap
	file     Appender
	frames   frames
	next     string // the piece that another node begins when it takes the room over
	over     bool   // it has: what comes now is not for us to keep
	name     string // of the codec
	codec    codec
	known    bool
	pictures *pictures // nil: sound
	began    time.Time
	noted    bool   // the first note is there
	why      string // a gap is open since end
	needKey  bool
	keyAt    time.Duration

	// Time, since the track began.
	clock   clock
	arrived time.Duration // of the newest packet
	till    time.Duration // to here everything is taken

	// The cluster that is being filled.
	blocks   []byte
	from, to time.Duration
	flags    byte
	since    time.Time
}

// resume goes on after the last whole frame of a track that is there.
func (t *track) resume() error {
	list, end, err := walk(t.file)
	if err != nil {
		return err
	}
	if err := t.file.Truncate(end); err != nil {
		return err
	}
	a, err := notes(t.file, list, t.frames.key, t.frames.place)
	if err != nil {
		return err
	}
	if a.Began.IsZero() {
		return t.file.Truncate(0) // not even the first note
	}
	t.frames.next, t.began, t.noted = len(list), a.Began, true
	t.till = time.Duration(a.to) * time.Millisecond
	t.arrived, t.why = t.till, meetingv1.GapInterrupted
	return nil
}

// take adds a packet in its turn.
func (t *track) take(it *item) error {
	arrival := it.at.Sub(t.began)
	at := max(t.clock.place(it, arrival, t.codec.video), 0)
	late := arrival-t.arrived > absent
	t.arrived = max(t.arrived, arrival)
	switch {
	case it.why != "":
		t.open(it.why)
	case late && t.noted:
		t.open(meetingv1.GapNone)
	case it.lost && (t.codec.video || at-t.till >= noticed):
		t.open(meetingv1.GapLost)
	}
	switch {
	case !t.known:
		return t.refuse(at)
	case t.pictures == nil:
		return t.sound(it, at)
	}
	return t.picture(it, at)
}

// open begins a gap; the first reason counts.
func (t *track) open(why string) {
	if t.why == "" {
		t.why = why
	}
	if t.pictures != nil {
		t.pictures.reset()
		t.needKey = true
	}
}

// shut ends the gap that is open.
func (t *track) shut(at time.Duration) error {
	if t.why == "" {
		return nil
	}
	g := gap{From: t.till.Milliseconds(), To: at.Milliseconds(), Reason: t.why}
	t.why = ""
	if g.To <= g.From {
		return nil
	}
	return t.note(note{Gap: &g})
}

// note writes one behind what was taken before it.
func (t *track) note(n note) error {
	if err := t.flush(); err != nil {
		return err
	}
	if t.superseded() {
		return nil
	}
	if n.Gap != nil {
		t.rec.cfg.Metrics.gaps.WithLabelValues(n.Gap.Reason).Inc()
	}
	return t.rec.wrote(t.frames.note(t.till.Milliseconds(), n))
}

// begin writes the first note, once what it must say is known.
func (t *track) begin(n note) error {
	if t.noted {
		return nil
	}
	t.noted, t.why = true, ""
	n.Began, n.Participant, n.Source, n.Codec = t.began, t.tap.participant, t.tap.source, t.name
	return t.rec.wrote(t.frames.note(0, n))
}

// refuse notes a codec that is not kept, once.
func (t *track) refuse(at time.Duration) error {
	if t.noted {
		return nil
	}
	if err := t.begin(note{}); err != nil {
		return err
	}
	return t.note(note{Gap: &gap{From: at.Milliseconds(), Reason: meetingv1.GapFormat}})
}

// sound adds an Opus packet. What is missing before it is silence, so that the track is as long as the time was.
func (t *track) sound(it *item, at time.Duration) error {
	length := opusLength(it.payload)
	if length == 0 {
		return nil
	}
	if !t.noted {
		t.till = at
	}
	if err := t.begin(note{Private: opusHead()}); err != nil {
		return err
	}
	if err := t.shut(at); err != nil {
		return err
	}
	if at+length <= t.till {
		return nil // that time is taken
	}
	for at-t.till >= silenceLength/2 {
		if err := t.add(t.till, silenceLength, true, silence[:]); err != nil {
			return err
		}
	}
	return t.add(t.till, length, true, it.payload)
}

// silence is 20 ms of it as Opus (CELT, full band).
var silence = [3]byte{0xf8, 0xff, 0xfe}

const silenceLength = 20 * time.Millisecond

// picture adds a packet of a picture, and the picture when it is whole.
func (t *track) picture(it *item, at time.Duration) error {
	p, ok := t.pictures.take(it)
	if !ok {
		return nil
	}
	if !t.noted || t.needKey {
		if !p.key {
			t.tap.key.Store(true)
			return nil
		}
		t.needKey = false
	}
	if p.key {
		t.keyAt = at
	} else if at-t.keyAt > seekable {
		t.keyAt = at
		t.tap.key.Store(true)
	}
	at = max(at, t.till-frameLength) // not before the one before
	if err := t.begin(note{Width: p.width, Height: p.height, Private: p.private}); err != nil {
		return err
	}
	if err := t.shut(at); err != nil {
		return err
	}
	t.till = at
	return t.add(at, frameLength, p.key, p.data)
}

// frameLength is how long the last picture counts.
const frameLength = 33 * time.Millisecond

// add puts a frame into the cluster.
func (t *track) add(at, length time.Duration, key bool, data []byte) error {
	enter := key && t.codec.video
	if len(t.blocks) > 0 && (enter || len(t.blocks)+len(data) > maxCluster || at-t.from >= maxSpan) {
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(t.blocks) == 0 {
		t.from, t.flags, t.since = at.Truncate(time.Millisecond), 0, t.rec.cfg.Now()
		if key {
			t.flags = flagKey
		}
	}
	t.blocks = block(t.blocks, (at - t.from).Milliseconds(), key, data)
	t.till = at + length
	t.to = t.till
	return nil
}

// flush writes the cluster.
func (t *track) flush() error {
	if len(t.blocks) == 0 {
		return nil
	}
	if t.superseded() {
		t.blocks = t.blocks[:0]
		return nil
	}
	h := head{kind: kindCluster, flags: t.flags, from: t.from.Milliseconds(), to: t.to.Milliseconds()}
	err := t.rec.wrote(t.frames.add(h, clusterOf(h.from, t.blocks)))
	t.blocks = t.blocks[:0]
	return err
}

// superseded tells whether another node has gone on: this one hung, and does not know yet that the room is another's.
func (t *track) superseded() bool {
	t.over = t.over || t.rec.there(t.next)
	return t.over
}

// end closes the track in good order. Why: nothing was kept since the last packet, for this reason.
func (t *track) end(why string) error {
	var err error
	if t.noted {
		n := note{Done: true}
		if why != "" {
			n.Gap = &gap{From: t.till.Milliseconds(), To: t.rec.cfg.Now().Sub(t.began).Milliseconds(), Reason: why}
		}
		err = t.note(n)
	}
	return errors.Join(err, t.file.Sync(), t.file.Close())
}

// clock gives a packet's time by its sender's clock, as far as that fits its arrival.
type clock struct {
	started bool
	stream  uint32
	last    uint32
	at      time.Duration
}

func (c *clock) place(it *item, arrival time.Duration, video bool) time.Duration {
	rate := time.Duration(48000)
	if video {
		rate = 90000
	}
	next := c.at + time.Duration(int32(it.ts-c.last))*time.Second/rate
	if !c.started || c.stream != it.stream || it.why != "" || (next-arrival).Abs() > drift {
		next = arrival
	}
	c.started, c.stream, c.last, c.at = true, it.stream, it.ts, next
	return next
}

// opusLength is how long a packet sounds (RFC 6716 section 3.1); 0: it is none.
func opusLength(p []byte) time.Duration {
	if len(p) == 0 {
		return 0
	}
	var frame time.Duration
	switch config := p[0] >> 3; {
	case config < 12: // SILK
		frame = [...]time.Duration{10, 20, 40, 60}[config&3] * time.Millisecond
	case config < 16: // hybrid
		frame = [...]time.Duration{10, 20}[config&1] * time.Millisecond
	default: // CELT
		frame = [...]time.Duration{2500, 5000, 10000, 20000}[config&3] * time.Microsecond
	}
	n := time.Duration(1)
	switch p[0] & 3 {
	case 1, 2:
		n = 2
	case 3:
		if len(p) < 2 {
			return 0
		}
		n = time.Duration(p[1] & 0x3f)
	}
	if n*frame > 120*time.Millisecond {
		return 0
	}
	return n * frame
}
