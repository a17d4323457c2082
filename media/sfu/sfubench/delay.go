package main

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"
)

const (
	// sampled: of so many packets that come the delay of one is taken.
	sampled = 8

	// stampAt is behind all that a server may look at.
	stampAt = 32
)

// stamp writes when a packet is made.
func stamp(b []byte) { binary.BigEndian.PutUint64(b, uint64(time.Now().UnixNano())) }

// delays from stamp to the receiver's application, with all that the clients themselves take.
type delays struct {
	mu  sync.Mutex
	all []time.Duration
}

func (d *delays) begin() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = nil
}

func (d *delays) packet(b []byte) {
	var h rtp.Header
	n, err := h.Unmarshal(b)
	if err != nil || len(b) < n+stampAt+8 {
		return
	}
	took := time.Duration(time.Now().UnixNano() - int64(binary.BigEndian.Uint64(b[n+stampAt:])))
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, took)
}

// shares are what half and what 99% of the packets do not exceed.
func (d *delays) shares() (half, most time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.all) == 0 {
		return 0, 0
	}
	slices.Sort(d.all)
	return d.all[len(d.all)/2], d.all[len(d.all)*99/100]
}
