package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// conversation, note and transcript are the parts of the JSON API that users rely on.
type conversation struct {
	ID       string    `json:"id"`
	State    string    `json:"state"`
	NoteID   string    `json:"note_id"`
	CallBack bool      `json:"call_back"`
	ErasedAt time.Time `json:"erased_at"`
	Receipt  *struct {
		System string `json:"system"`
		ID     string `json:"id"`
	} `json:"receipt"`
}

type note struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Version   int    `json:"version"`
	Sentences []struct {
		ID       string `json:"id"`
		Text     string `json:"text"`
		Verdict  string `json:"verdict"`
		Evidence []struct {
			Start float64 `json:"start"`
			End   float64 `json:"end"`
			Leg   string  `json:"leg"`
		} `json:"evidence"`
	} `json:"sentences"`
}

type transcript struct {
	Text  string `json:"text"`
	Words []struct {
		Text  string  `json:"text"`
		Start float64 `json:"start"`
		End   float64 `json:"end"`
		Leg   string  `json:"leg"`
	} `json:"words"`
	Coverage struct {
		Captured    float64 `json:"captured_s"`
		Transcribed float64 `json:"transcribed_s"`
		Silence     float64 `json:"silence_s"`
		Masked      float64 `json:"masked_s"`
		Lost        float64 `json:"lost_s"`
	} `json:"coverage"`
}

func (s *system) awaitNote(conv string) note {
	s.t.Helper()
	var n note
	s.until("a note draft", func() error {
		if err := s.api("caseworker", "GET", "/api/v1/conversations/"+conv+"/note", nil, &n); err != nil {
			return err
		}
		if n.State != "draft" || len(n.Sentences) == 0 {
			return fmt.Errorf("note is %q with %d sentences", n.State, len(n.Sentences))
		}
		return nil
	})
	return n
}

// TestMessage follows the spine: a spoken message becomes a transcript, a note draft
// with evidence, an approved and delivered note, and then nothing.
func TestMessage(t *testing.T) {
	wav := speak(t, "Goddag. Jeg ringer om min boligstøtte. Jeg vil gerne ringes op i morgen.")
	s := start(t)
	conv := firstField(s.samtale("call", "--to", "sip:besked@"+s.sip, "--wav", wav))
	n := s.awaitNote(conv)

	var tr transcript
	if err := s.api("caseworker", "GET", "/api/v1/conversations/"+conv+"/transcript", nil, &tr); err != nil {
		t.Fatal(err)
	}
	if len(tr.Words) < 5 {
		t.Errorf("transcript has %d words, want at least 5: %q", len(tr.Words), tr.Text)
	}
	if tr.Coverage.Lost > 0 {
		t.Errorf("%.2f s lost on loopback, want 0", tr.Coverage.Lost)
	}
	sum := tr.Coverage.Transcribed + tr.Coverage.Silence + tr.Coverage.Lost
	if d := tr.Coverage.Captured - sum; d > 0.05 || d < -0.05 {
		t.Errorf("coverage does not add up: %+v", tr.Coverage)
	}
	for _, sent := range n.Sentences {
		if sent.Verdict == "supported" && len(sent.Evidence) == 0 {
			t.Errorf("supported sentence without evidence: %q", sent.Text)
		}
	}

	s.approve(n)
	s.awaitErased(conv)
	words := contentWords(tr)
	if hits := found(t, s.data, words...); len(hits) > 0 {
		t.Errorf("after erasure the data folder still holds what was said: %v", hits)
	}
}

// approve confirms what the verifier did not support, as a caseworker would, and
// approves the note.
func (s *system) approve(n note) {
	s.t.Helper()
	s.confirmAll(&n)
	s.until("the approval", func() error {
		err := s.api("caseworker", "POST", "/api/v1/notes/"+n.ID+"/approve", map[string]any{}, nil)
		if err != nil && s.reread(&n) == nil && n.State != "draft" {
			return nil // only the answer did not come in time
		}
		return err
	})
}

// reread brings a note up to date.
func (s *system) reread(n *note) error {
	s.t.Helper()
	return s.api("caseworker", "GET", "/api/v1/notes/"+n.ID, nil, n)
}

func (s *system) confirmAll(n *note) {
	s.t.Helper()
	s.until("every sentence to be confirmed", func() error {
		for {
			open := ""
			for _, sent := range n.Sentences {
				if sent.Verdict == "unsupported" || sent.Verdict == "weak" {
					open = sent.ID
				}
			}
			if open == "" {
				return nil
			}
			body := map[string]any{"version": n.Version, "sentence_id": open, "reason": "Hørt i samtalen"}
			if err := s.api("caseworker", "POST", "/api/v1/notes/"+n.ID+"/confirm", body, n); err != nil {
				return errors.Join(err, s.reread(n)) // it may be confirmed all the same
			}
		}
	})
}

func (s *system) awaitErased(conv string) conversation {
	s.t.Helper()
	var c conversation
	s.until("delivery and erasure", func() error {
		if err := s.api("caseworker", "GET", "/api/v1/conversations/"+conv, nil, &c); err != nil {
			return err
		}
		if c.Receipt == nil || c.ErasedAt.IsZero() {
			return fmt.Errorf("state %q, receipt %v, erased %v", c.State, c.Receipt, c.ErasedAt)
		}
		return nil
	})
	return c
}

func firstField(s string) string {
	f := strings.Fields(s)
	if len(f) == 0 {
		return ""
	}
	return f[0]
}

// contentWords picks words long enough not to occur in program data by chance.
func contentWords(tr transcript) []string {
	var out []string
	for _, w := range tr.Words {
		text := strings.Trim(w.Text, ".,?!")
		if len([]rune(text)) >= 9 {
			out = append(out, text)
		}
	}
	return out
}
