package sipua

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"
	"github.com/icholy/digest"
)

// Access says who may call us. With neither trunks nor users everybody may who
// reaches the port; with users, those outside the address list must log in.
type Access struct {
	Trunks []netip.Prefix
	Users  map[string]string // digest user → password
	Realm  string
}

// ParseTrunks reads addresses and prefixes separated by commas or spaces.
func ParseTrunks(s string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' }) {
		p, err := netip.ParsePrefix(f)
		if err != nil {
			a, aerr := netip.ParseAddr(f)
			if aerr != nil {
				return nil, fmt.Errorf("%q is neither an address nor a prefix", f)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

// ParseUsers reads "user:password" pairs separated by commas.
func ParseUsers(s string) (map[string]string, error) {
	users := map[string]string{}
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' }) {
		name, pw, ok := strings.Cut(strings.TrimSpace(f), ":")
		if !ok || name == "" || pw == "" {
			return nil, fmt.Errorf("a digest user is written user:password")
		}
		users[name] = pw
	}
	return users, nil
}

// source is the address that a request came from.
func source(req *sip.Request) netip.Addr {
	host, _, err := net.SplitHostPort(req.Source())
	if err != nil {
		return netip.Addr{}
	}
	a, _ := netip.ParseAddr(host)
	return a.Unmap()
}

func (a Access) listed(from netip.Addr) bool {
	for _, p := range a.Trunks {
		if p.Contains(from) {
			return true
		}
	}
	return false
}

// admit answers for itself when it returns false.
func (u *UA) admit(req *sip.Request, tx sip.ServerTransaction) bool {
	from := source(req)
	a := u.cfg.Access
	switch {
	case len(a.Trunks) == 0 && len(a.Users) == 0, a.listed(from):
	case len(a.Users) == 0:
		u.refuse(req, tx, "address", sip.StatusForbidden, "Forbidden")
		return false
	default:
		if ok, stale := u.authorised(req); !ok {
			h := sip.NewHeader("WWW-Authenticate", u.challenge(stale))
			u.refuse(req, tx, "digest", sip.StatusUnauthorized, "Unauthorized", h)
			return false
		}
	}
	retry := sip.NewHeader("Retry-After", "10")
	switch {
	case u.draining.Load():
		u.refuse(req, tx, "draining", sip.StatusServiceUnavailable, "Service Unavailable", retry)
	case u.Dialogs() >= u.cfg.MaxDialogs:
		u.refuse(req, tx, "full", sip.StatusServiceUnavailable, "Service Unavailable", retry)
	case !u.limit.take(from, time.Now()):
		u.refuse(req, tx, "rate", sip.StatusServiceUnavailable, "Service Unavailable", retry)
	default:
		return true
	}
	return false
}

func (u *UA) refuse(req *sip.Request, tx sip.ServerTransaction, why string, code int, text string, hs ...sip.Header) {
	u.cfg.Refused(why)
	u.reject(req, tx, code, text, hs...)
}

func (u *UA) realm() string {
	if u.cfg.Access.Realm != "" {
		return u.cfg.Access.Realm
	}
	return "samtale"
}

func (u *UA) challenge(stale bool) string {
	c := digest.Challenge{Realm: u.realm(), Nonce: u.nonces.fresh(time.Now()), Algorithm: "MD5", QOP: []string{"auth"}, Stale: stale}
	return c.String()
}

// authorised tells whether a request has logged in. Stale: with the right password, but a challenge that counts no more, or for a
// request that was here before (RFC 7616, section 3.3 and 3.4).
func (u *UA) authorised(req *sip.Request) (ok, stale bool) {
	cred, err := digest.ParseCredentials(header(req, "Authorization"))
	if err != nil {
		return false, false
	}
	pw, ok := u.cfg.Access.Users[cred.Username]
	if !ok || cred.Realm != u.realm() {
		return false, false
	}
	chal := &digest.Challenge{Realm: cred.Realm, Nonce: cred.Nonce, Algorithm: "MD5"}
	if cred.QOP != "" {
		chal.QOP = []string{cred.QOP}
	}
	want, err := digest.Digest(chal, digest.Options{
		Method: req.Method.String(), URI: cred.URI, Username: cred.Username, Password: pw,
		Cnonce: cred.Cnonce, Count: cred.Nc,
	})
	if err != nil || subtle.ConstantTimeCompare([]byte(want.Response), []byte(cred.Response)) != 1 {
		return false, false
	}
	count := cred.Nc
	if cred.QOP == "" { // then the response does not vouch for it
		count = 0
	}
	ok = u.nonces.use(cred.Nonce, count, time.Now())
	return ok, !ok
}

// nonces are the challenges of the last minutes; old ones are forgotten, and the
// client is asked again.
type nonces struct {
	mu sync.Mutex
	m  map[string]nonce
}

type nonce struct {
	till time.Time
	used int // the highest count of a request
}

const (
	nonceLife = 5 * time.Minute
	maxNonces = 10000
)

func newNonces() *nonces { return &nonces{m: map[string]nonce{}} }

func (n *nonces) fresh(now time.Time) string {
	var b [16]byte
	rand.Read(b[:])
	s := hex.EncodeToString(b[:])
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.m) >= maxNonces {
		clear(n.m)
	}
	n.m[s] = nonce{till: now.Add(nonceLife)}
	return s
}

// use takes a request with a nonce; count is its nc, 0 from clients that do not count. Each counts once: whoever has overheard a login
// cannot call with it.
func (n *nonces) use(s string, count int, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, ok := n.m[s]
	if ok && now.After(c.till) {
		delete(n.m, s)
		return false
	}
	count = max(count, 1)
	if !ok || count <= c.used {
		return false
	}
	c.used = count
	n.m[s] = c
	return true
}

// rateLimit is a token bucket per source address. Full buckets are forgotten.
type rateLimit struct {
	rate  float64
	burst float64
	mu    sync.Mutex
	m     map[netip.Addr]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// maxSources bounds the table; when it is full of busy sources, new ones share
// the fate of a full bucket.
const maxSources = 20000

func newRateLimit(rate float64, burst int) *rateLimit {
	return &rateLimit{rate: rate, burst: float64(burst), m: map[netip.Addr]bucket{}}
}

func (r *rateLimit) take(from netip.Addr, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.m[from]
	if !ok {
		if len(r.m) >= maxSources {
			r.forget(now)
		}
		b = bucket{tokens: r.burst, at: now}
	}
	b.tokens = min(r.burst, b.tokens+now.Sub(b.at).Seconds()*r.rate)
	b.at = now
	ok = b.tokens >= 1
	if ok {
		b.tokens--
	}
	r.m[from] = b
	return ok
}

func (r *rateLimit) forget(now time.Time) {
	for a, b := range r.m {
		if b.tokens+now.Sub(b.at).Seconds()*r.rate >= r.burst {
			delete(r.m, a)
		}
	}
}
