package phone

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
)

// certificate writes a self-signed one for 127.0.0.1 and returns whom to trust.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kb, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	c := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, b := range map[string][]byte{cert: c, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: kb})} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(c)
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
		"SAMTALE_RTP_PORTS=1-2", "SAMTALE_SIP_ADDR=nowhere", "SAMTALE_SIP_ADDR=pbx.example:5060", "SAMTALE_SIP_TRUNKS=pbx", "SAMTALE_SIP_DIGEST=a",
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
