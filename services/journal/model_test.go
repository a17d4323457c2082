package journal

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"samtale.dk/samtale/models/llm/llmtest"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

// drafting lets a call happen and drafts its note with the model of a setting.
func (w *world) drafting(setting string) journalv1.Note {
	w.t.Helper()
	m, err := ollama.Setting(setting)
	if err != nil {
		w.t.Fatal(err)
	}
	w.acts.Drafter.Model = m
	c := newCall()
	w.talk(c)
	return w.drafted(c)
}

func TestDraftByModel(t *testing.T) {
	const answer = `{"title":"Boligstøtte","sentences":[
		{"section":"henvendelse","text":"Borgeren ringer om sin boligstøtte.","evidence":[1]},
		{"section":"oplyst","text":"Borgeren flyttede den 1. november.","evidence":[3]},
		{"section":"aftalt","text":"Borgeren får 10.000 kr.","evidence":[1]}]}`
	srv := llmtest.NewServer(t, llmtest.Script{Parts: []string{answer}})
	n := newWorld(t).drafting("ollama=" + srv.URL + ",model=test")
	if n.DraftedBy != "test" || n.Notice != "" || len(n.Sentences) != 3 {
		t.Fatalf("draft: %+v", n)
	}
	for i, want := range []string{journalv1.Supported, journalv1.Supported, journalv1.Unsupported} {
		s := n.Sentences[i]
		if s.Verdict != want || s.By != "test" || len(s.Evidence) == 0 || s.Evidence[0].Quote == "" {
			t.Errorf("%q: %+v", s.Text, s)
		}
	}
	sent, err := json.Marshal(srv.Requests())
	if err != nil || len(srv.Requests()) != 1 {
		t.Fatalf("%d requests, %v", len(srv.Requests()), err)
	}
	if strings.Contains(string(sent), "0101901234") {
		t.Error("the model was shown a CPR number")
	}
}

func TestDraftWithoutItsModel(t *testing.T) {
	for name, script := range map[string]llmtest.Script{
		"not there": {Fault: llmtest.Down}, "without the model": {Fault: llmtest.NoModel}, "talking nonsense": {Fault: llmtest.WrongJSON, Parts: []string{"Hej!"}},
	} {
		t.Run(name, func(t *testing.T) {
			srv := llmtest.NewServer(t, script)
			n := newWorld(t).drafting("ollama=" + srv.URL)
			if n.DraftedBy != "extract" || len(n.Sentences) == 0 || !strings.Contains(n.Notice, "prog") {
				t.Fatalf("draft: by %q, %d sentences, notice %q", n.DraftedBy, len(n.Sentences), n.Notice)
			}
		})
	}
}

// A template by the area's choice; messages have their own, and kinds of meetings may have one; a name that nobody knows is said, and nothing waits for it.
func TestTemplates(t *testing.T) {
	for name, tc := range map[string]struct {
		area    string
		own     string
		channel callv1.Channel
		want    string
		notice  string
		section string
	}{
		"none":    {"", "", callv1.ChannelQueue, "standard/1", "", "oplyst"},
		"housing": {"boligstoette/1", "", callv1.ChannelQueue, "boligstoette/1", "ikke omtalt: Husleje og bolig", "husstand"},
		"message": {"boligstoette/1", "", callv1.ChannelMessage, "opkald-tilbage/1", "", "kontakt"},
		"meeting": {"boligstoette/1", "sundhed/1", callv1.ChannelMeeting, "sundhed/1", "", "medicin"},
		"unknown": {"opdigtet/7", "", callv1.ChannelQueue, "standard/1", "Notatskabelonen findes ikke", "oplyst"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keys.change(func(k *keeper) { k.area.Template = tc.area })
			c := newCall()
			w.talk(c)
			conv, err := w.store.Read().Conversation(long(t), c.id)
			if err != nil {
				t.Fatal(err)
			}
			conv.Channel, conv.Template = tc.channel, tc.own
			d, err := w.acts.Drafter.Draft(long(t), conv)
			if err != nil {
				t.Fatal(err)
			}
			if d.Template != tc.want || !strings.Contains(d.Body.Notice, tc.notice) {
				t.Errorf("template %q, notice %q", d.Template, d.Body.Notice)
			}
			has := slices.ContainsFunc(d.Body.Sections, func(s journalv1.Section) bool { return s.ID == tc.section })
			if !has {
				t.Errorf("no section %s: %+v", tc.section, d.Body.Sections)
			}
		})
	}
}
