package sfu

import (
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/pion/datachannel"
	"github.com/pion/dtls/v3"
	"github.com/pion/sctp"

	"samtale.dk/samtale/media/sfu/internal/desc"
)

const (
	// textProtocol marks real-time text (RFC 8865 section 4.1).
	textProtocol = "t140"

	// maxChannels that a client may open, and that we open to it.
	maxChannels = 2 * maxPeers

	// maxWaiting is how much may be on its way to one receiver. Drop rule: the message; of text, the place is marked (RFC 8865 section 5.3
	// has it for lost text) with the next one that fits.
	maxWaiting = 256 << 10

	// talkRate and talkBurst bound what one peer may write, in bytes: far more than anybody types.
	talkRate  = 64 << 10 * 8
	talkBurst = 256 << 10

	// missingText stands where text was lost.
	missingText = "\uFFFD"
)

// channels is one connection's SCTP association. The lists are guarded by its own lock, so that a slow write holds nobody up.
type channels struct {
	mu     sync.Mutex
	assoc  *sctp.Association // nil before it is up
	open   map[string]*channel
	next   uint16
	closed bool
}

// channel goes to one receiver, about one sender.
type channel struct {
	dc    *datachannel.DataChannel
	label string
}

// talk is what a peer writes.
type talk struct {
	budget budget
	rest   []byte // the beginning of a character whose end has not come
	last   place  // of its numbered messages
}

// place is a numbered message's. The label of its channel, "t140:WRITER:FIRST", tells whose it is and the number of the channel's
// first: a client whose connection ends writes again, on the next one, what may not have arrived.
type place struct {
	writer string // empty: messages without numbers
	number uint64
}

func firstPlace(label string) place {
	at := strings.Split(label, ":")
	if len(at) != 3 || at[0] != TextLabel || !token(at[1]) {
		return place{}
	}
	n, err := strconv.ParseUint(at[2], 10, 32)
	if err != nil || n == 0 {
		return place{}
	}
	return place{at[1], n}
}

// wantData lets the connection have data channels.
func (t *transport) wantData() {
	if t.channels == nil {
		t.channels = &channels{open: map[string]*channel{}}
	}
	if t.peer.readings == nil {
		t.peer.readings = map[string]*reading{}
	}
}

// serveData runs the connection's data channels until it ends, or waits for its end when there are none.
func (t *transport) serveData(conn *dtls.Conn, client bool) {
	t.room.mu.Lock()
	ch := t.channels
	t.room.mu.Unlock()
	if ch == nil {
		buf := make([]byte, 2048)
		for {
			if _, err := conn.Read(buf); err != nil {
				t.gone()
				return
			}
		}
	}
	assoc, err := sctp.ServerWithOptions(sctp.WithNetConn(conn), sctp.WithLoggerFactory(silence{}),
		sctp.WithMaxMessageSize(desc.MaxMessage), sctp.WithMaxReceiveBufferSize(1<<20))
	if err != nil {
		t.gone()
		return
	}
	if !ch.start(assoc, client) {
		_ = assoc.Close()
		return
	}
	t.peer.catchUp()
	for {
		dc, err := datachannel.Accept(assoc, &datachannel.Config{LoggerFactory: silence{}})
		if err != nil {
			t.gone()
			return
		}
		label, at := dc.Label, place{}
		if dc.Protocol == textProtocol {
			label, at = TextLabel, firstPlace(dc.Label)
		}
		if (label != TextLabel && label != DataLabel) || !ch.admit() {
			_ = dc.Close()
			continue
		}
		t.sfu.wg.Go(func() { t.readChannel(dc, label, at) })
	}
}

// gone is for a connection that the client closed.
func (t *transport) gone() {
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	if t.up {
		t.up = false
		t.peer.told(t.side, false)
	}
	t.in = nil // nothing comes any more
}

func (c *channels) start(a *sctp.Association, client bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.assoc = a
	c.next = 1 // the DTLS server opens odd ones (RFC 8832 section 6)
	if client {
		c.next = 0
	}
	return !c.closed
}

// admit counts what the client opens.
func (c *channels) admit() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && len(c.open) < maxChannels
}

// end: from here on nothing is written.
func (c *channels) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

func (c *channels) close() {
	c.mu.Lock()
	a := c.assoc
	c.mu.Unlock()
	if a != nil {
		_ = a.Close()
	}
}

func (t *transport) readChannel(dc *datachannel.DataChannel, label string, at place) {
	buf := make([]byte, desc.MaxMessage)
	for {
		n, text, err := dc.ReadDataChannel(buf)
		if err != nil {
			_ = dc.Close()
			return
		}
		t.peer.said(Message{Label: label, Data: append([]byte(nil), buf[:n]...), Text: text || label == TextLabel}, at)
		at.number++
	}
}

// said takes a message of this peer to the owner and to all who hear the peer.
func (p *Peer) said(m Message, at place) {
	r := p.room
	r.mu.Lock()
	if !p.left && !p.talk.fresh(&m, at) {
		r.mu.Unlock()
		return
	}
	r.stats.MessagesIn++
	if p.left || !p.talk.budget.take(r.sfu.now(), len(m.Data), talkRate, talkBurst) {
		r.stats.MessagesDropped++
		r.mu.Unlock()
		return
	}
	if m.Text && !p.talk.whole(&m) {
		r.mu.Unlock()
		return
	}
	m.Group = p.group
	to := p.receivers(m)
	if f := p.cfg.Message; f != nil {
		r.later(func() { f(m) })
	}
	r.mu.Unlock()
	sent := 0
	for _, to := range to {
		if to.write(p.cfg.ID, m) {
			sent++
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.MessagesOut += uint64(sent)
	r.stats.MessagesDropped += uint64(len(to) - sent)
}

// fresh reports whether a message has not come before. Where those before it have not come either stands the mark for that.
func (t *talk) fresh(m *Message, at place) bool {
	if at.writer == "" {
		return true
	}
	if t.last.writer != at.writer {
		t.last = place{at.writer, at.number - 1}
	}
	if at.number <= t.last.number {
		return false
	}
	if at.number > t.last.number+1 {
		m.Data = append([]byte(missingText), m.Data...)
	}
	t.last = at
	return true
}

// whole makes text valid UTF-8 and keeps a character that is cut in two until its second half comes (RFC 8865 leaves it open).
func (t *talk) whole(m *Message) bool {
	b := append(t.rest, m.Data...)
	end := len(b)
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if utf8.RuneStart(b[len(b)-i]) {
			if !utf8.FullRune(b[len(b)-i:]) {
				end = len(b) - i
			}
			break
		}
	}
	t.rest = append([]byte(nil), b[end:]...)
	m.Data = []byte(strings.ToValidUTF8(string(b[:end]), missingText))
	return len(m.Data) > 0
}

// receiver is who gets a message.
type receiver struct {
	peer *Peer
	ch   *channels // nil: it has no connection now
	text *reading  // nil: of a message of the page
}

// receivers of a message. Text is also for those whose connection is being replaced.
func (p *Peer) receivers(m Message) []receiver {
	var all []receiver
	for _, q := range p.room.order {
		if !hears(q, p) {
			continue
		}
		x := receiver{peer: q, ch: q.reach()}
		if m.Label == TextLabel {
			x.text = q.reads(p.cfg.ID)
		}
		if x.text != nil || x.ch != nil {
			all = append(all, x)
		}
	}
	return all
}

func (x receiver) write(from string, m Message) bool {
	if x.text == nil {
		return x.ch.write(from, m)
	}
	taken, waits := x.text.write(x.ch, m.Data)
	if waits {
		x.peer.catchUp() // there may be a connection by now
	}
	return taken
}

// reach is where messages for a peer go: by the connection that it receives by, where it has one.
func (p *Peer) reach() *channels {
	for _, t := range []*transport{p.sub, p.pub} {
		if t == nil || t.closed || t.channels == nil {
			continue
		}
		if !t.up {
			return nil
		}
		return t.channels
	}
	return nil
}

// write sends a message of a sender's page on its channel, which it opens the first time.
func (c *channels) write(from string, m Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.assoc == nil || c.closed {
		return false
	}
	key := m.Label + ":" + from
	ch := c.open[key]
	if ch == nil {
		ch = c.dial(key, m.Label)
		if ch == nil {
			return false
		}
	}
	if ch.dc.BufferedAmount()+uint64(len(m.Data)) > maxWaiting {
		return false
	}
	if _, err := ch.dc.WriteDataChannel(m.Data, m.Text); err != nil {
		delete(c.open, key)
		return false
	}
	return true
}

func (c *channels) dial(key, label string) *channel {
	if len(c.open) >= maxChannels {
		return nil
	}
	cfg := &datachannel.Config{ChannelType: datachannel.ChannelTypeReliable, Label: key, LoggerFactory: silence{}}
	if label == TextLabel {
		cfg.Protocol = textProtocol
	}
	dc, err := datachannel.Dial(c.assoc, c.next, cfg)
	if err != nil {
		return nil
	}
	c.next += 2
	ch := &channel{dc, key}
	c.open[key] = ch
	go drain(dc)
	return ch
}

// drain reads what nobody should write on a channel of ours, and the acknowledgement that opens it, until it is closed.
func drain(dc *datachannel.DataChannel) {
	buf := make([]byte, desc.MaxMessage)
	for {
		if _, _, err := dc.ReadDataChannel(buf); err != nil {
			return
		}
	}
}

// Send writes a message to all who hear this peer, as if it had come on its data channel.
func (p *Peer) Send(m Message) error {
	if (m.Label != TextLabel && m.Label != DataLabel) || len(m.Data) > desc.MaxMessage {
		return ErrLimit
	}
	m.Text = m.Text || m.Label == TextLabel
	p.said(m, place{})
	return nil
}
