// Package cache keeps the last packets of a stream, to be sent again to those who lost them. It allocates while it fills and not
// after: a slot's memory is used again. It has no lock.
package cache

// Slots is how many packets are kept: 1.5 s of the largest picture, which is longer than anybody waits for a packet.
const Slots = 512

// Cache of one stream, by sequence number.
type Cache struct{ slots [Slots]entry }

type entry struct {
	seq   uint16
	valid bool
	data  []byte
}

// New makes an empty cache.
func New() *Cache { return &Cache{} }

// Put copies a packet in.
func (c *Cache) Put(seq uint16, data []byte) {
	e := &c.slots[seq%Slots]
	if cap(e.data) < len(data) {
		// Rounded up, so that packets of about the same size share memory over time.
		e.data = make([]byte, 0, (len(data)+255)&^255)
	}
	e.seq, e.valid, e.data = seq, true, append(e.data[:0], data...)
}

// Get returns a packet, nil if it is not there. It is valid until the next Put.
func (c *Cache) Get(seq uint16) []byte {
	e := &c.slots[seq%Slots]
	if !e.valid || e.seq != seq {
		return nil
	}
	return e.data
}
