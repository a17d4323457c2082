package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"samtale.dk/samtale/services/platform/errs"
)

// Client fetches over HTTP, one request at a time: politely, with bounds on time and size, and from public addresses only. An
// editor gives addresses, and must not reach what only this server reaches.
type Client struct {
	http *http.Client
	cfg  ClientConfig
	last time.Time
}

// ClientConfig of a client.
type ClientConfig struct {
	// Private are "host:port" that may have private addresses: an authority's own site inside its network.
	Private []string
	Gap     time.Duration // between requests
	Timeout time.Duration // of one request, body and all; 0: a minute
	// Host restricts redirects to one "host:port" as URLs have it; empty: any.
	Host string
}

const (
	maxRedirects = 5
	dialLimit    = 10 * time.Second
	agent        = "Samtale/1.0 (open source assistant of public authorities)"
)

// NewClient returns a client.
func NewClient(cfg ClientConfig) *Client {
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	c := &Client{cfg: cfg}
	c.http = &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: c.redirect,
		Transport: &http.Transport{
			DialContext: c.dial, TLSHandshakeTimeout: dialLimit, MaxResponseHeaderBytes: 64 << 10, IdleConnTimeout: 30 * time.Second,
		},
	}
	return c
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// SetGap sets the pause between requests.
func (c *Client) SetGap(d time.Duration) { c.cfg.Gap = d }

var (
	errPrivate  = errors.New("address is not public")
	errRedirect = errors.New("redirect leads elsewhere")
)

func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialLimit}
	if !slices.Contains(c.cfg.Private, address) {
		d.Control = public
		if _, err := netip.ParseAddrPort(address); err == nil { // no name: where there is no IPv6, Control would not be asked
			if err := public(network, address, nil); err != nil {
				return nil, err
			}
		}
	}
	return d.DialContext(ctx, network, address)
}

// public refuses addresses that are not of the public internet. It sees the address that is really dialled, after the name was
// looked up.
func public(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := ap.Addr().Unmap()
	for _, p := range reserved {
		if p.Contains(ip) {
			return errPrivate
		}
	}
	if !ip.IsGlobalUnicast() || ip.IsPrivate() {
		return errPrivate
	}
	return nil
}

// reserved are blocks of IANA's special-purpose registries (RFC 6890) that net/netip does not know; those of IPv6 can carry an IPv4
// address inside.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"), netip.MustParsePrefix("64:ff9b::/96"),
	netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("2001::/32"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("fec0::/10"),
}

func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || req.URL.Scheme != "http" && req.URL.Scheme != "https" {
		return errRedirect
	}
	if c.cfg.Host != "" && req.URL.Host != c.cfg.Host {
		return errRedirect
	}
	return nil
}

// Response is what a server answered. Body is nil with 304.
type Response struct {
	Status int
	Header http.Header
	URL    *url.URL // after redirects
	Body   []byte
}

// Do sends a request and reads the answer, at most limit bytes. It takes its turn first.
func (c *Client) Do(ctx context.Context, req *http.Request, limit int64) (Response, error) {
	if err := c.turn(ctx); err != nil {
		return Response{}, err
	}
	req.Header.Set("User-Agent", agent)
	res, err := c.http.Do(req.WithContext(ctx))
	if err != nil {
		return Response{}, c.trouble(ctx, err)
	}
	defer res.Body.Close()
	out := Response{Status: res.StatusCode, Header: res.Header, URL: res.Request.URL}
	out.Body, err = io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return out, c.trouble(ctx, err)
	}
	if int64(len(out.Body)) > limit {
		return out, errs.E(errs.Invalid, fmt.Sprintf("Svaret er for stort (over %d MB).", limit>>20), nil)
	}
	return out, nil
}

// Get fetches an address; status codes other than 200 and 304 are errors.
func (c *Client) Get(ctx context.Context, e Entry, limit int64) (Response, error) {
	req, err := http.NewRequest(http.MethodGet, e.URL, http.NoBody)
	if err != nil {
		return Response{}, errs.E(errs.Invalid, "Adressen kan ikke bruges.", err)
	}
	if e.ETag != "" {
		req.Header.Set("If-None-Match", e.ETag)
	}
	if e.HTTPDate != "" {
		req.Header.Set("If-Modified-Since", e.HTTPDate)
	}
	res, err := c.Do(ctx, req, limit)
	if err != nil {
		return res, err
	}
	return res, res.Err()
}

// Err is what the status code means.
func (r Response) Err() error {
	switch r.Status {
	case http.StatusOK, http.StatusNotModified:
		return nil
	case http.StatusNotFound, http.StatusGone:
		return errs.E(errs.NotFound, "Siden findes ikke mere.", fmt.Errorf("%w: status %d", ErrGone, r.Status))
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return errs.E(errs.Unavailable, fmt.Sprintf("Serveren beder os vente (fejl %d).", r.Status), ErrAway)
	}
	return errs.E(errs.Invalid, fmt.Sprintf("Serveren svarede med fejl %d.", r.Status), nil)
}

// trouble says why there is no answer. Addresses stay out of it: a source's may hold a key.
func (c *Client) trouble(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errPrivate):
		return errs.E(errs.Denied, "Adressen ligger på et internt netværk og bliver ikke hentet.", errPrivate)
	case errors.Is(err, errRedirect):
		return errs.E(errs.Invalid, "Siden viderestiller til et andet sted.", errRedirect)
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errs.E(errs.Unavailable, "Serveren svarede ikke i tide.", fmt.Errorf("%w: time is up", ErrAway))
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return errs.E(errs.Unavailable, "Serveren svarer ikke.", fmt.Errorf("%w: %w", ErrAway, err))
}

// turn waits until the next request is due.
func (c *Client) turn(ctx context.Context) error {
	wait := time.Until(c.last.Add(c.cfg.Gap))
	if wait > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
	c.last = time.Now()
	return ctx.Err()
}
