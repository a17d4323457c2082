package worker

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/audiov1"
	"samtale.dk/samtale/services/contract/transcriptv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/speech/internal/speechtest"
)

func TestHearAShortSound(t *testing.T) {
	w := newWorld(t)
	w.worker(nil)
	bytesOf := func(pcm []int16) (out []byte) {
		for _, v := range pcm {
			out = binary.LittleEndian.AppendUint16(out, uint16(v))
		}
		return out
	}
	ask := func(pcm []byte) (rep audiov1.HearReply, err error) {
		for range 6000 { // the worker is starting
			rep, err = bus.Request[audiov1.HearReply](t.Context(), w.bus, audiov1.HearSubject, audiov1.HearRequest{PCM: pcm})
			if !errors.Is(err, errs.Unavailable) {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		return rep, err
	}
	rep, err := ask(bytesOf(speechtest.Words(1, 3, 4000)))
	if err != nil || rep.Text != "W1 w2 w3." || rep.Engine == "" {
		t.Errorf("heard %+v, %v", rep, err)
	}
	rep, err = ask(make([]byte, 2*audiov1.SampleRate))
	if err != nil || rep.Text != "" {
		t.Errorf("silence is %+v, %v", rep, err)
	}
	for name, pcm := range map[string][]byte{"nothing": nil, "half a sample": make([]byte, 3), "too long": make([]byte, 2*16*audiov1.SampleRate)} {
		if _, err := ask(pcm); !errors.Is(err, errs.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	st, err := w.bus.JS.Stream(t.Context(), transcriptv1.Stream)
	if err != nil || st.CachedInfo().State.Msgs != 0 {
		t.Errorf("something is stored: %v", err)
	}
}
