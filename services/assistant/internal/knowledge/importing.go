package knowledge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/store"
)

// Import takes a batch of records in. The same batch again changes and counts nothing. Records that cannot be taken are listed with
// their line.
func (l *Library) Import(ctx context.Context, req knowledgev1.ImportRequest) (knowledgev1.Run, error) {
	if err := checkImport(req); err != nil {
		return knowledgev1.Run{}, err
	}
	var r run
	err := l.db.InTx(ctx, func(tx *store.Tx) (err error) {
		s, err := l.importSource(ctx, tx, req)
		if err != nil {
			return err
		}
		r, err = l.importRun(ctx, tx, req)
		if err != nil || r.State != knowledgev1.RunRunning {
			return err
		}
		if err := l.importRecords(ctx, tx, s, &r, req); err != nil {
			return err
		}
		if req.Last {
			return l.endImport(ctx, tx, &r, req.Replace)
		}
		return l.putRun(ctx, tx, r)
	})
	return r.Run, l.told(ctx, r.Run, err)
}

func checkImport(req knowledgev1.ImportRequest) error {
	switch {
	case event.CheckToken(req.Import) != nil:
		return invalid("Feltet import skal være et id.")
	case event.CheckToken(req.Source) != nil:
		return invalid("Kildens navn må kun have bogstaverne a-z, tal, bindestreg og understreg.")
	case len(req.Records) > knowledgev1.MaxBatch:
		return invalid("Der er over %d artikler på én gang. Del dem op.", knowledgev1.MaxBatch)
	case len(req.Lines) > 0 && (len(req.Lines) != len(req.Records) || !rising(req.Lines)):
		return invalid("Feltet lines skal have et voksende tal for hver artikel.")
	case len(CleanLine(req.Title)) > maxHeading:
		return invalid("Titlen er for lang.")
	}
	return nil
}

func rising(lines []int) bool {
	for i, line := range lines {
		if line < 1 || i > 0 && line <= lines[i-1] {
			return false
		}
	}
	return true
}

// importSource finds the source of an import, or makes it.
func (l *Library) importSource(ctx context.Context, tx *store.Tx, req knowledgev1.ImportRequest) (knowledgev1.Source, error) {
	s, err := sourceByID(ctx, tx, req.Source)
	switch {
	case errs.KindOf(err) == errs.NotFound:
		s = knowledgev1.Source{ID: req.Source, Kind: knowledgev1.KindImport, Title: req.Source}
	case err != nil:
		return s, err
	case s.Kind != knowledgev1.KindImport:
		return s, errs.E(errs.Conflict, "Kilden hentes af systemet selv. Vælg et andet navn til importen.", nil)
	}
	if title := CleanLine(req.Title); title != "" {
		s.Title = title
	}
	s.Demo, s.Actor = req.Demo, req.Actor
	return s, l.putSource(ctx, tx, s)
}

// importRun finds the run of an import, or opens it.
func (l *Library) importRun(ctx context.Context, tx *store.Tx, req knowledgev1.ImportRequest) (run, error) {
	r, err := runByID(ctx, tx, req.Import)
	switch {
	case errs.KindOf(err) == errs.NotFound:
		r = l.newRun(req.Source)
		r.ID = req.Import
		return r, errors.Join(l.abandon(ctx, tx, req.Source), l.putRun(ctx, tx, r))
	case err == nil && r.Source != req.Source:
		return r, errs.E(errs.Conflict, "Importens id er brugt til en anden kilde.", nil)
	}
	return r, err
}

// abandon ends an import of the source that did not come to its end: another one begins.
func (l *Library) abandon(ctx context.Context, tx *store.Tx, source string) error {
	r, open, err := openRun(ctx, tx, source)
	if err != nil || !open {
		return err
	}
	r.Problem = "Importen blev ikke gjort færdig."
	return l.end(ctx, tx, &r, knowledgev1.RunFailed)
}

func (l *Library) importRecords(ctx context.Context, tx *store.Tx, s knowledgev1.Source, r *run, req knowledgev1.ImportRequest) error {
	first := req.First
	if first < 1 { // not told: nothing can be known to have come before
		first = r.line + 1
	}
	for i, rec := range req.Records {
		line := first + i
		if len(req.Lines) > 0 {
			line = req.Lines[i]
		}
		if line <= r.line {
			continue // came before
		}
		r.line = line
		r.Seen++
		r.Total = max(r.Total, r.Seen)
		if err := l.save(ctx, tx, s, r, "", time.Time{}, rec, lineName(line, rec)); err != nil {
			return err
		}
	}
	return nil
}

func lineName(line int, rec knowledgev1.Record) string {
	id := CleanLine(rec.ID)
	if len(id) > 80 {
		id = strings.ToValidUTF8(id[:80], "") + "…"
	}
	return strings.TrimSpace(fmt.Sprintf("linje %d %s", line, id))
}

// endImport closes an import. What it did not name goes when it replaces; but an import without one usable record removes nothing.
func (l *Library) endImport(ctx context.Context, tx *store.Tx, r *run, replace bool) error {
	if !replace {
		return l.end(ctx, tx, r, knowledgev1.RunDone)
	}
	if r.Seen == r.Failed {
		r.Problem = "Ingen artikler kunne bruges. Derfor er intet slettet."
		return l.end(ctx, tx, r, knowledgev1.RunFailed)
	}
	err := l.buryAll(ctx, tx, r, `source_id = ? AND seen_run <> ?`, r.Source, r.ID)
	if err != nil {
		return err
	}
	return l.end(ctx, tx, r, knowledgev1.RunDone)
}
