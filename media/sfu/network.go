package sfu

import (
	"slices"
	"time"

	"github.com/pion/rtcp"

	"samtale.dk/samtale/media/sfu/internal/bwe"
)

const (
	// decideEvery is how often layers are chosen anew.
	decideEvery = 100 * time.Millisecond

	// soundRate is set aside for each voice, in bit/s: Opus with its copies (RED) and headers. When it is measured that counts instead,
	// but soundAgain for each of so many as may begin to speak at once.
	soundRate, soundAgain, speakAgain = 90_000, 45_000, 2

	// unknownRate is what a layer is taken to need before it was measured, by its place.
	unknownRate = 150_000

	// A layer that is not sent yet must fit with room to spare, so that the choice does not swing: 10% up, and 20% to begin at all.
	marginUp, marginBegin = 1.1, 1.2

	// better: an improvement is told when it has lasted.
	better = 3 * time.Second

	// stays: the smallest picture is given up only when it needs clearly more than there is; the estimate has a margin of its own.
	stays = 0.8

	// resendShare of the estimate, and resendBurst in bytes at once, is what may be sent again beside the stream itself: more would
	// be lost again where loss comes from a queue that is full.
	resendShare = 4
	resendBurst = 20 << 10
)

// Weights of tracks when bandwidth is short.
const (
	weightCamera      = 10
	weightSpeaker     = 20
	weightScreen      = 30
	weightPinned      = 40
	weightInterpreter = 50
)

// network is what is known of a subscriber's.
type network struct {
	est      *bwe.Estimator
	due      bool
	decided  time.Time
	reported time.Time
	resend   budget
	quality  Quality
	since    time.Time // a better quality has lasted so long
}

// SetView says how this peer sees another one's track.
func (p *Peer) SetView(publisher string, source Source, v View) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if _, known := p.views[viewKey{publisher, source}]; !known && len(p.views) >= maxPeers*4 {
		return
	}
	p.views[viewKey{publisher, source}] = v
	p.net.due = true
}

// tickSubscribe does what is due for what the peer gets.
func (p *Peer) tickSubscribe(out *egress, now time.Time) {
	if !p.sub.up {
		return
	}
	n := &p.net
	if n.due || now.Sub(n.decided) >= decideEvery {
		n.due, n.decided = false, now
		p.decide(now)
		p.probe(out, now)
	}
	if now.Sub(n.reported) >= reportEvery {
		n.reported = now
		for _, s := range p.slots {
			s.report(out, now)
		}
	}
	for _, s := range p.slots {
		if s.target == nil || !s.ready || s.kind != Video {
			continue
		}
		s.waits(now)
		if s.needsKey() {
			s.target.stream().wantKey = true
		}
	}
}

// probe measures what the network carries beyond what is sent, when there is more to send.
func (p *Peer) probe(out *egress, now time.Time) {
	bytes := p.net.est.Train(now)
	if bytes == 0 {
		return
	}
	first, n := p.sub.wideSeq, 0
	for _, s := range p.slots {
		if s.track != nil && s.ready && s.kind == Video && p.sub.wideID != 0 && n == 0 {
			n = s.train(out, now, bytes)
		}
	}
	p.net.est.Probe(first, n)
}

// report tells the receiver which time of the publisher's clock the timestamps are, so that sound and picture fit.
func (s *slot) report(out *egress, now time.Time) {
	l := s.layer
	if l == nil || l.ntpAt.IsZero() || !s.fresh() {
		return
	}
	ntp := l.ntpNow(now)
	ts, _ := l.rtpAt(ntp)
	s.peer.sub.sendRTCP(out, &rtcp.SenderReport{
		SSRC: s.ssrc, NTPTime: ntp, RTPTime: ts + s.out.ts, PacketCount: s.packets, OctetCount: s.octets,
	}, &rtcp.SourceDescription{Chunks: []rtcp.SourceDescriptionChunk{{
		Source: s.ssrc, Items: []rtcp.SourceDescriptionItem{{Type: rtcp.SDESCNAME, Text: "samtale"}},
	}}})
}

// decide chooses a layer of each picture: first the smallest of each, in the order of their weights, then more of each as far as the
// network carries it.
func (p *Peer) decide(now time.Time) {
	left := p.net.est.Rate()
	voices, sound, need := 0, 0, 0
	var video []*slot
	for _, s := range p.slots {
		if s.track == nil || !s.ready {
			continue
		}
		if s.kind == Audio {
			s.listen(p)
			voices++
			sound += s.track.layers[0].soundCost()
			continue
		}
		s.want(p, now)
		if s.wanted != nil {
			video = append(video, s)
			need += s.wanted.cost()
		}
	}
	sound = max(sound, soundAgain*min(voices, speakAgain))
	left -= sound
	need += sound
	p.net.est.Need(need)
	p.net.est.Idle(now)
	slices.SortStableFunc(video, func(a, b *slot) int { return b.weight - a.weight })
	chosen := make([]*layer, len(video))
	for i, s := range video {
		low := s.lowest(now)
		if p.net.est.Fresh() || fits(low.cost(), left, s.target == nil, marginBegin) || s.target != nil && stays*float64(low.cost()) <= float64(left) {
			chosen[i] = low
			left -= low.cost()
		}
	}
	for i, s := range video {
		if chosen[i] == nil {
			continue
		}
		up := s.highest(now, chosen[i], left)
		left -= up.cost() - chosen[i].cost()
		chosen[i] = up
	}
	for i, s := range video {
		s.limited = chosen[i] != s.wanted
		s.aim(chosen[i])
		// Until a smaller one begins, far too large a picture would only fill the queue that it must come through.
		s.halted = s.halted || s.layer != nil && s.target != nil && s.layer != s.target.stream() && s.layer.cost() > 2*p.net.est.Rate()
	}
	p.judge(now, video, chosen)
}

func fits(cost, left int, begins bool, margin float64) bool {
	if begins {
		return float64(cost)*margin <= float64(left)
	}
	return cost <= left
}

// listen keeps sound going unless the peer does not want it.
func (s *slot) listen(p *Peer) {
	if p.views[s.view()].Paused {
		s.aim(nil)
		return
	}
	s.aim(s.track.layers[0])
}

func (s *slot) view() viewKey { return viewKey{s.track.peer.cfg.ID, s.track.source} }

// aim sets what should be sent. The layer that is sent goes on until the next keyframe of the other one.
func (s *slot) aim(l *layer) {
	if l == s.target {
		return
	}
	s.target = l
	if l == nil {
		s.layer = nil
	} else if s.needsKey() {
		l.stream().wantKey = true
	}
}

// want works out what the subscriber would get if bandwidth did not matter.
func (s *slot) want(p *Peer, now time.Time) {
	v := p.views[s.view()]
	u := s.track
	s.wanted = nil
	if v.Paused || u.muted {
		s.aim(nil)
		s.limited = false
		return
	}
	s.weight = weigh(u, v)
	for _, l := range u.choices() {
		if !l.live(now) || l.slow() {
			continue
		}
		s.wanted = l
		if l.covers(v) {
			break
		}
	}
}

func weigh(u *upTrack, v View) int {
	switch {
	case u.peer.cfg.Interpreter && u.source == Camera:
		return weightInterpreter
	case v.Pinned:
		return weightPinned
	case u.source == Screen:
		return weightScreen
	case u.peer.level.active:
		return weightSpeaker
	}
	return weightCamera
}

// covers reports whether the layer is large enough for a view. A fifth less is not seen.
func (l *layer) covers(v View) bool {
	if v.Height == 0 && v.Width == 0 || l.height == 0 {
		return false
	}
	return l.height*5 >= v.Height*4 || v.Height == 0 && l.width*5 >= v.Width*4
}

// cost in bit/s.
func (l *layer) cost() int {
	if l.rate > 0 {
		return l.rate
	}
	return unknownRate << (2 * l.index)
}

// soundCost in bit/s of a voice, with the headers of its packets, which are fewer in silence.
func (l *layer) soundCost() int {
	if l.ratedAt.IsZero() {
		return soundRate
	}
	return min(soundRate, l.rate*5/4+min(50*overhead*8, l.rate/2))
}

// lowest live layer. There is one: want found it.
func (s *slot) lowest(now time.Time) *layer {
	for _, l := range s.track.choices() {
		if l.live(now) && !(s.weight == weightInterpreter && l.slow()) {
			return l
		}
	}
	return s.wanted
}

// highest layer, up to what is wanted, that fits into what is left.
func (s *slot) highest(now time.Time, from *layer, left int) *layer {
	best := from
	for _, l := range s.track.choices() {
		if l.index > s.wanted.index {
			break
		}
		more := l.cost() - from.cost()
		begins := s.target == nil || l.index > s.target.index
		if l.live(now) && l.index > best.index && (more <= 0 || fits(more, left, begins, marginUp)) {
			best = l
		}
	}
	return best
}

// judge puts the network into a word.
func (p *Peer) judge(now time.Time, video []*slot, chosen []*layer) {
	less, none := 0, 0
	for i, s := range video {
		if chosen[i] == nil {
			none++
		} else if chosen[i] != s.wanted {
			less++
		}
	}
	q := Good
	switch loss := p.net.est.Loss(); {
	case len(video) > 0 && none == len(video):
		q = AudioOnly
	case none > 0 || loss > 0.10:
		q = Poor
	case less > 0 || loss > 0.03:
		q = Fair
	}
	p.setQuality(now, q)
}

var worse = map[Quality]int{"": 0, Good: 1, Fair: 2, Poor: 3, AudioOnly: 4}

func (p *Peer) setQuality(now time.Time, q Quality) {
	n := &p.net
	if q == n.quality {
		n.since = time.Time{}
		return
	}
	if worse[q] < worse[n.quality] {
		if n.since.IsZero() {
			n.since = now
		}
		if now.Sub(n.since) < better {
			return
		}
	}
	n.quality, n.since = q, time.Time{}
	p.tellQuality()
}

// tellQuality tells the owner how good the network is, if that is not what was told.
func (p *Peer) tellQuality() {
	q := p.net.quality
	switch {
	case p.lost:
		q = Lost
	case q == "":
		q = Good // nothing is sent to it that would tell
	}
	if q == p.quality {
		return
	}
	p.quality = q
	if f := p.cfg.Quality; f != nil {
		p.room.later(func() { f(q) })
	}
}

// feedback takes one of a subscriber's control packets.
func (p *Peer) feedback(out *egress, now time.Time, packet rtcp.Packet) {
	switch x := packet.(type) {
	case *rtcp.TransportLayerNack:
		p.resend(out, now, x)
	case *rtcp.PictureLossIndication:
		p.key(x.MediaSSRC)
	case *rtcp.FullIntraRequest:
		for _, f := range x.FIR {
			p.key(f.SSRC)
		}
	case *rtcp.ReceiverReport:
		if p.sub.wideID == 0 {
			for _, r := range x.Reports {
				p.net.est.Lost(now, float64(r.FractionLost)/256)
			}
		}
	}
}

func (p *Peer) slot(ssrc uint32) *slot {
	for _, s := range p.slots {
		if s.ssrc == ssrc {
			return s
		}
	}
	return nil
}

func (p *Peer) key(ssrc uint32) {
	if s := p.slot(ssrc); s != nil && s.layer != nil {
		s.layer.wantKey = true
	}
}

// resend answers a request for lost packets; the slots do not send more than the network can take beside the stream.
func (p *Peer) resend(out *egress, now time.Time, n *rtcp.TransportLayerNack) {
	s := p.slot(n.MediaSSRC)
	if s == nil || s.layer == nil {
		return
	}
	for i := range n.Nacks {
		n.Nacks[i].Range(func(seq uint16) bool {
			if s.resend(out, now, seq) {
				p.room.stats.Retransmitted++
			}
			return true
		})
	}
}
