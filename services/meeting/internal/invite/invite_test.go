package invite

import (
	"bufio"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
)

func letter(kind string) Letter {
	return Letter{
		Kind: kind,
		Meeting: meetingv1.Meeting{
			ID: "01937f5c-7e2a-7a31-9d4e-5b8f2c6a1d03", Title: "Opfølgning; genoptræning, trin 2", Minutes: 30,
			StartsAt: time.Date(2026, 12, 4, 13, 30, 0, 0, time.UTC),
		},
		To:   meetingv1.Participant{ID: "p1", Role: meetingv1.RoleCitizen, Name: `Bente "B" Holm`, Email: "bente@example.dk"},
		Text: "Du er inviteret til {title}.\nTid: {time}\n{link}", Info: "Find et roligt sted.",
		Link: "https://moede.example.dk/moede/01937f5c-7e2a-7a31-9d4e-5b8f2c6a1d03/" + strings.Repeat("x", 40),
		From: Sender{Name: "Genoptræning Øst", Email: "moede@example.dk", Phone: "12 00 00 10", CVR: "12345678"}, Sequence: 2,
		Now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
	}
}

func TestInvitationSaysWhenAndWhere(t *testing.T) {
	m, err := Write(letter(Invitation))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"fredag den 4. december 2026 kl. 14.30", "/moede/01937f5c", "Find et roligt sted.", "Genoptræning Øst"} {
		if !strings.Contains(m.Body, want) {
			t.Errorf("body lacks %q:\n%s", want, m.Body)
		}
	}
	if len([]rune(m.SMS)) > 300 || strings.Contains(m.SMS, "genoptræning, trin") {
		t.Errorf("text message tells the subject, or is long: %s", m.SMS)
	}
}

func TestInvitationByTelephone(t *testing.T) {
	l := letter(Invitation)
	l.Meeting.DialNumber, l.Code = "+45 70 00 00 00", "123456789"
	m, err := Write(l)
	if err != nil {
		t.Fatal(err)
	}
	var got memoMessage
	if err := xml.Unmarshal([]byte(m.MeMo), &got); err != nil {
		t.Fatal(err)
	}
	digital, err := base64.StdEncoding.DecodeString(got.Body.Main.File.Content)
	if err != nil {
		t.Fatal(err)
	}
	const want = "ring til +45 70 00 00 00, og tast koden 123 456 789"
	calendar := strings.NewReplacer("\r\n ", "", `\,`, ",").Replace(m.ICS)
	for name, text := range map[string]string{"mail": m.Body, "calendar": calendar, "MeMo": string(digital), "text message": m.SMS} {
		if !strings.Contains(text, want) {
			t.Errorf("%s lacks the code:\n%s", name, text)
		}
	}
	if len([]rune(m.SMS)) > 300 {
		t.Errorf("text message of %d characters", len([]rune(m.SMS)))
	}
	l = letter(Cancellation)
	l.Link = ""
	if m, err = Write(l); err != nil || strings.Contains(m.Body, "tast koden") {
		t.Errorf("a cancellation: %v\n%s", err, m.Body)
	}
}

func TestCalendarEntry(t *testing.T) {
	m, err := Write(letter(Invitation))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(m.ICS, "\r\n") {
		if len(line) > 75 {
			t.Errorf("line of %d bytes: %s", len(line), line)
		}
	}
	unfolded := strings.ReplaceAll(m.ICS, "\r\n ", "")
	for _, want := range []string{
		"METHOD:REQUEST", "DTSTART:20261204T133000Z", "DTEND:20261204T140000Z", `SUMMARY:Opfølgning\; genoptræning\, trin 2`,
		`ATTENDEE;CN="Bente B Holm";RSVP=TRUE:mailto:bente@example.dk`, "SEQUENCE:2", "UID:01937f5c-7e2a-7a31-9d4e-5b8f2c6a1d03@samtale",
	} {
		if !strings.Contains(unfolded, want+"\r\n") {
			t.Errorf("lacks %q:\n%s", want, unfolded)
		}
	}
	off := letter(Cancellation)
	off.Link = ""
	m, err = Write(off)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.ICS, "METHOD:CANCEL") || strings.Contains(m.ICS, "VALARM") || strings.Contains(m.MeMo, "AFTALE") {
		t.Errorf("a cancellation is an appointment:\n%s", m.ICS)
	}
}

func TestMeMoHoldsTheAppointment(t *testing.T) {
	m, err := Write(letter(Invitation))
	if err != nil {
		t.Fatal(err)
	}
	var got memoMessage
	if err := xml.Unmarshal([]byte(m.MeMo), &got); err != nil {
		t.Fatal(err)
	}
	a := got.Body.Main.Actions
	if len(a) != 2 || a[0].Code != "AFTALE" || a[0].Reservation.Start != "2026-12-04T13:30:00Z" || a[1].Entry.URL != letter(Invitation).Link {
		t.Errorf("actions: %+v", a)
	}
	text, err := base64.StdEncoding.DecodeString(got.Body.Main.File.Content)
	if err != nil || string(text) != m.Body {
		t.Errorf("text: %v %q", err, text)
	}
	without := letter(Invitation)
	without.From.CVR = ""
	if m, err := Write(without); err != nil || m.MeMo != "" {
		t.Errorf("a message without a sender's number: %v", err)
	}
}

// server is an SMTP server that keeps one message.
func server(t *testing.T, refuse bool) (addr string, got func() string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	data := make(chan string, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r := bufio.NewReader(conn)
		fmt.Fprint(conn, "220 test\r\n")
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			switch verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); {
			case verb == "RCPT" && refuse:
				fmt.Fprint(conn, "550 bente@example.dk is unknown\r\n")
			case verb == "DATA":
				fmt.Fprint(conn, "354 go\r\n")
				var b strings.Builder
				for {
					l, err := r.ReadString('\n')
					if err != nil {
						return
					}
					if l == ".\r\n" {
						break
					}
					b.WriteString(l)
				}
				data <- b.String()
				fmt.Fprint(conn, "250 kept\r\n")
			case verb == "QUIT":
				return // without a word: what it has kept is kept all the same
			default:
				fmt.Fprint(conn, "250 ok\r\n")
			}
		}
	}()
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String(), func() string { return <-data }
}

func TestMailArrivesWithItsCalendarEntry(t *testing.T) {
	addr, got := server(t, false)
	l := letter(Invitation)
	m, err := Write(l)
	if err != nil {
		t.Fatal(err)
	}
	if err := (SMTP{Addr: addr, From: "moede@example.dk", NoTLS: true}).Send(t.Context(), "s1", l, m); err != nil {
		t.Fatal(err)
	}
	msg, err := mail.ReadMessage(strings.NewReader(got()))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := (&mime.WordDecoder{}).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	text, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(text)
	if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != m.Body {
		t.Errorf("body: %v\n%s", err, body)
	}
	entry, err := parts.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	ics, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, entry))
	if err != nil || string(ics) != m.ICS {
		t.Errorf("calendar: %v\n%s", err, ics)
	}
}

func TestSendingSaysWhatIsWrongWithoutAddresses(t *testing.T) {
	l := letter(Invitation)
	m, err := Write(l)
	if err != nil {
		t.Fatal(err)
	}
	addr, _ := server(t, true)
	err = SMTP{Addr: addr, From: "moede@example.dk", NoTLS: true}.Send(t.Context(), "s1", l, m)
	if !errors.Is(err, errs.Invalid) || strings.Contains(err.Error(), "bente") {
		t.Errorf("refused recipient: %v", err)
	}
	addr, _ = server(t, false)
	if err := (SMTP{Addr: addr, From: "moede@example.dk"}).Send(t.Context(), "s1", l, m); !errors.Is(err, errs.Unavailable) {
		t.Errorf("a server without TLS: %v", err)
	}
	l.To.Email = "no address"
	if err := (SMTP{Addr: addr}).Send(t.Context(), "s1", l, m); !errors.Is(err, errs.Invalid) || strings.Contains(err.Error(), "no address") {
		t.Errorf("bad address: %v", err)
	}
}
