package e2e

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"samtale.dk/samtale/services/platform/browsertest"
)

// onlyBy leaves a page one way to the meeting: the TURN servers whose addresses begin and end so.
const onlyBy = `(() => {
  const Real = RTCPeerConnection;
  globalThis.ways = [];
  window.RTCPeerConnection = class extends Real {
    constructor(config) {
      const fits = (u) => u.startsWith(%q) && u.endsWith(%q);
      const iceServers = (config.iceServers ?? []).map((s) => ({ ...s, urls: [s.urls].flat().filter(fits) })).filter((s) => s.urls.length);
      super({ ...config, iceServers, iceTransportPolicy: "relay" });
      globalThis.ways.push(this);
    }
  };
})()`

// waysTaken tells how the page's two connections go.
const waysTaken = `(async () => {
  const taken = [];
  for (const pc of ways.filter((x) => x.connectionState === "connected")) {
    const stats = await pc.getStats();
    const pair = stats.get([...stats.values()].find((x) => x.type === "transport")?.selectedCandidatePairId);
    const local = stats.get(pair?.localCandidateId);
    taken.push(local?.candidateType + " " + local?.relayProtocol);
  }
  return taken.join(", ");
})()`

// certificate writes one for 127.0.0.1 that signed itself, and its key.
func certificate(t *testing.T) (cert, key string) {
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
	return cert, key
}

// TestRelay is a meeting of three whose networks let nothing through but the way to the TURN server: one by datagrams, one by TCP, one
// by TLS. All hear and see each other.
func TestRelay(t *testing.T) {
	cert, key := certificate(t)
	plain, secure := freeAddr(t), freeAddr(t)
	s := start(t, "SAMTALE_MEETING_TURN_UDP="+plain, "SAMTALE_MEETING_TURN_TCP="+plain, "SAMTALE_MEETING_TURN_TLS="+secure,
		"SAMTALE_MEETING_TURN_TLS_CERT_FILE="+cert, "SAMTALE_MEETING_TURN_TLS_KEY_FILE="+key,
		fmt.Sprintf("SAMTALE_MEETING_TURN_URLS=turn:%[1]s?transport=udp,turn:%[1]s?transport=tcp,turns:%[2]s?transport=tcp", plain, secure))
	link := s.room("citizen", "companion")
	host := started(s, browsertest.Start(t, map[string]any{
		"autoplay-policy": "no-user-gesture-required", "ignore-certificate-errors": true, "disable-background-timer-throttling": true,
		"disable-renderer-backgrounding": true, "disable-backgrounding-occluded-windows": true,
	}))
	citizen, helper := host.another(), host.another()
	for _, w := range []struct {
		b           *browser
		scheme, end string
	}{{host, "turn:", "=udp"}, {citizen, "turn:", "=tcp"}, {helper, "turns:", "=tcp"}} {
		w.b.run("one way only", chromedp.ActionFunc(func(ctx context.Context) error {
			_, err := page.AddScriptToEvaluateOnNewDocument(fmt.Sprintf(onlyBy, w.scheme, w.end)).Do(ctx)
			return err
		}))
	}
	host.login("mette", "/moeder")
	host.await("the page of meetings", `document.documentElement.dataset.ready === "meetings"`)
	host.seat(link["caseworker"], hostTone)
	host.await("the room by datagrams", inRoom)
	citizen.seat(link["citizen"], citizenTone)
	citizen.knocks("Bente Holm")
	helper.seat(link["companion"], helperTone)
	helper.knocks("Ole Holm")
	for _, name := range []string{"Bente Holm", "Ole Holm"} {
		host.pressAt(name, "Luk ind")
	}
	for _, w := range []struct {
		b      *browser
		by     string
		others []float64
	}{
		{host, "udp", []float64{citizenTone, helperTone}},
		{citizen, "tcp", []float64{hostTone, helperTone}},
		{helper, "tls", []float64{hostTone, citizenTone}},
	} {
		w.b.await("the room by "+w.by, inRoom)
		w.b.hearsOnly("the others' sound by "+w.by, w.others...)
		s.until("the others' moving picture by "+w.by, func() error {
			if n := w.b.sees(); n < 20 {
				return fmt.Errorf("%d points have changed", n)
			}
			return nil
		})
		s.until("both connections relayed by "+w.by, func() error {
			var taken string
			w.b.run("ways", chromedp.Evaluate(waysTaken, &taken, awaitPromise))
			if want := "relay " + w.by; taken != want+", "+want {
				return fmt.Errorf("taken: %s", taken)
			}
			return nil
		})
	}
}
