package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/portal/token"
	"samtale.dk/samtale/services/samtale/internal/api"
)

const keyHex = "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"

func key(t *testing.T) masterkey.Key {
	t.Helper()
	k, err := masterkey.Parse(keyHex)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type task func(ctx context.Context, env Env, args []string) error

func run(t *testing.T, f task, environ []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errb bytes.Buffer
	env := Env{Environ: append([]string{"SAMTALE_MASTER_KEY=" + keyHex}, environ...), Stdout: &out, Stderr: &errb}
	err = f(t.Context(), env, args)
	return out.String(), errb.String(), err
}

func TestToken(t *testing.T) {
	for _, role := range token.Roles() {
		out, _, err := run(t, Token, nil, "--role", role)
		if err != nil {
			t.Fatal(err)
		}
		c, err := token.Verify(token.Key(key(t)), strings.TrimSpace(out), time.Now())
		if err != nil || c.Role != role || c.Subject == "" || c.Name == "" {
			t.Errorf("%s: %+v %v", role, c, err)
		}
		if (role == token.Caseworker) != (len(c.Areas) > 0) || (role == token.Citizen) != (c.Party != "") {
			t.Errorf("%s: %+v", role, c)
		}
	}
}

func TestTokenFlags(t *testing.T) {
	begin := time.Now()
	out, _, err := run(t, Token, nil, "--role", "caseworker", "--id", "jonas", "--name", "Jonas Kjær", "--areas", "pension", "--life", "1h", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var rep struct {
		Token, Subject, Role string
		Expires              time.Time
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatal(err)
	}
	c, err := token.Verify(token.Key(key(t)), rep.Token, time.Now())
	if err != nil || c.Subject != "jonas" || c.Name != "Jonas Kjær" || len(c.Areas) != 1 || c.Areas[0] != "pension" {
		t.Fatalf("%+v %v", c, err)
	}
	if life := rep.Expires.Sub(begin); life < time.Hour-time.Second || rep.Expires.After(time.Now().Add(time.Hour)) { // whole seconds
		t.Errorf("expires after %s", life)
	}
	party := func(cpr string) string {
		out, _, err := run(t, Token, nil, "--role", "citizen", "--cpr", cpr)
		if err != nil {
			t.Fatal(err)
		}
		c, err := token.Verify(token.Key(key(t)), strings.TrimSpace(out), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return c.Party
	}
	if a, b := party("000000-0002"), party("0000000002"); a != b || a == party("000000-0003") {
		t.Error("a CPR number with and without hyphen must be one person, and another one another")
	}
}

func TestTokenRefuses(t *testing.T) {
	for name, args := range map[string][]string{
		"no role": nil, "unknown role": {"--role", "king"}, "no life": {"--role", "citizen", "--life", "0s"}, "too long": {"--role", "citizen", "--life", "3000h"},
		"no CPR number": {"--role", "citizen", "--cpr", "1234"}, "a caseworker's CPR number": {"--role", "caseworker", "--cpr", "0000000002"},
	} {
		if _, _, err := run(t, Token, nil, args...); !errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var buf bytes.Buffer
	err := Token(t.Context(), Env{Environ: []string{"SAMTALE_DATA=" + t.TempDir()}, Stdout: &buf, Stderr: &buf}, []string{"--role", "citizen"})
	if !errors.Is(err, masterkey.ErrMissing) {
		t.Errorf("without a key: %v", err)
	}
	if _, _, err := run(t, Token, []string{"SAMTALE_MASTER_KEY=5a"}, "--role", "citizen"); err == nil || !strings.Contains(err.Error(), "SAMTALE_MASTER_KEY") {
		t.Errorf("half a key: %v", err)
	}
	for _, url := range []string{"127.0.0.1:8080", "localhost", "ftp://localhost"} {
		if _, _, err := run(t, Conversations, []string{"SAMTALE_URL=" + url}); err == nil || !strings.Contains(err.Error(), "SAMTALE_URL") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// portal answers as the real one is documented to, and keeps what it was sent.
type portal struct {
	*httptest.Server
	key   []byte
	calls []string
}

func newPortal(t *testing.T) *portal {
	t.Helper()
	p := &portal{key: token.Key(key(t))}
	mux := http.NewServeMux()
	note := func(state string) string {
		return `{"id":"n-1","conversation_id":"c-1","state":"` + state + `","version":3,"title":"Boligstøtte",
			"sections":[{"id":"oplyst","title":"Oplyst"}],
			"sentences":[{"id":"s-1","section":"oplyst","text":"Borgeren flytter.","verdict":"supported","evidence":[{"start":1.5,"end":2.25}]}]}`
	}
	mux.HandleFunc("GET /api/v1/conversations/c-1/note", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, note("draft")) })
	mux.HandleFunc("GET /api/v1/notes/n-1", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, note("draft")) })
	mux.HandleFunc("POST /api/v1/notes/n-1/approve", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, note("approved")) })
	mux.HandleFunc("POST /api/v1/notes/n-1/confirm", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, note("draft")) })
	mux.HandleFunc("GET /api/v1/conversations/c-1/transcript", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"text":"Goddag.","words":[{"text":"Goddag.","role":"citizen"}],"coverage":{"captured_s":9,"lost_s":1.5}}`)
	})
	mux.HandleFunc("GET /api/v1/conversations", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"conversations":[{"id":"c-1","state":"`+r.URL.Query().Get("state")+`","channel":"message","service_area":"pension"}]}`)
	})
	mux.HandleFunc("GET /api/v1/conversations/c-1/hold", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, `{"on":false}`) })
	mux.HandleFunc("PUT /api/v1/conversations/c-1/hold", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `{"on":true,"since":"2026-11-20T09:30:12Z","reason":"Aktindsigt","actor":"karen"}`)
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(503)
		io.WriteString(w, `{"ready":false,"checks":[{"name":"phone","ok":true},{"name":"speech","ok":false,"text":"unavailable"}]}`)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(404)
		io.WriteString(w, `{"kind":"not-found","detail":"Findes ikke."}`)
	})
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.calls = append(p.calls, r.Method+" "+r.URL.Path+" "+string(body))
		bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := token.Verify(p.key, bearer, time.Now()); err != nil && r.URL.Path != "/healthz" {
			w.WriteHeader(401)
			io.WriteString(w, `{"kind":"unauthenticated","detail":"Log ind."}`)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func TestJournalTasks(t *testing.T) {
	for _, tt := range []struct {
		name string
		f    task
		args []string
		want []string // in stdout
		sent string   // the last call begins like this
	}{
		{"conversations", Conversations, []string{"--state", "review"}, []string{"c-1", "review", "pension"}, "GET /api/v1/conversations "},
		{"conversations as JSON", Conversations, []string{"--json"}, []string{`"conversations": [`}, ""},
		{"transcript", Transcript, []string{"c-1"}, []string{"Goddag."}, "GET /api/v1/conversations/c-1/transcript"},
		{"transcript as JSON", Transcript, []string{"c-1", "--json"}, []string{`"role": "citizen"`}, ""},
		{"note by conversation", Note, []string{"c-1"}, []string{"Boligstøtte", "draft", "[supported] s-1", "1.5–2.2 s"}, ""},
		{"note by its own id", Note, []string{"n-1", "--json"}, []string{`"verdict": "supported"`}, "GET /api/v1/notes/n-1"},
		{"approve", Approve, []string{"c-1"}, []string{"approved"}, `POST /api/v1/notes/n-1/approve {"note_id":"","version":3`},
		{"approve a version", Approve, []string{"n-1", "--version", "2"}, []string{"approved"}, `POST /api/v1/notes/n-1/approve {"note_id":"","version":2`},
		{"confirm", Confirm, []string{"--reason", "hørt", "c-1", "s-1"}, []string{"n-1"}, `POST /api/v1/notes/n-1/confirm {"note_id":"","version":3,"sentence_id":"s-1","reason":"hørt"`},
		{"hold shown", Hold, []string{"c-1"}, []string{"not held"}, "GET /api/v1/conversations/c-1/hold"},
		{"hold set", Hold, []string{"c-1", "--reason", "Aktindsigt"}, []string{"held since", "by karen: Aktindsigt"}, `PUT /api/v1/conversations/c-1/hold {"on":true,"reason":"Aktindsigt"}`},
		{"hold lifted", Hold, []string{"c-1", "--lift", "--json"}, []string{`"on"`}, `PUT /api/v1/conversations/c-1/hold {"on":false,`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPortal(t)
			out, _, err := run(t, tt.f, []string{"SAMTALE_URL=" + p.URL}, tt.args...)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range tt.want {
				if !strings.Contains(out, w) {
					t.Errorf("%q is not in:\n%s", w, out)
				}
			}
			if last := p.calls[len(p.calls)-1]; !strings.HasPrefix(last, tt.sent) {
				t.Errorf("sent %s", last)
			}
		})
	}
}

func TestAPIErrors(t *testing.T) {
	p := newPortal(t)
	url := "SAMTALE_URL=" + p.URL
	if _, _, err := run(t, Note, []string{url}, "nope"); !errors.Is(err, errs.NotFound) || errs.Text(err) != "Findes ikke." {
		t.Errorf("not found: %v", err)
	}
	if _, _, err := run(t, Note, []string{url, "SAMTALE_TOKEN=st1.x.y"}, "c-1"); !errors.Is(err, errs.Unauthenticated) {
		t.Errorf("another token: %v", err)
	}
	if _, _, err := run(t, Confirm, []string{url}, "c-1", "s-1"); !errors.Is(err, ErrUsage) {
		t.Errorf("no reason: %v", err)
	}
	out, _, err := run(t, Health, []string{url})
	if !errors.Is(err, errs.Unavailable) || !strings.Contains(out, "speech       does not work: unavailable") {
		t.Errorf("health: %v\n%s", err, out)
	}
	p.Close()
	if _, _, err := run(t, Note, []string{url}, "c-1"); !errors.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), "is it running?") {
		t.Errorf("nobody there: %v", err)
	}
}

// tone is a WAV file of 8 kHz: a pause, a tone, a pause.
func tone(t *testing.T, seconds float64) string {
	t.Helper()
	var pcm bytes.Buffer
	n := int(seconds * 8000)
	for i := range n {
		binary.Write(&pcm, binary.LittleEndian, int16(8000*math.Sin(2*math.Pi*440*float64(i)/8000)))
	}
	var wav bytes.Buffer
	wav.WriteString("RIFF")
	binary.Write(&wav, binary.LittleEndian, uint32(36+pcm.Len()))
	wav.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(8000), uint32(16000), uint16(2), uint16(16)} {
		binary.Write(&wav, binary.LittleEndian, v)
	}
	wav.WriteString("data")
	binary.Write(&wav, binary.LittleEndian, uint32(pcm.Len()))
	wav.Write(pcm.Bytes())
	path := filepath.Join(t.TempDir(), "tone.wav")
	if err := os.WriteFile(path, wav.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Call places a real SIP call; the other side is a telephone of the test's own.
func TestCall(t *testing.T) {
	heard := make(chan *dialer.Call, 1)
	other, err := dialer.New(dialer.Config{Answer: func(c *dialer.Call) { c.Keep(); heard <- c }})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	out, _, err := run(t, Call, nil, "--to", "sip:test@"+other.Addr(), "--wav", tone(t, 0.5), "--dtmf", "1#", "--after", "100ms", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var rep struct {
		OK     bool    `json:"ok"`
		Played float64 `json:"played_s"`
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil || !rep.OK || rep.Played != 0.5 {
		t.Fatalf("%s %v", out, err)
	}
	c := <-heard
	<-c.Ended()
	if c.Digits() != "1#" {
		t.Errorf("keys %q", c.Digits())
	}
	loud := 0
	for _, s := range c.Heard() {
		if s > 4000 || s < -4000 {
			loud++
		}
	}
	if loud < 2000 {
		t.Errorf("heard %d loud samples, want some thousand", loud)
	}
}

// TestCallTypes: what is typed arrives, and what is typed back is printed while the call goes on.
func TestCallTypes(t *testing.T) {
	over := make(chan error, 1)
	other, err := dialer.New(dialer.Config{Text: true, Answer: func(c *dialer.Call) {
		for !strings.Contains(c.Typed(), "Hej\n") && c.Wait(t.Context(), 50*time.Millisecond) == nil {
		}
		if err := c.Type("Goddag, hvad kan jeg\b\b\bvi hjælpe med?\n"); err != nil {
			t.Error(err)
		}
		over <- c.Wait(t.Context(), 10*time.Minute)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Call(ctx, Env{Environ: []string{}, Stdout: w, Stderr: io.Discard}, []string{"--to", other.Addr(), "--text", "Hej", "--after", "0s"})
		w.Close()
		done <- err
	}()
	var lines []string
	for sc := bufio.NewScanner(r); sc.Scan(); {
		lines = append(lines, sc.Text())
		hangUp()
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the command ended with %v", err)
	}
	if err := <-over; !dialer.IsEnded(err) {
		t.Errorf("the call goes on: %v", err)
	}
	if len(lines) != 1 || lines[0] != "Goddag, hvad kan vi hjælpe med?" {
		t.Errorf("printed: %q", lines)
	}
}

// TestCallTypesLines: lines are typed as they come, so that one can answer what is typed back, as a meeting that asks for its code.
func TestCallTypesLines(t *testing.T) {
	other, err := dialer.New(dialer.Config{Text: true, Answer: func(c *dialer.Call) {
		if err := c.Type("Kode?\n"); err != nil {
			t.Error(err)
		}
		for !strings.Contains(c.Typed(), "123\n") && c.Wait(t.Context(), 50*time.Millisecond) == nil {
		}
		if err := c.Type("Tak.\n"); err != nil {
			t.Error(err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	screen, out := io.Pipe()
	in, keys := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Call(ctx, Env{Environ: []string{}, Stdin: in, Stdout: out, Stderr: io.Discard}, []string{"--to", other.Addr(), "--text", "-", "--after", "0s"})
		out.Close()
		done <- err
	}()
	var lines []string
	for sc := bufio.NewScanner(screen); sc.Scan(); {
		lines = append(lines, sc.Text())
		switch sc.Text() {
		case "Kode?":
			if _, err := io.WriteString(keys, "123\n"); err != nil {
				t.Error(err)
			}
			keys.Close() // the call lasts on
		case "Tak.":
			hangUp()
		}
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the command ended with %v", err)
	}
	if want := []string{"Kode?", "Tak."}; !slices.Equal(lines, want) {
		t.Errorf("printed: %q", lines)
	}
}

// Where the API does not answer the sound is played at once, and that is said.
func TestCallWithoutAPI(t *testing.T) {
	other, err := dialer.New(dialer.Config{Answer: func(*dialer.Call) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	_, stderr, err := run(t, Call, []string{"SAMTALE_HTTP_ADDR=127.0.0.1:1"}, "--to", other.Addr(), "--wav", tone(t, 0.1))
	if err != nil || !strings.Contains(stderr, "played at once") {
		t.Fatalf("%v\n%s", err, stderr)
	}
}

func TestCallRefused(t *testing.T) {
	busy, err := dialer.New(dialer.Config{}) // takes no calls
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	wav := tone(t, 0.1)
	if _, _, err := run(t, Call, nil, "--to", busy.Addr(), "--wav", wav, "--after", "0s"); err == nil || !strings.Contains(err.Error(), "486") {
		t.Errorf("busy: %v", err)
	}
	for name, args := range map[string][]string{
		"bad moment": {"--to", busy.Addr(), "--wav", wav, "--after", "soon"}, "no file": {"--to", busy.Addr(), "--wav", "/does/not/exist"},
	} {
		if _, _, err := run(t, Call, nil, args...); !errors.Is(err, ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A name alone is nobody's address: that is said, with what to write, before anything is sent.
func TestCallToNoAddress(t *testing.T) {
	wav := tone(t, 0.1)
	for to, want := range map[string]string{
		"besked": "sip:besked@127.0.0.1", "sip:besked": "sip:besked@127.0.0.1", "besked@": "sip:besked@127.0.0.1", "+4512345678": "sip:+4512345678@",
		"besked:5060": "sip:besked@", "@127.0.0.1": "sip:NAME@HOST", "sip:": "sip:NAME@HOST",
	} {
		if _, _, err := run(t, Call, nil, "--to", to, "--wav", wav); !errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", to, err)
		}
	}
	for _, to := range []string{
		"besked@127.0.0.1", "sips:a@b.example.dk:5061", "sip:besked@kommune", "127.0.0.1:5060", "sip:[::1]:5060", "::1", "localhost", "sip.example.dk",
		"sip:besked@127.0.0.1;transport=tcp",
	} {
		if uri, err := sipURI(to); err != nil || !strings.HasSuffix(uri, to) || !strings.HasPrefix(uri, "sip") {
			t.Errorf("%s: %q, %v", to, uri, err)
		}
	}
}

// Where the other side dies in the middle of a call, programs read that it did not go well, and why.
func TestCallWithOneWhoDies(t *testing.T) {
	var other *dialer.Dialer
	ready := make(chan struct{})
	other, err := dialer.New(dialer.Config{Answer: func(c *dialer.Call) {
		<-ready
		for c.Keep(); len(c.Heard()) == 0 && c.Wait(t.Context(), 20*time.Millisecond) == nil; {
		}
		other.Close() // without goodbye
	}})
	if err != nil {
		t.Fatal(err)
	}
	close(ready)
	const long = 3 // seconds: on a busy machine the other side must not die when all is over
	out, _, err := run(t, Call, nil, "--to", other.Addr(), "--wav", tone(t, long), "--after", "0s", "--json")
	if !errors.Is(err, errs.Unavailable) {
		t.Errorf("the command ended with %v", err)
	}
	var rep struct {
		OK     *bool   `json:"ok"`
		Reason string  `json:"reason"`
		Played float64 `json:"played_s"`
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.OK == nil || *rep.OK || !strings.Contains(rep.Reason, "hung up") || rep.Played > long {
		t.Errorf("%s %v", out, err)
	}
}

// TestServerDies: who waits for somebody to listen does not wait for a server that has died.
func TestServerDies(t *testing.T) {
	other, err := dialer.New(dialer.Config{Answer: func(*dialer.Call) {}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := dialer.New(dialer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c, err := d.Dial(t.Context(), dialer.Options{To: "sip:test@" + other.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	other.Close() // without goodbye
	err = await(t.Context(), c, api.New("http://127.0.0.1:1", "x"), 5*time.Minute, listens)
	if !errors.Is(err, errDead) || !errors.Is(err, errs.Unavailable) || !strings.Contains(err.Error(), "samtale health") {
		t.Errorf("the command ended with %v", err)
	}
}

// TestDead: a server has died when it neither answers nor sends sound for a while. One that is started again, or busy, has not.
func TestDead(t *testing.T) {
	away, busy := fmt.Errorf("%w: refused", api.ErrNoAnswer), errs.E(errs.Unavailable, "", nil)
	begin := time.Date(2026, 11, 20, 9, 30, 0, 0, time.UTC)
	for _, tc := range []struct {
		name  string
		asked func(second int) error
		sound func(now time.Time) time.Time
		dead  int // second in which it is found to be; 0: never
	}{
		{"both are gone", func(int) error { return away }, func(time.Time) time.Time { return begin }, 5},
		{"no sound ever came", func(int) error { return away }, func(time.Time) time.Time { return time.Time{} }, 5},
		{"sound still comes", func(int) error { return away }, func(now time.Time) time.Time { return now }, 0},
		{"it is busy", func(int) error { return busy }, func(time.Time) time.Time { return begin }, 0},
		{"it answers", func(int) error { return nil }, func(time.Time) time.Time { return begin }, 0},
		{"it answered once between", func(s int) error {
			if s == 3 {
				return nil
			}
			return away
		}, func(time.Time) time.Time { return begin }, 9},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var p pulse
			got := 0
			for s := 0; s <= 60 && got == 0; s++ {
				now := begin.Add(time.Duration(s) * time.Second)
				if p.dead(now, tc.sound(now), tc.asked(s)) {
					got = s
				}
			}
			if got != tc.dead {
				t.Errorf("found in second %d, want %d", got, tc.dead)
			}
		})
	}
}

// A call that is not taken is told in JSON, too.
func TestCallRefusedJSON(t *testing.T) {
	busy, err := dialer.New(dialer.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	out, _, err := run(t, Call, nil, "--to", busy.Addr(), "--wav", tone(t, 0.1), "--after", "0s", "--json")
	if err == nil || !strings.Contains(out, `"ok": false`) || !strings.Contains(out, "486") || !strings.Contains(out, `"played_s": 0`) {
		t.Errorf("%v\n%s", err, out)
	}
}

// The shape of the JSON is what other programs rely on.
func TestTranscribe(t *testing.T) {
	out, _, err := run(t, Transcribe, nil, tone(t, 1), "--json", "--fast")
	if err != nil {
		t.Fatal(err)
	}
	var rep struct {
		Text     *string            `json:"text"`
		Words    []json.RawMessage  `json:"words"`
		Coverage map[string]float64 `json:"coverage"`
	}
	if err := json.Unmarshal([]byte(out), &rep); err != nil || rep.Text == nil || rep.Words == nil {
		t.Fatalf("%s %v", out, err)
	}
	c := rep.Coverage
	for _, k := range []string{"captured_s", "transcribed_s", "silence_s", "lost_s"} {
		if _, ok := c[k]; !ok {
			t.Errorf("coverage lacks %s", k)
		}
	}
	if c["captured_s"] != 1 || math.Abs(c["transcribed_s"]+c["silence_s"]+c["lost_s"]-1) > 0.01 {
		t.Errorf("coverage %v", c)
	}
	garbage := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(garbage, []byte("not a sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, Transcribe, nil, garbage); !errors.Is(err, errs.Invalid) {
		t.Errorf("garbage: %v", err)
	}
}
