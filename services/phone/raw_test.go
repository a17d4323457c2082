package phone

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
	"time"
)

// raw is a SIP client that writes its messages by hand, so that what the service
// gets does not depend on the code that is tested.
type raw struct {
	t      *testing.T
	conn   net.Conn
	server string
	callID string
	tag    string
	toTag  string
	cseq   int
	branch int
	host   string // our sent-by
}

// answer is a message as received: a response, or a request when code is 0.
type answer struct {
	line string
	code int
	h    textproto.MIMEHeader
	body string
}

func (w *world) raw() *raw {
	w.t.Helper()
	c, err := net.Dial("udp", w.sip)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return &raw{t: w.t, conn: c, server: w.sip, callID: fmt.Sprintf("c%d@test", time.Now().UnixNano()), tag: "a", host: c.LocalAddr().String()}
}

// message builds a request; headers given replace the usual ones, "" leaves one out.
func (r *raw) message(method, user, body string, hs ...string) string {
	h := [][2]string{
		{"Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bK%s%d;rport", r.host, strings.ReplaceAll(r.callID, "@", ""), r.branch)},
		{"Max-Forwards", "70"},
		{"From", "<sip:test@" + r.host + ">;tag=" + r.tag},
		{"To", r.to(user)},
		{"Call-ID", r.callID},
		{"CSeq", strconv.Itoa(r.cseq) + " " + method},
		{"Contact", "<sip:test@" + r.host + ">"},
		{"Content-Type", ""},
		{"Content-Length", strconv.Itoa(len(body))},
	}
	if body != "" {
		h[7][1] = "application/sdp"
	}
	var extra strings.Builder
	for _, v := range hs {
		k, val, _ := strings.Cut(v, ":")
		found := false
		for i := range h {
			if h[i][0] == k {
				h[i][1], found = strings.TrimSpace(val), true
			}
		}
		if !found {
			extra.WriteString(v + "\r\n")
		}
	}
	var b strings.Builder
	b.WriteString(method + " sip:" + user + "@" + r.server + " SIP/2.0\r\n")
	for _, kv := range h {
		if kv[1] != "" {
			b.WriteString(kv[0] + ": " + kv[1] + "\r\n")
		}
	}
	return b.String() + extra.String() + "\r\n" + body
}

func (r *raw) to(user string) string {
	s := "<sip:" + user + "@" + r.server + ">"
	if r.toTag != "" {
		s += ";tag=" + r.toTag
	}
	return s
}

// request sends a new request and returns its text, for repeating.
func (r *raw) request(method, user, body string, hs ...string) string {
	r.t.Helper()
	if method != "ACK" && method != "CANCEL" {
		r.cseq++
	}
	if method != "CANCEL" {
		r.branch++
	}
	m := r.message(method, user, body, hs...)
	r.write(m)
	return m
}

func (r *raw) write(m string) {
	r.t.Helper()
	if _, err := r.conn.Write([]byte(m)); err != nil {
		r.t.Fatal(err)
	}
}

// read returns the next message; ok is false after the time, and when the client is closed.
func (r *raw) read(d time.Duration) (answer, bool) {
	r.t.Helper()
	buf := make([]byte, 65536)
	if err := r.conn.SetReadDeadline(time.Now().Add(d)); err != nil {
		return answer{}, false
	}
	n, err := r.conn.Read(buf)
	if err != nil {
		return answer{}, false
	}
	return parseAnswer(r.t, string(buf[:n])), true
}

func parseAnswer(t *testing.T, s string) answer {
	t.Helper()
	head, body, _ := strings.Cut(s, "\r\n\r\n")
	line, rest, _ := strings.Cut(head, "\r\n")
	h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(rest + "\r\n\r\n"))).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("message: %v\n%s", err, s)
	}
	a := answer{line: line, h: h, body: body}
	if f := strings.Fields(line); len(f) > 1 && f[0] == "SIP/2.0" {
		a.code, _ = strconv.Atoi(f[1])
	}
	return a
}

// next reads up to a message that fits.
func (r *raw) next(what string, fits func(answer) bool) answer {
	r.t.Helper()
	limit := time.Now().Add(2 * time.Minute)
	for time.Now().Before(limit) {
		a, ok := r.read(time.Until(limit))
		if ok && fits(a) {
			return a
		}
	}
	r.t.Fatalf("never came: %s", what)
	return answer{}
}

// final reads up to the final answer to our last request of a method. One to an earlier request may come again meanwhile.
func (r *raw) final(method string) answer {
	r.t.Helper()
	return r.finalOf(r.cseq, method)
}

func (r *raw) finalOf(cseq int, method string) answer {
	r.t.Helper()
	to := strconv.Itoa(cseq) + " " + method
	return r.next("a final answer to "+method, func(a answer) bool { return a.code >= 200 && a.h.Get("Cseq") == to })
}

// provisional reads up to a provisional answer.
func (r *raw) provisional(code int) answer {
	r.t.Helper()
	return r.next(strconv.Itoa(code), func(a answer) bool { return a.code == code })
}

// sdp is an offer; extra lines go to the media part.
func sdp(addr string, port int, dir string, extra ...string) string {
	s := "v=0\r\no=t 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 " + addr + "\r\nt=0 0\r\n" +
		fmt.Sprintf("m=audio %d RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n", port)
	if dir != "" {
		s += "a=" + dir + "\r\n"
	}
	for _, e := range extra {
		s += e + "\r\n"
	}
	return s
}

// set up a call and return the 200.
func (r *raw) setup(user, body string, hs ...string) answer {
	r.t.Helper()
	r.request("INVITE", user, body, hs...)
	a := r.final("INVITE")
	if a.code != 200 {
		r.t.Fatalf("INVITE: %s", a.line)
	}
	r.tagOf(a)
	return a
}

func (r *raw) tagOf(a answer) {
	_, r.toTag, _ = strings.Cut(a.h.Get("To"), "tag=")
	r.toTag, _, _ = strings.Cut(r.toTag, ";")
}

func (r *raw) ack(user, body string) { r.request("ACK", user, body) }

// bye hangs up and wants 200.
func (r *raw) bye(user string) {
	r.t.Helper()
	r.request("BYE", user, "")
	if a := r.final("BYE"); a.code != 200 {
		r.t.Errorf("BYE: %s", a.line)
	}
}

func direction(body string) string {
	for _, d := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
		if strings.Contains(body, "a="+d) {
			return d
		}
	}
	return ""
}
