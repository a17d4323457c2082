package app

import (
	"errors"
	"net/http"
	"slices"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/texts"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// Meetings that a citizen took part in and whose conversation is not theirs: as a companion, or as the second parent. They see that it was,
// what they chose, and when it is deleted. Note, words and looks are the one's whom the case is about.

func (a *App) mineRoutes() []route {
	citizen := []string{token.Citizen}
	return []route{
		{pattern: "GET /mit/moede/{id}", roles: citizen, handle: a.mineMeeting},
		{pattern: "GET /api/v1/mine/meetings", roles: citizen, handle: a.listMine},
	}
}

// attendedData is a meeting as one who took part may see it.
type attendedData struct {
	Meeting meetingv1.Attended
	Area    consentv1.Area
}

// AreaName is the service area's name in a language.
func (d attendedData) AreaName(l texts.Lang) string { return nameOf(d.Area, l) }

// Yes is a choice that was made.
func (attendedData) Yes(c *bool) bool { return c != nil && *c }

// attended lists the meetings that somebody took part in, or one of them.
func (a *App) attended(r *http.Request, p who.Person, id string) ([]meetingv1.Attended, error) {
	if p.PartyRef == "" {
		return []meetingv1.Attended{}, nil
	}
	rep, err := askBooking[meetingv1.MineReply](r.Context(), a, meetingv1.MineSubject, meetingv1.MineRequest{PartyRef: p.PartyRef, MeetingID: id})
	return rep.Meetings, err
}

// others are the meetings that are not among somebody's own conversations; missing: they cannot be shown now, and the conversations can.
func (a *App) others(r *http.Request, p who.Person, own []journalv1.Conversation) (meetings []meetingv1.Attended, missing bool, err error) {
	all, err := a.attended(r, p, "")
	if errors.Is(err, errs.Unavailable) {
		return nil, true, nil
	}
	return slices.DeleteFunc(all, func(m meetingv1.Attended) bool {
		return slices.ContainsFunc(own, func(c journalv1.Conversation) bool { return c.ID == m.ID })
	}), false, err
}

func (a *App) mineMeeting(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err != nil {
		return err
	}
	list, err := a.attended(r, p, id)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errs.E(errs.NotFound, "Mødet findes ikke, eller det er slettet.", nil)
	}
	areas, err := a.areas(r.Context())
	if err != nil {
		return err
	}
	return a.page(w, r, p, http.StatusOK, "mine_meeting", "mine.meeting", attendedData{Meeting: list[0], Area: areaOf(areas, list[0].ServiceArea)})
}

func (a *App) listMine(w http.ResponseWriter, r *http.Request, p who.Person) error {
	list, err := a.attended(r, p, "")
	if err != nil {
		return err
	}
	return reply(w, meetingv1.MineReply{Meetings: list})
}
