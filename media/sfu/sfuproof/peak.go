package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// The national peak: VDX on 16 April 2020.
const (
	peakMeetings     = 6835
	peakParticipants = 19187
	peakMinutes      = 389_400
)

// starts is the share of a day's meetings that begin in each hour from 7 on: an assumption, see PEAK.md.
var starts = []float64{0.02, 0.10, 0.17, 0.16, 0.11, 0.08, 0.14, 0.11, 0.06, 0.03, 0.01, 0.01}

const firstHour = 7

// Packets a second of one person: Opus every 20 ms; a camera of 30 frames in three sizes of 150, 500 and 1500 kbit/s.
const (
	voicePackets = 50
	cameraIn     = 30 + 60 + 180
	cameraOut    = 180 // everybody sees the largest: two or three fill a screen
	voiceBits    = 60_000
	cameraInBits = 150_000 + 500_000 + 1_500_000
	cameraBits   = 1_500_000
)

type booked struct {
	begin, end time.Duration // of the day
	people     int
}

// day makes the meetings of one: as many as there were, with as many people, as long on average.
func day(seed uint64) []booked {
	random := rand.New(rand.NewPCG(seed, 16))
	all := make([]booked, peakMeetings)
	for i := range all {
		all[i].people = 2
	}
	for range peakParticipants - 2*peakMeetings {
		all[random.IntN(len(all))].people++
	}
	mean := float64(peakMinutes) / peakMeetings
	const spread = 0.5 // half of the meetings take between 36 and 71 minutes
	for i := range all {
		all[i].begin = begin(random)
		minutes := mean * math.Exp(spread*random.NormFloat64()-spread*spread/2)
		all[i].end = all[i].begin + time.Duration(minutes*float64(time.Minute))
	}
	return all
}

// begin chooses when a meeting begins: in an hour by its share, and most often on the hour or half past.
func begin(random *rand.Rand) time.Duration {
	x, hour := random.Float64(), firstHour
	for _, share := range starts {
		if x < share {
			break
		}
		x -= share
		hour++
	}
	minute := random.IntN(60)
	switch y := random.Float64(); {
	case y < 0.5:
		minute = 0
	case y < 0.75:
		minute = 30
	}
	return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
}

// moment is what goes on at one time.
type moment struct {
	at              time.Duration
	meetings        int
	people          int
	in, out         float64 // packets a second
	inBits, outBits float64
}

// busiest is the moment with the most packets out.
func busiest(all []booked) moment {
	type change struct {
		at   time.Duration
		sign int
		n    int
	}
	var changes []change
	for _, m := range all {
		changes = append(changes, change{m.begin, 1, m.people}, change{m.end, -1, m.people})
	}
	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.at, b.at), a.sign-b.sign) })
	var now, best moment
	for _, c := range changes {
		n, pairs := float64(c.sign*c.n), float64(c.sign*c.n*(c.n-1))
		now.at = c.at
		now.meetings += c.sign
		now.people += c.sign * c.n
		now.in += n * (voicePackets + cameraIn)
		now.out += pairs * (voicePackets + cameraOut)
		now.inBits += n * (voiceBits + cameraInBits)
		now.outBits += pairs * (voiceBits + cameraBits)
		if now.out > best.out {
			best = now
		}
	}
	return best
}

// peak prints what the day takes when a packet in costs a and one out b microseconds, on nodes of so many cores.
func peak(w io.Writer, a, b float64, cores int) {
	const busy = 0.5 // of each core at most, so that queues stay short
	x := busiest(day(1))
	used := (a*x.in + b*x.out) / 1e6
	need := used / busy
	nodes := int(math.Ceil(need/float64(cores))) + 1
	one := 3*(voicePackets+cameraIn)*a + 6*(voicePackets+cameraOut)*b
	fmt.Fprintf(w, "day: %d meetings, %d people, %d minutes of meetings\n", peakMeetings, peakParticipants, peakMinutes)
	fmt.Fprintf(w, "busiest at %02d:%02d: %d meetings, %d people\n", int(x.at.Hours()), int(x.at.Minutes())%60, x.meetings, x.people)
	fmt.Fprintf(w, "packets: %.2f million/s in, %.2f million/s out; %.1f Gbit/s in, %.1f Gbit/s out\n", x.in/1e6, x.out/1e6, x.inBits/1e9, x.outBits/1e9)
	fmt.Fprintf(w, "at %.1f µs in and %.1f µs out: %.1f cores of work, %.0f cores at %.0f%%, %d nodes of %d cores with one to spare, %.1f Gbit/s out each\n",
		a, b, used, math.Ceil(need), 100*busy, nodes, cores, x.outBits/1e9/float64(max(1, nodes-1)))
	fmt.Fprintf(w, "a meeting of three takes %.1f%% of a core: this machine's two at %.0f%% hold %.0f of them\n", one/1e4, 100*busy, math.Floor(2*busy*1e6/one))
}
