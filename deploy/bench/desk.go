package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/services/phone/dialer"
)

const (
	// endpointing is SAMTALE_ENDPOINT_SILENCE's default.
	endpointing = 600 * time.Millisecond
	// utteranceFrames is 1.2 s of speech.
	utteranceFrames = 60
	// between utterances: longer than endpointing and everything that comes after it, so
	// that a final belongs to the utterance before it.
	between = 1500 * time.Millisecond
)

// delays from the end of speech to the last final words on the desk.
type delays struct {
	all     []time.Duration // sorted
	missing int             // utterances without words
}

// speakMessages calls so many times at once and speaks utterances in each call. during, if
// any, runs once while all of them speak.
func (s *system) speakMessages(ctx context.Context, callers, utterances int, during func() error) (delays, error) {
	sound, err := utterance(utteranceFrames)
	if err != nil {
		return delays{}, err
	}
	d, err := newDialer()
	if err != nil {
		return delays{}, err
	}
	defer d.Close()
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		out  delays
		errs []error
	)
	ready := make(chan struct{}, callers)
	for i := range callers {
		wg.Go(func() {
			got, err := s.speakMessage(ctx, d, sound, utterances, between+time.Duration(i)*37*time.Millisecond, ready)
			mu.Lock()
			defer mu.Unlock()
			out.all = append(out.all, got.all...)
			out.missing += got.missing
			errs = append(errs, err)
		})
	}
	for range callers {
		<-ready
	}
	if during != nil {
		errs = append(errs, during())
	}
	wg.Wait()
	slices.Sort(out.all)
	return out, errors.Join(errs...)
}

// speakMessage is one call. It always says that it is ready, or will never be.
func (s *system) speakMessage(ctx context.Context, d *dialer.Dialer, sound []int16, n int, gap time.Duration, ready chan<- struct{}) (delays, error) {
	m, err := s.leaveMessage(ctx, d)
	ready <- struct{}{}
	if err != nil {
		return delays{}, err
	}
	defer m.hangUp(ctx)
	var ends []time.Time
	for range n {
		if err := m.call.Wait(ctx, gap); err != nil {
			return delays{}, err
		}
		end, err := m.say(ctx, sound)
		if err != nil {
			return delays{}, err
		}
		ends = append(ends, end)
	}
	if err := m.call.Wait(ctx, between); err != nil {
		return delays{}, err
	}
	return assign(ends, m.ear.heard()), nil
}

// say plays a sound whose last sample is speech and returns when that was over: the moment
// at which a telephone sends its last packet. The telephone's own clock decides when the
// packets go; play is called right after one of them, so the next one is the first with
// the sound, 20 ms later.
func (m *message) say(ctx context.Context, sound []int16) (end time.Time, err error) {
	before := m.call.Stats().Sender.Packets
	for m.call.Stats().Sender.Packets == before {
		if err := pause(ctx, 200*time.Microsecond); err != nil {
			return time.Time{}, err
		}
	}
	packet := time.Now()
	if err := m.call.Play(ctx, sound); err != nil {
		return time.Time{}, err
	}
	return packet.Add(pcm.Duration(int64(len(sound)), pcm.Rate)), nil
}

// heard is all events so far.
func (e *ear) heard() []said {
	var out []said
	for {
		select {
		case s := <-e.events:
			out = append(out, s)
		default:
			return out
		}
	}
}

// assign gives each utterance the last final before the next utterance ended.
func assign(ends []time.Time, events []said) delays {
	var out delays
	for i, end := range ends {
		var last time.Time
		for _, e := range events {
			if e.final && e.at.After(end) && (i+1 == len(ends) || e.at.Before(ends[i+1])) {
				last = e.at
			}
		}
		if last.IsZero() {
			out.missing++
			continue
		}
		out.all = append(out.all, last.Sub(end))
	}
	return out
}

// instant is a recogniser that takes no time: it answers every utterance with the same
// words as soon as it has it. So engine time is left out of what is measured by being
// nothing, while everything of ours is in it: endpointing, the adapter (WAV, HTTP),
// normalising and masking, sealing, the stored final, and the way to the desk.
type instant struct {
	*http.Server
	addr string
}

const instantWords = "jeg ringer om min boligstøtte"

func startInstant() (*instant, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &instant{addr: l.Addr().String(), Server: &http.Server{
		ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // a request that breaks off needs no answer
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]string{"text": instantWords})
		}),
	}}
	go s.Serve(l)
	return s, nil
}

// deskRow is the latency of final words, beside the silence that endpointing waits for.
func deskRow(what string, d delays) row {
	return row{
		What: what, Value: ms(quantile(d.all, .99)), Limit: ms(endpointing + 60*time.Millisecond), Unit: "ms",
		Baseline: &baseline{fmt.Sprintf("the endpointing silence (%d ms); nothing can be faster", endpointing.Milliseconds()), ms(endpointing)},
		Note:     fmt.Sprintf("%d utterances, median %.0f ms, worst %.0f ms, without words %d.", len(d.all), ms(quantile(d.all, .5)), ms(d.all[len(d.all)-1]), d.missing),
	}
}
