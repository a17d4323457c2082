package app

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/meetingv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/internal/who"
	"samtale.dk/samtale/services/portal/token"
)

// Recordings of meetings: what there is, each track to play, and deletion. They are played from the meeting service's encrypted
// tracks as they are asked for; nothing of them is kept here.

func (a *App) recordingRoutes() []route {
	worker := []string{token.Caseworker}
	return []route{
		{pattern: "GET /optagelse/{id}", roles: worker, handle: a.recordingPage},
		{pattern: "POST /optagelse/{id}/slet", roles: worker, handle: a.recordingDeleted},
		{pattern: "GET /api/v1/meetings/{id}/recording", roles: worker, handle: a.getRecording},
		{pattern: "DELETE /api/v1/meetings/{id}/recording", roles: worker, handle: a.deleteRecording},
		{pattern: "GET /api/v1/meetings/{id}/recording/{track}", roles: worker, stream: true, handle: a.playRecording},
	}
}

func (a *App) recording(r *http.Request, p who.Person, subject string) (meetingv1.Recording, error) {
	id, err := pathID(r)
	if err != nil {
		return meetingv1.Recording{}, err
	}
	return askBooking[meetingv1.Recording](r.Context(), a, subject, meetingv1.RecordingRequest{MeetingID: id, Actor: host(p)})
}

func (a *App) getRecording(w http.ResponseWriter, r *http.Request, p who.Person) error {
	rec, err := a.recording(r, p, meetingv1.RecordingSubject)
	if err != nil {
		return err
	}
	return reply(w, rec)
}

func (a *App) deleteRecording(w http.ResponseWriter, r *http.Request, p who.Person) error {
	rec, err := a.recording(r, p, meetingv1.DeleteRecordingSubject)
	if err != nil {
		return err
	}
	return reply(w, rec)
}

// recordingData is the page of a recording.
type recordingData struct {
	meetingv1.Recording
	Problem string // why it is not deleted
}

// Length writes a length in milliseconds as people read it: 1:02:03.
func (d recordingData) Length(millis int64) string { return clockOf(millis) }

func clockOf(millis int64) string {
	s := (millis + 500) / 1000
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// Picture tells whether a track is to be seen.
func (d recordingData) Picture(source string) bool { return source == "camera" || source == "screen" }

// Who names a track's person by role when there is no name.
func (d recordingData) Who(t meetingv1.Track, v view) string {
	if t.Name != "" {
		return t.Name
	}
	if v.Has("m.role." + t.Role) {
		return v.T("m.role." + t.Role)
	}
	return v.T("m.somebody")
}

func (a *App) recordingPage(w http.ResponseWriter, r *http.Request, p who.Person) error {
	rec, err := a.recording(r, p, meetingv1.RecordingSubject)
	if err != nil {
		return err
	}
	return a.page(w, r, p, http.StatusOK, "recording", "rec.title", recordingData{Recording: rec})
}

func (a *App) recordingDeleted(w http.ResponseWriter, r *http.Request, p who.Person) error {
	_, err := a.recording(r, p, meetingv1.DeleteRecordingSubject)
	if err != nil && !errors.Is(err, errs.Conflict) {
		return err
	}
	if err == nil {
		http.Redirect(w, r, "/optagelse/"+r.PathValue("id"), http.StatusSeeOther)
		return nil
	}
	rec, again := a.recording(r, p, meetingv1.RecordingSubject)
	if again != nil {
		return again
	}
	return a.page(w, r, p, http.StatusConflict, "recording", "rec.title", recordingData{rec, errs.Text(err)})
}

// Playable tells whether there is anything to hear or see.
func (d recordingData) Playable() bool {
	return slices.ContainsFunc(d.Tracks, func(t meetingv1.Track) bool { return t.Size > 0 })
}

// openEnded is the range that browsers' players ask for: all that is left, to take as they play.
var openEnded = regexp.MustCompile(`^bytes=(\d{1,18})-$`)

// inParts gives a player the next part of what it asks for. It asks again when it has played that: an answer that it reads as it plays
// holds a connection for as long, and browsers have six for a site, for more tracks than that.
func inParts(r *http.Request) {
	if dest := r.Header.Get("Sec-Fetch-Dest"); dest != "audio" && dest != "video" {
		return
	}
	if m := openEnded.FindStringSubmatch(r.Header.Get("Range")); m != nil {
		from, _ := strconv.ParseInt(m[1], 10, 64) // digits that fit
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+meetingv1.MaxRecordingPart-1))
	}
}

// playRecording gives a track with ranges, so that players can go to any place of it.
func (a *App) playRecording(w http.ResponseWriter, r *http.Request, p who.Person) error {
	id, err := pathID(r)
	if err == nil && event.CheckToken(r.PathValue("track")) != nil {
		err = errs.E(errs.NotFound, "", nil)
	}
	if err != nil {
		return err
	}
	t := &trackReader{app: a, r: r, w: w, req: meetingv1.ReadRecordingRequest{MeetingID: id, TrackID: r.PathValue("track"), Actor: host(p)}}
	about, err := t.ask(0)
	if err != nil {
		return err
	}
	if about.Size == 0 {
		return errs.E(errs.NotFound, "Der er intet at afspille.", nil)
	}
	t.size = about.Size
	w.Header().Set("Content-Type", about.Type)
	w.Header().Set("Content-Disposition", "inline")
	inParts(r)
	http.ServeContent(w, r, "", time.Time{}, t)
	return nil
}

// trackReader reads a track part by part as it is sent on. It implements io.ReadSeeker for one request.
type trackReader struct {
	app      *App
	r        *http.Request
	w        http.ResponseWriter
	req      meetingv1.ReadRecordingRequest
	size, at int64
	rest     []byte
}

func (t *trackReader) ask(length int) (meetingv1.RecordingPart, error) {
	t.req.From, t.req.Length = t.at, length
	return askBooking[meetingv1.RecordingPart](t.r.Context(), t.app, meetingv1.ReadRecordingSubject, t.req)
}

// Seek implements io.Seeker.
func (t *trackReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += t.at
	case io.SeekEnd:
		offset += t.size
	}
	if offset < 0 {
		return 0, errs.E(errs.Invalid, "", nil)
	}
	t.at, t.rest = offset, nil
	return offset, nil
}

// Read implements io.Reader. A player that reads slowly is waited for, as long as it reads.
func (t *trackReader) Read(b []byte) (int, error) {
	if t.at >= t.size {
		return 0, io.EOF
	}
	if len(t.rest) == 0 {
		part, err := t.ask(meetingv1.MaxRecordingPart)
		if err != nil {
			return 0, err
		}
		if len(part.Data) == 0 {
			return 0, io.ErrUnexpectedEOF
		}
		t.rest = part.Data
		err = http.NewResponseController(t.w).SetWriteDeadline(t.app.Now().Add(streamWrite))
		if err != nil && !errors.Is(err, http.ErrNotSupported) {
			return 0, err
		}
	}
	n := copy(b, t.rest)
	t.rest, t.at = t.rest[n:], t.at+int64(n)
	return n, nil
}
