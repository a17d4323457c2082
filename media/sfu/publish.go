package sfu

import (
	"slices"
	"strings"

	"samtale.dk/samtale/media/sfu/internal/desc"
	"samtale.dk/samtale/media/sfu/internal/packet"
)

const (
	// maxTracks per peer: camera, microphone, screen with sound, and some to spare.
	maxTracks = 8

	// maxSSRCs per connection: three layers and their retransmissions of each track.
	maxSSRCs = 6 * maxTracks
)

// upTrack is one thing that a peer publishes.
type upTrack struct {
	peer   *Peer
	via    *transport // nil: injected
	mid    string
	source Source
	codec  packet.Codec
	rids   []string
	layers []*layer // lowest first
	subs   []*slot
	muted  bool
	sound  *listener
	tap    *tap // nil: nobody keeps it
	ended  bool
}

func (u *upTrack) track() Track {
	return Track{Peer: u.peer.cfg.ID, Source: u.source, Codec: u.codec.String()}
}

// choices are what a subscriber may get, the least first.
func (u *upTrack) choices() []*layer {
	if len(u.layers) == 1 && u.layers[0].scales != nil && len(u.layers[0].scales.rungs) > 0 {
		return u.layers[0].scales.rungs
	}
	return u.layers
}

func newTrack(p *Peer, via *transport, source Source, codec packet.Codec) *upTrack {
	u := &upTrack{peer: p, via: via, source: source, codec: codec, muted: p.muted[source]}
	if p.cfg.Packets != nil {
		if w := p.cfg.Packets(u.track()); w != nil {
			u.tap = &tap{to: w}
		}
	}
	if source.Kind() == Audio {
		u.listen()
	}
	return u
}

func (u *upTrack) setMuted(muted bool) {
	if u.muted == muted {
		return
	}
	u.muted = muted
	if u.sound != nil {
		u.sound.setPaused(muted)
	}
	for _, s := range u.subs {
		s.restart()
	}
}

// end disconnects it from all who get it; their slots are freed when they refresh.
func (u *upTrack) end() {
	u.ended = true
	for _, s := range u.subs {
		s.detach()
	}
	u.subs = nil
	if u.sound != nil {
		u.sound.end()
	}
	if u.via != nil {
		for ssrc, st := range u.via.ssrcs {
			if st.track == u {
				delete(u.via.ssrcs, ssrc)
			}
		}
	}
}

// accept makes an answer of an offer and the tracks of both.
func (p *Peer) accept(d *desc.Remote) string {
	t := p.pub
	l := t.local("passive")
	var kept []*upTrack
	var seen [2]int
	for i := range d.Sections {
		s := &d.Sections[i]
		ls := desc.LocalSection{Section: desc.Section{Mid: s.Mid, Kind: s.Kind, Direction: "inactive", Rejected: s.Rejected}}
		switch {
		case s.Rejected:
		case s.Kind == desc.Data:
			t.wantData()
		default:
			ls.Codecs, ls.Exts = answerCodecs(s.Codecs), answerExts(s.Exts)
			t.learn(s)
			if s.Sends() && len(kept) < maxTracks {
				ls.Direction, ls.Rids = "recvonly", s.Rids
				u := p.receive(s, &seen)
				kept = append(kept, u)
			}
		}
		l.Sections = append(l.Sections, ls)
	}
	for _, u := range p.ups {
		if u.via == t && !slices.Contains(kept, u) {
			u.end()
		}
	}
	p.ups = slices.DeleteFunc(p.ups, func(u *upTrack) bool { return u.ended })
	return l.String()
}

// receive finds or makes the track of a section.
func (p *Peer) receive(s *desc.Section, seen *[2]int) *upTrack {
	t := p.pub
	source := sourceOf(s, seen)
	var u *upTrack
	for _, x := range p.ups {
		if x.via == t && x.mid == s.Mid {
			u = x
		}
	}
	if u == nil || u.source != source {
		if u != nil {
			u.end()
		}
		u = newTrack(p, t, source, s.Codecs[0].Codec)
		u.mid = s.Mid
		p.ups = append(p.ups, u)
	}
	u.rids = s.Rids
	n := max(1, len(s.Rids))
	for len(u.layers) < n {
		u.layers = append(u.layers, newLayer(u, len(u.layers)))
	}
	if len(s.Rids) == 0 {
		t.bindDeclared(u, s)
	}
	return u
}

// sourceOf is the rule of Source.
func sourceOf(s *desc.Section, seen *[2]int) Source {
	kind, first, second := 0, Microphone, ScreenSound
	if s.Kind == desc.Video {
		kind, first, second = 1, Camera, Screen
	}
	if s.Slides {
		return second
	}
	seen[kind]++
	if seen[kind] > 1 {
		return second
	}
	return first
}

// bindDeclared binds the SSRCs that the description names.
func (t *transport) bindDeclared(u *upTrack, s *desc.Section) {
	for _, ssrc := range s.SSRCs {
		if _, repair := s.Repairs[ssrc]; repair {
			t.bind(ssrc, u, u.layers[0], true)
			continue
		}
		t.bind(ssrc, u, u.layers[0], false)
	}
}

// learn takes payload types and extension ids of a section. In a bundle they mean the same in all sections.
func (t *transport) learn(s *desc.Section) {
	for _, c := range s.Codecs {
		t.types[c.Type] = payloadType{codec: c.Codec, red: c.RED}
		if c.RTX != 0 {
			t.types[c.RTX] = payloadType{codec: c.Codec, rtx: true, of: c.Type}
		}
	}
	e := extensions(s.Exts)
	for _, x := range []struct{ to, from *uint8 }{
		{&t.ext.level, &e.level},
		{&t.ext.wide, &e.wide},
		{&t.ext.mid, &e.mid},
		{&t.ext.rid, &e.rid},
		{&t.ext.rrid, &e.rrid},
		{&t.ext.desc, &e.desc},
	} {
		if *x.from != 0 {
			*x.to = *x.from
		}
	}
}

// answerCodecs keeps the client's order and asks for what we want of each.
func answerCodecs(offered []desc.Codec) []desc.Codec {
	all := slices.Clone(offered)
	for i := range all {
		if all[i].Codec == packet.Opus && !all[i].RED {
			// Repair inside the codec, silence not sent; mono is all that a conversation needs.
			all[i].Fmtp = "minptime=10;useinbandfec=1;usedtx=1"
		}
	}
	return all
}

// answerExts are the extensions that we read.
func answerExts(offered map[string]uint8) map[string]uint8 {
	all := map[string]uint8{}
	for _, uri := range []string{desc.ExtLevel, desc.ExtWide, desc.ExtMid, desc.ExtRid, desc.ExtRRid, desc.ExtDesc} {
		if id, ok := offered[uri]; ok {
			all[uri] = id
		}
	}
	return all
}

// name of a track in the subscribers' descriptions: what belongs together is one stream, for lip synchronisation.
func (u *upTrack) names() (stream, track string) {
	stream = u.peer.cfg.ID
	if u.source == Screen || u.source == ScreenSound {
		stream += "~" + string(Screen)
	}
	return stream, u.peer.cfg.ID + "~" + string(u.source)
}

func ridIndex(rids []string, rid string) int {
	return slices.IndexFunc(rids, func(x string) bool { return strings.EqualFold(x, rid) })
}
