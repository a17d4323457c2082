package portal

import (
	"cmp"
	"slices"
	"strings"
	"testing"
	"time"

	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// serveDesk answers the caseworkers' requests: the rules of who may do what are the assistant service's own and tested there,
// but for the ones that the pages must show.
func (as *assistant) serveDesk(t testing.TB, p *place, s microService) {
	script(t, p, s, inquiryv1.ListSubject, func(r inquiryv1.ListRequest) (inquiryv1.ListReply, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		var out inquiryv1.ListReply
		for _, h := range as.inquiries {
			i := h.Inquiry
			if slices.Contains(r.Actor.Areas, i.ServiceArea) && (i.State == inquiryv1.Waiting || i.State == inquiryv1.Claimed && i.Caseworker == r.Actor.ID) {
				i.Unread = as.unread(h)
				out.Inquiries = append(out.Inquiries, i)
			}
		}
		slices.SortFunc(out.Inquiries, func(a, b inquiryv1.Inquiry) int {
			if late := !a.EscalatedAt.IsZero(); late != !b.EscalatedAt.IsZero() {
				if late {
					return -1
				}
				return 1
			}
			return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
		})
		return out, nil
	})
	script(t, p, s, inquiryv1.GetSubject, func(r inquiryv1.Ref) (inquiryv1.Inquiry, error) {
		h, err := as.find(inquiryv1.HistoryRequest{InquiryID: r.ID})
		return h.Inquiry, err
	})
	act := func(id, what string, a inquiryv1.Actor, f func(*inquiryv1.Inquiry) error) (inquiryv1.Inquiry, error) {
		as.mu.Lock()
		h, err := as.one("", id)
		if err == nil && (h.Inquiry.State != inquiryv1.Waiting && h.Inquiry.Caseworker != a.ID || !slices.Contains(a.Areas, h.Inquiry.ServiceArea)) {
			err = errs.E(errs.Conflict, "En kollega har allerede taget henvendelsen.", nil)
		}
		as.mu.Unlock()
		if err != nil {
			return inquiryv1.Inquiry{}, err
		}
		return as.step(p.bus, "", id, what, func(i *inquiryv1.Inquiry) { err = f(i) })
	}
	script(t, p, s, inquiryv1.ClaimSubject, func(r inquiryv1.Ref) (inquiryv1.Inquiry, error) {
		return act(r.ID, "claimed", r.Actor, func(i *inquiryv1.Inquiry) error {
			i.State, i.Caseworker, i.CaseworkerName, i.ClaimedAt, i.Position = inquiryv1.Claimed, r.Actor.ID, r.Actor.Name, time.Now(), 0
			return nil
		})
	})
	script(t, p, s, inquiryv1.ReleaseSubject, func(r inquiryv1.Ref) (inquiryv1.Inquiry, error) {
		return act(r.ID, "released", r.Actor, func(i *inquiryv1.Inquiry) error {
			i.State, i.Caseworker, i.CaseworkerName = inquiryv1.Waiting, "", ""
			return nil
		})
	})
	script(t, p, s, inquiryv1.ForwardSubject, func(r inquiryv1.ForwardRequest) (inquiryv1.Inquiry, error) {
		return act(r.ID, "forwarded", r.Actor, func(i *inquiryv1.Inquiry) error {
			i.State, i.Caseworker, i.CaseworkerName, i.ServiceArea = inquiryv1.Waiting, "", "", cmp.Or(r.Area, i.ServiceArea)
			if r.Authority != "" {
				i.State = inquiryv1.Forwarded
			}
			if r.Caseworker != "" {
				i.State, i.Caseworker, i.CaseworkerName = inquiryv1.Claimed, r.Caseworker, r.Name
			}
			return nil
		})
	})
	script(t, p, s, inquiryv1.CalledSubject, func(r inquiryv1.CalledRequest) (inquiryv1.Inquiry, error) {
		return act(r.ID, "called", r.Actor, func(i *inquiryv1.Inquiry) error { i.CallID = r.ConversationID; return nil })
	})
	script(t, p, s, inquiryv1.VideoSubject, func(r inquiryv1.VideoRequest) (inquiryv1.Inquiry, error) {
		return act(r.ID, "video", r.Actor, func(i *inquiryv1.Inquiry) error { i.VideoURL = r.URL; return nil })
	})
	script(t, p, s, assistantv1.SuggestSubject, func(r assistantv1.SuggestRequest) (assistantv1.SuggestReply, error) {
		as.mu.Lock()
		defer as.mu.Unlock()
		as.overheard = append(as.overheard, r)
		id, title := "s-1", "Flytning: Frist"
		if strings.Contains(r.Text, "pas") {
			id, title = "s-2", "Pas: Pris"
		}
		return assistantv1.SuggestReply{Suggestions: []assistantv1.Suggestion{{
			ID: id, Title: title, Authority: "Kommunen", AsOf: "2026-11-20", Demo: true,
			Links:     []knowledgev1.Link{{Label: "Meld flytning", URL: "https://www.borger.dk/meld-flytning"}},
			Sentences: []assistantv1.Sentence{{ID: "1", Text: "Du skal melde flytning senest 5 dage efter.", Evidence: []assistantv1.Evidence{quote("senest 5 dage efter, at du er flyttet")}}},
		}}}, nil
	})
}

// unread counts what the citizen wrote after the last look; the caller holds mu.
func (as *assistant) unread(h *inquiryv1.HistoryReply) int {
	n := 0
	for _, m := range h.Messages {
		if m.From == inquiryv1.FromCitizen && m.Seq > as.seen[h.Inquiry.ID] {
			n++
		}
	}
	return n
}

// wants puts an inquiry of a citizen into the queue.
func (as *assistant) wants(t testing.TB, p *place, channel, name, summary string) inquiryv1.Inquiry {
	t.Helper()
	i, err := as.open(p.bus, inquiryv1.OpenRequest{
		ID: event.NewID(time.Now()), Channel: channel, ServiceArea: "borgerservice", Summary: summary, Name: name, Phone: "+4512345678",
		Sources: []assistantv1.Evidence{quote("senest 5 dage efter, at du er flyttet")},
	})
	if err != nil {
		t.Fatal(err)
	}
	changed(p.bus, i, "opened")
	return i
}
