package invite

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"time"

	"samtale.dk/samtale/services/platform/errs"
)

// SMTP sends e-mail through a server (RFC 5321), with STARTTLS where the server offers it.
type SMTP struct {
	Addr     string // host:port
	User     string // empty: no login
	Password string
	From     string
	NoTLS    bool // a server on the same machine
}

// smtpLimit bounds the whole exchange with the server.
const smtpLimit = 30 * time.Second

// Name implements Way.
func (s SMTP) Name() string { return "smtp" }

// Send implements Way.
func (s SMTP) Send(ctx context.Context, id string, l Letter, m Mail) error {
	to, err := mail.ParseAddress(l.To.Email)
	if err != nil {
		return errs.E(errs.Invalid, "Deltageren har ingen gyldig e-mailadresse.", nil) // the address itself stays out of logs
	}
	msg, err := s.message(id, to, l, m)
	if err != nil {
		return err
	}
	err = s.exchange(ctx, to.Address, msg)
	if err != nil && errs.KindOf(err) != errs.Invalid {
		return errs.E(errs.Unavailable, "Mailserveren tog ikke imod.", err)
	}
	return err
}

// refused tells a letter that the server will never take (RFC 5321, 4.2.1) from one that it may take later. What the server says stays out: it holds
// the address.
func refused(text string, err error) error {
	var reply *textproto.Error
	if errors.As(err, &reply) && reply.Code/100 == 5 {
		return errs.E(errs.Invalid, text, fmt.Errorf("the mail server answers %d", reply.Code))
	}
	return errors.New("not accepted")
}

func (s SMTP) exchange(ctx context.Context, to string, msg []byte) error {
	ctx, cancel := context.WithTimeout(ctx, smtpLimit)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return err
	}
	if err := s.secure(c, host); err != nil {
		return err
	}
	if err := c.Mail(s.From); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return refused("Mailserveren tager ikke imod modtagerens adresse.", err)
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write(msg); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return refused("Mailserveren tog ikke imod brevet.", err)
	}
	_ = c.Quit() // the server has the letter: without a goodbye it would be sent twice
	return nil
}

func (s SMTP) secure(c *smtp.Client, host string) error {
	if !s.NoTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return errors.New("the mail server offers no TLS")
		}
		if err := c.StartTLS(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}); err != nil {
			return err
		}
	}
	if s.User == "" {
		return nil
	}
	return c.Auth(smtp.PlainAuth("", s.User, s.Password, host))
}

// message writes the mail with its calendar entry (RFC 2045, RFC 6047).
func (s SMTP) message(id string, to *mail.Address, l Letter, m Mail) ([]byte, error) {
	var b bytes.Buffer
	from := mail.Address{Name: l.From.Name, Address: s.From}
	parts := multipart.NewWriter(&b)
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s@samtale>\r\nMIME-Version: 1.0\r\n",
		from.String(), to.String(), mime.QEncoding.Encode("utf-8", m.Subject), l.Now.Format(time.RFC1123Z), id)
	fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=%q\r\n\r\n", parts.Boundary())
	w, err := parts.CreatePart(textproto.MIMEHeader{
		"Content-Type": {"text/plain; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
	})
	if err != nil {
		return nil, err
	}
	q := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(q, m.Body); err != nil {
		return nil, err
	}
	if err := q.Close(); err != nil {
		return nil, err
	}
	if m.ICS != "" {
		method := "REQUEST"
		if l.Kind == Cancellation {
			method = "CANCEL"
		}
		w, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type":              {"text/calendar; charset=utf-8; method=" + method},
			"Content-Transfer-Encoding": {"base64"}, "Content-Disposition": {`attachment; filename="moede.ics"`},
		})
		if err != nil {
			return nil, err
		}
		if err := wrapped(w, m.ICS); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// wrapped writes base64 in lines of 76 characters (RFC 2045, 6.8).
func wrapped(w io.Writer, s string) error {
	const line = 76
	enc := base64.StdEncoding.EncodeToString([]byte(s))
	for len(enc) > line {
		if _, err := io.WriteString(w, enc[:line]+"\r\n"); err != nil {
			return err
		}
		enc = enc[line:]
	}
	_, err := io.WriteString(w, enc+"\r\n")
	return err
}
