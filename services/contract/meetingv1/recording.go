package meetingv1

import "time"

// Requests about recordings. They are answered by any node that has the recordings' folder.
const (
	RecordingSubject       = "meeting.v1.recording"        // RecordingRequest → Recording
	ReadRecordingSubject   = "meeting.v1.recording.read"   // ReadRecordingRequest → RecordingPart
	DeleteRecordingSubject = "meeting.v1.recording.delete" // RecordingRequest → Recording; Conflict under a legal hold
)

// States of a recording.
const (
	RecordingNone    = ""        // nothing was recorded
	RecordingRunning = "running" // the meeting is held
	RecordingKept    = "kept"
	RecordingDeleted = "deleted" // by somebody, or because its time was over
)

// Why a recording stopped before its meeting did.
const (
	ProblemDisk   = "disk"   // no room, or the disk failed
	ProblemLimit  = "limit"  // it was as large as one may be
	ProblemFailed = "failed" // its key could not be had
)

// Reasons of a gap in a track.
const (
	GapDeclined    = "declined" // the person does not want to be recorded
	GapPaused      = "paused"
	GapSide        = "side"        // in the private side room
	GapOff         = "off"         // the recording was stopped
	GapNone        = "none"        // nothing came: muted, switched off, away
	GapLost        = "lost"        // something came but is not there: network, or too slow a disk
	GapInterrupted = "interrupted" // the server went away
	GapFormat      = "format"      // a codec that is not kept
	GapDeleted     = "deleted"     // the key is destroyed: a file out of a backup
)

// RecordingRequest is about the recording of a meeting.
type RecordingRequest struct {
	MeetingID string `json:"meeting_id"`
	Actor     Actor  `json:"actor"`
}

// Recording is what was recorded of a meeting: a track for each person and source, so that no voice is mixed with another's.
type Recording struct {
	MeetingID   string    `json:"meeting_id"`
	ServiceArea string    `json:"service_area,omitempty"`
	State       string    `json:"state"`
	Basis       string    `json:"basis,omitempty"`
	Problem     string    `json:"problem,omitempty"`
	BeganAt     time.Time `json:"began_at,omitzero"`
	EraseAt     time.Time `json:"erase_at,omitzero"`   // at the latest; with the conversation, if that is deleted before
	DeletedAt   time.Time `json:"deleted_at,omitzero"` // the key is gone and the files are
	Held        bool      `json:"held,omitempty"`      // a legal hold forbids deletion
	Tracks      []Track   `json:"tracks"`
}

// Track is what one person sent of one source, as a file that browsers play.
type Track struct {
	ID            string    `json:"id"`
	ParticipantID string    `json:"participant_id"`
	Name          string    `json:"name,omitempty"`
	Role          string    `json:"role,omitempty"`
	Source        string    `json:"source"` // microphone, camera, screen, sound
	Type          string    `json:"type"`   // MIME type with codecs
	BeganAt       time.Time `json:"began_at"`
	Millis        int64     `json:"millis"`
	Size          int64     `json:"size"` // bytes
	Gaps          []Gap     `json:"gaps,omitempty"`
	Whole         bool      `json:"whole"` // it was ended in good order
	// WithdrawnAt: the person has taken back that they may be recorded; nothing can be played. DeletedAt is when it was deleted; zero:
	// a legal hold forbids it yet. Such a track stands for all that there was of the person, and has no ID.
	WithdrawnAt time.Time `json:"withdrawn_at,omitzero"`
	DeletedAt   time.Time `json:"deleted_at,omitzero"`
}

// Gap is a stretch of a track's time in which nothing was kept.
type Gap struct {
	From   int64  `json:"from"` // milliseconds since the track began
	To     int64  `json:"to"`
	Reason string `json:"reason"`
}

// MaxRecordingPart is how many bytes one answer has at most.
const MaxRecordingPart = 256 << 10

// ReadRecordingRequest asks for bytes of a track.
type ReadRecordingRequest struct {
	MeetingID string `json:"meeting_id"`
	TrackID   string `json:"track_id"`
	From      int64  `json:"from"`
	Length    int    `json:"length"` // at most MaxRecordingPart; 0: only what the track is
	Actor     Actor  `json:"actor"`
}

// RecordingPart is some bytes of a track.
type RecordingPart struct {
	Type string `json:"type"`
	Size int64  `json:"size"` // of the whole
	Data []byte `json:"data,omitempty"`
}
