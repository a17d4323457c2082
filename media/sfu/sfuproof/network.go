package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/sfu"
)

// way is the delay of each direction, besides what a condition adds.
const way = 10 * time.Millisecond

// condition of a subscriber's network, both ways where that makes sense.
type condition struct {
	name string
	set  func(up, down *mediatest.Link)
}

var conditions = []condition{
	{"nothing is wrong", func(_, _ *mediatest.Link) {}},
	{"2% lost", func(up, down *mediatest.Link) { up.Loss, down.Loss = 0.02, 0.02 }},
	{"5% lost", func(up, down *mediatest.Link) { up.Loss, down.Loss = 0.05, 0.05 }},
	{"10% lost", func(up, down *mediatest.Link) { up.Loss, down.Loss = 0.10, 0.10 }},
	{"30 ms jitter", func(_, down *mediatest.Link) { down.Jitter = 30 * time.Millisecond }},
	{"100 ms jitter", func(_, down *mediatest.Link) { down.Jitter = 100 * time.Millisecond }},
	{"5% overtaken", func(_, down *mediatest.Link) { down.Reorder, down.Behind = 0.05, 30*time.Millisecond }},
	{"20% doubled", func(_, down *mediatest.Link) { down.Duplicate = 0.2 }},
	{"2 Mbit/s", func(_, down *mediatest.Link) { down.Rate, down.Queue = 2_000_000, 200*time.Millisecond }},
	{"2 Mbit/s → 300 kbit/s", func(_, down *mediatest.Link) { down.Rate, down.Queue = 300_000, 200*time.Millisecond }},
	{"300 kbit/s → 2 Mbit/s", func(_, down *mediatest.Link) { down.Rate, down.Queue = 2_000_000, 200*time.Millisecond }},
}

// meeting is one who publishes, one who types and one behind a network.
type meeting struct {
	node   *sfu.SFU
	pub    *publisher
	typist *subscriber
	sub    *subscriber
}

func open() (*meeting, error) {
	m := &meeting{}
	var err error
	if m.node, err = sfu.New(sfu.Config{UDP: []string{"127.0.0.1:0"}}); err != nil {
		return nil, err
	}
	room, err := m.node.Open("proof", sfu.RoomConfig{})
	if err != nil {
		return nil, err
	}
	if m.pub, err = publish(room, "camera"); err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	if m.typist, err = subscribe(room, "typist", false); err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	if m.sub, err = subscribe(room, "viewer", true); err != nil {
		return nil, fmt.Errorf("subscribe: %w", err)
	}
	m.set(func(_, _ *mediatest.Link) {})
	return m, nil
}

func (m *meeting) close() {
	m.pub.close()
	m.typist.close()
	m.sub.close()
	m.node.Close()
}

// set changes the network to that of a condition.
func (m *meeting) set(f func(up, down *mediatest.Link)) {
	m.sub.link.Set(func(up, down *mediatest.Link) {
		up.Loss, down.Loss, down.Jitter, down.Reorder, down.Duplicate, down.Rate = 0, 0, 0, 0, 0, 0
		up.Delay, down.Delay = way, way
		f(up, down)
	})
}

// run lets a time pass in which something is typed ten times a second.
func (m *meeting) run(d time.Duration) {
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); {
		now := <-ticker.C
		_ = m.typist.typed.SendText(fmt.Sprint(now.UnixMicro(), " ")) // not before it is open
	}
}

func networks(w io.Writer, only string, d time.Duration) error {
	m, err := open()
	if err != nil {
		return err
	}
	defer m.close()
	m.run(5 * time.Second) // until the largest picture is there
	fmt.Fprintf(w, "%-24s %8s %7s %7s  %-17s %-13s %6s %9s  %s\n",
		"network", "frames/s", "freezes", "frozen", "delay 50/95/100%", "text 50/95%", "sound", "delay 95%", "heights; told")
	for _, c := range conditions {
		if !strings.Contains(c.name, only) {
			continue
		}
		m.set(c.set)
		m.sub.reset()
		m.run(d)
		m.sub.print(w, c.name, d)
		if !strings.Contains(c.name, "Mbit") {
			m.set(func(_, _ *mediatest.Link) {})
			m.run(d / 3)
		}
	}
	m.set(func(_, _ *mediatest.Link) {})
	m.run(d)
	for _, cut := range []time.Duration{time.Second, 3 * time.Second} {
		m.cut(w, cut, d)
	}
	return nil
}

func (s *subscriber) print(w io.Writer, name string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := &s.viewer
	ms := func(d time.Duration) int64 { return d.Milliseconds() }
	fmt.Fprintf(w, "%-24s %8.1f %7d %5dms  %4d/%4d/%4d ms %4d/%4d ms %5.1f%% %6d ms  %v; %v\n",
		name, float64(x.Shown)/d.Seconds(), x.Freezes, ms(x.Frozen), ms(x.Delay(0.5)), ms(x.Delay(0.95)), ms(x.Delay(1)),
		ms(at(s.text, 0.5)), ms(at(s.text, 0.95)), 100*float64(s.sound)/(50*d.Seconds()), ms(at(s.delays, 0.95)), x.Heights, s.told)
}

// cut takes the network away for a time and tells when sound and picture are back after it.
func (m *meeting) cut(w io.Writer, d, wait time.Duration) {
	m.sub.link.Set(func(up, down *mediatest.Link) { up.Cut, down.Cut = true, true })
	time.Sleep(d)
	m.sub.link.Set(func(up, down *mediatest.Link) { up.Cut, down.Cut = false, false })
	m.sub.mu.Lock()
	m.sub.mark, m.sub.heard, m.sub.seen = time.Now(), 0, 0
	m.sub.mu.Unlock()
	m.run(wait)
	m.sub.mu.Lock()
	defer m.sub.mu.Unlock()
	fmt.Fprintf(w, "%v cut: sound after %v, picture after %v\n", d, m.sub.heard.Round(time.Millisecond), m.sub.seen.Round(time.Millisecond))
}
