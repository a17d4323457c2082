// Package peer asks other authorities' assistants what we do not know ourselves. A peer is an A2A agent that an editor has
// registered by the address of its card; words lead questions there.
//
// A peer's answer is shown as the peer's. We cannot look into its sources, so each sentence must come with quotes and addresses, and
// models/evidence proves it from those quotes; what is not proven is dropped. A peer that is slow or broken changes nothing: within
// [AskWithin] our own answer stands, and the peer is left alone for a while.
//
// Peers is safe for concurrent use. Run looks at the cards again from time to time until its context ends.
package peer

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Config is what New needs.
type Config struct {
	DB      *store.DB // migrated
	Bus     *bus.Bus
	Log     *slog.Logger
	Metrics prometheus.Registerer
	Now     func() time.Time // nil: time.Now
	// How long a question waits for peers, and an editor for a card; 0: AskWithin and CardWithin.
	AskWithin, CardWithin time.Duration
}

// Peers are the registered peers.
type Peers struct {
	cfg Config
	// asked has the label result: answered, nothing (no proven sentence), failed.
	asked *prometheus.CounterVec

	mu   sync.Mutex
	rest map[string]time.Time // peers that failed, and until when they are left alone
}

// New returns the peers, not yet running.
func New(cfg Config) (*Peers, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.AskWithin = cmp.Or(cfg.AskWithin, AskWithin)
	cfg.CardWithin = cmp.Or(cfg.CardWithin, CardWithin)
	asked := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "samtale", Subsystem: "assistant", Name: "peers_asked_total", Help: "Questions sent to other authorities' assistants, by what came back.",
	}, []string{"result"})
	return &Peers{cfg: cfg, asked: asked, rest: map[string]time.Time{}}, cfg.Metrics.Register(asked)
}

// CardWithin is how long the card of a peer may take; a request over the bus waits for it.
const CardWithin = 5 * time.Second

const (
	requestLimit = 8
	maxPeers     = 100
	maxTopics    = 50
	maxWord      = 80 // characters of a name or topic
	checkEvery   = time.Hour
)

// Register adds the requests.
func (p *Peers) Register(svc micro.Service) error {
	return errors.Join(
		bus.Handle(p.cfg.Bus, svc, assistantv1.PeersSubject, requestLimit, p.list),
		bus.Handle(p.cfg.Bus, svc, assistantv1.SavePeerSubject, requestLimit, p.save),
	)
}

// Run looks at the enabled peers' cards again every hour.
func (p *Peers) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(checkEvery):
			p.recheck(ctx)
		}
	}
}

// recheck notes of each enabled peer whether its card is still there and still its own.
func (p *Peers) recheck(ctx context.Context) {
	rows, err := p.read(ctx)
	if err != nil {
		p.cfg.Log.Warn("peers not read", "err", err)
		return
	}
	for _, r := range rows {
		if !r.Enabled || ctx.Err() != nil {
			continue
		}
		c, err := p.fetchCard(ctx, r.URL)
		if err == nil && c.keyID != r.keyID {
			err = errOtherKey
		}
		checked, url := r, r.URL
		checked.CheckedAt, checked.Problem = p.cfg.Now(), ""
		if err == nil {
			checked.endpoint = c.endpoint
		} else {
			checked.Problem = errs.Text(err)
			p.cfg.Log.Warn("card of a peer", "peer", r.ID, "err", err)
		}
		if err := p.note(ctx, checked, url); err != nil {
			p.cfg.Log.Warn("check of a peer not stored", "peer", r.ID, "err", err)
		}
	}
}

var errOtherKey = errs.E(errs.Conflict, "Kortet er ikke længere underskrevet med den samme nøgle. Der spørges ikke, før du har set efter og gemt igen.", nil)

func (p *Peers) list(ctx context.Context, _ assistantv1.PeersRequest) (assistantv1.PeersReply, error) {
	rows, err := p.read(ctx)
	out := assistantv1.PeersReply{Peers: []assistantv1.Peer{}}
	for _, r := range rows {
		out.Peers = append(out.Peers, r.Peer)
	}
	return out, err
}

// save stores a peer after its card was fetched; one that is switched off needs no card, so that a dead one can be.
func (p *Peers) save(ctx context.Context, in assistantv1.Peer) (assistantv1.Peer, error) {
	if in.ID == "" {
		in.ID = event.NewID(p.cfg.Now())
	}
	if err := event.CheckToken(in.ID); err != nil || len(in.ID) > 64 {
		return in, errs.E(errs.Invalid, "Nummeret er ikke gyldigt.", err)
	}
	if in.URL == "" {
		return in, p.remove(ctx, in.ID)
	}
	r := row{Peer: in}
	if err := r.clean(); err != nil {
		return in, err
	}
	known, err := p.read(ctx)
	if err != nil {
		return in, err
	}
	i := slices.IndexFunc(known, func(k row) bool { return k.ID == r.ID })
	switch {
	case i < 0 && len(known) >= maxPeers:
		return in, errs.E(errs.Conflict, "Der kan ikke være flere end 100. Fjern en først.", nil)
	case !r.Enabled && i >= 0 && known[i].URL == r.URL:
		r.endpoint, r.keyID, r.CheckedAt, r.Problem = known[i].endpoint, known[i].keyID, known[i].CheckedAt, known[i].Problem
		if r.Name == "" {
			r.Name = known[i].Name
		}
	default:
		c, err := p.fetchCard(ctx, r.URL)
		if err != nil { // whatever is wrong there, it is the address that the editor can change
			return in, errs.E(errs.Invalid, errs.Text(err), err)
		}
		r.endpoint, r.keyID, r.CheckedAt, r.Problem = c.endpoint, c.keyID, p.cfg.Now().UTC().Truncate(time.Microsecond), ""
		if r.Name == "" {
			r.Name = c.name
		}
	}
	p.rested(r.ID, 0)
	return r.Peer, p.write(ctx, r)
}

// clean checks and normalises what an editor wrote.
func (r *row) clean() error {
	u, err := url.Parse(r.URL)
	if err != nil {
		return errs.E(errs.Invalid, "Adressen på kortet er ikke gyldig.", err)
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = cardPath
	}
	u.Fragment = ""
	if r.URL = u.String(); len(r.URL) > 500 {
		return errs.E(errs.Invalid, "Adressen på kortet er for lang.", nil)
	}
	if _, err := addressOf(r.URL); err != nil {
		return err
	}
	if r.Name = oneLine(r.Name); utf8.RuneCountInString(r.Name) > maxWord {
		return errs.E(errs.Invalid, "Navnet er for langt.", nil)
	}
	var topics []string
	for _, t := range r.Topics {
		t = strings.ToLower(oneLine(t))
		if utf8.RuneCountInString(t) > maxWord {
			return errs.E(errs.Invalid, "Et emne er for langt. Skriv et eller få ord.", nil)
		}
		if t != "" && !slices.Contains(topics, t) {
			topics = append(topics, t)
		}
	}
	if len(topics) > maxTopics {
		return errs.E(errs.Invalid, "Der må højst være 50 emner.", nil)
	}
	if r.Enabled && len(topics) == 0 {
		return errs.E(errs.Invalid, "Skriv mindst ét emne: uden det bliver ingen spørgsmål sendt dertil.", nil)
	}
	r.Topics = topics
	return nil
}

// oneLine drops what is not seen (control, format and tag characters) and doubled spaces.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsControl(r) || r == utf8.RuneError:
			return ' '
		}
		return r
	}, s)), " ")
}

// rested leaves a peer alone for a while; 0 ends that.
func (p *Peers) rested(id string, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d == 0 {
		delete(p.rest, id)
		return
	}
	p.rest[id] = p.cfg.Now().Add(d)
}

func (p *Peers) resting(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cfg.Now().Before(p.rest[id])
}

// row is a peer as it is stored.
type row struct {
	assistantv1.Peer
	endpoint string
	keyID    string
}

func (p *Peers) read(ctx context.Context) ([]row, error) {
	return store.List(ctx, p.cfg.DB.Read(), func(columns store.Row) (row, error) {
		var r row
		var topics string
		var checked int64
		if err := columns.Scan(&r.ID, &r.URL, &r.Name, &topics, &r.Enabled, &r.endpoint, &r.keyID, &checked, &r.Problem, &r.Actor); err != nil {
			return r, err
		}
		if err := json.Unmarshal([]byte(topics), &r.Topics); err != nil {
			return r, fmt.Errorf("topics of peer %s: %w", r.ID, err)
		}
		r.CheckedAt = store.Time(checked)
		return r, nil
	}, `SELECT id, url, name, topics, enabled, endpoint, key_id, checked_at, problem, saved_by FROM peer ORDER BY name, id`)
}

func (p *Peers) write(ctx context.Context, r row) error {
	topics, err := json.Marshal(append([]string{}, r.Topics...))
	if err != nil {
		return fmt.Errorf("topics of peer %s: %w", r.ID, err)
	}
	return p.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO peer (id, url, name, topics, enabled, endpoint, key_id, checked_at, problem, saved_by)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET url = excluded.url, name = excluded.name, topics = excluded.topics, enabled = excluded.enabled,
			endpoint = excluded.endpoint, key_id = excluded.key_id, checked_at = excluded.checked_at, problem = excluded.problem, saved_by = excluded.saved_by`,
			r.ID, r.URL, r.Name, string(topics), r.Enabled, r.endpoint, r.keyID, store.Micros(r.CheckedAt), r.Problem, r.Actor)
		return store.Wrap(err)
	})
}

// note stores the outcome of a check, unless the peer was saved anew with another address meanwhile.
func (p *Peers) note(ctx context.Context, r row, url string) error {
	return p.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE peer SET endpoint = ?, checked_at = ?, problem = ? WHERE id = ? AND url = ?`,
			r.endpoint, store.Micros(r.CheckedAt), r.Problem, r.ID, url)
		return store.Wrap(err)
	})
}

func (p *Peers) remove(ctx context.Context, id string) error {
	return p.cfg.DB.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM peer WHERE id = ?`, id)
		return store.Wrap(err)
	})
}
