package siprec

import (
	"context"
	"errors"
	"sync"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/phone/internal/line"
	"samtale.dk/samtale/services/phone/internal/offer"
	"samtale.dk/samtale/services/phone/internal/sipua"
)

// maxStreams is how many speakers one recording may have.
const maxStreams = 8

// Stream is one media line of the recording. Its fields do not change.
type Stream struct {
	Label string
	Hooks Hooks

	leg *rtpx.Leg
	key *rtpx.Crypto
}

// Hooks of a stream; they may be set when the stream is announced.
type Hooks struct {
	Frame func(rtpx.Frame)
	Gap   func(rtpx.Gap)
}

// Events tell the owner of a session; they run on the request's goroutine.
type Events struct {
	// Open announces a new stream before its first frame and returns its hooks.
	Open func(label string, m *Metadata) Hooks
	// Active says that a stream is recorded, or paused.
	Active func(label string, on bool)
	// Closed says that a stream is over.
	Closed func(label string)
	// Metadata is called for every update.
	Metadata func(m *Metadata)
	Ended    func(reason string)
}

// Session is one recording.
type Session struct {
	cfg    line.Config
	events Events
	dialog *sipua.Dialog

	mu      sync.Mutex
	origin  offer.Origin
	streams []*Stream // by place in the description; nil where turned down
	last    *offer.Session
	meta    *Metadata
	closed  bool
}

// New makes a session for an incoming recording.
func New(cfg line.Config, e Events) *Session {
	return &Session{cfg: cfg, events: e, origin: offer.NewOrigin()}
}

// Accept answers the recording client.
func (s *Session) Accept(in *sipua.Incoming, conversation string) error {
	s.dialog = in.Dialog()
	if in.Offer().Empty() {
		return &line.NegotiationError{Err: errors.New("a recording needs an offer")}
	}
	answer, err := s.Offer(in.Offer())
	if err != nil {
		s.Close()
		return &line.NegotiationError{Err: err}
	}
	in.Dialog().SetPeer(s)
	in.Dialog().MarkRecorder()
	_, err = in.Accept(sipua.Body{Type: "application/sdp", Data: answer}, sipua.ConversationHeader(conversation))
	if err != nil {
		s.Close()
	}
	return err
}

// Offer implements sipua.Peer. A re-INVITE may carry a description, metadata, or
// both; without a description the present one is repeated.
func (s *Session) Offer(b sipua.Body) ([]byte, error) {
	s.takeMetadata(b)
	data, err := line.SDP(b)
	if err != nil {
		return nil, err
	}
	remote, err := offer.Parse(data)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("the recording has ended")
	}
	lines := make([]*offer.Line, len(remote.Streams))
	any := false
	for i := range remote.Streams {
		l, err := s.stream(i, &remote.Streams[i])
		if err != nil {
			return nil, err
		}
		lines[i] = l
		any = any || l != nil
	}
	if !any && s.last == nil {
		_, _, err := remote.Audio(line.Codecs)
		return nil, err
	}
	s.last = remote
	s.origin.Version++
	return offer.Write(s.origin, s.cfg.Address(s.dialog.Source()), remote, lines), nil
}

func (s *Session) takeMetadata(b sipua.Body) {
	var raw []byte
	for _, t := range []string{MetadataType, legacyType} {
		p, err := line.Part(b, t)
		if err == nil {
			raw = p
			break
		}
	}
	if raw == nil {
		return
	}
	m, err := ParseMetadata(raw)
	if err != nil {
		s.cfg.Log.Warn("recording metadata not usable", "err", err)
		return
	}
	s.mu.Lock()
	s.meta = s.meta.Merge(m)
	m = s.meta
	s.mu.Unlock()
	s.events.Metadata(m)
}

// stream brings one line up to date. The caller holds mu.
func (s *Session) stream(i int, r *offer.Stream) (*offer.Line, error) {
	for len(s.streams) <= i {
		s.streams = append(s.streams, nil)
	}
	st := s.streams[i]
	choice, err := r.Choose(line.Codecs)
	if err != nil || i >= maxStreams {
		if st != nil {
			s.streams[i] = nil
			s.events.Closed(st.Label)
			// Not here: the media clock may be in a hook of this leg.
			go st.leg.Close()
		}
		return nil, nil
	}
	if st == nil {
		st, err = s.open(r.Label)
		if err != nil {
			return nil, err
		}
		s.streams[i] = st
	}
	if err := st.configure(choice); err != nil {
		return nil, err
	}
	dir := choice.Dir & offer.Recv
	s.events.Active(st.Label, dir != 0)
	return &offer.Line{Port: st.leg.LocalPort(), Formats: choice.Recv, Dir: dir, Crypto: st.key, Label: st.Label}, nil
}

func (s *Session) open(label string) (*Stream, error) {
	st := &Stream{Label: label, Hooks: s.events.Open(label, s.meta)}
	leg, err := rtpx.NewLeg(rtpx.LegConfig{
		Ports: s.cfg.Ports, Local: s.cfg.Listen, Clock: s.cfg.Clock, Log: s.cfg.Log,
		Receive: rtpx.ReceiverConfig{Frame: st.Hooks.Frame, Gap: st.Hooks.Gap},
	})
	if err != nil {
		return nil, err
	}
	st.leg = leg
	return st, nil
}

func (st *Stream) configure(c offer.Choice) error {
	if c.Crypto == nil {
		st.key = nil
	} else if st.key == nil || st.key.Suite != c.Crypto.Suite {
		k, err := rtpx.NewCrypto(c.Crypto.Tag, c.Crypto.Suite)
		if err != nil {
			return err
		}
		st.key = &k
	}
	return st.leg.Configure(rtpx.Media{
		Remote: c.Remote, RemoteRTCP: c.RTCP, Mux: c.Mux, Receive: c.Recv, Send: c.Formats(),
		Receiving: c.Dir&offer.Recv != 0, LocalKey: st.key, RemoteKey: c.Crypto,
	})
}

// LocalOffer implements sipua.Peer: what we have, for a refresh of ours.
func (s *Session) LocalOffer() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		return nil, errors.New("nothing is recorded yet")
	}
	lines := make([]*offer.Line, len(s.last.Streams))
	for i, st := range s.streams {
		if st == nil {
			continue
		}
		c, err := s.last.Streams[i].Choose(line.Codecs)
		if err != nil {
			return nil, err
		}
		lines[i] = &offer.Line{Port: st.leg.LocalPort(), Formats: c.Recv, Dir: c.Dir & offer.Recv, Crypto: st.key, Label: st.Label}
	}
	s.origin.Version++
	return offer.Write(s.origin, s.cfg.Address(s.dialog.Source()), s.last, lines), nil
}

// Answer implements sipua.Peer.
func (s *Session) Answer(b sipua.Body) error {
	if b.Empty() {
		return nil
	}
	_, err := s.Offer(b) // an answer says the same as an offer: what they send where
	return err
}

// Info implements sipua.Peer.
func (s *Session) Info(b sipua.Body) bool {
	s.takeMetadata(b)
	return true
}

// Ended implements sipua.Peer.
func (s *Session) Ended(reason string) { s.events.Ended(reason) }

// Stats of all streams.
func (s *Session) Stats() []rtpx.LegStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []rtpx.LegStats
	for _, st := range s.streams {
		if st != nil {
			out = append(out, st.leg.Stats())
		}
	}
	return out
}

// HangUp ends the recording.
func (s *Session) HangUp(ctx context.Context) error {
	return errors.Join(s.dialog.Bye(ctx), s.Close())
}

// Close ends the media.
func (s *Session) Close() error {
	s.mu.Lock()
	s.closed = true
	streams := s.streams
	s.streams = nil
	s.mu.Unlock()
	var err error
	for _, st := range streams {
		if st != nil {
			err = errors.Join(err, st.leg.Close())
		}
	}
	return err
}
