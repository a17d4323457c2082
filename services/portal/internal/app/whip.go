package app

import (
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
)

// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): one request with an offer, one answer, a resource to restart ICE at and to delete.

func (a *App) whip(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.offerByToken(w, r, p, meetingv1.PublishSubject, "/whip/")
}

func (a *App) whep(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.offerByToken(w, r, p, meetingv1.SubscribeSubject, "/whep/")
}

func (a *App) offerByToken(w http.ResponseWriter, r *http.Request, p who.Person, subject, path string) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/sdp" {
		return errs.E(errs.Invalid, "Send et SDP-tilbud med Content-Type: application/sdp.", err)
	}
	sdp, err := io.ReadAll(r.Body)
	if err != nil || len(sdp) == 0 {
		return errs.E(errs.Invalid, "SDP-tilbuddet er tomt eller for langt.", err)
	}
	e, err := a.enterByToken(r, p, string(sdp))
	if err != nil {
		return err
	}
	rep, err := askMeeting[meetingv1.MediaReply](r.Context(), a, subject, meetingv1.MediaRequest{Seat: e.Seat, SDP: string(sdp)})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/sdp")
	h.Set("Location", path+e.Meeting.ID+"/"+e.Seat.ParticipantID+"~"+e.Seat.Key)
	h.Set("ETag", strconv.Quote(rep.ICE))
	h.Set("Accept-Patch", fragmentType)
	for _, s := range e.ICEServers {
		for _, u := range s.URLs {
			link := "<" + u + `>; rel="ice-server"`
			if s.Username != "" {
				link += `; username="` + s.Username + `"; credential="` + s.Credential + `"; credential-type="password"`
			}
			h.Add("Link", link)
		}
	}
	w.WriteHeader(http.StatusCreated)
	_, err = io.WriteString(w, rep.SDP)
	return err
}

// enterByToken seats the bearer of a token that was made for this room (samtale token --room), unless the offer is broken.
func (a *App) enterByToken(r *http.Request, p who.Person, offer string) (meetingv1.Entry, error) {
	room := r.PathValue("room")
	if event.CheckToken(room) != nil || p.Room == "" || p.Room != room {
		return meetingv1.Entry{}, errs.E(errs.Denied, "Adgangsnøglen gælder ikke for det møde. Lav en med: samtale token --role citizen --room MØDE", nil)
	}
	return askMeeting[meetingv1.Entry](r.Context(), a, meetingv1.EnterSubject, meetingv1.EnterRequest{
		MeetingID: room, Device: p.ID, Token: true, Offer: offer, Login: &meetingv1.Login{Subject: p.ID, Name: p.Name, Role: p.Role},
	})
}

func (a *App) whipEnded(_ http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.endByToken(r, p, meetingv1.PublishSubject)
}

func (a *App) whepEnded(_ http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.endByToken(r, p, meetingv1.SubscribeSubject)
}

// seatOf is who made a connection, by the address that was given for it: it holds the seat and its key, and nobody is seated by asking.
func seatOf(r *http.Request, p who.Person) (meetingv1.SeatRef, error) {
	room := r.PathValue("room")
	participant, key, ok := strings.Cut(r.PathValue("session"), "~")
	if p.Room != room || !ok || event.CheckToken(participant) != nil {
		return meetingv1.SeatRef{}, errs.E(errs.NotFound, "", nil)
	}
	return meetingv1.SeatRef{MeetingID: room, ParticipantID: participant, Key: key}, nil
}

// askAsSeat asks for one that seatOf gave. The token is right, so it is the address that is not.
func (a *App) askAsSeat(ctx context.Context, subject string, q meetingv1.MediaRequest) (meetingv1.MediaReply, error) {
	rep, err := askMeeting[meetingv1.MediaReply](ctx, a, subject, q)
	if kind := errs.KindOf(err); kind == errs.Unauthenticated || kind == errs.Denied {
		err = errs.E(errs.NotFound, "", err)
	}
	return rep, err
}

// endByToken ends what offerByToken began.
func (a *App) endByToken(r *http.Request, p who.Person, subject string) error {
	seat, err := seatOf(r, p)
	if err != nil {
		return err
	}
	_, err = a.askAsSeat(r.Context(), subject, meetingv1.MediaRequest{Seat: seat, End: true})
	return err
}

func (a *App) whipICE(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.iceByToken(w, r, p, meetingv1.PublishSubject)
}

func (a *App) whepICE(w http.ResponseWriter, r *http.Request, p who.Person) error {
	return a.iceByToken(w, r, p, meetingv1.SubscribeSubject)
}

const fragmentType = "application/trickle-ice-sdpfrag" // RFC 8840

// iceByToken takes what a client tells of its side of ICE (RFC 9725, 4.3): with If-Match "*" a restart, with an ETag more of its addresses.
func (a *App) iceByToken(w http.ResponseWriter, r *http.Request, p who.Person, subject string) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != fragmentType {
		w.Header().Set("Accept-Patch", fragmentType)
		return a.refuse(w, r, http.StatusUnsupportedMediaType, errs.E(errs.Invalid, "Send en del af et SDP med Content-Type: "+fragmentType+".", err))
	}
	tag := strings.Trim(r.Header.Get("If-Match"), `"`)
	if tag == "" {
		return a.refuse(w, r, http.StatusPreconditionRequired, errs.E(errs.Invalid, `Send If-Match: ETag fra svaret på tilbuddet, eller "*" for at begynde ICE forfra.`, nil))
	}
	fragment, err := io.ReadAll(r.Body)
	if err != nil || len(fragment) == 0 {
		return errs.E(errs.Invalid, "Delen af SDP'et er tom eller for lang.", err)
	}
	seat, err := seatOf(r, p)
	if err != nil {
		return err
	}
	q := meetingv1.MediaRequest{Seat: seat, Fragment: string(fragment)}
	if tag != "*" {
		q.ICE = tag
	}
	rep, err := a.askAsSeat(r.Context(), subject, q)
	if errs.KindOf(err) == errs.Conflict {
		return a.refuse(w, r, http.StatusPreconditionFailed, err)
	}
	if err != nil {
		return err
	}
	w.Header().Set("ETag", strconv.Quote(rep.ICE))
	if rep.SDP == "" {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	w.Header().Set("Content-Type", fragmentType)
	_, err = io.WriteString(w, rep.SDP)
	return err
}
