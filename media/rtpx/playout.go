package rtpx

import (
	"time"

	"samtale.dk/samtale/media/jitter"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
)

// playout is the sound of a receiver between the decoder and the frames. It
// belongs to the goroutine that ticks.
type playout struct {
	pos  int64   // of the next frame
	fifo []int16 // sound at pcm.Rate, from pos on

	heard int64 // where the last received sound in fifo ends
	made  int64 // where the last concealed sound in fifo ends

	dec     decoder // of the last packet; nil before the first one
	clock   int     // RTP clock of the last packet, in Hz
	up      *resample.Converter
	comfort bool // the peer said that it pauses

	gaps  gaps
	delay time.Duration // of the sound now, behind the fastest packets

	floor                float64 // mean square of the background
	even                 bool    // every other packet is shortened in a hurry
	stretched, shortened int64

	sound   []int16 // scratch, at the codec's rate
	payload []byte  // scratch
}

func newPlayout() playout {
	return playout{
		fifo:    make([]int16, 0, pcm.FrameSamples+4*maxDecoded),
		clock:   8000,
		up:      resample.New(8000, pcm.Rate),
		sound:   make([]int16, 2*maxDecoded),
		payload: make([]byte, 0, maxPayload),
		gaps:    gaps{ended: make([]Gap, 0, 8)},
	}
}

// end is the position behind the sound in fifo.
func (p *playout) end() int64 { return p.pos + int64(len(p.fifo)) }

// begin prepares for a packet: another codec or a stream that does not
// continue the last one starts with clean state.
func (p *playout) begin(f Format, dec decoder, fresh bool) {
	if dec != p.dec || fresh {
		dec.reset()
		if p.dec == nil || p.dec.rate() != dec.rate() {
			p.up.Reset()
		}
	}
	p.dec, p.clock, p.comfort = dec, f.clock(), false
}

// push appends sound at the rate of the decoder.
func (p *playout) push(s []int16) {
	if p.dec == nil || p.dec.rate() == pcm.Rate {
		p.fifo = append(p.fifo, s...)
		return
	}
	at, need := len(p.fifo), p.up.Len(len(s))
	for cap(p.fifo) < at+need {
		p.fifo = append(p.fifo[:cap(p.fifo)], 0)
	}
	p.fifo = p.fifo[:at+need]
	p.fifo = p.fifo[:at+p.up.Process(p.fifo[at:], s)]
}

// scratch returns room for n samples at pcm.Rate in the decoder's rate,
// rounded up.
func (p *playout) scratch(n int) []int16 {
	if p.dec != nil {
		n = (n*p.dec.rate() + pcm.Rate - 1) / pcm.Rate
	}
	return p.sound[:min(n, len(p.sound))]
}

// wait fills up one frame while nothing is there to play.
func (p *playout) wait() {
	n := pcm.FrameSamples - len(p.fifo)
	if p.comfort || p.dec == nil || pcm.Duration(p.end()-p.gaps.current.From, pcm.Rate) >= concealFor {
		p.silence(n)
		return
	}
	p.conceal(n)
}

func (p *playout) silence(n int) {
	s := p.scratch(n)
	clear(s)
	p.push(s)
}

func (p *playout) conceal(n int) {
	if p.dec == nil {
		p.silence(n)
		return
	}
	s := p.scratch(min(n, pcm.FrameSamples))
	p.dec.conceal(s)
	p.push(s)
	p.made = p.end()
}

// recover fills a hole of n samples from the packet that follows, which is in
// p.payload, and reports whether that was possible. The sound counts as heard.
func (p *playout) recover(dec decoder, n int) bool {
	if dec == nil || dec != p.dec || n != pcm.FrameSamples {
		return false
	}
	s := p.scratch(n)
	if !dec.recover(s, p.payload) {
		return false
	}
	p.gaps.finish(jitter.Empty, p.end())
	p.push(s)
	p.heard = p.end()
	return true
}

// fit brings the delay nearer to its target by shortening or repeating the
// sound of one packet: in the background by any amount, in speech, and only if
// the delay is far too long, by a pitch period of every other packet (by 12 to
// 25%) or of every one.
func (p *playout) fit(s []int16, excess time.Duration) []int16 {
	rate := p.dec.rate()
	quiet := p.quiet(s)
	n := len(s)
	switch {
	case quiet && excess > slack:
		s = jitter.Cut(s, int(pcm.Samples(excess, rate)))
		p.shortened += int64(n-len(s)) * pcm.Rate / int64(rate)
	case quiet && excess < -slack && 2*n <= len(p.sound):
		k := copy(p.sound[n:2*n], s[:min(n, int(pcm.Samples(-excess, rate)))])
		s = p.sound[:n+k]
		p.stretched += int64(k) * pcm.Rate / int64(rate)
	case excess > hurry:
		p.even = !p.even
		if p.even || excess > 3*hurry {
			s = jitter.Shorten(s, rate)
			p.shortened += int64(n-len(s)) * pcm.Rate / int64(rate)
		}
	}
	return s
}

// quiet reports whether s is background. The floor falls at once and doubles
// in 0.7 s.
func (p *playout) quiet(s []int16) bool {
	e := pcm.Energy(s)
	p.floor = min(p.floor*1.02+1, e)
	return e <= 4*p.floor+1 && pcm.DBov(e) < quietLevel
}
