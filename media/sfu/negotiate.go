package sfu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"samtale.dk/samtale/media/sfu/internal/bwe"
	"samtale.dk/samtale/media/sfu/internal/desc"
	"samtale.dk/samtale/media/sfu/internal/packet"
)

// Payload types and extension ids of our offers: those that Chrome has, for readers of traces.
const (
	typeOpus, typeRED           = 111, 63
	typeVP8, typeVP8RTX         = 96, 97
	typeH264, typeH264RTX       = 103, 104
	typeVP9, typeVP9RTX         = 98, 99
	typeAV1, typeAV1RTX         = 45, 46
	idWide, idDesc        uint8 = 3, 12
)

// maxSlots bounds a subscriber's sections.
const maxSlots = 100

// dataMid begins the identifier of the data channels' section in our offers; it is always there, so that there always is one.
const dataMid = "data"

// mid is the identifier of a section in our offers. It is the connection's alone, which is how an answer is known: it says nothing else
// of the offer that it answers. Sixteen characters are what Chromium takes.
func (t *transport) mid(name string) string {
	return name + "-" + strconv.FormatUint(t.session>>22, 36)
}

// negotiation is the state of a subscribing connection's descriptions.
type negotiation struct {
	clientOffers bool
	pending      string // our offer that is not answered
	sections     int    // in it
	dirty        bool   // something changed since
	next         int    // mid of the next section
}

// Subscribe begins the subscribing connection anew and returns the first offer. Later ones come by PeerConfig.Offer, one at a time.
func (p *Peer) Subscribe() (offer string, err error) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.left {
		return "", ErrClosed
	}
	p.endSubscribing()
	p.sub = newTransport(p, Subscribing)
	p.net.est = bwe.New(p.room.sfu.now())
	p.sub.wantData()
	p.refresh()
	return p.offer(), nil
}

// endSubscribing closes the connection and forgets its sections.
func (p *Peer) endSubscribing() {
	if p.sub == nil {
		return
	}
	p.sub.close()
	p.sub = nil
	for _, s := range p.slots {
		s.unhook()
	}
	p.slots = nil
	p.sdp = negotiation{}
	p.net = network{}
}

// unhook takes the slot out of its track.
func (s *slot) unhook() {
	if u := s.track; u != nil {
		u.subs = slices.DeleteFunc(u.subs, func(x *slot) bool { return x == s })
	}
	s.detach()
}

// wantedTracks are those that the peer should get.
func (p *Peer) wantedTracks() []*upTrack {
	var all []*upTrack
	for _, from := range p.room.order {
		if hears(p, from) {
			all = append(all, from.ups...)
		}
	}
	return all
}

// refresh makes the sections fit what the peer should get, and offers when that changed anything.
func (p *Peer) refresh() {
	if p.sub == nil || p.sub.closed {
		return
	}
	want := p.wantedTracks()
	for _, s := range p.slots {
		if s.track != nil && !slices.Contains(want, s.track) {
			s.unhook()
		}
	}
	for _, u := range want {
		if slices.ContainsFunc(p.slots, func(s *slot) bool { return s.track == u }) {
			continue
		}
		if s := p.free(u); s != nil {
			s.attach(u)
		}
	}
	p.net.due = true
	if slices.ContainsFunc(p.slots, func(s *slot) bool { return s.track != s.told }) {
		p.offerLater()
	}
}

// free finds or makes a section for a track. Where we offer, a section that changes hands must be offered again before it is used.
func (p *Peer) free(u *upTrack) *slot {
	for _, s := range p.slots {
		if s.track == nil && s.kind == u.source.Kind() {
			if !p.sdp.clientOffers {
				s.renew()
			}
			return s
		}
	}
	if p.sdp.clientOffers || len(p.slots) >= maxSlots {
		return nil
	}
	s := newSlot(p, u.source.Kind(), p.sub.mid(strconv.Itoa(p.sdp.next)))
	p.sdp.next++
	p.slots = append(p.slots, s)
	return s
}

// offerLater sends a new offer, now or when the one before is answered.
func (p *Peer) offerLater() {
	if p.sdp.clientOffers || p.sub == nil || !p.sub.known {
		return // the first offer goes out by Subscribe and has all; later changes follow its answer
	}
	p.sdp.dirty = true
	if p.sdp.pending != "" {
		return
	}
	offer := p.offer()
	if f := p.cfg.Offer; f != nil {
		p.room.later(func() { f(offer) })
	}
}

// offer describes all sections.
func (p *Peer) offer() string {
	p.sdp.dirty = false
	l := p.sub.local("actpass")
	l.Sections = append(l.Sections, desc.LocalSection{Section: desc.Section{Mid: p.sub.mid(dataMid), Kind: desc.Data}})
	for _, s := range p.slots {
		l.Sections = append(l.Sections, s.describe())
	}
	p.sdp.pending, p.sdp.sections = l.String(), len(l.Sections)
	return p.sdp.pending
}

// Pending is the offer that is not answered, "" if there is none: whoever may have missed one gets it again.
func (p *Peer) Pending() string {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.sdp.pending
}

func (s *slot) describe() desc.LocalSection {
	d := desc.LocalSection{Section: desc.Section{Mid: s.mid, Kind: s.kind.String(), Direction: "inactive"}}
	d.Codecs, d.Exts = offerCodecs(s.kind, s.track)
	s.told = s.track
	if u := s.track; u != nil {
		d.Direction = "sendonly"
		d.Offer, d.SSRC, d.RTX = true, s.ssrc, s.rtx
		d.Stream, d.Track = u.names()
	}
	return d
}

// offerCodecs are all that may come, the track's own first.
func offerCodecs(kind Kind, u *upTrack) ([]desc.Codec, map[string]uint8) {
	exts := map[string]uint8{desc.ExtWide: idWide}
	if kind == Audio {
		return []desc.Codec{
			{Type: typeOpus, Codec: packet.Opus, Fmtp: "minptime=10;useinbandfec=1;usedtx=1", Wide: true},
			{Type: typeRED, Codec: packet.Opus, RED: true, Fmtp: "111/111"},
		}, exts
	}
	exts[desc.ExtDesc] = idDesc
	video := func(pt, rtx uint8, c packet.Codec, fmtp string) desc.Codec {
		return desc.Codec{Type: pt, RTX: rtx, Codec: c, Fmtp: fmtp, NACK: true, PLI: true, FIR: true, Wide: true}
	}
	all := []desc.Codec{
		video(typeVP8, typeVP8RTX, packet.VP8, ""),
		video(typeH264, typeH264RTX, packet.H264, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
		video(typeVP9, typeVP9RTX, packet.VP9, "profile-id=0"),
		video(typeAV1, typeAV1RTX, packet.AV1, ""),
	}
	if u != nil {
		slices.SortStableFunc(all, func(a, b desc.Codec) int {
			return rank(a.Codec == u.codec) - rank(b.Codec == u.codec)
		})
	}
	return all, exts
}

func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// Answer takes the answer to the last offer. ErrState: it is to an earlier one, of which the answer comes late.
func (p *Peer) Answer(sdp string) error {
	d, err := desc.Parse(sdp)
	if err != nil {
		return refused(err)
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.left {
		return ErrClosed
	}
	if p.sub == nil {
		return ErrState
	}
	if p.sdp.pending == "" || p.sdp.clientOffers {
		return fmt.Errorf("%w: answer to no offer", ErrState)
	}
	if p.sub.known && p.sub.fingerprint != d.Fingerprint || !p.asked(d) {
		return fmt.Errorf("%w: answer of another connection", ErrState)
	}
	p.sdp.pending = ""
	for i := range d.Sections {
		p.answered(&d.Sections[i])
	}
	p.sub.remote(d)
	if p.sdp.dirty {
		p.offerLater()
	}
	p.refresh()
	p.net.due = true
	return nil
}

// asked tells whether an answer is to the offer: it has all of its sections (RFC 3264 section 6), of which none need be named that it
// refuses. The page's connection of before may have been answered for late.
func (p *Peer) asked(d *desc.Remote) bool {
	named, tag := false, p.sub.mid("")
	for i := range d.Sections {
		ours := strings.HasSuffix(d.Sections[i].Mid, tag)
		if !ours && !d.Sections[i].Rejected {
			return false
		}
		named = named || ours
	}
	return named && len(d.Sections) == p.sdp.sections
}

func (p *Peer) answered(d *desc.Section) {
	for _, s := range p.slots {
		if s.mid != d.Mid {
			continue
		}
		s.learn(d)
		p.sub.wideID = max(p.sub.wideID, d.Exts[desc.ExtWide])
		if s.target != nil {
			s.target.stream().wantKey = true
		}
	}
}

// SubscribeOffer is for clients that offer themselves (WHEP): their receiving sections are filled with what is published now and
// later. The same connection may offer again; an offer with another DTLS fingerprint begins a new one.
func (p *Peer) SubscribeOffer(offer string) (answer string, err error) {
	d, err := parseOffer(offer)
	if err != nil {
		return "", err
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if p.left {
		return "", ErrClosed
	}
	if p.sub == nil || p.sub.closed || !p.sdp.clientOffers || p.sub.fingerprint != d.Fingerprint {
		p.endSubscribing()
		p.sub = newTransport(p, Subscribing)
		p.net.est = bwe.New(p.room.sfu.now())
		p.sdp.clientOffers = true
	}
	p.sub.remote(d)
	l := p.sub.local("passive")
	for i := range d.Sections {
		l.Sections = append(l.Sections, p.fill(&d.Sections[i]))
	}
	p.refresh()
	return l.String(), nil
}

// fill answers one section. It will send whatever track it gets, all by the same SSRC.
func (p *Peer) fill(d *desc.Section) desc.LocalSection {
	ls := desc.LocalSection{Section: desc.Section{Mid: d.Mid, Kind: d.Kind, Direction: "inactive", Rejected: d.Rejected}}
	if d.Rejected {
		return ls
	}
	if d.Kind == desc.Data {
		p.sub.wantData()
		return ls
	}
	kind := Audio
	if d.Kind == desc.Video {
		kind = Video
	}
	ls.Codecs, ls.Exts = answerCodecs(d.Codecs), map[string]uint8{}
	for _, uri := range []string{desc.ExtWide, desc.ExtDesc} {
		if id, ok := d.Exts[uri]; ok {
			ls.Exts[uri] = id
		}
	}
	i := slices.IndexFunc(p.slots, func(s *slot) bool { return s.mid == d.Mid && s.kind == kind })
	if i < 0 {
		if !d.Receives() || len(p.slots) >= maxSlots {
			return ls
		}
		i = len(p.slots)
		p.slots = append(p.slots, newSlot(p, kind, d.Mid))
	}
	s := p.slots[i]
	s.learn(d)
	p.sub.wideID = max(p.sub.wideID, d.Exts[desc.ExtWide])
	if s.ready {
		ls.Direction, ls.Offer, ls.SSRC, ls.RTX = "sendonly", true, s.ssrc, s.rtx
		ls.Stream, ls.Track = "samtale", "samtale~"+d.Mid
	}
	return ls
}
