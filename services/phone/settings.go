package phone

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/phone/internal/calls"
	"samtale.dk/samtale/services/phone/internal/sipua"
	"samtale.dk/samtale/services/phone/internal/softphone"
	"samtale.dk/samtale/services/platform/process"
)

// Settings of the phone service, from the environment.
type Settings struct {
	process.Common

	SIPAddr  string  `env:"SAMTALE_SIP_ADDR" envDefault:"127.0.0.1:5060"` // UDP and TCP
	TLSAddr  string  `env:"SAMTALE_SIP_TLS_ADDR"`                         // empty: no TLS
	TLSCert  string  `env:"SAMTALE_SIP_TLS_CERT"`                         // PEM; usually by SAMTALE_SIP_TLS_CERT_FILE
	TLSKey   string  `env:"SAMTALE_SIP_TLS_KEY"`                          // PEM; usually by SAMTALE_SIP_TLS_KEY_FILE
	Public   string  `env:"SAMTALE_SIP_PUBLIC_IP"`                        // told to peers; empty: the address that faces them
	Trunks   string  `env:"SAMTALE_SIP_TRUNKS"`                           // addresses and prefixes that may call; empty: all
	Digest   string  `env:"SAMTALE_SIP_DIGEST"`                           // user:password,… for callers outside the list
	MaxCalls int     `env:"SAMTALE_SIP_MAX_CALLS" envDefault:"500"`
	Rate     float64 `env:"SAMTALE_SIP_RATE" envDefault:"20"` // new calls a second from one address
	Burst    int     `env:"SAMTALE_SIP_BURST" envDefault:"60"`
	Expires  int     `env:"SAMTALE_SIP_SESSION_EXPIRES" envDefault:"1800"` // seconds

	RTPPorts string `env:"SAMTALE_RTP_PORTS" envDefault:"20000-20199"`

	TrunkProxy    string `env:"SAMTALE_SIP_TRUNK"` // sip: URI for outgoing calls
	TrunkUser     string `env:"SAMTALE_SIP_TRUNK_USER"`
	TrunkPassword string `env:"SAMTALE_SIP_TRUNK_PASSWORD"`
	Caller        string `env:"SAMTALE_SIP_CALLER" envDefault:"samtale"` // our number
	Refer         string `env:"SAMTALE_SIP_REFER"`                       // whom telephones may move calls to: +45,@pbx.example

	Messages   string `env:"SAMTALE_MESSAGE_NUMBERS" envDefault:"besked=borgerservice"` // number=area,…
	Meetings   string `env:"SAMTALE_MEETING_NUMBERS" envDefault:"moede"`                // numbers that are called for meetings
	Help       string `env:"SAMTALE_MEETING_HELP" envDefault:"borgerservice"`           // area that takes callers without a code
	Extensions string `env:"SAMTALE_EXTENSIONS"`                                        // extension=caseworker,… for SIPREC
	RecordArea string `env:"SAMTALE_SIPREC_AREA" envDefault:"borgerservice"`            // basis of recorded calls
	Recordings string `env:"SAMTALE_ANNOUNCEMENTS"`                                     // folder with own recordings

	ICEServers string `env:"SAMTALE_ICE_SERVERS"` // stun: and turn: URLs, comma separated
	ICEUser    string `env:"SAMTALE_ICE_USER"`
	ICESecret  string `env:"SAMTALE_ICE_SECRET"`
	WebRTCIP   string `env:"SAMTALE_WEBRTC_PUBLIC_IP"`
	WebRTCPort string `env:"SAMTALE_WEBRTC_PORTS"` // e.g. 21000-21199; empty: any

	Drain          time.Duration `env:"SAMTALE_DRAIN" envDefault:"30s"`
	MessageSilence time.Duration `env:"SAMTALE_MESSAGE_SILENCE" envDefault:"8s"`
	MessageMax     time.Duration `env:"SAMTALE_MESSAGE_MAX" envDefault:"3m"`
	QueueOffer     time.Duration `env:"SAMTALE_QUEUE_OFFER" envDefault:"45s"`
	QueueMax       time.Duration `env:"SAMTALE_QUEUE_MAX" envDefault:"30m"`
	DeskConnect    time.Duration `env:"SAMTALE_DESK_CONNECT" envDefault:"10s"` // for the sound of a browser that answers
	DeskLost       time.Duration `env:"SAMTALE_DESK_LOST" envDefault:"4s"`     // without it, before the call rings again
	TextPause      time.Duration `env:"SAMTALE_TEXT_PAUSE" envDefault:"4s"`    // without typing, after which a line of real-time text is ended
	LastWords      time.Duration `env:"SAMTALE_CAPTIONS_END" envDefault:"4s"`  // for captions of what was said last, before we hang up
	TextOffer      bool          `env:"SAMTALE_TEXT_OFFER" envDefault:"true"`  // real-time text in calls that we place
}

// parts are the settings that are more than a string.
type parts struct {
	access   sipua.Access
	tls      *tls.Config
	ports    *rtpx.Ports
	listen   netip.Addr
	public   netip.Addr
	messages map[string]string
	users    map[string]string
	rtcLow   uint16
	rtcHigh  uint16
}

func (s Settings) parse() (p parts, err error) {
	wrap := func(name string, e error) {
		if e != nil && err == nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
	}
	var e error
	p.listen, e = listenAddr(s.SIPAddr)
	wrap("SAMTALE_SIP_ADDR", e)
	p.ports, e = rtpx.NewPorts(s.RTPPorts)
	wrap("SAMTALE_RTP_PORTS", e)
	p.access.Trunks, e = sipua.ParseTrunks(s.Trunks)
	wrap("SAMTALE_SIP_TRUNKS", e)
	p.access.Users, e = sipua.ParseUsers(s.Digest)
	wrap("SAMTALE_SIP_DIGEST", e)
	p.messages, e = pairs(s.Messages)
	wrap("SAMTALE_MESSAGE_NUMBERS", e)
	p.users, e = pairs(s.Extensions)
	wrap("SAMTALE_EXTENSIONS", e)
	if s.Public != "" {
		p.public, e = netip.ParseAddr(s.Public)
		wrap("SAMTALE_SIP_PUBLIC_IP", e)
	}
	if s.TrunkProxy != "" {
		var u sip.Uri
		if e := sip.ParseUri(s.TrunkProxy, &u); e != nil || u.Host == "" {
			wrap("SAMTALE_SIP_TRUNK", errors.New("is not like sip:trunk.example.dk"))
		}
	}
	p.rtcLow, p.rtcHigh, e = portRange(s.WebRTCPort)
	wrap("SAMTALE_WEBRTC_PORTS", e)
	p.tls, e = s.certificate()
	wrap("SAMTALE_SIP_TLS_CERT", e)
	if s.Recordings != "" && !isDir(s.Recordings) {
		wrap("SAMTALE_ANNOUNCEMENTS", errors.New("is not a folder"))
	}
	if s.MaxCalls < 1 {
		wrap("SAMTALE_SIP_MAX_CALLS", errors.New("must be at least 1"))
	}
	if s.Expires < 90 {
		wrap("SAMTALE_SIP_SESSION_EXPIRES", errors.New("must be at least 90 seconds (RFC 4028)"))
	}
	return p, err
}

func (s Settings) certificate() (*tls.Config, error) {
	if s.TLSAddr == "" {
		return nil, nil
	}
	c, err := tls.X509KeyPair([]byte(s.TLSCert), []byte(s.TLSKey))
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12}, nil
}

// words reads a list with commas or spaces between.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// pairs reads "a=b,c=d".
func pairs(s string) (map[string]string, error) {
	m := map[string]string{}
	for _, f := range words(s) {
		k, v, ok := strings.Cut(f, "=")
		if !ok || k == "" || v == "" {
			return nil, fmt.Errorf("%q is not like name=value", f)
		}
		m[k] = v
	}
	return m, nil
}

func portRange(s string) (low, high uint16, err error) {
	if s == "" {
		return 0, 0, nil
	}
	a, b, _ := strings.Cut(s, "-")
	l, err1 := strconv.ParseUint(a, 10, 16)
	h, err2 := strconv.ParseUint(b, 10, 16)
	if err1 != nil || err2 != nil || l == 0 || h < l {
		return 0, 0, errors.New("is not like 21000-21199")
	}
	return uint16(l), uint16(h), nil
}

func splitHostPort(s string) (host, port string, err error) { return net.SplitHostPort(s) }

func (s Settings) sip(p parts, log *slog.Logger, refused func(string)) sipua.Config {
	return sipua.Config{
		Addr: s.SIPAddr, TLSAddr: s.TLSAddr, TLS: p.tls, Host: s.Public, Access: p.access,
		MaxDialogs: s.MaxCalls, Rate: s.Rate, Burst: s.Burst,
		SessionExpires: time.Duration(s.Expires) * time.Second, Log: log, Refused: refused,
	}
}

func (s Settings) softphone(p parts, clock *rtpx.Clock, env process.Env) softphone.Config {
	c := softphone.Config{
		ICEUser: s.ICEUser, ICESecret: s.ICESecret, MinPort: p.rtcLow, MaxPort: p.rtcHigh,
		Clock: clock, Log: env.Log.With("service", "phone"),
	}
	if s.ICEServers != "" {
		c.ICEServers = strings.Split(s.ICEServers, ",")
	}
	if s.WebRTCIP != "" {
		c.PublicIPs = strings.Split(s.WebRTCIP, ",")
	}
	return c
}

func (s Settings) trunk() calls.Trunk {
	return calls.Trunk{Proxy: s.TrunkProxy, User: s.TrunkUser, Password: s.TrunkPassword, Caller: s.Caller}
}

func (s Settings) times() calls.Times {
	return calls.Times{
		MessageSilence: s.MessageSilence, MessageMax: s.MessageMax, OfferMessage: s.QueueOffer, MaxWait: s.QueueMax,
		Connect: s.DeskConnect, AgentLost: s.DeskLost, TextPause: s.TextPause, LastWords: s.LastWords,
	}
}

// loopback is our own SIP address as a demo call reaches it.
func (s Settings) loopback() string {
	host, port, err := net.SplitHostPort(s.SIPAddr)
	if err != nil || host != "" && host != "0.0.0.0" && host != "::" {
		return s.SIPAddr
	}
	return net.JoinHostPort("127.0.0.1", port)
}

// recordings is the authority's folder; nil for none.
func (s Settings) recordings() fs.FS {
	if s.Recordings == "" {
		return nil
	}
	return os.DirFS(s.Recordings)
}
