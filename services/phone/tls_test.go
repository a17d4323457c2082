package phone

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
)

// certificate writes one for 127.0.0.1, and its key, and returns whom to trust.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	private, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for name, block := range map[string]*pem.Block{
		cert: {Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return cert, key, pool
}

func TestTLSWithSRTP(t *testing.T) {
	cert, key, pool := certificate(t)
	addr := freeAddr(t)
	w := start(t, "SAMTALE_ANNOUNCEMENTS="+shortWords(t), "SAMTALE_SIP_TLS_ADDR="+addr, "SAMTALE_SIP_TLS_CERT_FILE="+cert, "SAMTALE_SIP_TLS_KEY_FILE="+key)
	d := w.dialer(dialer.Config{Secure: true, TLS: &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}})
	c, err := d.Dial(t.Context(), dialer.Options{To: "sip:borgerservice@" + addr + ";transport=tls", Record: true})
	if err != nil {
		t.Fatal(err)
	}
	w.inState(c.ConversationID, callv1.StateWaiting)
	w.citizenHears(c, true)
	b := newBrowser(t)
	b.answer(w, c.ConversationID, "anna")
	c.Loop(tone(440, time.Second))
	b.hears(w, true)
	w.control(c.ConversationID, "anna", callv1.ActionHangup, "") // a BYE on the caller's connection
	<-c.Ended()

	stranger := w.dialer(dialer.Config{})
	_, err = stranger.Dial(t.Context(), dialer.Options{To: "sip:borgerservice@" + addr + ";transport=tls"})
	if err == nil {
		t.Error("a client that does not trust the certificate got through")
	}
}

func TestSettings(t *testing.T) {
	w := start(t)
	for _, bad := range []string{
		"SAMTALE_RTP_PORTS=1-2", "SAMTALE_SIP_ADDR=nowhere", "SAMTALE_SIP_ADDR=pbx.example:5060", "SAMTALE_SIP_TRUNKS=pbx", "SAMTALE_SIP_TRUNK=pbx", "SAMTALE_SIP_DIGEST=a",
		"SAMTALE_EXTENSIONS=1", "SAMTALE_SIP_TLS_ADDR=127.0.0.1:1", "SAMTALE_ANNOUNCEMENTS=/no/such/folder", "SAMTALE_SIP_MAX_CALLS=0",
		"SAMTALE_WEBRTC_PORTS=9-1", "SAMTALE_SIP_SESSION_EXPIRES=10", "SAMTALE_SIP_PUBLIC_IP=x",
	} {
		env := w.env
		env.Environ, env.CheckOnly = []string{bad}, true
		if err := Run(t.Context(), env); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
	env := w.env
	env.CheckOnly = true
	if err := Run(t.Context(), env); err != nil {
		t.Errorf("good settings: %v", err)
	}
}
