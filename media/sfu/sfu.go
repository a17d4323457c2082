// Package sfu forwards sound, pictures, typed text and messages between the participants of meetings, without mixing or
// recoding them: a selective forwarding unit. It knows rooms, peers and groups inside a room, and nothing of names, bookings or
// rights: its owner decides who joins, who hears whom, who is muted.
//
// A peer has at most two WebRTC connections: one that it publishes on (it offers; also WHIP) and one that it subscribes on (the
// SFU offers, and offers again when tracks come and go; or, for WHEP, the peer offers). The SFU is an ICE-lite agent on a few
// shared ports; DTLS, SCTP and SRTP are pion's. See PROTOCOL.md for what a client must do and DESIGN.md for the reasons.
//
// What runs concurrently: a few goroutines read the sockets, and each carries a packet all the way to the sockets of all who get
// it. A room is one lock. One goroutine does what is due by time. Callbacks of a room come from one goroutine of that room, in
// order, and may call anything here except Close of the SFU; audio writers are called from a media clock.
package sfu

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"time"
)

// Errors of this package, for errors.Is.
var (
	ErrClosed   = errors.New("sfu: closed")
	ErrDraining = errors.New("sfu: takes no new peers")
	ErrSDP      = errors.New("sfu: session description cannot be used")
	ErrState    = errors.New("sfu: not now")
	ErrNoPeer   = errors.New("sfu: no such peer")
	ErrLimit    = errors.New("sfu: too many")
)

// Config of an SFU.
type Config struct {
	// UDP addresses to listen on, such as ":5004" or "127.0.0.1:0"; all media of all rooms goes through them.
	UDP []string
	// TCP addresses for clients whose network has no UDP (RFC 6544, passive candidates).
	TCP []string
	// PublicIPs are told to clients instead of our own addresses, as behind 1:1 NAT.
	PublicIPs []string
	// Readers is how many sockets and goroutines share each UDP address; 0: one per four processors, at most 4:
	// one reader takes some 100,000 packets a second, and fewer readers find more packets at a time. Linux only.
	Readers int
	TURN    TURNConfig
	Log     *slog.Logger
	Now     func() time.Time // nil: time.Now
}

// TURNConfig sets up the built-in TURN server, which relays to this SFU and to nothing else. No addresses: no server.
type TURNConfig struct {
	UDP, TCP, TLS []string    // addresses to listen on
	Certificate   *tls.Config // for TLS
	Realm         string
	Secret        string // signs credentials
	// URLs that clients are told, such as "turns:media.example.dk:443?transport=tcp".
	URLs []string
}

// Kind of media.
type Kind uint8

// Kinds.
const (
	Audio Kind = iota
	Video
)

func (k Kind) String() string { return [...]string{"audio", "video"}[k] }

// Source says what a track shows or sounds of. The first audio section of an offer is the microphone and the first video section
// the camera; sections with a=content:slides (RFC 4796), and second ones, are the shared screen and its sound.
type Source string

// Sources.
const (
	Microphone  Source = "microphone"
	Camera      Source = "camera"
	Screen      Source = "screen"
	ScreenSound Source = "sound"
)

// Kind of the source's media.
func (s Source) Kind() Kind {
	if s == Microphone || s == ScreenSound {
		return Audio
	}
	return Video
}

// MainGroup is where peers are who were put nowhere else.
const MainGroup = "main"

// RoomConfig holds a room's callbacks; nil ones are left out.
type RoomConfig struct {
	// Speakers tells who is heard, the loudest first, at most five times a second and only when something changed.
	Speakers func([]Speaker)
}

// Speaker is how loud a peer is.
type Speaker struct {
	Peer     string
	DB       int // below full scale: 0 loudest, 127 silence (RFC 6464)
	Speaking bool
	Active   bool // the one to show large
}

// Side names one of a peer's two connections.
type Side uint8

// Sides.
const (
	Publishing Side = iota
	Subscribing
)

func (s Side) String() string { return [...]string{"publish", "subscribe"}[s] }

// Quality is how well a subscriber's network carries what it should see.
type Quality string

// Qualities. AudioOnly: video is withheld so that the sound gets through. Lost: nothing comes from the peer any more, on any of its
// connections, also from one that only publishes.
const (
	Good      Quality = "good"
	Fair      Quality = "fair"
	Poor      Quality = "poor"
	AudioOnly Quality = "audio-only"
	Lost      Quality = "lost"
)

// Labels of data channels. A client opens them, ordered and reliable, with the protocol "t140" for text (RFC 8865). What it writes
// comes to everybody who hears it on a channel "LABEL:PEER" that the SFU opens.
const (
	TextLabel = "t140"
	DataLabel = "data"
)

// Message came on a data channel.
type Message struct {
	Label string // TextLabel or DataLabel
	Data  []byte
	Text  bool   // UTF-8 string rather than bytes; always so with TextLabel
	Group string // that the peer was in; set by the SFU
}

// Track is one thing that a peer publishes.
type Track struct {
	Peer   string
	Source Source
	Codec  string // as SDP writes it: opus, VP8, H264, VP9, AV1
}

// Flags of AudioWriter.WriteFrame.
const (
	// Filled: nothing was received for this frame; it is silence or made up. The bit is that of audiov1.FlagFilled.
	Filled uint8 = 1 << 2
)

// AudioWriter takes the sound of one track: 16 kHz mono frames of 20 ms. The slice is valid during the call. Lost says that as
// many samples that were to come next are missing. Calls come one at a time and must not block.
type AudioWriter interface {
	WriteFrame(samples []int16, captured time.Time, flags uint8) error
	Lost(samples int64)
}

// PeerConfig says who joins. Callbacks may be nil; they come one at a time and in order for all peers of a room.
type PeerConfig struct {
	ID    string // one token of letters, digits, "-" and "_", at most 48
	Group string // empty: MainGroup, or that of the peer whose place it takes

	// Interpreter: all others get this peer's camera before anybody's when bandwidth is short, with its full frame rate at a
	// smaller size rather than fewer frames.
	Interpreter bool

	// Muted sources, from before the first packet.
	Muted []Source

	Offer   func(sdp string)         // a new offer for the subscribing connection: call Answer
	State   func(side Side, up bool) // a connection works, or does no more (it may come back)
	Quality func(Quality)            // of the peer's network, when it changes
	Tracks  func([]Track)            // what this peer publishes now
	Message func(Message)            // from this peer, also when nobody else gets it

	// Sound and Packets are asked when a track begins: what they return is given the track until it ends. Nil: nothing. They are
	// asked while the room is locked and must not call this package.
	Sound   func(Track) AudioWriter
	Packets func(Track) PacketWriter

	// Mix takes what this peer should hear, mixed, for peers without WebRTC: 16 kHz mono frames of 20 ms.
	Mix func(samples []int16)
}

// View is how a subscriber sees one track.
type View struct {
	Width, Height int  // in device pixels; 0: any
	Pinned        bool // before others when bandwidth is short
	Paused        bool // not seen: send nothing
}

// ICEServer is what a browser's RTCPeerConnection takes.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// Stats counts since the SFU was made, but for the first three, which are now.
type Stats struct {
	Rooms, Peers int
	SoundOnly    int // subscribers whose network carries no picture

	PacketsIn, BytesIn       uint64 // RTP, as received
	PacketsOut, BytesOut     uint64 // RTP, as sent
	Retransmitted            uint64 // on a subscriber's request
	Requested                uint64 // from publishers
	Keyframes                uint64 // asked of publishers
	Malformed                uint64 // no RTP, RTCP or STUN, or of an unknown stream
	Replayed                 uint64 // or forged: refused by SRTP
	Throttled                uint64 // over a publisher's limit
	Muted                    uint64 // packets that were not forwarded for it
	SendErrors, QueueDropped uint64
	MessagesIn, MessagesOut  uint64
	MessagesDropped          uint64 // too long, too many, or a receiver too slow
}
