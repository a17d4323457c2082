package sfu

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"sync"

	"samtale.dk/samtale/media/sfu/internal/desc"
)

const (
	// maxKept is how much text is kept that was written: more than the longest line takes, a character at a time.
	maxKept = 64 << 10

	// keptCost is what a message takes besides its text.
	keptCost = 32

	lineEnds = "\n\u2028"
)

// reading is the text of one peer that another reads. Its messages are numbered from 1 on all of the reader's connections: on a new
// one comes again what may not have arrived, and the unfinished line, of which who loads a page anew has nothing. What is written while
// there is no connection waits for the next.
type reading struct {
	from, token string // of the labels

	mu      sync.Mutex // before the channels'
	last    uint64     // the number of the last message written
	kept    [][]byte   // the last of them
	cost    int        // of these
	waiting []byte
	lost    bool      // more would have had to wait
	by      *channels // where the reader has got it; nil: nowhere yet
	ch      *channel
}

// reads gives what the peer reads of another; nil: it never had data channels. The room's lock is held.
func (p *Peer) reads(from string) *reading {
	g := p.readings[from]
	if g == nil && p.readings != nil {
		g = &reading{from: from, token: strconv.FormatUint(rand.Uint64()>>22, 36)}
		p.readings[from] = g
	}
	return g
}

// catchUp sends what waits for a connection, and what may not have arrived on the last.
func (p *Peer) catchUp() {
	p.room.mu.Lock()
	to := p.reach()
	var all []*reading
	for _, g := range p.readings {
		all = append(all, g)
	}
	p.room.mu.Unlock()
	if to == nil {
		return
	}
	for _, g := range all {
		g.mu.Lock()
		g.flush(to)
		g.mu.Unlock()
	}
}

// forget drops what is not to be sent any more: the writer has gone, or one of the two is in another group. The room's lock is held.
func (p *Peer) forget() {
	for _, g := range p.readings {
		g.forget()
	}
	for _, q := range p.room.order {
		if g := q.readings[p.cfg.ID]; g != nil {
			g.forget()
		}
	}
}

func (g *reading) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.kept, g.cost, g.waiting, g.lost = nil, 0, nil, false
}

// write takes a message; nil: there is no connection now. It reports whether there was room for it, and whether it waits.
func (g *reading) write(to *channels, data []byte) (taken, waits bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.lost {
		data = append([]byte(missingText), data...)
	}
	if len(g.waiting)+len(data) > desc.MaxMessage || g.slow(to, len(data)) {
		g.lost = true
		return false, false
	}
	g.waiting, g.lost = append(g.waiting, data...), false
	if to != nil {
		g.flush(to)
	}
	return true, len(g.waiting) > 0
}

func (g *reading) slow(to *channels, more int) bool {
	return to != nil && to == g.by && g.ch.dc.BufferedAmount()+uint64(len(g.waiting)+more) > maxWaiting
}

// flush brings the reader's connection up to date, if it is one.
func (g *reading) flush(to *channels) {
	to.mu.Lock()
	defer to.mu.Unlock()
	g.arrived()
	if to.assoc == nil || to.closed || len(g.kept)+len(g.waiting) == 0 || to != g.by && !g.again(to) || len(g.waiting) == 0 {
		return
	}
	data := g.waiting
	if _, err := g.ch.dc.WriteDataChannel(data, true); err != nil {
		delete(to.open, g.ch.label)
		g.by, g.ch = nil, nil
		return
	}
	g.last++
	g.waiting = nil
	g.kept, g.cost = append(g.kept, data), g.cost+len(data)+keptCost
	for g.cost > maxKept {
		g.drop(1)
	}
}

// again opens the channel of another connection and sends what is kept. Its label tells the number of the first message.
func (g *reading) again(to *channels) bool {
	first := g.last + 1 - uint64(len(g.kept))
	ch := to.dial(TextLabel+":"+g.from+":"+g.token+":"+strconv.FormatUint(first, 10), TextLabel)
	if ch == nil {
		return false
	}
	for _, data := range g.kept {
		if _, err := ch.dc.WriteDataChannel(data, true); err != nil {
			delete(to.open, ch.label)
			return false
		}
	}
	g.by, g.ch = to, ch
	return true
}

// arrived drops the lines that are ended when everything that was written has been acknowledged.
func (g *reading) arrived() {
	if g.ch == nil || g.ch.dc.BufferedAmount() > 0 {
		return
	}
	for i := len(g.kept) - 1; i >= 0; i-- {
		switch end := bytes.LastIndexAny(g.kept[i], lineEnds); {
		case end < 0:
			continue
		case len(bytes.TrimRight(g.kept[i], lineEnds)) <= end:
			i++
		}
		g.drop(i)
		return
	}
}

// drop leaves out the first of what is kept.
func (g *reading) drop(n int) {
	for _, data := range g.kept[:n] {
		g.cost -= len(data) + keptCost
	}
	g.kept = g.kept[n:]
}
