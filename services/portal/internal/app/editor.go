package app

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// The editor's pages: what the assistant knows, how well it answers, what it was asked and could not. They work by forms;
// scripts only keep a running fetch up to date and send a file in parts.

func (a *App) editorRoutes() []route {
	editor := []string{token.Editor}
	return []route{
		{pattern: "GET /redaktion", roles: editor, handle: a.editorSources},
		{pattern: "GET /redaktion/ny", roles: editor, handle: a.editorNew},
		{pattern: "POST /redaktion/ny", roles: editor, handle: a.editorAdded},
		{pattern: "GET /redaktion/kilder/{id}", roles: editor, handle: a.editorSource},
		{pattern: "POST /redaktion/kilder/{id}", roles: editor, handle: a.editorSaved},
		{pattern: "POST /redaktion/kilder/{id}/koer", roles: editor, handle: a.editorRun},
		{pattern: "POST /redaktion/kilder/{id}/pause", roles: editor, handle: a.editorPause},
		{pattern: "POST /redaktion/kilder/{id}/fjern", roles: editor, handle: a.editorRemove},
		{pattern: "GET /redaktion/import", roles: editor, handle: a.editorImport},
		{pattern: "GET /redaktion/soeg", roles: editor, handle: a.editorSearch},
		{pattern: "GET /redaktion/afsnit", roles: editor, handle: a.editorAsked},
		{pattern: "POST /redaktion/afsnit", roles: editor, handle: a.editorAskedSaved},
		{pattern: "GET /redaktion/kvalitet", roles: editor, handle: a.editorQuality},
		{pattern: "GET /redaktion/huller", roles: editor, handle: a.editorGaps},
		{pattern: "GET /redaktion/udvikling", roles: editor, handle: a.editorTrends},
		{pattern: "GET /redaktion/myndigheder", roles: editor, handle: a.editorPeers},
		{pattern: "POST /redaktion/myndigheder", roles: editor, handle: a.editorPeerSaved},
		{pattern: "POST /redaktion/myndigheder/{id}/fjern", roles: editor, handle: a.editorPeerRemoved},

		{pattern: "GET /api/v1/knowledge/events", roles: editor, stream: true, handle: a.knowledgeEvents},
		{pattern: "GET /api/v1/knowledge/evaluation", roles: editor, handle: a.getEvaluation},
		{pattern: "GET /api/v1/assistant/gaps", roles: editor, handle: a.getGaps},
		{pattern: "GET /api/v1/assistant/trends", roles: editor, handle: a.getTrends},
		{pattern: "GET /api/v1/assistant/peers", roles: editor, handle: a.listPeers},
		{pattern: "PUT /api/v1/assistant/peers/{id}", roles: editor, handle: a.putPeer},
		{pattern: "DELETE /api/v1/assistant/peers/{id}", roles: editor, handle: a.deletePeer},
	}
}

// The API.

// knowledgeEvents tells when a source's fetch moved on or ended, or a source changed.
func (a *App) knowledgeEvents(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	s := a.newStream(w, r)
	defer s.close()
	err := listen(s, knowledgev1.Changed{SourceID: "*"}.Subject(), func(c knowledgev1.Changed) { s.put(sse{name: "changed", data: c}) })
	if err != nil {
		return err
	}
	if err := a.Bus.NC.FlushTimeout(streamWrite); err != nil { // a page that looks when this is open misses nothing after
		return errs.E(errs.Unavailable, "", err)
	}
	return s.run()
}

func (a *App) getEvaluation(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	e, err := a.evaluation(r)
	if err != nil {
		return err
	}
	return reply(w, e)
}

func (a *App) evaluation(r *http.Request) (knowledgev1.Evaluation, error) {
	return bus.Request[knowledgev1.Evaluation](r.Context(), a.Bus, knowledgev1.EvaluationSubject, knowledgev1.EvaluationRequest{})
}

func daysOf(r *http.Request) (int, error) {
	s := r.URL.Query().Get("days")
	if s == "" {
		return 30, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > 366 {
		return 0, errs.E(errs.Invalid, "Vælg mellem 1 og 366 dage.", err)
	}
	return n, nil
}

func (a *App) getGaps(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	rep, err := a.gaps(r)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

func (a *App) gaps(r *http.Request) (assistantv1.GapsReply, error) {
	days, err := daysOf(r)
	if err != nil {
		return assistantv1.GapsReply{}, err
	}
	rep, err := bus.Request[assistantv1.GapsReply](r.Context(), a.Bus, assistantv1.GapsSubject, assistantv1.GapsRequest{Days: days})
	if rep.Gaps == nil {
		rep.Gaps = []assistantv1.Gap{}
	}
	return rep, err
}

func (a *App) getTrends(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	rep, err := a.trends(r)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

func (a *App) trends(r *http.Request) (assistantv1.TrendsReply, error) {
	days, err := daysOf(r)
	if err != nil {
		return assistantv1.TrendsReply{}, err
	}
	rep, err := bus.Request[assistantv1.TrendsReply](r.Context(), a.Bus, assistantv1.TrendsSubject, assistantv1.TrendsRequest{Days: days})
	if rep.Days == nil {
		rep.Days = []assistantv1.Day{}
	}
	return rep, err
}

func (a *App) listPeers(w http.ResponseWriter, r *http.Request, _ who.Person) error {
	rep, err := a.peers(r)
	if err != nil {
		return err
	}
	return reply(w, rep)
}

func (a *App) peers(r *http.Request) (assistantv1.PeersReply, error) {
	rep, err := bus.Request[assistantv1.PeersReply](r.Context(), a.Bus, assistantv1.PeersSubject, assistantv1.PeersRequest{})
	if rep.Peers == nil {
		rep.Peers = []assistantv1.Peer{}
	}
	return rep, err
}

func (a *App) putPeer(w http.ResponseWriter, r *http.Request, p who.Person) error {
	var peer assistantv1.Peer
	if err := decode(r, &peer); err != nil {
		return err
	}
	if peer.URL == "" { // which would remove it
		return errs.E(errs.Invalid, "Skriv adressen på den anden assistent (url).", nil)
	}
	return forward[assistantv1.Peer](a, w, r, assistantv1.SavePeerSubject, func(id string) assistantv1.Peer {
		peer.ID, peer.Actor = id, p.ID
		return peer
	})
}

func (a *App) deletePeer(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return forward[assistantv1.Peer](a, w, r, assistantv1.SavePeerSubject, func(id string) assistantv1.Peer {
		return assistantv1.Peer{ID: id, Actor: p.ID}
	})
}

// Search.

// searchData is the page that shows why something was found.
type searchData struct {
	numbers
	Query, Municipality, Language, At string
	Municipalities                    []danish.Municipality
	Problem                           string
	Tried                             bool // the question was searched for
	Gap                               bool // for a gap: to choose the micro-article that answers it
	knowledgev1.SearchReply
	Effect *assistantv1.Tried // what the question would come to; nil: not known
}

// Place names a municipality.
func (searchData) Place(code string) string {
	if name, ok := danish.MunicipalityName(code); ok {
		return name
	}
	return code
}

// Bar is a share as the value of a meter.
func (searchData) Bar(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }

// Link is the address of a page on the web; "" for anything else.
func (searchData) Link(address string) string {
	if strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://") {
		return address
	}
	return ""
}

func (a *App) editorSearch(w http.ResponseWriter, r *http.Request, p who.Person) error {
	q := r.URL.Query()
	d := searchData{
		numbers: numbersOf(lang(r)), Query: strings.TrimSpace(q.Get("q")), Municipality: q.Get("municipality"), Language: q.Get("language"), At: q.Get("at"),
		Municipalities: danish.Municipalities(), Gap: q.Get("hul") != "",
	}
	if err := a.find(r, &d, 10); err != nil {
		return err
	}
	status := http.StatusOK
	if d.Problem != "" {
		status = http.StatusBadRequest
	}
	return a.page(w, r, p, status, "editor_search", "editor.search", d)
}

// Gaps.

// gapOwner is who owns the nearest articles of some gaps.
type gapOwner struct {
	Name string
	Gaps []assistantv1.Gap
}

// periods are the numbers of days that the pages offer.
var periods = []int{7, 30, 90}

type gapsData struct {
	Days   int
	Owners []gapOwner
	Rare   int
}

func (a *App) editorGaps(w http.ResponseWriter, r *http.Request, p who.Person) error {
	rep, err := a.gaps(r)
	if err != nil {
		return err
	}
	days, err := daysOf(r)
	if err != nil {
		return err
	}
	return a.page(w, r, p, http.StatusOK, "editor_gaps", "editor.gaps", gapsData{Days: days, Owners: owners(rep.Gaps), Rare: rep.Rare})
}

// owners groups gaps by authority, in the order in which each comes first; those without an owner come last.
func owners(gaps []assistantv1.Gap) []gapOwner {
	var out []gapOwner
	var none gapOwner
	for _, g := range gaps {
		if g.Authority == "" {
			none.Gaps = append(none.Gaps, g)
			continue
		}
		i := slices.IndexFunc(out, func(o gapOwner) bool { return o.Name == g.Authority })
		if i < 0 {
			i, out = len(out), append(out, gapOwner{Name: g.Authority})
		}
		out[i].Gaps = append(out[i].Gaps, g)
	}
	if none.Gaps != nil {
		out = append(out, none)
	}
	return out
}

// Choices are the periods to choose from.
func (gapsData) Choices() []int { return periods }

// Query is a search for what a gap is about.
func (gapsData) Query(g assistantv1.Gap) string {
	if len(g.Terms) > 0 {
		return strings.Join(g.Terms, " ")
	}
	return g.Nearest
}

// Peers.

type peersData struct {
	Peers   []assistantv1.Peer
	Missing bool // the assistant does not know other authorities
	Peer    assistantv1.Peer
	Topics  string
	Problem string
}

// Topics of a peer as they are written.
func topics(p assistantv1.Peer) string { return strings.Join(p.Topics, ", ") }

func (a *App) editorPeers(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.peersPage(w, r, p, http.StatusOK, peersData{Peer: assistantv1.Peer{Enabled: true}})
}

func (a *App) peersPage(w http.ResponseWriter, r *http.Request, p who.Person, status int, d peersData) error {
	rep, err := a.peers(r)
	if err != nil && !errors.Is(err, errs.Unavailable) {
		return err
	}
	d.Peers, d.Missing = rep.Peers, err != nil
	return a.page(w, r, p, status, "editor_peers", "editor.peers", d)
}

func (a *App) editorPeerSaved(w http.ResponseWriter, r *http.Request, p who.Person) error {
	peer := assistantv1.Peer{
		ID: strings.TrimSpace(r.PostFormValue("id")), URL: strings.TrimSpace(r.PostFormValue("url")), Name: strings.TrimSpace(r.PostFormValue("name")),
		Topics: split(r.PostFormValue("topics")), Enabled: r.PostFormValue("enabled") != "", Actor: p.ID,
	}
	err := event.CheckToken(peer.ID)
	if err != nil || peer.URL == "" {
		err = errs.E(errs.Invalid, "Skriv et kort navn med bogstaver, tal og bindestreg, og adressen på den anden assistent.", err)
	} else {
		_, err = bus.Request[assistantv1.Peer](r.Context(), a.Bus, assistantv1.SavePeerSubject, peer)
	}
	if errors.Is(err, errs.Invalid) || errors.Is(err, errs.Conflict) || errors.Is(err, errs.Unavailable) { // their server may be away
		return a.peersPage(w, r, p, http.StatusBadRequest, peersData{Peer: peer, Topics: topics(peer), Problem: problem(err, lang(r)).Detail})
	}
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/redaktion/myndigheder", http.StatusSeeOther)
	return nil
}

func (a *App) editorPeerRemoved(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	if _, err := bus.Request[assistantv1.Peer](r.Context(), a.Bus, assistantv1.SavePeerSubject, assistantv1.Peer{ID: id, Actor: p.ID}); err != nil {
		return err
	}
	http.Redirect(w, r, "/redaktion/myndigheder", http.StatusSeeOther)
	return nil
}

// split takes what people write in one field as a list: words between commas or line ends.
func split(s string) []string {
	var out []string
	for _, f := range strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}

// Import.

func (a *App) editorImport(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.page(w, r, p, http.StatusOK, "editor_import", "editor.import", struct{ MaxBatch, MaxBytes int }{knowledgev1.MaxBatch, maxImport})
}
