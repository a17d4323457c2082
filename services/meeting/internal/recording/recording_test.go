package recording

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"samtale.dk/samtale/media/mediatest"
	"samtale.dk/samtale/media/opus"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// kit is one meeting with a recorder and a clock that only the test moves.
type kit struct {
	t       *testing.T
	shelf   Shelf
	key     []byte
	rec     *Recorder
	mu      sync.Mutex
	now     time.Time
	stopped chan string
	enc     opus.Encoder
	seq     map[string]uint16
	wave    []int16
}

func newKit(t *testing.T) *kit {
	t.Helper()
	enc, err := opus.NewEncoder(pcm.Rate, 24000)
	if err != nil {
		t.Fatal(err)
	}
	k := &kit{
		t: t, shelf: Folder{Path: t.TempDir()}, key: seal.NewKey(), now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), stopped: make(chan string, 1),
		enc: enc, seq: map[string]uint16{}, wave: mediatest.Tone(pcm.Rate, 10*pcm.Rate, 440, 12000),
	}
	k.start(1 << 30)
	return k
}

func (k *kit) start(limit int64) {
	k.rec = New(Config{
		Shelf: k.shelf, Key: k.own, Meeting: "m1", Limit: limit, Log: slog.New(slog.DiscardHandler), Now: k.clock,
		Stopped: func(p string) { k.stopped <- p },
	}, 0)
}

// own is everybody's key: whose is which is the archive's to know.
func (k *kit) own(string) ([]byte, error) { return k.key, nil }

func (k *kit) clock() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now
}

func (k *kit) wait(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(d)
}

// speak sends so much of a tone as the microphone of a participant. Packets for which drop says so are lost on the way.
func (k *kit) speak(who string, d time.Duration, drop func(i int) bool) {
	k.t.Helper()
	tap := k.rec.Tap(who, "microphone")
	buf := make([]byte, opus.MaxBytes)
	for i := range int(d / pcm.FrameDuration) {
		at := int(k.seq[who]) * pcm.FrameSamples % (len(k.wave) - pcm.FrameSamples)
		n, err := k.enc.Encode(buf, k.wave[at:at+pcm.FrameSamples])
		if err != nil {
			k.t.Fatal(err)
		}
		k.seq[who]++
		if drop == nil || !drop(i) {
			tap.WritePacket(sfu.Packet{
				At: k.clock(), Stream: 7, Codec: "opus", Seq: k.seq[who], Timestamp: uint32(k.clock().UnixMilli() * 48), Payload: buf[:n],
			})
		}
		k.wait(pcm.FrameDuration)
		k.settled()
	}
}

// settled waits until the queue is empty: a test is faster than any disk.
func (k *kit) settled() {
	k.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); len(k.rec.full) > maxItems/2; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			k.t.Fatal("the recorder does not take its packets")
		}
	}
}

func (k *kit) play(track string) *Player {
	k.t.Helper()
	p, err := Play(k.shelf, "m1", track, k.key)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { p.Close() })
	return p
}

// all reads the whole file, in pieces that fall between frames.
func (k *kit) all(p *Player) []byte {
	k.t.Helper()
	b, err := io.ReadAll(io.NewSectionReader(p, 0, p.Size()))
	if err != nil || int64(len(b)) != p.Size() {
		k.t.Fatalf("read %d of %d: %v", len(b), p.Size(), err)
	}
	part := make([]byte, 777)
	for off := int64(0); off < p.Size(); off += 5003 {
		n, err := p.ReadAt(part, off)
		if err != nil && !errors.Is(err, io.EOF) || !bytes.Equal(part[:n], b[off:off+int64(n)]) {
			k.t.Fatalf("bytes at %d are others when they are read alone: %v", off, err)
		}
	}
	return b
}

// frameAt is a block of a file, with its time in milliseconds.
type frameAt struct {
	at   int64
	key  bool
	data []byte
}

// blocks reads a WebM file by the rules of EBML alone, and checks that the cues lead to clusters.
func blocks(t *testing.T, b []byte) (list []frameAt, duration float64) {
	t.Helper()
	segment, cluster := int64(0), int64(0)
	clusters := map[int64]bool{}
	var cues []int64
	var walk func(from, to int64)
	walk = func(from, to int64) {
		for at := from; at < to; {
			begin := at
			n := int64(1)
			for mask := byte(0x80); b[at]&mask == 0; mask >>= 1 {
				n++
			}
			var id uint32
			for _, x := range b[at : at+n] {
				id = id<<8 | uint32(x)
			}
			at += n
			if b[at] != 1 {
				t.Fatalf("size of %x at %d is not of eight bytes", id, at)
			}
			size := int64(binary.BigEndian.Uint64(b[at:]) &^ (1 << 56))
			at += 8
			if at+size > to {
				t.Fatalf("%x at %d is longer than what it is in", id, begin)
			}
			switch id {
			case idSegment:
				segment = at
				walk(at, at+size)
			case idCluster:
				clusters[begin-segment] = true
				walk(at, at+size)
			case idInfo, idCues, idCuePoint, idCuePositions:
				walk(at, at+size)
			case idTimestamp:
				cluster = int64(binary.BigEndian.Uint64(b[at:]))
			case idCuePosition:
				cues = append(cues, int64(binary.BigEndian.Uint64(b[at:])))
			case idDuration:
				duration = math.Float64frombits(binary.BigEndian.Uint64(b[at:]))
			case idSimpleBlock:
				list = append(list, frameAt{cluster + int64(int16(binary.BigEndian.Uint16(b[at+1:]))), b[at+3]&0x80 != 0, b[at+4 : at+size]})
			}
			at += size
		}
	}
	walk(0, int64(len(b)))
	for _, c := range cues {
		if !clusters[c] {
			t.Errorf("a cue leads to %d, where no cluster begins", c)
		}
	}
	if len(cues) == 0 {
		t.Error("no cues")
	}
	return list, duration
}

// levels decodes sound and gives its level in each second, in dB below full scale.
func levels(t *testing.T, list []frameAt) (out []float64) {
	t.Helper()
	dec, err := opus.NewDecoder(pcm.Rate)
	if err != nil {
		t.Fatal(err)
	}
	var all []int16
	buf := make([]int16, pcm.Rate/8)
	for _, f := range list {
		if due := int64(len(all)) * 1000 / pcm.Rate; f.at < due-5 || f.at-list[0].at > due+15 {
			t.Fatalf("a frame for %d ms stands at %d ms", f.at, due)
		}
		n, err := dec.Decode(buf, f.data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, buf[:n]...)
	}
	for len(all) >= pcm.Rate {
		out = append(out, float64(pcm.Level(all[:pcm.Rate])))
		all = all[pcm.Rate:]
	}
	return out
}

// loud says which seconds hold a tone.
func loud(levels []float64) string {
	var b []byte
	for _, l := range levels {
		switch {
		case l > -25:
			b = append(b, '#')
		case l < -40: // a decoder fades out
			b = append(b, '.')
		default:
			b = append(b, '?')
		}
	}
	return string(b)
}

func (k *kit) sound(track string) (string, meetingv1.Track) {
	k.t.Helper()
	p := k.play(track)
	list, duration := blocks(k.t, k.all(p))
	about := p.About()
	if int64(duration) != about.Millis {
		k.t.Errorf("the file says %v ms, the track %d", duration, about.Millis)
	}
	return loud(levels(k.t, list)), about
}

const mic = "anna_microphone_opus"

// What was sent is played back; a pause is silence and a marked gap; who declines leaves nothing.
func TestPauseAndDecline(t *testing.T) {
	k := newKit(t)
	k.rec.Keep("anna", "")
	k.rec.Keep("bo", meetingv1.GapDeclined)
	k.speak("anna", 2*time.Second, nil)
	k.speak("bo", 200*time.Millisecond, nil)
	k.rec.Keep("anna", meetingv1.GapPaused)
	k.speak("anna", 2800*time.Millisecond, nil)
	k.rec.Keep("anna", "")
	k.speak("anna", 2*time.Second, nil)
	k.rec.Keep("anna", meetingv1.GapSide)
	k.speak("anna", time.Second, nil)
	k.speak("chris", time.Second, nil) // nobody has said that chris is to be recorded
	k.rec.Close()

	got, about := k.sound(mic)
	if got != "##...##" {
		t.Errorf("second by second: %s", got)
	}
	want := []meetingv1.Gap{{From: 2000, To: 5000, Reason: "paused"}, {From: 7000, To: 9000, Reason: "side"}}
	if diff := cmp.Diff(want, about.Gaps); diff != "" {
		t.Error(diff)
	}
	if !about.Whole || about.Source != "microphone" || about.ParticipantID != "anna" || about.Type != "audio/webm; codecs=opus" {
		t.Errorf("%+v", about)
	}
	if ids, err := k.shelf.Tracks("m1"); err != nil || len(ids) != 1 {
		t.Errorf("tracks %v, %v: of who is not recorded there is none", ids, err)
	}
}

// Single losses are silence; a longer one is told. A participant who was away is told as such. Late packets find their place.
func TestLossAndAbsence(t *testing.T) {
	k := newKit(t)
	k.rec.Keep("anna", "")
	k.speak("anna", 2*time.Second, func(i int) bool { return i == 30 })
	k.speak("anna", 2*time.Second, func(i int) bool { return i >= 20 && i < 60 })
	k.wait(4 * time.Second)
	k.speak("anna", time.Second, nil)
	k.rec.Close()
	_, about := k.sound(mic)
	want := []meetingv1.Gap{{From: 2400, To: 3200, Reason: "lost"}, {From: 4000, To: 8000, Reason: "none"}}
	if diff := cmp.Diff(want, about.Gaps); diff != "" {
		t.Error(diff)
	}
}

// A node that is killed leaves what it wrote. Whoever goes on adds to the same track.
func TestKilled(t *testing.T) {
	k := newKit(t)
	k.rec.Keep("anna", "")
	k.speak("anna", 9*time.Second, nil)
	path := filepath.Join(k.shelf.(Folder).Path, "m1", mic+suffix)
	var whole int64
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if st, err := os.Stat(path); err == nil && st.Size() > 20000 {
			whole = st.Size()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is written")
		}
		k.wait(maxAge) // a kill takes no more than this
	}
	// The disk after the kill: a frame in the middle of being written.
	killed := Folder{Path: t.TempDir()}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(killed.Path, "m1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(killed.Path, "m1", mic+suffix), b[:whole-100], 0o600); err != nil {
		t.Fatal(err)
	}
	k.rec.Close()
	k.shelf = killed
	p := k.play(mic)
	before := p.About()
	if before.Whole || before.Millis < 1000 {
		t.Errorf("%+v", before)
	}
	Rest(&before, before.BeganAt.Add(time.Minute))
	if g := before.Gaps; len(g) != 1 || g[0].Reason != meetingv1.GapInterrupted || g[0].To != 60000 {
		t.Errorf("the rest is not shown as a gap: %+v", g)
	}
	if got := loud(levels(t, first(blocks(t, k.all(p))))); len(got) == 0 || got != "########"[:len(got)] {
		t.Errorf("what was written plays as %s", got)
	}

	k.start(1 << 30)
	k.rec.Keep("anna", "")
	k.wait(3 * time.Second)
	k.speak("anna", 2*time.Second, nil)
	k.rec.Close()
	_, after := k.sound(mic)
	if len(after.Gaps) != 1 || after.Gaps[0].Reason != meetingv1.GapInterrupted || after.Gaps[0].From != p.About().Millis || !after.Whole {
		t.Errorf("%+v", after)
	}
	if after.Millis-after.Gaps[0].To != 2000 {
		t.Errorf("of two seconds after the gap %d ms are there", after.Millis-after.Gaps[0].To)
	}
}

// childFolder tells a copy of this test that it is to record there until it is killed.
const childFolder = "TEST_RECORDING_FOLDER"

// A process that is killed with SIGKILL in the middle of writing leaves a track that plays.
func TestKilledProcess(t *testing.T) {
	key := bytes.Repeat([]byte{5}, seal.KeySize)
	if folder := os.Getenv(childFolder); folder != "" {
		k := newKit(t)
		k.rec.Close()
		k.shelf, k.key = Folder{Path: folder}, key
		k.start(1 << 30)
		k.rec.Keep("anna", "")
		for {
			k.speak("anna", time.Second, nil)
		}
	}
	k := newKit(t)
	k.rec.Close()
	k.key = key
	folder := k.shelf.(Folder).Path
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcess$")
	cmd.Env = append(os.Environ(), childFolder+"="+folder, "TMPDIR="+t.TempDir()) // killed, it removes nothing
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if st, err := os.Stat(filepath.Join(folder, "m1", mic+suffix)); err == nil && st.Size() > 100_000 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("nothing is written")
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	got, about := k.sound(mic)
	if strings.Trim(got, "#") != "" || len(got) < 20 || about.Whole || len(about.Gaps) != 0 {
		t.Errorf("%s, %+v", got, about)
	}
}

func first[A, B any](a A, _ B) A { return a }

// Nothing can be read without the key, or moved to another place.
func TestSealed(t *testing.T) {
	k := newKit(t)
	k.rec.Keep("anna", "")
	k.speak("anna", time.Second, nil)
	k.rec.Close()
	if _, err := Play(k.shelf, "m1", mic, seal.NewKey()); errs.KindOf(err) != errs.Internal {
		t.Errorf("with another key: %v", err)
	}
	folder := k.shelf.(Folder).Path
	b, err := os.ReadFile(filepath.Join(folder, "m1", mic+suffix))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(b, []byte("microphone")) || bytes.Contains(b, []byte("Opus")) {
		t.Error("the file says in clear what it is")
	}
	if err := os.WriteFile(filepath.Join(folder, "m1", "bo_microphone_opus"+suffix), b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Play(k.shelf, "m1", "bo_microphone_opus", k.key); err == nil {
		t.Error("a track plays as another person's")
	}
	for _, id := range []string{"../m1/" + mic, "", "..", "nobody"} {
		if _, err := Play(k.shelf, "m1", id, k.key); errs.KindOf(err) != errs.NotFound {
			t.Errorf("track %q: %v", id, err)
		}
	}
	if err := k.shelf.Delete("m1"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "m1")); !errors.Is(err, os.ErrNotExist) {
		t.Error("the files are there after deletion")
	}
}

// A recording that has no more room says so once, and what was written plays.
func TestNoRoom(t *testing.T) {
	for name, tt := range map[string]struct {
		limit int64
		spare int64
		want  string
	}{
		"limit": {30000, 0, meetingv1.ProblemLimit},
		"disk":  {1 << 30, 1 << 60, meetingv1.ProblemDisk},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t)
			k.rec.Close()
			k.shelf = Folder{Path: k.shelf.(Folder).Path, Spare: tt.spare}
			k.start(tt.limit)
			k.rec.Keep("anna", "")
			k.speak("anna", 20*time.Second, nil)
			k.rec.Close()
			select {
			case got := <-k.stopped:
				if got != tt.want {
					t.Errorf("stopped for %q", got)
				}
			case <-time.After(2 * time.Minute):
				t.Fatal("nobody is told")
			}
			if tt.spare > 0 {
				return
			}
			if got, about := k.sound(mic); len(got) < 2 || about.Whole {
				t.Errorf("%s, %+v", got, about)
			}
		})
	}
}

// Pictures begin with a keyframe, also after a loss, and are whole.
func TestPictures(t *testing.T) {
	k := newKit(t)
	k.rec.Keep("anna", "")
	tap := k.rec.Tap("anna", "camera")
	key := append([]byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0xe0, 0x01}, bytes.Repeat([]byte{1}, 1900)...)
	delta := append([]byte{0x11, 0, 0}, bytes.Repeat([]byte{2}, 900)...)
	seq, asked := uint16(65530), 0
	show := func(frame []byte, lose int) {
		for i := 0; len(frame) > 0; i++ {
			n := min(1000, len(frame))
			descriptor := byte(0)
			if i == 0 {
				descriptor = 0x10
			}
			if i != lose && tap.WritePacket(sfu.Packet{
				At: k.clock(), Stream: 9, Codec: "VP8", Seq: seq, Timestamp: uint32(k.clock().UnixMilli() * 90),
				Marker: n == len(frame), Payload: append([]byte{descriptor}, frame[:n]...),
			}) {
				asked++
			}
			seq++
			frame = frame[n:]
		}
		k.wait(40 * time.Millisecond)
		k.settled()
	}
	show(delta, -1) // nothing can be shown of this
	show(key, -1)
	for range 10 {
		show(delta, -1)
	}
	show(delta, 0) // lost
	for range 30 {
		show(delta, -1)
	}
	for deadline := time.Now().Add(2 * time.Minute); asked == 0; time.Sleep(time.Millisecond) {
		show(delta, -1)
		if time.Now().After(deadline) {
			t.Fatal("no keyframe is asked for")
		}
	}
	show(key, -1)
	for range 10 {
		show(delta, -1)
	}
	k.rec.Close()
	p := k.play("anna_camera_vp8")
	list, _ := blocks(t, k.all(p))
	if len(list) != 22 || !list[0].key || !list[11].key || list[12].key || !bytes.Equal(list[0].data, key) || !bytes.Equal(list[21].data, delta) {
		t.Errorf("%d pictures, or not these", len(list))
	}
	about := p.About()
	if len(about.Gaps) != 1 || about.Gaps[0].Reason != meetingv1.GapLost || p.account.Width != 640 || p.account.Height != 480 {
		t.Errorf("%+v", about)
	}
}

// written waits until a cluster of a track is on the disk.
func (k *kit) written(track string) {
	k.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Millisecond) {
		if f, err := k.shelf.Open("m1", track); err == nil {
			list, _, err := walk(f)
			f.Close()
			if err == nil && slices.ContainsFunc(list, func(e entry) bool { return e.kind == kindCluster }) {
				return
			}
		}
		if time.Now().After(deadline) {
			k.t.Fatal("nothing is written")
		}
	}
}

// Two nodes that both believe that they have a room do not write into each other's track, nor the earlier one beside the later one's; and
// the tap makes nothing new once it runs.
func TestTwoWritersAndNoGarbage(t *testing.T) {
	k := newKit(t)
	k.rec.Keep("anna", "")
	k.speak("anna", 3*time.Second, nil)
	k.written("anna_microphone_opus")
	old := k.rec
	k.start(1 << 30)
	k.rec.Keep("anna", "")
	k.speak("anna", 3*time.Second, nil)
	k.written("anna_microphone_opus_2")
	wake := k.rec
	k.rec = old // hung, and does not know yet that the other one has gone on
	k.speak("anna", 3*time.Second, nil)
	old.Close()
	wake.Close()
	ids, err := k.shelf.Tracks("m1")
	if err != nil || len(ids) != 2 {
		t.Fatalf("tracks %v, %v", ids, err)
	}
	before, first := k.sound(ids[0])
	after, second := k.sound(ids[1])
	if len(before) < 2 || before[:2] != "##" || len(after) < 2 || after[:2] != "##" {
		t.Errorf("the pieces play as %s and %s", before, after)
	}
	if first.Whole || !second.Whole || second.BeganAt.Before(first.BeganAt.Add(time.Duration(first.Millis)*time.Millisecond)) {
		t.Errorf("one goes on in the other's time: %+v, %+v", first, second)
	}
	k.start(1 << 30)
	k.rec.Keep("anna", "")
	k.speak("anna", time.Second, nil)
	k.rec.Close()
	if _, again := k.sound(ids[1]); again.Millis <= second.Millis {
		t.Errorf("the last piece does not go on: %+v", again)
	}

	// Nobody takes the packets any more: what is measured is the tap alone.
	tap, p := old.Tap("anna", "microphone"), sfu.Packet{At: k.clock(), Stream: 7, Codec: "opus", Payload: silence[:]}
	send := func() { tap.WritePacket(p) }
	for range 200 {
		send()
	}
	for len(old.full) > 0 {
		old.release(<-old.full)
	}
	if n := testing.AllocsPerRun(100, send); n != 0 {
		t.Errorf("%v allocations a packet", n)
	}
}

// The size of an H.264 picture stands in its parameters.
func TestSPSSize(t *testing.T) {
	for name, tt := range map[string]struct {
		sps  []byte
		w, h int
	}{
		// Baseline, as browsers send it: 40 × 23 macroblocks, of which 8 lines are cut off.
		"360 lines": {[]byte{0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84, 0x6a}, 640, 360},
		"empty":     {nil, 0, 0},
		"cut off":   {[]byte{0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d}, 0, 0},
		"zeros":     {make([]byte, 40), 0, 0},
	} {
		if w, h := spsSize(tt.sps); w != tt.w || h != tt.h {
			t.Errorf("%s: %d × %d", name, w, h)
		}
	}
}

// A codec that is not kept is told, and the tap never waits.
func TestUnknownCodecAndFullQueue(t *testing.T) {
	k := newKit(t)
	k.rec.Keep("anna", "")
	tap := k.rec.Tap("anna", "screen")
	for range 10 {
		tap.WritePacket(sfu.Packet{At: k.clock(), Codec: "H265", Payload: []byte{1, 2, 3}})
	}
	k.rec.Close()
	p := k.play("anna_screen_h265")
	if about := p.About(); p.Size() != 0 || len(about.Gaps) != 1 || about.Gaps[0].Reason != meetingv1.GapFormat {
		t.Errorf("%+v", about)
	}
	for range maxItems + 10 { // nobody takes them any more
		k.rec.Tap("anna", "screen").WritePacket(sfu.Packet{At: k.clock(), Codec: "H265", Payload: []byte{1, 2, 3}})
	}
	if k.rec.dropped.Load() == 0 || tap.why != meetingv1.GapLost {
		t.Errorf("%d dropped, %q", k.rec.dropped.Load(), tap.why)
	}
}
