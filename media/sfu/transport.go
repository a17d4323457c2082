package sfu

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/logging"
	"github.com/pion/rtcp"
	"github.com/pion/srtp/v3"

	"samtale.dk/samtale/media/sfu/internal/batch"
	"samtale.dk/samtale/media/sfu/internal/desc"
	"samtale.dk/samtale/media/sfu/internal/packet"
	"samtale.dk/samtale/media/sfu/internal/protect"
)

const (
	// silentAfter: a connection from which nothing at all came for so long is down. Browsers check at least every 2.5 s, and
	// libraries that follow RFC 7675 to the letter every 6 s; who only receives reports at least every 6.2 s (RFC 3550 section 6.3.1).
	silentAfter = 7 * time.Second

	// handshakeLimit bounds the DTLS handshake.
	handshakeLimit = 30 * time.Second

	// flightEvery: an unanswered flight is sent again; the default of a second would be felt.
	flightEvery = 200 * time.Millisecond

	// maxAddrs is how many addresses of one client are remembered while it changes networks.
	maxAddrs = 8
)

// path is how a transport is reached. The zero path is nowhere.
type path struct {
	dst  *batch.Dest // never changed, only replaced
	port int
	tcp  *tcpConn // instead of dst
}

func (p *path) reachable() bool { return p.dst != nil || p.tcp != nil }

// transport is one WebRTC connection of a peer: ICE-lite, DTLS and SRTP. All of it is guarded by the room's lock, but for what the
// comments say.
type transport struct {
	path
	sfu  *SFU
	room *Room
	peer *Peer
	side Side
	pipe *pipe // DTLS records; has its own lock

	creds       []cred // the last is the present one; the one before is still good after a restart
	remoteUfrag string
	fingerprint [32]byte
	client      bool // in DTLS
	known       bool // the remote description is known
	started     bool // the handshake is
	closed      bool
	up          bool
	came        bool   // it has been up
	session     uint64 // of our descriptions
	version     uint64

	addrs    []netip.AddrPort
	lastSeen time.Time

	in, out  *protect.Context // nil before the handshake
	conn     *dtls.Conn
	channels *channels // nil without data channels

	// Publishing: what comes.
	types     [128]payloadType
	ext       extIDs
	ssrcs     map[uint32]*stream
	budget    budget
	wide      *twcc.Recorder
	wideSince time.Time // the first packet since the last feedback; zero: nothing to tell
	wideBytes int       // since then
	wideSSRC  uint32
	began     time.Time
	reported  time.Time

	// Subscribing: what goes.
	wideID  uint8
	wideSeq uint16
}

type cred struct{ ufrag, pwd string }

// payloadType is what one stands for.
type payloadType struct {
	codec packet.Codec
	red   bool
	of    uint8 // it repeats packets of this type
	rtx   bool
}

// extIDs are the negotiated ids of header extensions; 0: none.
type extIDs struct{ level, wide, mid, rid, rrid, desc uint8 }

func extensions(m map[string]uint8) extIDs {
	return extIDs{m[desc.ExtLevel], m[desc.ExtWide], m[desc.ExtMid], m[desc.ExtRid], m[desc.ExtRRid], m[desc.ExtDesc]}
}

func newTransport(p *Peer, side Side) *transport {
	now := p.room.sfu.now()
	t := &transport{
		sfu: p.room.sfu, room: p.room, peer: p, side: side, pipe: newPipe(),
		session: mrand.Uint64() >> 2, ssrcs: map[uint32]*stream{}, began: now, lastSeen: now, reported: now,
	}
	t.pipe.write = func(b []byte) { t.sfu.slow.send(t, b) }
	t.newCred()
	return t
}

// newCred makes new ICE credentials of ours (RFC 8445 section 5.3: 24 and 128 bits of randomness at least).
func (t *transport) newCred() {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails
	text := base64.RawURLEncoding.EncodeToString(b)
	c := cred{ufrag: ice(text[:8]), pwd: ice(text[8:])}
	t.creds = append(t.creds, c)
	t.sfu.addUfrag(c.ufrag, t)
}

// ice uses only what ice-char allows.
func ice(s string) string {
	b := []byte(s)
	for i, c := range b {
		switch c {
		case '-':
			b[i] = '+'
		case '_':
			b[i] = '/'
		}
	}
	return string(b)
}

func (t *transport) cred() cred { return t.creds[len(t.creds)-1] }

// remote takes a client's description.
func (t *transport) remote(r *desc.Remote) {
	if t.known && t.remoteUfrag != r.Ufrag {
		t.restart()
	}
	t.remoteUfrag, t.fingerprint = r.Ufrag, r.Fingerprint
	if !t.known {
		t.client = t.side == Subscribing && r.Setup == "passive"
	}
	t.known = true
	t.start()
}

// restart makes new credentials; the old ones are good until the next restart, so that media goes on until the new path is there.
func (t *transport) restart() {
	t.newCred()
	if n := len(t.creds) - 2; n > 0 {
		old := t.creds[:n]
		t.creds = slices.Clone(t.creds[n:])
		for _, c := range old {
			t.sfu.removeTransport(t, []string{c.ufrag}, nil)
		}
	}
}

// local begins a description of ours.
func (t *transport) local(setup string) desc.Local {
	c := t.cred()
	t.version++
	return desc.Local{
		ID: t.session, Version: t.version, Ufrag: c.ufrag, Pwd: c.pwd,
		Fingerprint: t.sfu.print, Setup: setup, Candidates: t.sfu.candidates,
	}
}

// start begins the handshake when there is somebody to shake hands with.
func (t *transport) start() {
	if t.started || t.closed || !t.known || !t.reachable() {
		return
	}
	t.started = true
	client, fingerprint := t.client, t.fingerprint
	t.sfu.wg.Go(func() { t.handshake(client, fingerprint) })
}

var errFingerprint = errors.New("sfu: certificate is not that of the description")

// secure are the settings of a handshake. The profile of ours that comes first and that the client has is taken.
func (t *transport) secure(fingerprint [32]byte) []dtls.Option {
	return []dtls.Option{
		dtls.WithCertificates(t.sfu.cert),
		dtls.WithSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80),
		dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithInsecureSkipVerify(true), // the fingerprint of the description is what counts (RFC 8827 section 5.6)
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || sha256.Sum256(raw[0]) != fingerprint {
				return errFingerprint
			}
			return nil
		}),
		dtls.WithFlightInterval(flightEvery),
		dtls.WithLoggerFactory(silence{}),
	}
}

func (t *transport) dial(client bool, fingerprint [32]byte) (*dtls.Conn, error) {
	if client {
		var opts []dtls.ClientOption
		for _, o := range t.secure(fingerprint) {
			opts = append(opts, o)
		}
		return dtls.ClientWithOptions(t.pipe, pipeAddr{}, opts...)
	}
	opts := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
	for _, o := range t.secure(fingerprint) {
		opts = append(opts, o)
	}
	return dtls.ServerWithOptions(t.pipe, pipeAddr{}, opts...)
}

func (t *transport) handshake(client bool, fingerprint [32]byte) {
	conn, err := t.dial(client, fingerprint)
	if err != nil {
		t.failed("DTLS", err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), handshakeLimit)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		t.failed("DTLS handshake", err)
		return
	}
	if err := t.keys(conn, client); err != nil {
		_ = conn.Close()
		t.failed("SRTP keys", err)
		return
	}
	t.serveData(conn, client)
}

// failed is for a connection that never came up. The owner sees that it does not; the client tries again.
func (t *transport) failed(what string, err error) {
	t.room.mu.Lock()
	closed := t.closed
	t.room.mu.Unlock()
	if !closed {
		t.sfu.log.Info("sfu: connection failed", "room_id", t.room.id, "peer_id", t.peer.cfg.ID, "side", t.side.String(), "what", what, "err", err)
	}
}

// keys sets SRTP up (RFC 5764 section 4.2). Media flows from here on.
func (t *transport) keys(conn *dtls.Conn, client bool) error {
	chosen, ok := conn.SelectedSRTPProtectionProfile()
	if !ok {
		return errors.New("no profile")
	}
	profile := srtp.ProtectionProfile(chosen)
	state, ok := conn.ConnectionState()
	if !ok {
		return errors.New("no state")
	}
	cfg := srtp.Config{Profile: profile}
	if err := cfg.ExtractSessionKeysFromDTLS(&state, client); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	in, err := protect.New(profile, cfg.Keys.RemoteMasterKey, cfg.Keys.RemoteMasterSalt)
	if err != nil {
		return err
	}
	out, err := protect.New(profile, cfg.Keys.LocalMasterKey, cfg.Keys.LocalMasterSalt)
	if err != nil {
		return err
	}
	t.room.mu.Lock()
	defer t.room.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	t.in, t.out, t.conn = in, out, conn
	t.seen(t.sfu.now())
	return nil
}

// seen marks the connection as alive.
func (t *transport) seen(now time.Time) {
	t.lastSeen = now
	if t.up || t.out == nil || t.closed {
		return
	}
	t.up, t.came = true, true
	t.peer.told(t.side, true)
	if t.channels != nil {
		t.sfu.wg.Go(t.peer.catchUp)
	}
	if t.side == Subscribing {
		t.peer.refresh()
	}
}

// check takes a connection down that is silent.
func (t *transport) check(now time.Time) {
	if t.up && t.silent(now) {
		t.up = false
		t.peer.told(t.side, false)
	}
}

func (t *transport) silent(now time.Time) bool { return now.Sub(t.lastSeen) > silentAfter }

// close ends it; the room's lock is held, so what may block is done elsewhere.
func (t *transport) close() {
	if t.closed {
		return
	}
	t.closed = true
	if t.up {
		t.up = false
		t.peer.told(t.side, false)
	}
	var ufrags []string
	for _, c := range t.creds {
		ufrags = append(ufrags, c.ufrag)
	}
	addrs := t.addrs
	conn, ch, tcp := t.conn, t.channels, t.tcp
	if ch != nil {
		ch.end()
	}
	t.sfu.wg.Go(func() {
		if ch != nil {
			ch.close()
		}
		if conn != nil {
			_ = conn.Close() // sends close_notify, by the path below
		}
		_ = t.pipe.Close()
		t.sfu.removeTransport(t, ufrags, addrs)
		if tcp != nil {
			tcp.close()
		}
	})
}

// sendRTCP encrypts and sends a compound packet.
func (t *transport) sendRTCP(out *egress, packets ...rtcp.Packet) {
	if t.out == nil || !t.reachable() || len(packets) == 0 {
		return
	}
	b, err := rtcp.Marshal(packets)
	if err != nil || len(b)+protect.Room > batch.Size {
		return
	}
	slot := out.slot(&t.path)
	b, err = t.out.SealRTCP(slot[:copy(slot, b)])
	if err != nil {
		return
	}
	out.commit(&t.path, len(b))
}

// silence keeps pion's logging out: it writes addresses, and what matters comes back as an error.
type silence struct{}

func (silence) NewLogger(string) logging.LeveledLogger {
	return logging.NewDefaultLeveledLoggerForScope("", logging.LogLevelDisabled, io.Discard)
}
