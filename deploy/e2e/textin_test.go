package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// textPhone is the program's own telephone with text: what is typed into it, and what it shows.
type textPhone struct {
	s  *system
	in io.Writer

	mu    sync.Mutex
	shown strings.Builder
}

// textPhone calls a number.
func (s *system) textPhone(number string) *textPhone {
	s.t.Helper()
	cmd := exec.Command(binary(s.t, "samtale"), "call", "--to", number, "--text", "-")
	cmd.Env = s.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err, err2); err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	p := &textPhone{s: s, in: in}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			p.shown.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
		}
	}()
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it has hung up, maybe
		<-read
		_ = cmd.Wait()
	})
	return p
}

func (p *textPhone) types(line string) {
	p.s.t.Helper()
	if _, err := io.WriteString(p.in, line+"\n"); err != nil {
		p.s.t.Fatal(err)
	}
}

func (p *textPhone) reads(text string) {
	p.s.t.Helper()
	p.s.until("the telephone to show "+text, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if got := p.shown.String(); !strings.Contains(got, text) {
			return fmt.Errorf("it shows %q", got)
		}
		return nil
	})
}

// TestTypedDialIn: a citizen who cannot hear calls for a video meeting with a telephone that has real-time text, types the code and
// the answers, is let in, types to those in the room, whose pages show it, and reads who of them types what. The typed words are in
// the transcript.
func TestTypedDialIn(t *testing.T) {
	s := start(t, "SAMTALE_TEXT_PAUSE=10m") // lines end where the test ends them
	m, b := s.led("transcript", "dial_in")

	p := s.textPhone(m.DialNumber)
	p.reads("Skriv koden på ni cifre")
	p.types(m.Participants[1].DialCode)
	p.reads("Skriv 1 eller ja")
	p.types("ja")
	var got meeting
	s.until("the telephone in the lobby", func() error {
		if err := s.api("caseworker/mette", "GET", "/api/v1/meetings/"+m.ID, nil, &got); err != nil {
			return err
		}
		if c := got.Participants[1]; c.State != "lobby" || c.Transcribe == nil || !*c.Transcribe {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	p.reads("Vent, til du bliver lukket ind.")
	p.types("Jeg kan ikke høre.")
	b.await("what is typed in the lobby, at the host", `document.body.innerText.includes("Jeg kan ikke høre.")`)
	if err := s.api("caseworker/mette", "POST", "/api/v1/meetings/"+m.ID+"/admit", map[string]string{
		"participant_id": m.Participants[1].ID, "decision": "admit",
	}, nil); err != nil {
		t.Fatal(err)
	}
	p.reads("Du er med i mødet nu.")
	p.types("Jeg har fået et brev. Mit nummer er 30 40 50 60.")
	b.await("the line on the host's page", `[...document.querySelectorAll("#m-captions li")].some((e) => e.innerText.includes("Bente") && e.innerText.includes("Jeg har fået et brev."))`)
	b.click("#m-b-rtt")
	// At once: between letters that come slowly the telephone may show something else.
	b.await("where to write", `document.getElementById("m-rtt").offsetWidth > 0`)
	b.run("write in real time", chromedp.Focus("#m-rtt", chromedp.ByQuery), input.InsertText("Det ser vi på."), chromedp.KeyEvent(kb.Enter))
	p.reads("sagsbehandler] Det ser vi på.")
	s.until("the typed words in the transcript", func() error {
		var tr transcript
		if err := s.api("caseworker/mette", "GET", "/api/v1/conversations/"+m.ID+"/transcript", nil, &tr); err != nil {
			return err
		}
		if !strings.Contains(tr.Text, "brev") || !strings.Contains(tr.Text, "Det ser vi på") || strings.Contains(tr.Text, "30 40 50 60") {
			return fmt.Errorf("it says: %s", tr.Text)
		}
		return nil
	})
	b.screenshot("meeting-text-telephone")
	if strings.Contains(s.log.String(), "brev") || strings.Contains(s.log.String(), "kan ikke høre") {
		t.Error("what was typed is in the log")
	}
}
