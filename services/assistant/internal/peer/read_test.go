package peer

import (
	"testing"

	"samtale.dk/samtale/services/contract/assistantv1"
)

func TestReadTakesMessagesAndTasksThatAreDone(t *testing.T) {
	const parts = `"parts":[{"text":"svar"},{"data":{"answered":true,"sentences":[{"text":"x","evidence":[]}]}}]`
	for name, c := range map[string]struct {
		raw  string
		want int
		bad  bool
	}{
		"message":        {`{"result":{"message":{"messageId":"1","role":"ROLE_AGENT",` + parts + `}}}`, 1, false},
		"task":           {`{"result":{"task":{"id":"1","contextId":"2","status":{"state":"TASK_STATE_COMPLETED"},"artifacts":[null,{"artifactId":"3",` + parts + `}]}}}`, 1, false},
		"task that asks": {`{"result":{"task":{"id":"1","contextId":"2","status":{"state":"TASK_STATE_INPUT_REQUIRED"},"artifacts":[{"artifactId":"3",` + parts + `}]}}}`, 0, false},
		"text alone":     {`{"result":{"message":{"messageId":"1","role":"ROLE_AGENT","parts":[{"text":"svar"}]}}}`, 0, false},
		"error":          {`{"error":{"code":-32603,"message":"x"}}`, 0, true},
		"nothing":        {`{}`, 0, true},
		"not JSON":       {`<html>`, 0, true},
		"two results":    {`{"result":{"message":{},"task":{}}}`, 0, true},
	} {
		a, err := read([]byte(c.raw))
		if len(a.Sentences) != c.want || (err != nil) != c.bad {
			t.Errorf("%s: %d sentences, %v", name, len(a.Sentences), err)
		}
	}
}

// FuzzRead: whatever a peer sends, nothing breaks, and nothing is shown without a quote and an address.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"result":{"message":{"messageId":"1","role":"ROLE_AGENT","parts":[{"data":{"answered":true,"sentences":[{"text":"Det koster 5 kr.","evidence":[{"quote":"Det koster 5 kr.","url":"https://a.example"}]}]}}]}}}`))
	f.Add([]byte(`{"result":{"task":{"artifacts":[null,{"parts":[null]}],"status":{"state":"TASK_STATE_COMPLETED"}}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		theirs, err := read(raw)
		if err != nil {
			return
		}
		a := accept(assistantv1.Answer{Language: "da"}, theirs, "Havneby")
		if a == nil {
			return
		}
		for _, s := range a.Sentences {
			if len(s.Evidence) == 0 || s.Evidence[0].Quote == "" || !web(s.Evidence[0].URL) {
				t.Errorf("%+v", s)
			}
		}
	})
}
