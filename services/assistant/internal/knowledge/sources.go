package knowledge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Where the official services are. The feed of law changes has no address here: none was seen to work.
const (
	borgerURL = "https://www.borger.dk/_vti_bin/borger/ArticleExport.svc"
	lifeURL   = "https://lifeindenmark.borger.dk/_vti_bin/borger/ArticleExport.svc"
)

// fastest is how often a source may be fetched: the official services ask for once a night.
const fastest = 10 * time.Minute

const sourceColumns = `s.id, s.kind, s.title, s.url, s.municipalities, s.include, s.every_us, s.paused, s.demo, s.next_run_at, s.saved_by, s.area, s.areas, s.topics`

func sources(ctx context.Context, tx *store.Tx, condition string, args ...any) ([]knowledgev1.Source, error) {
	return store.List(ctx, tx, func(row store.Row) (knowledgev1.Source, error) {
		var s knowledgev1.Source
		var municipalities, include, areas, topics string
		var every, next int64
		err := row.Scan(&s.ID, &s.Kind, &s.Title, &s.URL, &municipalities, &include, &every, &s.Paused, &s.Demo, &next, &s.Actor, &s.Area, &areas, &topics)
		if err != nil {
			return s, err
		}
		s.Every, s.NextRunAt = time.Duration(every)*time.Microsecond, store.Time(next)
		err = errors.Join(json.Unmarshal([]byte(municipalities), &s.Municipalities), json.Unmarshal([]byte(include), &s.Include), read(areas, &s.Areas),
			read(topics, &s.Topics))
		if err != nil {
			return s, err
		}
		return s, nil
	}, `SELECT `+sourceColumns+` FROM knowledge_source s `+condition, args...)
}

func sourceByID(ctx context.Context, tx *store.Tx, id string) (knowledgev1.Source, error) {
	all, err := sources(ctx, tx, `WHERE s.id = ? AND s.removed_at = 0`, id)
	if err == nil && len(all) == 0 {
		err = errs.E(errs.NotFound, "Kilden findes ikke.", nil)
	}
	if err != nil {
		return knowledgev1.Source{}, err
	}
	return all[0], nil
}

// putSource writes a source and marks it for planning. When a pause begins or ends, its chunks leave or enter the index.
func (l *Library) putSource(ctx context.Context, tx *store.Tx, s knowledgev1.Source) error {
	old, err := sources(ctx, tx, `WHERE s.id = ?`, s.ID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO knowledge_source (id, kind, title, url, municipalities, include, every_us, paused, demo, saved_at, saved_by,
		area, areas, topics, next_run_at, unplanned, wanted, removed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, TRUE, FALSE, 0)
		ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, title = excluded.title, url = excluded.url,
		municipalities = excluded.municipalities, include = excluded.include, every_us = excluded.every_us, paused = excluded.paused,
		demo = excluded.demo, saved_at = excluded.saved_at, saved_by = excluded.saved_by,
		area = excluded.area, areas = excluded.areas, topics = excluded.topics, unplanned = TRUE, removed_at = 0`,
		s.ID, s.Kind, s.Title, s.URL, list(s.Municipalities), list(s.Include), s.Every.Microseconds(), s.Paused, s.Demo,
		store.Micros(l.now()), s.Actor, s.Area, list(s.Areas), list(s.Topics))
	if err != nil || len(old) == 0 || old[0].Paused == s.Paused {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE knowledge_chunk SET rev = rev + 1, dirty = 1 WHERE source_id = ? AND removed_at = 0`, s.ID)
	return err
}

// Sources lists the sources with their last runs.
func (l *Library) Sources(ctx context.Context, _ knowledgev1.SourcesRequest) (knowledgev1.SourcesReply, error) {
	tx := l.db.Read()
	all, err := sources(ctx, tx, `WHERE s.removed_at = 0 ORDER BY s.title, s.id`)
	if err != nil {
		return knowledgev1.SourcesReply{}, err
	}
	rep := knowledgev1.SourcesReply{Sources: []knowledgev1.Source{}}
	for _, s := range all {
		s, last, err := l.described(ctx, tx, s)
		if err != nil {
			return knowledgev1.SourcesReply{}, err
		}
		rep.Sources = append(rep.Sources, s)
		rep.Runs = append(rep.Runs, last...)
	}
	return rep, shorten(&rep)
}

// sourcesMost is how long a list of sources may be, in bytes: it must fit into a message of the bus (1 MB).
const sourcesMost = 700_000

// shorten lists fewer failures and changes of each run where many sources have long lists. How many there were is told all the same.
func shorten(rep *knowledgev1.SourcesReply) error {
	for most := maxListed; ; most /= 2 {
		data, err := json.Marshal(rep)
		if err != nil || len(data) <= sourcesMost || most == 0 {
			return err
		}
		cut := func(r *knowledgev1.Run) {
			r.Failures, r.Changes = r.Failures[:min(most/2, len(r.Failures))], r.Changes[:min(most/2, len(r.Changes))]
		}
		for i := range rep.Runs {
			cut(&rep.Runs[i])
		}
		for _, s := range rep.Sources {
			if s.LastRun != nil {
				cut(s.LastRun)
			}
		}
	}
}

// described fills in what the source does not say about itself.
func (l *Library) described(ctx context.Context, tx *store.Tx, s knowledgev1.Source) (knowledgev1.Source, []knowledgev1.Run, error) {
	err := store.Wrap(tx.QueryRow(ctx, `SELECT COUNT(*) FROM knowledge_chunk WHERE source_id = ? AND removed_at = 0`, s.ID).Scan(&s.Chunks))
	if err != nil {
		return s, nil, err
	}
	if s.Known, err = known(ctx, tx, s.ID); err != nil {
		return s, nil, err
	}
	rs, err := runs(ctx, tx, `WHERE source_id = ? ORDER BY started_at DESC, id DESC LIMIT ?`, s.ID, runsShown)
	if err != nil {
		return s, nil, err
	}
	var last []knowledgev1.Run
	for _, r := range rs {
		last = append(last, r.Run)
	}
	if len(last) > 0 {
		s.LastRun = &last[0]
	}
	if s.Paused || s.Every == 0 {
		s.NextRunAt = time.Time{}
	}
	return s, last, nil
}

// known lists the topics of what a source holds, by their numbers.
func known(ctx context.Context, tx *store.Tx, source string) ([]knowledgev1.Topic, error) {
	lists, err := store.List(ctx, tx, func(row store.Row) (list []knowledgev1.Topic, err error) {
		var column string
		if err := row.Scan(&column); err != nil {
			return nil, err
		}
		return list, read(column, &list)
	}, `SELECT DISTINCT topics FROM knowledge_chunk WHERE source_id = ? AND removed_at = 0 AND topics <> '[]'`, source)
	if err != nil {
		return nil, err
	}
	out := slices.Concat(lists...)
	slices.SortFunc(out, func(a, b knowledgev1.Topic) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Name, b.Name)) })
	out = slices.CompactFunc(out, func(a, b knowledgev1.Topic) bool { return a.ID == b.ID })
	return out[:min(knowledgev1.MaxTopics, len(out))], nil
}

// Source gives one source.
func (l *Library) Source(ctx context.Context, id string) (knowledgev1.Source, error) {
	return sourceByID(ctx, l.db.Read(), id)
}

// SaveSource adds or changes a source. A crawler starts out paused, whatever is asked: it is switched on when its terms are known.
func (l *Library) SaveSource(ctx context.Context, s knowledgev1.Source) (knowledgev1.Source, error) {
	s, err := checkSource(s)
	if err != nil {
		return s, err
	}
	err = l.db.InTx(ctx, func(tx *store.Tx) error {
		old, err := sourceByID(ctx, tx, s.ID)
		switch {
		case errs.KindOf(err) == errs.NotFound && !Fetched(s.Kind):
			return invalid("Vælg en slags kilde (kind), der kan hentes.")
		case errs.KindOf(err) == errs.NotFound:
			s.Paused = s.Paused || s.Kind == knowledgev1.KindSitemap
		case err != nil:
			return err
		case old.Kind != s.Kind:
			return invalid("Kildens slags (kind) kan ikke ændres. Opret en ny kilde.")
		default:
			s.Demo = old.Demo
		}
		if err := l.putSource(ctx, tx, s); err != nil {
			return err
		}
		s, _, err = l.described(ctx, tx, s)
		return err
	})
	if err != nil {
		return s, err
	}
	l.publish(knowledgev1.Changed{SourceID: s.ID, What: "saved"})
	nudge(l.plan)
	l.sync(ctx)
	return s, nil
}

// Fetched reports the kinds that are fetched by the system.
func Fetched(kind string) bool {
	switch kind {
	case knowledgev1.KindBorger, knowledgev1.KindLife, knowledgev1.KindSitemap, knowledgev1.KindFolder, knowledgev1.KindLaws:
		return true
	}
	return false
}

// checkSource says which field cannot be, and fills in what follows from the kind.
func checkSource(s knowledgev1.Source) (knowledgev1.Source, error) {
	s.Title, s.URL = CleanLine(s.Title), strings.TrimSpace(s.URL)
	switch {
	case event.CheckToken(s.ID) != nil:
		return s, invalid("Kildens id må kun have bogstaverne a-z, tal, bindestreg og understreg.")
	case !Fetched(s.Kind) && s.Kind != knowledgev1.KindImport && s.Kind != knowledgev1.KindStarter:
		return s, invalid("Vælg en slags kilde (kind).")
	case s.Title == "" || len(s.Title) > maxHeading:
		return s, invalid("Skriv en titel (title) på højst %d tegn.", maxHeading)
	case s.Every != 0 && s.Every < fastest:
		return s, invalid("Kilden kan højst hentes hvert %d. minut (every).", int(fastest.Minutes()))
	case len(s.Municipalities) > 0 && s.Kind != knowledgev1.KindBorger:
		return s, invalid("Kun borger.dk har kommunale udgaver (municipalities).")
	case len(s.Include) > 0 && s.Kind != knowledgev1.KindSitemap:
		return s, invalid("Kun et sitemap kan afgrænses med stier (include).")
	}
	for _, m := range s.Municipalities {
		if !isMunicipality(m) {
			return s, invalid("%s er ingen dansk kommunes kode (municipalities). Skriv kommunens fire cifre, for eksempel 0751 for Aarhus.", CleanLine(m))
		}
	}
	slices.Sort(s.Municipalities)
	s.Municipalities = slices.Compact(s.Municipalities)
	for _, p := range s.Include {
		if !strings.HasPrefix(p, "/") || len(p) > maxURL {
			return s, invalid("En sti (include) begynder med /.")
		}
	}
	s, err := checkAreas(s)
	if err != nil {
		return s, err
	}
	return checkAddress(s)
}

// checkAreas tidies the service areas. Whether there is such an area is the consent service's to know: one that is not there any more
// is no reason to lose what the source says.
func checkAreas(s knowledgev1.Source) (knowledgev1.Source, error) {
	if s.Area != "" && event.CheckToken(s.Area) != nil {
		return s, invalid("Serviceområdet (area) er ikke gyldigt.")
	}
	if len(s.Areas) > knowledgev1.MaxAreas {
		return s, invalid("Der er over %d myndigheder med et serviceområde (areas).", knowledgev1.MaxAreas)
	}
	s.Areas = slices.Clone(s.Areas)
	for i := range s.Areas {
		a := &s.Areas[i]
		a.Authority = CleanLine(a.Authority)
		if a.Authority == "" || len(a.Authority) > maxHeading || event.CheckToken(a.Area) != nil {
			return s, invalid("Skriv myndighed og serviceområde (areas) på hver linje, for eksempel Udbetaling Danmark = boligstoette.")
		}
	}
	return checkTopics(s)
}

// checkTopics tidies the service areas by topic: of a topic that is named twice the first counts.
func checkTopics(s knowledgev1.Source) (knowledgev1.Source, error) {
	if len(s.Topics) > knowledgev1.MaxTopics {
		return s, invalid("Der er over %d emner med et serviceområde (topics).", knowledgev1.MaxTopics)
	}
	var tidy []knowledgev1.TopicArea
	for _, t := range s.Topics {
		t.Topic = CleanLine(t.Topic)
		if t.Topic == "" || len(t.Topic) > maxTopicID || event.CheckToken(t.Area) != nil {
			return s, invalid("Et emne skal have et id og et serviceområde (topics), for eksempel 32.18 og boligstoette.")
		}
		if !slices.ContainsFunc(tidy, func(o knowledgev1.TopicArea) bool { return o.Topic == t.Topic }) {
			tidy = append(tidy, t)
		}
	}
	s.Topics = tidy
	return s, nil
}

// areaOf is the service area of what a source brings without one: that of its narrowest topic that has one, of who wrote it, or of all.
func areaOf(s knowledgev1.Source, c knowledgev1.Chunk) string {
	for _, t := range c.Topics {
		for _, a := range s.Topics {
			if a.Topic == t.ID {
				return a.Area
			}
		}
	}
	for _, a := range s.Areas {
		if strings.EqualFold(a.Authority, c.Authority) {
			return a.Area
		}
	}
	return s.Area
}

func checkAddress(s knowledgev1.Source) (knowledgev1.Source, error) {
	switch s.Kind {
	case knowledgev1.KindImport, knowledgev1.KindStarter:
		s.URL = ""
		return s, nil
	case knowledgev1.KindFolder:
		if s.URL == "" {
			s.URL = "."
		}
		clean := path.Clean(s.URL)
		if path.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, "../") {
			return s, invalid("Mappen (url) skal ligge under serverens mappe til viden.")
		}
		s.URL = clean
		return s, nil
	case knowledgev1.KindBorger:
		s.URL = orDefault(s.URL, borgerURL)
	case knowledgev1.KindLife:
		s.URL = orDefault(s.URL, lifeURL)
	}
	u, err := url.Parse(s.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(s.URL) > maxURL {
		return s, invalid("Adressen (url) skal begynde med https:// eller http://.")
	}
	return s, nil
}

func orDefault(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// Remove removes a source and all that came from it. It stops answering with this call.
func (l *Library) Remove(ctx context.Context, ref knowledgev1.SourceRef) (knowledgev1.Run, error) {
	var r run
	err := l.db.InTx(ctx, func(tx *store.Tx) error {
		s, err := sourceByID(ctx, tx, ref.ID)
		if err != nil {
			return err
		}
		r = l.newRun(s.ID)
		if err := l.buryAll(ctx, tx, &r, `source_id = ?`, s.ID); err != nil {
			return err
		}
		r.State, r.EndedAt, r.Total, r.Seen = knowledgev1.RunDone, l.now(), r.Removed, r.Removed
		if s.Kind == knowledgev1.KindStarter {
			if err := putSetting(ctx, tx, starterSetting, starterRemoved); err != nil {
				return err
			}
		}
		return forgetSource(ctx, tx, s.ID, l.now())
	})
	if err != nil {
		return r.Run, err
	}
	l.publish(knowledgev1.Changed{SourceID: ref.ID, What: "removed", Run: &r.Run})
	nudge(l.plan)
	l.sync(ctx)
	return r.Run, nil
}

// forgetSource deletes what is known of a source's runs; the source itself waits until its schedule is deleted.
func forgetSource(ctx context.Context, tx *store.Tx, id string, at time.Time) error {
	for _, stmt := range []string{`DELETE FROM knowledge_run WHERE source_id = ?`, `DELETE FROM ingest_item WHERE source_id = ?`} {
		if _, err := tx.Exec(ctx, stmt, id); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `UPDATE knowledge_source SET removed_at = ?, unplanned = TRUE, wanted = FALSE WHERE id = ?`, store.Micros(at), id)
	return err
}

// RunSource asks for a fetch now. It is there at once, as running; a source that is being fetched already gives that run.
func (l *Library) RunSource(ctx context.Context, ref knowledgev1.SourceRef) (knowledgev1.Run, error) {
	s, err := l.Source(ctx, ref.ID)
	if err == nil && !Fetched(s.Kind) {
		err = errs.E(errs.Conflict, fmt.Sprintf("%s hentes ikke: den er lagt ind i systemet.", s.Title), nil)
	}
	if err != nil {
		return knowledgev1.Run{}, err
	}
	r, err := l.BeginRun(ctx, ref.ID)
	if err != nil {
		return r, err
	}
	_, err = l.db.Read().Exec(ctx, `UPDATE knowledge_source SET wanted = TRUE, unplanned = TRUE WHERE id = ?`, ref.ID)
	nudge(l.plan)
	return r, err
}

// Planned is a source whose schedule is to be made as it says.
type Planned struct {
	knowledgev1.Source
	Wanted  bool // a person waits for a run
	Removed bool // the schedule is to be deleted
}

// Unplanned lists the sources whose schedules are not known to be as they say.
func (l *Library) Unplanned(ctx context.Context) ([]Planned, error) {
	tx := l.db.Read()
	var out []Planned
	for _, p := range []struct {
		Planned
		condition string
	}{
		{Planned{}, `s.removed_at = 0 AND NOT s.wanted`},
		{Planned{Wanted: true}, `s.removed_at = 0 AND s.wanted`},
		{Planned{Removed: true}, `s.removed_at <> 0`},
	} {
		all, err := sources(ctx, tx, `WHERE s.unplanned AND `+p.condition+` ORDER BY s.id`)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			p.Source = s
			out = append(out, p.Planned)
		}
	}
	return out, nil
}

// SetPlanned notes that a source's schedule is as it said, with its next time. A source that was saved again or removed meanwhile
// stays unplanned.
func (l *Library) SetPlanned(ctx context.Context, p Planned, next time.Time) error {
	if p.Removed {
		_, err := l.db.Read().Exec(ctx, `DELETE FROM knowledge_source WHERE id = ? AND removed_at <> 0`, p.ID)
		return err
	}
	_, err := l.db.Read().Exec(ctx, `UPDATE knowledge_source SET unplanned = FALSE, wanted = FALSE, next_run_at = ?
		WHERE id = ? AND every_us = ? AND paused = ? AND wanted = ? AND removed_at = 0`,
		store.Micros(next), p.ID, p.Every.Microseconds(), p.Paused, p.Wanted)
	return err
}

// Replan marks all sources, for a start: nobody knows what has become of their schedules.
func (l *Library) Replan(ctx context.Context) error {
	_, err := l.db.Read().Exec(ctx, `UPDATE knowledge_source SET unplanned = TRUE`)
	return err
}

// Plan tells when a schedule may have to change.
func (l *Library) Plan() <-chan struct{} { return l.plan }
