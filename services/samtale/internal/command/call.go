package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/phone/dialer"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/token"
	"samtale.dk/samtale/services/samtale/internal/api"
)

// tail is how long the line stays open after the sound, so that its end is heard.
const tail = time.Second

type callFlags struct {
	to, wav, digits string
	text            string
	after           string
	wait            time.Duration
	asJSON          bool
}

// Call places a SIP call (PCMA), presses keys, plays a file and types.
func Call(ctx context.Context, env Env, args []string) error {
	var f callFlags
	fs := Flags(env, "call", "", "Places a SIP call, plays a WAV file or types, hangs up, and prints the conversation id and what is typed back.")
	fs.StringVar(&f.to, "to", "", "whom to call, e.g. sip:besked@127.0.0.1:5060; sip: may be left out")
	fs.StringVar(&f.wav, "wav", "", "WAV file to play, of any rate")
	fs.StringVar(&f.text, "text", "", "what to type (real-time text), after the sound; - types the lines of standard input as they come, as for a meeting by its code. "+
		"Then the call lasts until the other side hangs up, or --wait")
	fs.StringVar(&f.digits, "dtmf", "", "keys to press before the sound: when the caller is asked about transcription, else after --after")
	fs.StringVar(&f.after, "after", "auto", "when to play: auto (when a person or the message line listens) or a time after the answer, e.g. 2s")
	fs.DurationVar(&f.wait, "wait", 10*time.Minute, "how long to wait for somebody to listen; a server that has died is not waited for")
	fs.BoolVar(&f.asJSON, "json", false, "print conversation id, seconds played and whether all went well, else why not, as JSON")
	if err := Parse(fs, args, 0); err != nil {
		return Help(err)
	}
	if f.to == "" || f.wav == "" && f.text == "" {
		return fmt.Errorf("%w: --to and --wav or --text are needed", ErrUsage)
	}
	to, err := sipURI(f.to)
	if err != nil {
		return fmt.Errorf("%w: --to: %w", ErrUsage, err)
	}
	f.to = to
	var sound []int16
	if f.wav != "" {
		if sound, err = readWAV(f.wav); err != nil {
			return err
		}
	}
	return place(ctx, env, f, sound)
}

func readWAV(path string) ([]int16, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	defer f.Close()
	sound, err := dialer.ReadWAV(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return sound, nil
}

// result is what --json prints, however the call went.
type result struct {
	Conversation string  `json:"conversation_id"`
	Played       float64 `json:"played_s"`
	OK           bool    `json:"ok"`
	Reason       string  `json:"reason,omitempty"` // why not
	Typed        string  `json:"typed"`            // by the other side
}

func place(ctx context.Context, env Env, f callFlags, sound []int16) error {
	var res result
	err := carryOut(ctx, env, f, sound, &res)
	if !f.asJSON || errors.Is(err, ErrUsage) {
		return err
	}
	if res.OK = err == nil; !res.OK {
		res.Reason = err.Error()
	}
	return errors.Join(err, printJSON(env.Stdout, res))
}

// carryOut makes the call from its beginning to its end; res holds how far it came.
func carryOut(ctx context.Context, env Env, f callFlags, sound []int16, res *result) error {
	delay, listener, err := moment(ctx, env, f)
	if err != nil {
		return err
	}
	d, err := dialer.New(dialer.Config{Text: f.text != ""})
	if err != nil {
		return err
	}
	defer d.Close()
	c, err := d.Dial(ctx, dialer.Options{To: f.to})
	if err != nil {
		return fmt.Errorf("call %s: %w", f.to, err)
	}
	res.Conversation = c.ConversationID
	if !f.asJSON && c.ConversationID != "" {
		fmt.Fprintln(env.Stdout, c.ConversationID)
	}
	if f.text != "" && !f.asJSON {
		defer printTyped(env.Stdout, c)()
	}
	err = speak(ctx, env, c, f, delay, listener, sound)
	res.Played, res.Typed = c.Played().Seconds(), c.Typed()
	if errors.Is(err, errDead) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hangUpDead)
		defer cancel()
		_ = c.HangUp(ctx) // nobody is expected to answer
		return err
	}
	return errors.Join(err, hangUp(ctx, c))
}

// hangUpDead bounds saying goodbye to a server that has died.
const hangUpDead = time.Second

// hangUp ends the call. Sound is sent without being answered: only the goodbye shows that the other side was there until the end.
func hangUp(ctx context.Context, c *dialer.Call) error {
	if err := c.HangUp(context.WithoutCancel(ctx)); err != nil {
		return errs.E(errs.Unavailable, "", fmt.Errorf("the other side did not answer when we hung up, so it may not have heard everything: %w", err))
	}
	return nil
}

// sipURI adds the scheme that people leave out, and takes no name for a machine's: a telephone finds nobody by a name alone.
func sipURI(to string) (string, error) {
	if !strings.HasPrefix(to, "sip:") && !strings.HasPrefix(to, "sips:") {
		to = "sip:" + to
	}
	_, rest, _ := strings.Cut(to, ":")
	user, place, both := strings.Cut(rest, "@")
	if !both {
		place = rest
	}
	place, _, _ = strings.Cut(place, ";")
	host, _, err := net.SplitHostPort(place)
	if err != nil {
		host = strings.Trim(place, "[]")
	}
	if !both {
		user = host // if it is a name, it is a person's
	}
	_, noIP := netip.ParseAddr(host)
	switch {
	case user == "":
		return "", fmt.Errorf("%q is no SIP address; write sip:NAME@HOST or sip:NAME@HOST:PORT", rest)
	case host == "" || !both && noIP != nil && host != "localhost" && !strings.Contains(host, "."):
		return "", fmt.Errorf("%q is no SIP address: it does not say where; write sip:%s@127.0.0.1:5060, with the machine's own address", rest, user)
	}
	return to, nil
}

// moment reads --after: a fixed delay, or the client that can tell when the other side
// listens. Where nobody can be asked the sound is played at once.
func moment(ctx context.Context, env Env, f callFlags) (time.Duration, *api.Client, error) {
	if f.after != "auto" {
		d, err := time.ParseDuration(f.after)
		if err != nil || d < 0 {
			return 0, nil, fmt.Errorf("%w: --after must be auto or a time such as 2s", ErrUsage)
		}
		return d, nil, nil
	}
	c, err := clientFor(env, token.Operator, 2*f.wait) // for the keys, then for the sound
	if err == nil {
		err = c.Do(ctx, "GET", "/api/v1/calls", nil, nil)
	}
	if err != nil {
		fmt.Fprintln(env.Stderr, "samtale: cannot ask when the other side listens, so the sound is played at once:", err)
		return 0, nil, nil
	}
	return 0, c, nil
}

func speak(ctx context.Context, env Env, c *dialer.Call, f callFlags, delay time.Duration, listener *api.Client, sound []int16) error {
	if err := c.Wait(ctx, delay); err != nil {
		return err
	}
	asks := listener != nil && c.ConversationID != ""
	if f.digits != "" {
		if asks {
			if err := await(ctx, c, listener, f.wait, keysCount); err != nil {
				return err
			}
		}
		if err := c.Press(ctx, f.digits); err != nil {
			return fmt.Errorf("press keys: %w", err)
		}
	}
	if asks && f.text != "-" { // whoever types reads who listens
		if err := await(ctx, c, listener, f.wait, listens); err != nil {
			return err
		}
	}
	if err := c.Play(ctx, sound); err != nil {
		return fmt.Errorf("play: %w", err)
	}
	switch f.text {
	case "":
	case "-":
		return typeLines(ctx, c, env.Stdin, f.wait)
	default:
		return typeOut(ctx, c, f)
	}
	if err := c.Wait(ctx, tail); err != nil && !dialer.IsEnded(err) {
		return err
	}
	return nil
}

// typeOut types and stays for what is typed back.
func typeOut(ctx context.Context, c *dialer.Call, f callFlags) error {
	if err := c.Type(f.text + "\n"); err != nil {
		return fmt.Errorf("type: %w", err)
	}
	if err := c.Wait(ctx, f.wait); err != nil && !dialer.IsEnded(err) {
		return err
	}
	return nil
}

// typeLines types lines as they are read, and stays for what is typed back.
func typeLines(ctx context.Context, c *dialer.Call, r io.Reader, limit time.Duration) error {
	lines, stop := make(chan string), make(chan struct{})
	defer close(stop)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(r); in.Scan(); {
			select {
			case lines <- in.Text() + "\n":
			case <-stop:
				return
			}
		}
	}()
	for {
		select {
		case l, ok := <-lines:
			if !ok {
				if err := c.Wait(ctx, limit); err != nil && !dialer.IsEnded(err) {
					return err
				}
				return nil
			}
			if err := c.Type(l); err != nil {
				return fmt.Errorf("type: %w", err)
			}
		case <-c.Ended():
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// printTyped prints lines that the other side types, as they are ended; what is left when the returned function is called.
func printTyped(w io.Writer, c *dialer.Call) (rest func()) {
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		shown := 0
		for over := false; !over; {
			select {
			case <-stop:
				over = true
			case <-time.After(200 * time.Millisecond):
			}
			text := c.Typed()
			end := strings.LastIndexByte(text, '\n') + 1
			if over {
				end = len(text)
			}
			if end > shown { // backspaces reach no further than the line
				fmt.Fprint(w, text[shown:end])
				shown = end
			}
		}
	}()
	return func() {
		close(stop)
		<-done
	}
}

// keysCount: a key pressed before the question about transcription is no answer to it.
func keysCount(call callv1.Call) bool {
	return call.Asked || call.State != callv1.StateAnnouncing || call.Channel == callv1.ChannelMessage
}

// listens: an announcement would talk over the sound, and nobody would take it down.
func listens(call callv1.Call) bool {
	return call.State == callv1.StateMessage || call.State == callv1.StateTalking
}

const (
	// deadAfter is for how long a server may neither answer nor send sound, and deadTries how often it is asked at least.
	deadAfter = 5 * time.Second
	deadTries = 5
)

var errDead = fmt.Errorf("the server has died: for %s neither its API has answered nor any sound has come. Nothing was played. "+
	"Start it again, see by \"samtale health\" when it works, and call again", deadAfter)

// pulse finds out that a server has died.
type pulse struct {
	tries int       // in vain, one after the other
	since time.Time // the first of them
}

// dead is told what came of asking, and when sound came last. Where only the API is away, as when it is started again, there is sound.
func (p *pulse) dead(now, sound time.Time, asked error) bool {
	if !errors.Is(asked, api.ErrNoAnswer) {
		*p = pulse{}
		return false
	}
	if p.tries++; p.tries == 1 {
		p.since = now
	}
	return p.tries >= deadTries && now.Sub(p.since) >= deadAfter && now.Sub(sound) >= deadAfter
}

// callsNow asks for the calls; who hangs is as good as dead.
func callsNow(ctx context.Context, listener *api.Client) (rep callv1.ListReply, err error) {
	ctx, cancel := context.WithTimeout(ctx, deadAfter)
	defer cancel()
	err = listener.Do(ctx, "GET", "/api/v1/calls", nil, &rep)
	return rep, err
}

// await waits until the call is as it should be.
func await(ctx context.Context, c *dialer.Call, listener *api.Client, limit time.Duration, ready func(callv1.Call) bool) error {
	var server pulse
	till := time.Now().Add(limit)
	for time.Now().Before(till) {
		rep, err := callsNow(ctx, listener)
		if server.dead(time.Now(), c.Stats().Receiver.LastSeen, err) {
			return errs.E(errs.Unavailable, "", fmt.Errorf("%w: %w", errDead, err))
		}
		if err != nil && !errors.Is(err, errs.Unavailable) {
			return fmt.Errorf("ask when the other side listens: %w", err)
		}
		for _, call := range rep.Calls {
			if call.ConversationID == c.ConversationID && ready(call) {
				return nil
			}
		}
		if err := c.Wait(ctx, 200*time.Millisecond); err != nil {
			return fmt.Errorf("nobody listened: %w", err)
		}
	}
	return errs.E(errs.Unavailable, "", fmt.Errorf("nobody listened within %s", limit))
}
