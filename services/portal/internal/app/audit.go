package app

import (
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/bus"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
)

const (
	auditPageSize = 50
	exportPage    = 500     // entries of one request
	exportMost    = 100_000 // lines of a file
)

// auditQuery is what an auditor looks for, as typed.
type auditQuery struct {
	Actor, Kind, About, From, Till string
}

// Asked tells whether there is anything to look for.
func (q auditQuery) Asked() bool { return q != auditQuery{} }

// readAuditQuery reads a form that was sent. Addresses stay in histories and logs, and what is looked for may be the receipt of a citizen.
func readAuditQuery(r *http.Request) auditQuery {
	get := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	return auditQuery{Actor: get("hvem"), Kind: get("hvad"), About: get("om"), From: get("fra"), Till: get("til")}
}

// auditFound is the page: the search with what it found or, before one searches, the conversations.
type auditFound struct {
	listData
	Query    auditQuery
	Searched bool
	Found    []consentv1.Audit
	Next     string // where the next page begins
	Later    bool   // this is not the first one
	Problem  string
	Field    string // id of the field that the problem is about
}

// kind is an act as the form offers it.
type kind struct{ ID, Text string }

// Kinds are the acts that the log knows, by their text.
func (auditFound) Kinds(v view) []kind {
	var out []kind
	for key, text := range v.texts {
		if id, ok := strings.CutPrefix(key, "action."); ok {
			out = append(out, kind{id, text})
		}
	}
	slices.SortFunc(out, func(x, y kind) int { return strings.Compare(x.Text, y.Text) })
	return out
}

// badField is a part of the search that cannot be read.
type badField struct{ field, text string }

func (b badField) Error() string { return b.field + ": not a day" }

func (a *App) auditPage(w http.ResponseWriter, r *http.Request, p who.Person) error {
	d := auditFound{Query: readAuditQuery(r)}
	if !d.Query.Asked() {
		all, err := a.conversations(r, p)
		if err != nil {
			return err
		}
		areas, err := a.areas(r.Context())
		if err != nil {
			return err
		}
		d.listData = listData{all, areas}
		return a.page(w, r, p, http.StatusOK, "audit", "audit.title", d)
	}
	d.Searched = true
	q, none, err := a.auditSearch(r, p, d.Query)
	var bad badField
	if errors.As(err, &bad) {
		return a.auditProblem(w, r, p, d.Query, bad)
	}
	if err != nil {
		return err
	}
	if !none {
		q.Limit, q.After, q.Look = auditPageSize, r.PostFormValue("efter"), &consentv1.AuditReader{Actor: p.ID, Role: p.Role}
		found, err := bus.Request[consentv1.AuditPage](r.Context(), a.Bus, consentv1.AuditFindSubject, q)
		if err != nil {
			return err
		}
		d.Found, d.Later, d.Next = found.Entries, q.After != "", found.Next
	}
	return a.page(w, r, p, http.StatusOK, "audit", "audit.title", d)
}

// auditProblem shows a search with what cannot be read of it.
func (a *App) auditProblem(w http.ResponseWriter, r *http.Request, p who.Person, q auditQuery, bad badField) error {
	d := auditFound{Query: q, Searched: true, Problem: bad.text, Field: bad.field}
	return a.page(w, r, p, http.StatusBadRequest, "audit", "audit.title", d)
}

// auditSearch reads a query. None: it names a conversation, receipt or case that there is none of.
func (a *App) auditSearch(r *http.Request, p who.Person, q auditQuery) (s consentv1.AuditSearch, none bool, err error) {
	s = consentv1.AuditSearch{Actor: q.Actor, Action: q.Kind}
	if s.From, err = auditDay(r, q.From, "a-from"); err != nil {
		return s, false, err
	}
	if s.Till, err = auditDay(r, q.Till, "a-till"); err != nil {
		return s, false, err
	}
	if !s.Till.IsZero() {
		s.Till = s.Till.AddDate(0, 0, 1) // all of that day
	}
	if q.About == "" {
		return s, false, nil
	}
	s.Conversations, err = a.conversationsAbout(r, p, q.About)
	return s, len(s.Conversations) == 0, err
}

func auditDay(r *http.Request, typed, field string) (time.Time, error) {
	if typed == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, typed, copenhagen)
	if err != nil {
		return t, badField{field, texts.For(lang(r)).T("audit.badday")}
	}
	return t, nil
}

// conversationsAbout are those that somebody can mean by what they were given: the conversation's own id, the receipt of an inquiry, the
// case system's receipt, or a case number.
func (a *App) conversationsAbout(r *http.Request, p who.Person, about string) ([]string, error) {
	c, err := bus.Request[journalv1.Conversation](r.Context(), a.Bus, journalv1.GetSubject, ref(p)(about))
	if err == nil {
		return []string{c.ID}, nil
	}
	if !errors.Is(err, errs.NotFound) && !errors.Is(err, errs.Invalid) {
		return nil, err
	}
	all, err := bus.Request[journalv1.ListReply](r.Context(), a.Bus, journalv1.ListSubject, journalv1.ListRequest{Actor: p.Actor(""), Find: about, Limit: 200})
	if err != nil {
		return nil, err
	}
	var out []string
	for _, c := range all.Conversations {
		out = append(out, c.ID)
	}
	i, err := bus.Request[inquiryv1.Inquiry](r.Context(), a.Bus, inquiryv1.StatusSubject, inquiryv1.ReceiptRequest{Receipt: about})
	switch {
	case err == nil && i.ConversationID != "":
		out = append(out, i.ConversationID)
	case err != nil && !errors.Is(err, errs.NotFound) && !errors.Is(err, errs.Invalid):
		return nil, err
	}
	return out, nil
}

// auditExport answers with all that a search finds as a table for a spreadsheet. The log holds that it was taken out, before it is.
func (a *App) auditExport(w http.ResponseWriter, r *http.Request, p who.Person) error {
	query := readAuditQuery(r)
	q, none, err := a.auditSearch(r, p, query)
	var bad badField
	if errors.As(err, &bad) {
		return a.auditProblem(w, r, p, query, bad)
	}
	if err != nil {
		return err
	}
	var first consentv1.AuditPage
	if !none {
		q.Limit, q.Export = exportPage, &consentv1.AuditReader{Actor: p.ID, Role: p.Role}
		if first, err = bus.Request[consentv1.AuditPage](r.Context(), a.Bus, consentv1.AuditFindSubject, q); err != nil {
			return err
		}
	}
	h := w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="revision-`+a.Now().In(copenhagen).Format(time.DateOnly)+`.csv"`)
	q.Export = nil // told once
	return writeAudit(w, texts.For(lang(r)), first, exportMost, func(after string) (consentv1.AuditPage, error) {
		q.After = after
		return bus.Request[consentv1.AuditPage](r.Context(), a.Bus, consentv1.AuditFindSubject, q)
	})
}

// writeAudit writes a table from its first page on. Its last line says so when it does not hold all.
func writeAudit(w io.Writer, t texts.Catalogue, page consentv1.AuditPage, lines int, next func(after string) (consentv1.AuditPage, error)) error {
	most := lines
	io.WriteString(w, "\ufeff") // spreadsheets take it for another alphabet without
	out := csv.NewWriter(w)
	out.Comma = ';' // what Danish spreadsheets split at
	out.Write([]string{t.T("col.time"), t.T("col.actor"), t.T("col.role"), t.T("col.action"), t.T("col.purpose"), t.T("col.conversation")})
	for {
		some := page.Entries[:min(most, len(page.Entries))]
		for _, e := range some {
			out.Write([]string{e.Time.In(copenhagen).Format(time.RFC3339), cell(e.Actor), cell(e.Role), cell(e.Action), cell(e.Purpose), cell(e.ConversationID)})
		}
		most -= len(some)
		more := page.Next != "" || len(some) < len(page.Entries)
		if more && most == 0 {
			out.Write([]string{t.T("audit.export.full", "most", strconv.Itoa(lines))})
		}
		if !more || most == 0 {
			break
		}
		var err error
		if page, err = next(page.Next); err != nil {
			out.Write([]string{t.T("audit.export.cut")}) // the answer has begun
			break
		}
	}
	out.Flush()
	return out.Error()
}

// cell keeps a spreadsheet from taking what somebody typed for a formula.
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
