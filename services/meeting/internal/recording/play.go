package recording

import (
	"io"
	"sort"
	"time"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

// Player gives a track as a file that browsers play. It is for one goroutine.
type Player struct {
	track    Track
	key      []byte
	place    string
	account  account
	head     []byte
	clusters []entry
	starts   []int64 // of the clusters, in the file that is given
	size     int64
}

// Play opens a track. Close it.
func Play(s Shelf, meeting, id string, key []byte) (*Player, error) {
	t, err := s.Open(meeting, id)
	if err != nil {
		return nil, err
	}
	p := &Player{track: t, key: key, place: place(meeting, id)}
	if err := p.read(); err != nil {
		t.Close()
		return nil, err
	}
	return p, nil
}

func (p *Player) read() error {
	list, _, err := walk(p.track)
	if err != nil {
		return err
	}
	p.account, err = notes(p.track, list, p.key, p.place)
	if err != nil {
		return err
	}
	if p.account.Began.IsZero() {
		return errs.E(errs.NotFound, "Optagelsen er tom.", nil)
	}
	var cues []cue
	at := int64(0)
	for _, e := range list {
		if e.kind != kindCluster {
			continue
		}
		if n := len(cues); e.flags&flagKey != 0 && (n == 0 || e.from-cues[n-1].millis >= cueEvery) {
			cues = append(cues, cue{e.from, at})
		}
		p.clusters, p.starts = append(p.clusters, e), append(p.starts, at)
		at += e.plain()
	}
	if len(p.clusters) == 0 {
		return nil
	}
	p.head = header(p.account.note, p.account.to, cues, at)
	for i := range p.starts {
		p.starts[i] += int64(len(p.head))
	}
	p.size = at + int64(len(p.head))
	return nil
}

// cueEvery is how far apart cues are at least, in milliseconds: they are the part of the file that players read first.
const cueEvery = 5000

// Close closes the track.
func (p *Player) Close() error { return p.track.Close() }

// Size is how many bytes the file has; 0: there is nothing to play.
func (p *Player) Size() int64 { return p.size }

// Type is its MIME type.
func (p *Player) Type() string {
	if p.account.Codec == "AV1" {
		return av1MIME(p.account.Private)
	}
	return allCodecs[p.account.Codec].mime
}

// About is what the track is.
func (p *Player) About() meetingv1.Track {
	a := p.account
	out := meetingv1.Track{
		ParticipantID: a.Participant, Source: a.Source, Type: p.Type(), BeganAt: a.Began, Millis: a.to, Size: p.size, Whole: a.Done,
	}
	for _, g := range a.gaps {
		if g.To == 0 {
			g.To = a.to
		}
		out.Gaps = append(out.Gaps, meetingv1.Gap{From: g.From, To: g.To, Reason: g.Reason})
	}
	return out
}

// Rest adds what is missing to the end of the recording, when the track was not ended in good order.
func Rest(t *meetingv1.Track, ended time.Time) {
	if missing := ended.Sub(t.BeganAt).Milliseconds() - t.Millis; !t.Whole && missing > 0 {
		t.Gaps = append(t.Gaps, meetingv1.Gap{From: t.Millis, To: t.Millis + missing, Reason: meetingv1.GapInterrupted})
	}
}

// ReadAt implements io.ReaderAt.
func (p *Player) ReadAt(b []byte, off int64) (n int, err error) {
	if off < 0 || off >= p.size {
		return 0, io.EOF
	}
	if off < int64(len(p.head)) {
		n = copy(b, p.head[off:])
	}
	i := max(0, sort.Search(len(p.starts), func(i int) bool { return p.starts[i] > off })-1)
	for ; n < len(b) && i < len(p.clusters); i++ {
		plain, err := p.clusters[i].open(p.track, p.key, p.place)
		if err != nil {
			return n, err
		}
		n += copy(b[n:], plain[max(0, off+int64(n)-p.starts[i]):])
	}
	if n < len(b) {
		err = io.EOF
	}
	return n, err
}
