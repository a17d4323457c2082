package recording

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/seal"
)

// A track is a row of frames:
//
//	bytes  0–3   length of what is sealed
//	       4     kind: note or cluster
//	       5     flags
//	       6–9   first millisecond of the track that it holds
//	      10–13  the one after the last
//	      14–    sealed (platform/seal: AES-256-GCM)
//
// All numbers are big-endian. The frame's head, its place in the row, the meeting and the track are the associated data: frames
// cannot be changed, reordered, or carried to another track. What follows the last whole frame is not there.
const (
	headLen = 14

	kindNote    = 1 // JSON: what the track is, and its gaps
	kindCluster = 2 // a WebM cluster

	flagKey = 1 // it begins with a keyframe, or is sound: one can start playing here

	// maxFrame is more than a cluster with a large keyframe has.
	maxFrame = 4 << 20
)

type head struct {
	kind, flags byte
	from, to    int64
}

func (h head) bytes(sealed int) []byte {
	b := make([]byte, headLen)
	binary.BigEndian.PutUint32(b, uint32(sealed))
	b[4], b[5] = h.kind, h.flags
	binary.BigEndian.PutUint32(b[6:], uint32(h.from))
	binary.BigEndian.PutUint32(b[10:], uint32(h.to))
	return b
}

// overhead is how much longer something is when it is sealed: version, nonce and tag.
const overhead = 1 + 12 + 16

// note is what a track says of itself. The first one has Began and what follows it.
type note struct {
	Began       time.Time `json:"began,omitzero"`
	Participant string    `json:"participant,omitempty"`
	Source      string    `json:"source,omitempty"`
	Codec       string    `json:"codec,omitempty"`
	Private     []byte    `json:"private,omitempty"` // of the codec
	Width       int       `json:"width,omitempty"`
	Height      int       `json:"height,omitempty"`

	Gap  *gap `json:"gap,omitempty"`
	Done bool `json:"done,omitempty"` // the track was ended in good order
}

// gap is a stretch in which nothing was kept; To zero: to the end.
type gap struct {
	From   int64  `json:"from"`
	To     int64  `json:"to,omitempty"`
	Reason string `json:"reason"`
}

// frames writes a track.
type frames struct {
	to    io.Writer
	key   []byte
	place string
	next  int
}

func place(meeting, track string) string { return meeting + "/recording/" + track }

func aad(place string, seq int, head []byte) string {
	return place + "/" + strconv.Itoa(seq) + "/" + hex.EncodeToString(head)
}

// add writes one frame, in one piece, and returns how long it is.
func (f *frames) add(h head, plain []byte) (int, error) {
	b := h.bytes(len(plain) + overhead)
	sealed, err := seal.Seal(f.key, plain, aad(f.place, f.next, b))
	if err != nil {
		return 0, err
	}
	b = append(b, sealed...)
	if _, err := f.to.Write(b); err != nil {
		return 0, fmt.Errorf("recording: %w", err)
	}
	f.next++
	return len(b), nil
}

func (f *frames) note(at int64, n note) (int, error) {
	plain, err := json.Marshal(n)
	if err != nil {
		return 0, err
	}
	return f.add(head{kind: kindNote, from: at, to: at}, plain)
}

// entry is a frame as found in a file.
type entry struct {
	head
	raw []byte // the head as it stands there
	at  int64  // of what is sealed, in the file
	len int    // of what is sealed
	seq int
}

// plain is how long the frame's content is.
func (e entry) plain() int64 { return int64(e.len - overhead) }

// walk finds the whole frames of a file, and where they end.
func walk(t Track) (list []entry, end int64, err error) {
	size, err := t.Size()
	if err != nil {
		return nil, 0, fmt.Errorf("recording: %w", err)
	}
	for end+headLen <= size {
		b := make([]byte, headLen)
		if _, err := t.ReadAt(b, end); err != nil {
			return nil, 0, fmt.Errorf("recording: %w", err)
		}
		n := int64(binary.BigEndian.Uint32(b))
		if n < overhead || n > maxFrame || end+headLen+n > size {
			break
		}
		list = append(list, entry{
			head: head{b[4], b[5], int64(binary.BigEndian.Uint32(b[6:])), int64(binary.BigEndian.Uint32(b[10:]))},
			raw:  b, at: end + headLen, len: int(n), seq: len(list),
		})
		end += headLen + n
	}
	return list, end, nil
}

// open decrypts a frame.
func (e entry) open(t Track, key []byte, place string) ([]byte, error) {
	b := make([]byte, e.len)
	if _, err := t.ReadAt(b, e.at); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	plain, err := seal.Open(key, b, aad(place, e.seq, e.raw))
	if err != nil {
		return nil, errs.E(errs.Internal, "Optagelsen er beskadiget og kan ikke afspilles.", fmt.Errorf("frame %d: %w", e.seq, err))
	}
	return plain, nil
}

// notes decrypts the notes among frames and puts the track's account together.
func notes(t Track, list []entry, key []byte, place string) (account, error) {
	var a account
	for _, e := range list {
		if e.kind != kindNote {
			a.to = max(a.to, e.to)
			continue
		}
		plain, err := e.open(t, key, place)
		if err != nil {
			return a, err
		}
		var n note
		if err := json.Unmarshal(plain, &n); err != nil {
			return a, errs.E(errs.Internal, "", fmt.Errorf("recording: note %d: %w", e.seq, err))
		}
		a.take(n)
	}
	return a, nil
}

// account is what is known of a track.
type account struct {
	note
	gaps []gap
	to   int64
}

func (a *account) take(n note) {
	if !n.Began.IsZero() {
		a.note = n
	}
	if n.Gap != nil {
		a.gaps = append(a.gaps, *n.Gap)
		a.to = max(a.to, n.Gap.To)
	}
	a.Done = n.Done
}
