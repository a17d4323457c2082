package sfu

import (
	"testing"

	"github.com/pion/dtls/v3"
	"github.com/pion/webrtc/v4"
)

// Clients that have one way of encryption only are heard and hear others, whatever those have.
func TestProfiles(t *testing.T) {
	for name, profile := range map[string]dtls.SRTPProtectionProfile{
		"GCM 128": dtls.SRTP_AEAD_AES_128_GCM,
		"GCM 256": dtls.SRTP_AEAD_AES_256_GCM,
		"CM":      dtls.SRTP_AES128_CM_HMAC_SHA1_80,
	} {
		t.Run(name, func(t *testing.T) {
			s := node(t)
			r := open(t, s, RoomConfig{})
			a, b := join(t, r, PeerConfig{ID: "anna"}), join(t, r, PeerConfig{ID: "bo"})
			a.api = api(t, func(se *webrtc.SettingEngine) { se.SetSRTPProtectionProfiles(profile) })
			meet(t, a, b)
			r.mu.Lock()
			defer r.mu.Unlock()
			for _, via := range []*transport{a.peer.pub, a.peer.sub} {
				if got, ok := via.conn.SelectedSRTPProtectionProfile(); !ok || got != profile {
					t.Errorf("%v is protected by %v, want %v", via.side, got, profile)
				}
			}
			if r.stats.Replayed != 0 || r.stats.SendErrors != 0 {
				t.Errorf("%+v", r.stats)
			}
		})
	}
}
