package speech

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/media/g711"
	"samtale.dk/samtale/media/pcm"
	"samtale.dk/samtale/media/resample"
	"samtale.dk/samtale/models/asr/asrtest"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/process"
)

func wav(t *testing.T, rate int, samples []int16) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pcm.WriteWAV(&b, rate, samples); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// voiced is something that the voice detector takes for speech, in any environment.
func voiced(t *testing.T) []int16 {
	t.Helper()
	return asrtest.Say(t, asrtest.Voice{}, "goddag jeg ringer om min boligstøtte")
}

func TestTranscribeDemo(t *testing.T) {
	speech := voiced(t)
	file := append(make([]int16, 2*pcm.Rate), speech...)
	file = append(file, make([]int16, 3*pcm.Rate)...)
	tr, err := Transcribe(t.Context(), bytes.NewReader(wav(t, pcm.Rate, file)), Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(tr.Text, "boligstøtte") || !tr.Demo || tr.Engine != "demo" {
		t.Errorf("transcript %+v", tr)
	}
	c := tr.Coverage
	if want := seconds(int64(len(file))); c.Captured != want || math.Abs(c.Transcribed+c.Silence-want) > 0.01 || c.Lost != 0 {
		t.Errorf("coverage %+v of %v s", c, want)
	}
	if c.Silence < 3 || c.Transcribed < seconds(int64(len(speech)))-1 {
		t.Errorf("coverage %+v, speech of %v s", c, seconds(int64(len(speech))))
	}
	for i, w := range tr.Words {
		if w.Start < 1.5 || w.End < w.Start || i > 0 && w.Start < tr.Words[i-1].End {
			t.Errorf("word %+v", w)
		}
	}
}

func TestTranscribeSpoken(t *testing.T) {
	file := wav(t, pcm.Rate, asrtest.Say(t, asrtest.Voice{}, "mit telefonnummer er toogtyve treogtredive fireogfyrre femoghalvtreds"))
	spoken, err := Transcribe(t.Context(), bytes.NewReader(file), Options{Fast: true, Spoken: true})
	if err != nil {
		t.Fatal(err)
	}
	written, err := Transcribe(t.Context(), bytes.NewReader(file), Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(spoken.Text, "treogtredive") {
		t.Errorf("spoken: %s", spoken.Text)
	}
	if strings.Contains(written.Text, "treogtredive") || strings.Contains(written.Text, "33") {
		t.Errorf("written, not masked: %s", written.Text)
	}
}

func TestTranscribeJSON(t *testing.T) {
	b, err := json.Marshal(Transcript{Words: []Word{}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"text":"","words":[],"coverage":{"captured_s":0,"transcribed_s":0,"silence_s":0,"lost_s":0},"engine":"","demo":false}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestTranscribeInRealTime(t *testing.T) {
	file := wav(t, 8000, make([]int16, 4000))
	begin := time.Now()
	if _, err := Transcribe(t.Context(), bytes.NewReader(file), Options{}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took < 400*time.Millisecond {
		t.Errorf("half a second took %v", took)
	}
}

func TestTranscribeBadFiles(t *testing.T) {
	good := wav(t, 8000, make([]int16, 8000))
	header := func(change func([]byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return b
	}
	for _, tc := range []struct {
		name string
		file []byte
	}{
		{"empty", nil},
		{"text", []byte("This is not a sound file, and longer than any header is.")},
		{"cut in the header", good[:30]},
		{"no samples", good[:44]},
		{"codec nobody knows", header(func(b []byte) { b[20] = 85 })},
		{"no channels", header(func(b []byte) { b[22] = 0 })},
		{"rate of nothing", header(func(b []byte) { clear(b[24:28]) })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Transcribe(t.Context(), bytes.NewReader(tc.file), Options{Fast: true})
			if !errors.Is(err, errs.Invalid) || !strings.Contains(errs.Text(err), "Filen") {
				t.Errorf("error %v, text %q", err, errs.Text(err))
			}
		})
	}
}

// A file that is too long is refused, also at a low rate and when it does not say how long it is, and read no further than needed.
func TestTranscribeTooLong(t *testing.T) {
	const perSecond = 2000 // 1 kHz, 16 bits
	over := int64(longest/time.Second)*perSecond + 2*perSecond
	for _, tc := range []struct {
		name string
		says uint32
		read int64 // at most
	}{
		{"by its own word", uint32(over), headSize},
		{"from a pipe", math.MaxUint32, over + headSize},
		{"by more than it says", 0, over + headSize},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := &counted{r: io.MultiReader(bytes.NewReader(wavBytes(1, 1, 1000, 16, nil, tc.says)), io.LimitReader(quiet{}, over))}
			_, err := Transcribe(t.Context(), file, Options{Fast: true})
			if !errors.Is(err, errs.Invalid) || !strings.Contains(errs.Text(err), "fire timer. Del den") {
				t.Errorf("error %v, text %q", err, errs.Text(err))
			}
			if file.n > tc.read {
				t.Errorf("%d bytes were read", file.n)
			}
		})
	}
}

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// quiet is silence without end.
type quiet struct{}

func (quiet) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Four hours are not too long.
func TestTranscribeLongestIsRead(t *testing.T) {
	n := int64(longest/time.Second) * 2000
	w, _, err := readWAV(io.MultiReader(bytes.NewReader(wavBytes(1, 1, 1000, 16, nil, uint32(n))), io.LimitReader(quiet{}, n)))
	if err != nil || int64(len(w.Samples)) != n/2 {
		t.Errorf("%d samples, %v", len(w.Samples), err)
	}
}

func TestTranscribeOddFiles(t *testing.T) {
	speech := voiced(t)
	narrow := speech[:len(speech)/2*2]
	low := make([]int16, resample.New(pcm.Rate, 8000).Len(len(narrow)))
	low = low[:resample.New(pcm.Rate, 8000).Process(low, narrow)]
	alaw := make([]byte, len(low))
	g711.EncodeALaw(alaw, low)
	whole := wav(t, pcm.Rate, speech)
	for _, tc := range []struct {
		name   string
		file   []byte
		notice bool
	}{
		{"a-law", wavBytes(6, 1, 8000, 8, alaw, uint32(len(alaw))), false},
		{"stereo", wavBytes(1, 2, pcm.Rate, 16, double(speech), uint32(4*len(speech))), false},
		{"length unknown", wavBytes(1, 1, pcm.Rate, 16, whole[44:], math.MaxUint32), false},
		{"length of a pipe", wavBytes(1, 1, pcm.Rate, 16, whole[44:], pipeSize), false},
		{"cut off", wavBytes(1, 1, pcm.Rate, 16, whole[44:], uint32(4*len(whole))), true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr, err := Transcribe(t.Context(), bytes.NewReader(tc.file), Options{Fast: true})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(tr.Text, "boligstøtte") || (tr.Notice != "") != tc.notice {
				t.Errorf("text %q, notice %q", tr.Text, tr.Notice)
			}
			if want := seconds(int64(len(speech))); math.Abs(tr.Coverage.Captured-want) > 0.02 {
				t.Errorf("captured %v s of %v", tr.Coverage.Captured, want)
			}
		})
	}
}

func double(mono []int16) []byte {
	var out []byte
	for _, s := range mono {
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
		out = binary.LittleEndian.AppendUint16(out, uint16(s))
	}
	return out
}

func wavBytes(tag, channels, rate, bits int, data []byte, size uint32) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF"), 0, 0, 0, 0)
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(rate*channels*bits/8))
	b = le.AppendUint16(b, uint16(channels*bits/8))
	b = le.AppendUint16(b, uint16(bits))
	b = append(b, "data"...)
	b = le.AppendUint32(b, size)
	return append(b, data...)
}

// The other engine, over HTTP, chosen by one setting.
func TestTranscribeOpenAI(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/audio/transcriptions" || r.Header.Get("Authorization") != "Bearer hemmelig" || r.FormValue("model") != "stor" {
			t.Errorf("request %s, model %q", r.URL.Path, r.FormValue("model"))
		}
		io.WriteString(w, `{"duration":2,"text":"Hej der","words":[{"word":"Hej","start":0.4,"end":0.7},{"word":"der","start":0.8,"end":1.1}]}`)
	}))
	defer srv.Close()
	o := Options{Fast: true, Environ: []string{"SAMTALE_ASR=openai=" + srv.URL + ",model=stor", "SAMTALE_ASR_KEY=hemmelig"}}
	tr, err := Transcribe(t.Context(), bytes.NewReader(wav(t, pcm.Rate, voiced(t))), o)
	if err != nil {
		t.Fatal(err)
	}
	if tr.Text != "Hej der." || tr.Demo || !strings.Contains(tr.Engine, "stor") {
		t.Errorf("transcript %+v", tr)
	}
}

func TestTranscribeEngineRefuses(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	defer srv.Close()
	o := Options{Fast: true, Environ: []string{"SAMTALE_ASR=openai=" + srv.URL}}
	file := wav(t, pcm.Rate, voiced(t))
	tr, err := Transcribe(t.Context(), bytes.NewReader(file), o)
	if !errors.Is(err, errs.Unavailable) {
		t.Fatalf("error %v", err)
	}
	if tr.Coverage.Lost == 0 || math.Abs(tr.Coverage.Lost+tr.Coverage.Silence-tr.Coverage.Captured) > 0.01 {
		t.Errorf("coverage %+v", tr.Coverage)
	}
}

func TestSettings(t *testing.T) {
	for _, tc := range []struct {
		set  string
		want string // part of the error; empty for none
	}{
		{"SAMTALE_ASR=demo", ""},
		{"SAMTALE_ASR=openai=http://127.0.0.1:8000", ""},
		{"SAMTALE_ASR=openai=http://127.0.0.1:8000,model=whisper", ""},
		{"SAMTALE_ASR=openai", "SAMTALE_ASR"},
		{"SAMTALE_ASR=openai=http://h,whisper", "model=NAME"},
		{"SAMTALE_ASR=demo=1", "no value"},
		{"SAMTALE_ASR=vosk", "not known"},
		{"SAMTALE_ASR_SECOND=none", ""},
		{"SAMTALE_ASR_SECOND=openai=http://127.0.0.1:8000,model=stor", ""},
		{"SAMTALE_ASR_SECOND=openai=here", "SAMTALE_ASR_SECOND"},
		{"SAMTALE_ASR_SECOND=demo", "not known"},
		{"SAMTALE_TTS=none", ""},
		{"SAMTALE_TTS=openai=http://127.0.0.1:8000", ""},
		{"SAMTALE_TTS=openai=http://127.0.0.1:8000/v1,model=piper,voice=da_DK-talesyntese", ""},
		{"SAMTALE_TTS=openai=here", "SAMTALE_TTS"},
		{"SAMTALE_TTS=openai=http://h,piper", "voice=NAME"},
		{"SAMTALE_TTS=festival", "not known"},
		{"SAMTALE_ENDPOINT_SILENCE=5ms", "SAMTALE_ENDPOINT_SILENCE"},
		{"SAMTALE_SPEECH_STREAMS=-1", "SAMTALE_SPEECH_STREAMS"},
	} {
		t.Run(tc.set, func(t *testing.T) {
			err := Run(t.Context(), process.Env{Environ: []string{tc.set}, CheckOnly: true})
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}
