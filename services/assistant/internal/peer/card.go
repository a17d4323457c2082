package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/go-jose/go-jose/v4"

	"samtale.dk/samtale/services/assistant/internal/source"
	"samtale.dk/samtale/services/platform/agentcard"
	"samtale.dk/samtale/services/platform/errs"
)

const (
	cardPath = agentcard.Path
	maxReply = 512 << 10 // bytes of a card, key set or answer
)

// address is where a peer may be: on the public internet by https, or on this machine by http for a demonstration.
type address struct {
	url  *url.URL
	port string // "host:port"
	here bool
}

func addressOf(s string) (address, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil {
		return address{}, errs.E(errs.Invalid, "Adressen er ikke gyldig. Skriv den som https://www.myndighed.dk", err)
	}
	a := address{url: u, port: u.Host}
	ip, err := netip.ParseAddr(u.Hostname())
	a.here = u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
	switch {
	case u.Scheme == "https" && !a.here:
	case u.Scheme == "http" && a.here:
		if u.Port() == "" {
			a.port += ":80"
		}
	default:
		return address{}, errs.E(errs.Invalid, "Adressen skal begynde med https. Kun på denne maskine kan det være http.", nil)
	}
	return a, nil
}

// do sends one request to the address. Names that lead into a private network are refused when they are dialled, and nobody is
// sent on to another host.
func (a address) do(ctx context.Context, req *http.Request) ([]byte, error) {
	cfg := source.ClientConfig{Host: a.url.Host}
	if a.here {
		cfg.Private = []string{a.port}
	}
	c := source.NewClient(cfg)
	defer c.Close()
	res, err := c.Do(ctx, req, maxReply)
	if err == nil {
		err = res.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errs.E(errs.Unavailable, "Serveren svarede ikke i tide.", err)
	}
	return res.Body, err
}

func get(ctx context.Context, s string) ([]byte, error) {
	a, err := addressOf(s)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodGet, s, http.NoBody)
	if err != nil {
		return nil, errs.E(errs.Invalid, "Adressen er ikke gyldig.", err)
	}
	req.Header.Set("Accept", "application/json")
	return a.do(ctx, req)
}

// card is what is needed of a card.
type card struct{ name, endpoint, keyID string }

// fetchCard fetches and checks a card. A card that is signed must be signed rightly, by a key of its own host.
func (p *Peers) fetchCard(ctx context.Context, at string) (card, error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.CardWithin)
	defer cancel()
	raw, err := get(ctx, at)
	if err != nil {
		return card{}, err
	}
	var c a2a.AgentCard
	if err := json.Unmarshal(raw, &c); err != nil {
		return card{}, errs.E(errs.Invalid, "Der ligger intet kort fra en A2A-assistent på adressen.", err)
	}
	out := card{name: oneLine(c.Name)}
	if r := []rune(out.name); len(r) > maxWord {
		out.name = string(r[:maxWord])
	}
	for _, i := range c.SupportedInterfaces {
		if i != nil && i.ProtocolBinding == a2a.TransportProtocolJSONRPC && strings.HasPrefix(string(i.ProtocolVersion), "1.") && out.endpoint == "" {
			out.endpoint = i.URL
		}
	}
	if out.name == "" || out.endpoint == "" {
		return card{}, errs.E(errs.Invalid, "Kortet nævner intet navn eller ingen adresse, der kan spørges (A2A 1.0, JSON-RPC).", nil)
	}
	if err := sameSite(at, out.endpoint); err != nil {
		return card{}, err
	}
	if len(c.Signatures) > 0 {
		out.keyID, err = checkSignature(ctx, at, raw, c)
	}
	return out, err
}

// sameSite wants what a card names on the card's own host: whoever holds the one answers for the other.
func sameSite(card, other string) error {
	a, err := addressOf(card)
	if err != nil {
		return err
	}
	b, err := addressOf(other)
	if err != nil || a.url.Scheme != b.url.Scheme || a.url.Host != b.url.Host {
		return errs.E(errs.Invalid, "Kortet viser hen til et andet sted end der, hvor det selv ligger.", err)
	}
	return nil
}

func checkSignature(ctx context.Context, at string, raw []byte, c a2a.AgentCard) (keyID string, err error) {
	keysAt := agentcard.KeysURL(c)
	if err := sameSite(at, keysAt); err != nil {
		return "", err
	}
	body, err := get(ctx, keysAt)
	if err != nil {
		return "", err
	}
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&keys); err != nil {
		return "", errs.E(errs.Invalid, "Nøglen til kortets underskrift kan ikke læses.", err)
	}
	keyID, err = agentcard.Verify(raw, keys)
	if err != nil {
		return "", errs.E(errs.Invalid, "Kortets underskrift passer ikke.", err)
	}
	return keyID, nil
}
