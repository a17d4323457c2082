package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

const (
	// legs in the telephone's measurements: the design's latency budget says 100.
	legs = 100
	// dense is for what a core can carry: it is most of what fits beside the callers, the
	// broker and the listeners on two cores. With few legs the machine falls asleep
	// between packets, and waking up is most of what a packet costs.
	dense = 400
	// browsers in the WebRTC measurements: about as dense, since they cost twice as much
	// on both sides.
	browsers = 200
	// fixedDelay of the jitter buffers in the latency measurement. Fixed, it can be left
	// out of the figure exactly; 60 ms is enough that no packet is late for it.
	fixedDelay = 60 * time.Millisecond
)

// measureLegs measures what a leg costs and how long it holds sound up.
func measureLegs(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp("", "samtale-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	e, err := b.startEngines(ctx, dir)
	if err != nil {
		return err
	}
	defer e.stop()
	w, err := newWorld("nats://" + e.natsAddr)
	if err != nil {
		return err
	}
	defer w.close()
	for _, f := range []func(context.Context, *bench, *world) error{costOfTelephone, costOfBrowser, delayOfTelephone} {
		if err := f(ctx, b, w); err != nil {
			return err
		}
	}
	return nil
}

func costOfTelephone(ctx context.Context, b *bench, w *world) error {
	for _, n := range []int{dense, legs} {
		b.say("%d telephone legs, and the baseline", n)
		leg, err := w.costTelephone(ctx, b, telephone, n)
		if err != nil {
			return err
		}
		base, err := w.costTelephone(ctx, b, plain, n)
		if err != nil {
			return err
		}
		b.telephoneRows(n, leg, base)
	}
	return nil
}

func (b *bench) telephoneRows(n int, leg, base cost) {
	b.add(row{
		What: fmt.Sprintf("telephone leg, CPU per 20 ms frame, socket to published audio, %d legs", n), Budget: "≤ 40 µs", Value: leg.cpu, Limit: 40, Unit: "µs",
		Baseline: &baseline{"read, G.711, linear interpolation, publish: no jitter buffer, concealment, detector or replay ring", base.cpu},
		Note: fmt.Sprintf("Over UDP to a process of its own: getrusage divided by frames; %.1f µs of it in the kernel (baseline %.1f). "+
			"RTP, jitter buffer, G.711, 8→16 kHz, VAD, NATS publish through audiofeed. The NATS server, callers and listeners are other processes.", leg.kernel, base.kernel),
	})
	if n != dense {
		return
	}
	b.add(row{
		What: "telephone leg, legs a core", Budget: "≥ 500", Value: 20e3 / leg.cpu, Limit: 500, AtLeast: true, Unit: "legs",
		Baseline: &baseline{"as above", 20e3 / base.cpu}, Note: "20 ms divided by the row above.",
	})
	b.add(row{
		What: "telephone leg, allocations a frame", Budget: "0", Value: leg.frameMallocs, Limit: 0.01, Unit: "allocs",
		Baseline: &baseline{"as above", base.frameMallocs},
		Note:     fmt.Sprintf("Of the whole process (runtime.MemStats) while no worker reports progress; up to 0.01 is the runtime's own. With two progress messages a second for each leg it is %.2f a frame.", leg.mallocs),
	})
}

func costOfBrowser(ctx context.Context, b *bench, w *world) error {
	b.say("%d WebRTC legs, and the baseline", browsers)
	leg, err := w.costBrowser(ctx, b, webrtcLeg)
	if err != nil {
		return err
	}
	base, err := w.costBrowser(ctx, b, webrtcRaw)
	if err != nil {
		return err
	}
	b.add(row{
		What: "WebRTC leg, the same with SRTP and Opus", Budget: "≤ 80 µs", Value: leg.cpu, Limit: 80, Unit: "µs",
		Baseline: &baseline{"pion alone: the packets are read (ICE, SRTP, RTCP reports) and dropped", base.cpu},
		Note:     fmt.Sprintf("%d connections; %.1f µs of it in the kernel (baseline %.1f). %.1f allocations a frame, of which pion alone %.1f.", browsers, leg.kernel, base.kernel, leg.mallocs, base.mallocs),
	})
	return nil
}

// cost of one frame.
type cost struct {
	cpu          float64 // µs
	kernel       float64 // of cpu
	mallocs      float64
	frameMallocs float64 // without those of the workers' progress messages
}

func (w *world) costTelephone(ctx context.Context, b *bench, kind string, n int) (cost, error) {
	p, err := startPart()
	if err != nil {
		return cost{}, err
	}
	defer p.close()
	t, err := newTelephones(n)
	if err != nil {
		return cost{}, err
	}
	defer t.close()
	var a answer
	if err := p.ask(order{Kind: kind, NATS: w.url, Remotes: t.ports(), Profile: b.profile(kind)}, &a); err != nil {
		return cost{}, err
	}
	t.call(a.Ports)
	speech, err := telephoneSpeech()
	if err != nil {
		return cost{}, err
	}
	stop := t.play(speech)
	defer stop()
	return p.cost(ctx, b, w)
}

func (w *world) costBrowser(ctx context.Context, b *bench, kind string) (cost, error) {
	p, err := startPart()
	if err != nil {
		return cost{}, err
	}
	defer p.close()
	br, err := newBrowsers(ctx, browsers)
	if err != nil {
		return cost{}, err
	}
	defer br.close()
	var a answer
	if err := p.ask(order{Kind: kind, NATS: w.url, Offers: br.offers, Profile: b.profile(kind)}, &a); err != nil {
		return cost{}, err
	}
	if err := br.connect(ctx, a.Answers); err != nil {
		return cost{}, err
	}
	stop, err := br.play()
	if err != nil {
		return cost{}, err
	}
	defer stop()
	return p.cost(ctx, b, w)
}

// delayOfTelephone measures from the moment before a packet is sent until the worker has
// the frame, less the fixed delay of the jitter buffer.
func delayOfTelephone(ctx context.Context, b *bench, w *world) error {
	b.say("latency of %d telephone legs", legs)
	p, err := startPart()
	if err != nil {
		return err
	}
	defer p.close()
	t, err := newTelephones(legs)
	if err != nil {
		return err
	}
	defer t.close()
	var a answer
	if err := p.ask(order{Kind: telephone, NATS: w.url, Remotes: t.ports(), Delay: fixedDelay}, &a); err != nil {
		return err
	}
	t.call(a.Ports)
	stop := t.play(marks())
	defer stop()
	if err := pause(ctx, 3*time.Second); err != nil { // the start is not measured
		return err
	}
	w.watch(t)
	err = pause(ctx, b.window(8*time.Second))
	d := w.watched()
	if err != nil {
		return err
	}
	if len(d) == 0 {
		return errors.New("no frame came through")
	}
	for i := range d {
		d[i] -= fixedDelay
	}
	slices.Sort(d)
	b.add(row{
		What: fmt.Sprintf("added latency at %d legs, packet in → recogniser, p99", legs), Budget: "≤ 10 ms", Value: ms(quantile(d, .99)), Limit: 10, Unit: "ms",
		Baseline: &baseline{"the median of the same frames", ms(quantile(d, .5))},
		Note: fmt.Sprintf("%d frames; the worst %.1f ms. From before the packet's send to the decoded frame in the worker's process, less the %s at which the jitter buffer was fixed.",
			len(d), ms(d[len(d)-1]), fixedDelay),
	})
	return nil
}

// quantile of sorted durations, which are at least one, by nearest rank.
func quantile(sorted []time.Duration, q float64) time.Duration {
	return sorted[max(0, int(math.Ceil(q*float64(len(sorted))))-1)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// part is this program as the process that is measured.
type part struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	dec *json.Decoder
	enc *json.Encoder
}

func startPart() (*part, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &part{cmd: exec.Command(self, partArgument)}
	p.cmd.Stderr = os.Stderr
	p.cmd.SysProcAttr = dieWithUs()
	p.in, err = p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.dec, p.enc = json.NewDecoder(out), json.NewEncoder(p.in)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start part: %w", err)
	}
	return p, nil
}

func (p *part) ask(question, into any) error {
	if err := p.enc.Encode(question); err != nil {
		return fmt.Errorf("ask part: %w", err)
	}
	if err := p.dec.Decode(into); err != nil {
		return fmt.Errorf("answer of part: %w", err)
	}
	return nil
}

// close lets the process end by itself, so that it can write its profile.
func (p *part) close() {
	_ = p.in.Close()
	hung := time.AfterFunc(5*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer hung.Stop()
	_ = p.cmd.Wait() // it says on stderr what went wrong
}

func (b *bench) profile(kind string) string {
	if b.prof == "" {
		return ""
	}
	return filepath.Join(b.prof, kind+".pprof")
}

// cost measures a window after a start of 3 s: workers attach, buffers grow.
func (p *part) cost(ctx context.Context, b *bench, w *world) (cost, error) {
	if err := pause(ctx, 3*time.Second); err != nil {
		return cost{}, err
	}
	c, err := p.window(ctx, b.window(8*time.Second))
	if err != nil {
		return cost{}, err
	}
	w.hush(true)
	defer w.hush(false)
	if err := pause(ctx, 100*time.Millisecond); err != nil { // for what is on its way
		return cost{}, err
	}
	quiet, err := p.window(ctx, hushed)
	c.frameMallocs = quiet.mallocs
	return c, err
}

// hushed is how long workers say nothing: less than the 2 s after which a gateway gives
// them up.
const hushed = 1200 * time.Millisecond

// window is the cost of a frame over some time.
func (p *part) window(ctx context.Context, d time.Duration) (cost, error) {
	var before, after used
	if err := p.ask(struct{}{}, &before); err != nil {
		return cost{}, err
	}
	if err := pause(ctx, d); err != nil {
		return cost{}, err
	}
	if err := p.ask(struct{}{}, &after); err != nil {
		return cost{}, err
	}
	frames := float64(after.Frames - before.Frames)
	if frames == 0 {
		return cost{}, errors.New("no frame came through")
	}
	return cost{
		cpu:     float64((after.CPU - before.CPU).Nanoseconds()) / 1000 / frames,
		kernel:  float64((after.Kernel - before.Kernel).Nanoseconds()) / 1000 / frames,
		mallocs: float64(after.Mallocs-before.Mallocs) / frames,
	}, nil
}
