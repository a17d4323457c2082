package protect

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
)

var profiles = map[string]srtp.ProtectionProfile{
	"GCM 128": srtp.ProtectionProfileAeadAes128Gcm,
	"GCM 256": srtp.ProtectionProfileAeadAes256Gcm,
	"CM":      srtp.ProtectionProfileAes128CmHmacSha1_80,
}

func keys(t *testing.T, p srtp.ProtectionProfile) (key, salt []byte) {
	t.Helper()
	k, err := p.KeyLen()
	if err != nil {
		t.Fatal(err)
	}
	s, err := p.SaltLen()
	if err != nil {
		t.Fatal(err)
	}
	for i := range k + s {
		key = append(key, byte(7*i+1))
	}
	return key[:k], key[k:]
}

// pair is ours and pion's context of the same keys.
func pair(t *testing.T, p srtp.ProtectionProfile) (*Context, *srtp.Context) {
	t.Helper()
	key, salt := keys(t, p)
	ours, err := New(p, key, salt)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := srtp.CreateContext(key, salt, p)
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// media is a packet with a contributing source and an extension in its header, which is at bytes long.
func media(t *testing.T, ssrc uint32, seq uint16) (b []byte, at int) {
	t.Helper()
	p := rtp.Packet{Header: rtp.Header{
		Version: 2, PayloadType: 96, SSRC: ssrc, SequenceNumber: seq, Timestamp: 90 * uint32(seq), Marker: true, CSRC: []uint32{9},
	}, Payload: bytes.Repeat([]byte{byte(seq), 0xa5}, int(seq%600))}
	if err := p.SetExtension(3, []byte{byte(seq >> 8), byte(seq)}); err != nil {
		t.Fatal(err)
	}
	b, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b, p.Header.MarshalSize()
}

// roomy is a packet in a buffer with room behind it, as a socket's slot is.
func roomy(b []byte) []byte { return append(make([]byte, 0, len(b)+64), b...) }

// order of sequence numbers over three beginnings anew, some late, across the beginning too, and some missing.
func order() []uint16 {
	var all []uint16
	for i := range 3 * 65536 / 64 {
		at := uint16(30000 + i*64)
		all = append(all, at, at+3, at+1, at+40, at+17)
	}
	return all
}

func TestAgainstPion(t *testing.T) {
	for name, profile := range profiles {
		t.Run(name, func(t *testing.T) {
			sealer, opens := pair(t, profile)
			opener, seals := pair(t, profile)
			for i, seq := range order() {
				ssrc := uint32(1 + i/5%3)
				plain, at := media(t, ssrc, seq)
				sealed, err := sealer.SealRTP(roomy(plain), at)
				if err != nil {
					t.Fatalf("seal %d: %v", seq, err)
				}
				want, err := seals.EncryptRTP(nil, plain, nil)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(sealed, want) || len(sealed) > len(plain)+Room {
					t.Fatalf("packet %d, %d, is sealed as\n%x, by pion\n%x", i, seq, sealed, want)
				}
				if got, err := opens.DecryptRTP(nil, sealed, nil); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("pion opens packet %d, %d, with %v, equal %v", i, seq, err, bytes.Equal(got, plain))
				}
				if got, err := opener.OpenRTP(roomy(want), at); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("packet %d, %d, is opened with %v, equal %v", i, seq, err, bytes.Equal(got, plain))
				}
			}
		})
	}
}

func control(t *testing.T, ssrc uint32, n int) []byte {
	t.Helper()
	b, err := rtcp.Marshal([]rtcp.Packet{
		&rtcp.ReceiverReport{SSRC: ssrc},
		&rtcp.TransportLayerNack{SenderSSRC: ssrc, MediaSSRC: 5, Nacks: make([]rtcp.NackPair, n%9+1)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRTCPAgainstPion(t *testing.T) {
	for name, profile := range profiles {
		t.Run(name, func(t *testing.T) {
			sealer, opens := pair(t, profile)
			opener, seals := pair(t, profile)
			for i := range 600 {
				plain := control(t, uint32(1+i/7%3), i)
				sealed, err := sealer.SealRTCP(roomy(plain))
				if err != nil || len(sealed) > len(plain)+Room {
					t.Fatalf("seal %d: %d bytes are %d, %v", i, len(plain), len(sealed), err)
				}
				if got, err := opens.DecryptRTCP(nil, sealed, nil); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("pion opens %d with %v, equal %v", i, err, bytes.Equal(got, plain))
				}
				theirs, err := seals.EncryptRTCP(nil, plain, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := opener.OpenRTCP(roomy(theirs)); err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("%d is opened with %v, equal %v", i, err, bytes.Equal(got, plain))
				}
				if _, err := opener.OpenRTCP(roomy(theirs)); err == nil {
					t.Fatalf("%d is opened again", i)
				}
			}
		})
	}
}

// RFC 7714 section 16.1.1, which begins with the session key.
func TestVector(t *testing.T) {
	unhex := func(s string) []byte {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	block, err := aes.NewCipher(unhex("000102030405060708090a0b0c0d0e0f"))
	if err != nil {
		t.Fatal(err)
	}
	c := &Context{streams: map[uint32]*stream{}}
	c.rtp.salt = [12]byte(unhex("517569642070726f2071756f"))
	if c.rtp.aead, err = cipher.NewGCM(block); err != nil {
		t.Fatal(err)
	}
	const at = 12
	b := append(unhex("8040f17b8041f8d35501a0b2"), "Gallia est omnis divisa in partes tres"...)
	got, err := c.SealRTP(roomy(b), at)
	want := unhex("8040f17b8041f8d35501a0b2" + "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833" +
		"899d7f27beb16a9152cf765ee4390cce")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, sealed as\n%x, want\n%x", err, got, want)
	}
}

func TestReplay(t *testing.T) {
	c, theirs := pair(t, srtp.ProtectionProfileAeadAes128Gcm)
	sealed := map[int][]byte{}
	const first, last = 65000, 65000 + 3*windowSize // across a beginning anew
	for i := first; i <= last; i++ {
		plain, _ := media(t, 1, uint16(i))
		b, err := theirs.EncryptRTP(nil, plain, nil)
		if err != nil {
			t.Fatal(err)
		}
		sealed[i] = b
	}
	_, at := media(t, 1, 0)
	open := func(i int) error {
		_, err := c.OpenRTP(roomy(sealed[i]), at)
		return err
	}
	for _, x := range []struct {
		i    int
		want error
	}{
		{first, nil},
		{first, ErrReplay},
		{first + 10, nil},
		{first + 5, nil},
		{first + 5, ErrReplay},
		{first + 10, ErrReplay},
		{first + 10 + windowSize, nil},
		{first + 11, nil},              // the oldest that is known of
		{first + 11, ErrReplay},        // once
		{first + 9, ErrReplay},         // too old
		{first + 10, ErrReplay},        // the place of the newest
		{last, nil},                    // far ahead: all that was is forgotten
		{last - windowSize + 1, nil},   // and what is in the window is new
		{last - windowSize, ErrReplay}, // but not before it
		{last, ErrReplay},
	} {
		if err := open(x.i); !errors.Is(err, x.want) {
			t.Errorf("packet %d: %v, want %v", x.i-first, err, x.want)
		}
	}
}

// A window against a plain list of what came.
func TestWindow(t *testing.T) {
	var w window
	came := map[uint64]bool{}
	newest := uint64(0)
	at := uint64(1)
	for i := range uint64(20000) {
		at = at*6364136223846793005 + 1442695040888963407 // any numbers
		n := max(i+at>>54, 600) - 600                     // up to 1023 ahead or behind
		want := !came[n] && n+windowSize > newest
		if got := w.fresh(n); got != want {
			t.Fatalf("step %d: %d with the newest %d is fresh %v, want %v", i, n, newest, got, want)
		}
		if want {
			w.mark(n)
			came[n] = true
			newest = max(newest, n)
		}
	}
}

func TestForged(t *testing.T) {
	for name, profile := range profiles {
		t.Run(name, func(t *testing.T) {
			c, theirs := pair(t, profile)
			plain, at := media(t, 1, 50)
			sealed, err := theirs.EncryptRTP(nil, plain, nil)
			if err != nil {
				t.Fatal(err)
			}
			report := control(t, 1, 1)
			sealedReport, err := theirs.EncryptRTCP(nil, report, nil)
			if err != nil {
				t.Fatal(err)
			}
			for i := range sealed {
				b := roomy(sealed)
				b[i] ^= 0x40
				if i == 0 { // another version or length of the header is seen before
					b[i] = sealed[i] ^ 0x20
				}
				if _, err := c.OpenRTP(b, at); err == nil {
					t.Errorf("byte %d may be changed", i)
				}
			}
			for i := range sealedReport {
				b := roomy(sealedReport)
				b[i] ^= 0x10
				if _, err := c.OpenRTCP(b); err == nil {
					t.Errorf("byte %d of the report may be changed", i)
				}
			}
			for n := range at + 10 {
				if _, err := c.OpenRTP(roomy(sealed[:max(n, at)]), at); err == nil {
					t.Errorf("%d bytes are taken", n)
				}
			}
			for n := range sealedReport {
				if _, err := c.OpenRTCP(roomy(sealedReport[:n])); err == nil {
					t.Errorf("%d bytes of the report are taken", n)
				}
			}
			// And nothing of that made the real ones old.
			if got, err := c.OpenRTP(roomy(sealed), at); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("the real packet: %v", err)
			}
			if got, err := c.OpenRTCP(roomy(sealedReport)); err != nil || !bytes.Equal(got, report) {
				t.Errorf("the real report: %v", err)
			}
		})
	}
}

// Reports that say that they are not encrypted are not taken, even from who has the keys.
func TestUnencryptedReport(t *testing.T) {
	c, _ := pair(t, srtp.ProtectionProfileAeadAes128Gcm)
	key, salt := keys(t, srtp.ProtectionProfileAeadAes128Gcm)
	theirs, err := srtp.CreateContext(key, salt, srtp.ProtectionProfileAeadAes128Gcm, srtp.SRTCPNoEncryption())
	if err != nil {
		t.Fatal(err)
	}
	b, err := theirs.EncryptRTCP(nil, control(t, 1, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.OpenRTCP(b); !errors.Is(err, ErrForged) {
		t.Errorf("%v, want %v", err, ErrForged)
	}
}

func TestLimits(t *testing.T) {
	c, _ := pair(t, srtp.ProtectionProfileAeadAes128Gcm)
	for i := range uint32(maxStreams) {
		plain, at := media(t, i, 1)
		if _, err := c.SealRTP(roomy(plain), at); err != nil {
			t.Fatal(err)
		}
	}
	plain, at := media(t, maxStreams, 1)
	if _, err := c.SealRTP(roomy(plain), at); !errors.Is(err, ErrLimit) {
		t.Errorf("one stream too many: %v", err)
	}
	c.index = encrypted - 2
	if _, err := c.SealRTCP(roomy(control(t, 1, 1))); err != nil {
		t.Errorf("the last report under a key: %v", err)
	}
	if _, err := c.SealRTCP(roomy(control(t, 1, 1))); !errors.Is(err, ErrLimit) {
		t.Errorf("one report too many: %v", err)
	}
	// The last packet under a key, and the one after it.
	c.streams[0].rtp.newest = 1<<48 - 2
	plain, at = media(t, 0, 0xffff)
	if _, err := c.SealRTP(roomy(plain), at); err != nil {
		t.Errorf("the last packet under a key: %v", err)
	}
	plain, at = media(t, 0, 0)
	if _, err := c.SealRTP(roomy(plain), at); !errors.Is(err, ErrLimit) {
		t.Errorf("one packet too many: %v", err)
	}
}

func TestKeys(t *testing.T) {
	for name, profile := range profiles {
		key, salt := keys(t, profile)
		if _, err := New(profile, key[1:], salt); err == nil {
			t.Errorf("%s: a short key is taken", name)
		}
		if _, err := New(profile, key, salt[1:]); err == nil {
			t.Errorf("%s: a short salt is taken", name)
		}
	}
	if _, err := New(0, make([]byte, 16), make([]byte, 12)); err == nil {
		t.Error("an unknown profile is taken")
	}
}

func TestDoesNotAllocate(t *testing.T) {
	sealer, _ := pair(t, srtp.ProtectionProfileAeadAes128Gcm)
	opener, _ := pair(t, srtp.ProtectionProfileAeadAes128Gcm)
	plain, at := media(t, 1, 500)
	b := make([]byte, len(plain), len(plain)+Room)
	report := control(t, 1, 3)
	r := make([]byte, len(report), len(report)+Room)
	seq := uint16(0)
	one := func() {
		seq++
		copy(b, plain)
		binary.BigEndian.PutUint16(b[2:], seq)
		copy(r, report)
		if err := pass(sealer, opener, b, at, r); err != nil {
			t.Fatal(err)
		}
	}
	one()
	if n := testing.AllocsPerRun(200, one); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func pass(sealer, opener *Context, b []byte, at int, r []byte) error {
	sealed, err := sealer.SealRTP(b, at)
	if err != nil {
		return err
	}
	if _, err := opener.OpenRTP(sealed, at); err != nil {
		return err
	}
	if sealed, err = sealer.SealRTCP(r); err != nil {
		return err
	}
	_, err = opener.OpenRTCP(sealed)
	return err
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, 12)
	f.Add(slices.Repeat([]byte{0x80}, 40), 20)
	f.Fuzz(func(t *testing.T, b []byte, at int) {
		if at < 12 || at > len(b) {
			t.Skip("the header is read before")
		}
		for name, profile := range profiles {
			c, _ := pair(t, profile)
			// Nobody can guess 80 bits.
			if _, err := c.OpenRTP(slices.Clone(b), at); err == nil {
				t.Error(fmt.Sprint(name, ": a packet without the key is taken"))
			}
			if _, err := c.OpenRTCP(slices.Clone(b)); err == nil {
				t.Error(fmt.Sprint(name, ": a report without the key is taken"))
			}
		}
	})
}
