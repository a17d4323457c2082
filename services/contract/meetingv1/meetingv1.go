// Package meetingv1 is what can be asked of the meeting service, and what it says: meetings as bookings, the lobby, the room with
// its media, and the messages that it sends out. A meeting is a conversation: what was said in it goes the way of a call
// (callv1.Started … Ended with ChannelMeeting, a leg per person), and ends as a note by the journal.
package meetingv1

import (
	"time"

	"samtale.dk/samtale/services/contract/event"
)

// Stream is the JetStream stream of meeting events.
const Stream = "MEETING"

// StreamSubjects is what the stream takes in.
const StreamSubjects = "meeting.v1.event.>"

// Request subjects (nats micro service "meeting"). Requests about a room are answered by the node that has it.
const (
	BookSubject         = "meeting.v1.book"          // BookRequest → Meeting, with links
	ChangeSubject       = "meeting.v1.change"        // BookRequest with ID → Meeting: a new time, other participants
	CancelSubject       = "meeting.v1.cancel"        // CancelRequest → Meeting
	GetSubject          = "meeting.v1.get"           // Ref → Meeting
	ListSubject         = "meeting.v1.list"          // ListRequest → ListReply
	JoinSubject         = "meeting.v1.join"          // Ref → Participant: the actor's own seat, with its link
	SetupsSubject       = "meeting.v1.setups"        // SetupsRequest → SetupsReply
	SaveSetupSubject    = "meeting.v1.setup.save"    // Setup → Setup; errs.Conflict when it has another Version by now
	ResetSetupSubject   = "meeting.v1.setup.reset"   // SetupRef → SetupsReply: as it is delivered again; one that is not is deleted
	SetupChangesSubject = "meeting.v1.setup.changes" // SetupChangesRequest → SetupChangesReply: what editors did with a set-up
	PreviewSubject      = "meeting.v1.setup.preview" // Setup → PreviewReply: what those who are invited by it get to read
	MineSubject         = "meeting.v1.mine"          // MineRequest → MineReply: a citizen's own
	OutboxSubject       = "meeting.v1.outbox"        // OutboxRequest → OutboxReply: what was sent to whom

	EnterSubject     = "meeting.v1.enter"     // EnterRequest → Entry: a link is opened
	KnockSubject     = "meeting.v1.knock"     // KnockRequest → Entry: into the lobby
	LookSubject      = "meeting.v1.look"      // SeatRef → Entry: how the seat stands now
	AdmitSubject     = "meeting.v1.admit"     // AdmitRequest → Meeting
	PublishSubject   = "meeting.v1.publish"   // MediaRequest with an offer → MediaReply with the answer (also WHIP)
	SubscribeSubject = "meeting.v1.subscribe" // MediaRequest → MediaReply: without SDP the node's offer, with SDP it takes the answer (also WHEP)
	LeaveSubject     = "meeting.v1.leave"     // SeatRef → Entry
	ActSubject       = "meeting.v1.act"       // ActRequest → Entry
	SaySubject       = "meeting.v1.say"       // SayRequest → Message
	HistorySubject   = "meeting.v1.history"   // SeatRef → HistoryReply: the room's chat and captions so far
	FileSubject      = "meeting.v1.file"      // FileRequest → FilePart
)

// RoomSubject carries the RoomEvents of a meeting (core NATS, kept nowhere).
func RoomSubject(meeting string) string { return event.Join("meeting.v1.room", meeting) }

// Roles of a participant.
const (
	RoleCaseworker  = "caseworker"
	RoleCitizen     = "citizen"
	RoleCompanion   = "companion"   // bisidder or relative
	RoleInterpreter = "interpreter" // tile pinned, frame rate before resolution
	RoleColleague   = "colleague"
	RoleExpert      = "expert"
)

// States of a meeting.
const (
	Booked    = "booked"
	Live      = "live" // somebody is in the room
	Ended     = "ended"
	Cancelled = "cancelled"
	NoShow    = "noshow" // the citizen did not come
)

// States of a participant.
const (
	Invited  = "invited"
	InLobby  = "lobby"
	InRoom   = "room"
	InSide   = "side" // in the private side room
	Left     = "left"
	Removed  = "removed"
	Declined = "declined"
)

// Identity levels, as NSIS names them; a guest has none and is admitted by name.
const (
	LevelNone        = ""
	LevelLow         = "low"
	LevelSubstantial = "substantial"
	LevelHigh        = "high"
)

// Actor is a caseworker who acts. The portal fills it from the login; the meeting service checks the areas again.
type Actor struct {
	ID    string   `json:"id"`
	Role  string   `json:"role"`
	Name  string   `json:"name,omitempty"`
	Areas []string `json:"areas,omitempty"`
}

// Choices are what is chosen for a meeting; each person may still decline to be written down.
type Choices struct {
	Transcript bool   `json:"transcript"`
	AINote     bool   `json:"ai_note"`
	Recording  bool   `json:"recording"`
	Basis      string `json:"basis,omitempty"`   // legal basis of a recording; without it there is none
	DialIn     bool   `json:"dial_in,omitempty"` // one may come by telephone, with a number and a code
}

// Setup is a ready set-up for a kind of meeting, as data.
type Setup struct {
	ID           string        `json:"id"`
	Name         string        `json:"name"`
	NameEN       string        `json:"name_en"`
	About        string        `json:"about"`
	ServiceArea  string        `json:"service_area"`
	Minutes      int           `json:"minutes"`
	Participants []Seat        `json:"participants"`
	Choices      Choices       `json:"choices"`
	Identity     string        `json:"identity,omitempty"` // level that the citizen must have; empty: admitted by name
	Template     string        `json:"template,omitempty"` // note template
	KeepAfter    time.Duration `json:"keep_after,omitempty"`
	Invitation   string        `json:"invitation"` // text of the invitation, with {title}, {time}, {link}
	Info         string        `json:"info"`       // what the citizen should know beforehand
	// InvitationEN and InfoEN are the same for who is booked with English. Without InvitationEN they get one that fits every meeting.
	InvitationEN string `json:"invitation_en,omitempty"`
	InfoEN       string `json:"info_en,omitempty"`
	Actor        string `json:"actor,omitempty"`
	// Version grows with every change; whoever saves says which one they have read. 0: it was never changed.
	Version   int64 `json:"version,omitempty"`
	Delivered bool  `json:"delivered,omitempty"` // the product brings one of this id, which a reset gives back
	Changed   bool  `json:"changed,omitempty"`   // an editor has changed or added it
}

// Seat is a place in a set-up.
type Seat struct {
	Role     string `json:"role"`
	Label    string `json:"label"`
	Required bool   `json:"required"`
}

// SetupsRequest asks for all set-ups.
type SetupsRequest struct{}

// SetupsReply lists them.
type SetupsReply struct {
	Setups []Setup `json:"setups"`
}

// SetupRef names a set-up as somebody has read it.
type SetupRef struct {
	ID      string `json:"id"`
	Version int64  `json:"version"`
	Actor   string `json:"actor"`
}

// SetupChangesRequest asks for what was done with a set-up.
type SetupChangesRequest struct {
	ID    string `json:"id"`
	Below int64  `json:"below,omitempty"` // only changes that made an older version than this
}

// SetupChangesReply lists it, newest first.
type SetupChangesReply struct {
	Changes []SetupChange `json:"changes"`
	More    bool          `json:"more,omitempty"` // there are older ones
}

// SetupChange is what an editor did with a set-up.
type SetupChange struct {
	Version int64     `json:"version"` // that it made
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Reset   bool      `json:"reset,omitempty"`  // the delivered one was given back, or an added one deleted
	Before  *Setup    `json:"before,omitempty"` // nil: there was none
	After   *Setup    `json:"after,omitempty"`  // nil: there is none since
}

// PreviewReply is the invitation of an imagined meeting in each language.
type PreviewReply struct {
	Letters []Preview `json:"letters"`
}

// Preview is a letter as who is invited gets it.
type Preview struct {
	Language string `json:"language"`
	Subject  string `json:"subject"`
	Body     string `json:"body"`
	SMS      string `json:"sms"`
}

// BookRequest books a meeting, or changes one (ID). StartsAt zero: now. Participants without ID are new.
type BookRequest struct {
	ID           string        `json:"id,omitempty"`
	Title        string        `json:"title"`
	StartsAt     time.Time     `json:"starts_at,omitzero"`
	Minutes      int           `json:"minutes,omitempty"`
	ServiceArea  string        `json:"service_area"`
	CaseNumber   string        `json:"case_number,omitempty"`
	Setup        string        `json:"setup,omitempty"`
	Identity     string        `json:"identity,omitempty"`
	Choices      Choices       `json:"choices"`
	Participants []Participant `json:"participants"`
	Follows      string        `json:"follows,omitempty"` // conversation that it grew out of (a call, a chat)
	Actor        Actor         `json:"actor"`
}

// CancelRequest cancels a meeting; all who were invited are told.
type CancelRequest struct {
	ID     string `json:"id"`
	Reason string `json:"reason,omitempty"`
	Actor  Actor  `json:"actor"`
}

// Ref names a meeting.
type Ref struct {
	ID    string `json:"id"`
	Actor Actor  `json:"actor"`
	Lead  bool   `json:"lead,omitempty"` // JoinSubject: to lead the meeting, which nobody does
}

// MaxList is how many meetings a ListReply holds at most.
const MaxList = 500

// ListRequest asks for the actor's meetings of a stretch of time.
type ListRequest struct {
	Actor Actor     `json:"actor"`
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to,omitzero"`
	Find  string    `json:"find,omitempty"`  // all of its words stand in title, case number or a participant's name
	Limit int       `json:"limit,omitempty"` // 0: MaxList
	After string    `json:"after,omitempty"` // ListReply.Next: those that follow
}

// ListReply holds them, earliest first.
type ListReply struct {
	Meetings []Meeting `json:"meetings"`
	Next     string    `json:"next,omitempty"` // there are more
}

// MineRequest asks for the meetings that a citizen took part in, logged in. The portal fills PartyRef from the login.
type MineRequest struct {
	PartyRef  string `json:"party_ref"`
	MeetingID string `json:"meeting_id,omitempty"` // only this one
}

// MineReply lists them, newest first.
type MineReply struct {
	Meetings []Attended `json:"meetings"`
}

// Attended is a meeting as one who took part may see it afterwards, also when the case is not theirs: nothing of the others, of what was
// said, and of the note.
type Attended struct {
	ID          string    `json:"id"`
	Title       string    `json:"title"`
	State       string    `json:"state"`
	ServiceArea string    `json:"service_area"`
	StartedAt   time.Time `json:"started_at"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	Role        string    `json:"role,omitempty"` // one's own
	OnBehalfOf  string    `json:"on_behalf_of,omitempty"`
	Transcript  bool      `json:"transcript"`           // it could be written down
	Recording   bool      `json:"recording"`            // it could be recorded
	Transcribe  *bool     `json:"transcribe,omitempty"` // one's own choice; nil: none was made
	Record      *bool     `json:"record,omitempty"`
	EraseAt     time.Time `json:"erase_at,omitzero"` // when the content is deleted, once known
}

// Meeting is a booking with its participants. ID is the conversation's too, and the room's.
type Meeting struct {
	ID           string        `json:"id"`
	Title        string        `json:"title"`
	State        string        `json:"state"`
	StartsAt     time.Time     `json:"starts_at"`
	Minutes      int           `json:"minutes"`
	ServiceArea  string        `json:"service_area"`
	CaseNumber   string        `json:"case_number,omitempty"`
	Setup        string        `json:"setup,omitempty"`
	Identity     string        `json:"identity,omitempty"`
	Choices      Choices       `json:"choices"`
	Participants []Participant `json:"participants"`
	Follows      string        `json:"follows,omitempty"`
	CreatedBy    string        `json:"created_by"`
	StartedAt    time.Time     `json:"started_at,omitzero"`
	EndedAt      time.Time     `json:"ended_at,omitzero"`
	Locked       bool          `json:"locked,omitempty"`
	Paused       bool          `json:"paused,omitempty"`    // writing down is paused, visible to all
	Recording    bool          `json:"recording,omitempty"` // running now
	// RecordingProblem says why a recording has stopped that was chosen: ProblemDisk, ProblemLimit, ProblemFailed.
	RecordingProblem string    `json:"recording_problem,omitempty"`
	EraseAt          time.Time `json:"erase_at,omitzero"`
	DialNumber       string    `json:"dial_number,omitempty"` // to call with one's DialCode, when one may come by telephone
	// Leaderless: it is about to begin or goes on, and nobody is there who leads it. Only for the area's caseworkers; see Ref.Lead.
	Leaderless bool `json:"leaderless,omitempty"`
}

// Participant is one person of a meeting.
type Participant struct {
	ID         string    `json:"id"`
	Role       string    `json:"role"`
	Name       string    `json:"name,omitempty"`
	Say        string    `json:"say,omitempty"`      // how the name is said
	Language   string    `json:"language,omitempty"` // of letters, the link's page and what a telephone says to the person: en; empty: Danish
	Email      string    `json:"email,omitempty"`
	Phone      string    `json:"phone,omitempty"`
	User       string    `json:"user,omitempty"` // caseworkers: login
	Link       string    `json:"link,omitempty"` // path with the secret; only for who booked
	State      string    `json:"state"`
	Verified   string    `json:"verified,omitempty"` // identity level of the login; empty: a guest
	OnBehalfOf string    `json:"on_behalf_of,omitempty"`
	Transcribe *bool     `json:"transcribe,omitempty"` // own choice; nil until made
	Record     *bool     `json:"record,omitempty"`     // own choice about being recorded; nil until made
	Muted      bool      `json:"muted,omitempty"`      // by the moderator or by oneself
	Camera     bool      `json:"camera,omitempty"`
	Screen     bool      `json:"screen,omitempty"`
	Hand       bool      `json:"hand,omitempty"`
	Speaking   bool      `json:"speaking,omitempty"`
	ByPhone    bool      `json:"by_phone,omitempty"`
	Quality    string    `json:"quality,omitempty"` // of the network: good, fair, poor, audio-only, lost (nothing comes from them); empty: it was never bad
	Place      int       `json:"place,omitempty"`   // in the lobby, from 1
	WaitMins   int       `json:"wait_mins,omitempty"`
	Since      time.Time `json:"since,omitzero"` // in this state
	Report     *Report   `json:"report,omitempty"`
	LegID      string    `json:"leg_id,omitempty"`
	Again      bool      `json:"again,omitempty"`     // in the meeting, while somebody knocks with the same link on another device
	DialCode   string    `json:"dial_code,omitempty"` // to key in after calling DialNumber; only for who booked
	Line       string    `json:"line,omitempty"`      // of the telephone: Line…
	Away       bool      `json:"away,omitempty"`      // in the meeting, and for a while without a connection to it: a closed browser, or no network
	Tail       string    `json:"tail,omitempty"`      // the number's last two digits; only for who leads the meeting
}

// Report is what the device check found.
type Report struct {
	Camera     string  `json:"camera,omitempty"` // ok, none, denied, busy
	Microphone string  `json:"microphone,omitempty"`
	Speaker    string  `json:"speaker,omitempty"`
	Network    string  `json:"network,omitempty"` // ok, slow, blocked
	RTTMillis  float64 `json:"rtt_ms,omitempty"`
	LossShare  float64 `json:"loss_share,omitempty"`
	KbitUp     int     `json:"kbit_up,omitempty"`
	Transport  string  `json:"transport,omitempty"` // udp, tcp, relay
	Browser    string  `json:"browser,omitempty"`
}

// EnterRequest opens a link. Secret is its last part; Login is who is logged in at the portal, if anybody is.
type EnterRequest struct {
	MeetingID string `json:"meeting_id"`
	Secret    string `json:"secret"`
	Device    string `json:"device"` // random, kept by the browser: a link belongs to the first device that was admitted
	Login     *Login `json:"login,omitempty"`
	// Token says that the portal has checked a bearer token for this room: whoever has it takes part without link and lobby.
	Token bool `json:"token,omitempty"`
	// Offer is what the bearer is going to connect by: one that is broken seats nobody.
	Offer string `json:"offer,omitempty"`
	// Take brings the seat here from the device that it is in use on, where the login is its owner's (Entry.Elsewhere).
	Take bool `json:"take,omitempty"`
}

// Login is who is logged in.
type Login struct {
	Subject    string `json:"subject"`
	Name       string `json:"name"`
	Role       string `json:"role"`
	Level      string `json:"level,omitempty"`
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
	PartyRef   string `json:"party_ref,omitempty"` // a citizen's pseudonym, by which they find the conversation afterwards
}

// SeatRef is one participant's seat in one meeting, proven by the session key that Entry gave.
type SeatRef struct {
	MeetingID     string `json:"meeting_id"`
	ParticipantID string `json:"participant_id"`
	Key           string `json:"key"`
}

// Entry is what a participant may know: the meeting, the own seat, and how to go on.
type Entry struct {
	Seat       SeatRef     `json:"seat"`
	Me         Participant `json:"me"`
	Meeting    Meeting     `json:"meeting"` // others' contacts and links are left out
	AreaName   string      `json:"area_name,omitempty"`
	Info       string      `json:"info,omitempty"`
	Purpose    string      `json:"purpose,omitempty"`
	NeedLogin  bool        `json:"need_login,omitempty"` // the meeting asks for an identity that the login does not give yet
	ICEServers []ICEServer `json:"ice_servers,omitempty"`
	CanAct     bool        `json:"can_act,omitempty"`   // moderator
	Elsewhere  bool        `json:"elsewhere,omitempty"` // in the meeting on another device, from where EnterRequest.Take brings the seat
	// Dropped: the link's owner is not to come any more, and the meeting is held without them. There is no seat; title and time are as they knew them.
	Dropped bool `json:"dropped,omitempty"`
}

// ICEServer is a STUN or TURN server for the browser.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// KnockRequest goes to the lobby, with what was chosen and found beforehand; again to change it.
type KnockRequest struct {
	Seat       SeatRef `json:"seat"`
	Name       string  `json:"name,omitempty"`
	Say        string  `json:"say,omitempty"`
	Transcribe *bool   `json:"transcribe,omitempty"`
	Record     *bool   `json:"record,omitempty"`
	Report     *Report `json:"report,omitempty"`
	Help       bool    `json:"help,omitempty"`  // wants to speak with a person
	Heard      string  `json:"heard,omitempty"` // by telephone: version of the announcement that Transcribe answers
}

// Decisions about who waits.
const (
	Admit    = "admit"
	Refuse   = "refuse"
	Postpone = "postpone"
	Tell     = "tell" // Text is shown in the lobby
)

// AdmitRequest decides about one who waits.
type AdmitRequest struct {
	MeetingID     string `json:"meeting_id"`
	ParticipantID string `json:"participant_id"`
	Decision      string `json:"decision"`
	Text          string `json:"text,omitempty"`
	Actor         Actor  `json:"actor"`
}

// MediaRequest sets media up. Room "side" is the private side room.
type MediaRequest struct {
	Seat    SeatRef `json:"seat"`
	SDP     string  `json:"sdp,omitempty"`
	Restart bool    `json:"restart,omitempty"` // ICE restart of the same connection
	Session string  `json:"session,omitempty"` // of an earlier MediaReply
	// Trial, when publishing: what is sent reaches nobody and is measured before the meeting. It ends by itself.
	Trial bool `json:"trial,omitempty"`
	// End closes the connection that was made by the same subject; who has no other one leaves.
	End bool `json:"end,omitempty"`
	// Fragment is what a client has to tell of its side of ICE (trickle-ice-sdpfrag, RFC 8840) in the ICE session that ICE names. Without
	// ICE it is a restart, which is answered by a fragment.
	Fragment string `json:"fragment,omitempty"`
	ICE      string `json:"ice,omitempty"`
}

// MediaReply answers it.
type MediaReply struct {
	SDP        string      `json:"sdp,omitempty"`
	Session    string      `json:"session"`
	ICEServers []ICEServer `json:"ice_servers,omitempty"` // of a trial that is asked for without SDP
	Room       int64       `json:"room,omitempty"`        // as in HistoryReply
	ICE        string      `json:"ice,omitempty"`         // the ICE session: another after a restart
}

// Actions in the room. Those with Target need a moderator unless it is oneself.
const (
	ActMute       = "mute"
	ActUnmute     = "unmute" // only oneself: nobody opens another's microphone
	ActCamera     = "camera" // Value: on or off
	ActScreen     = "screen" // Value: on or off
	ActHand       = "hand"   // Value: up or down
	ActRemove     = "remove"
	ActLock       = "lock" // Value: on or off
	ActEnd        = "end"  // for all
	ActPause      = "pause"
	ActContinue   = "continue"
	ActTranscribe = "transcribe" // Value: yes or no, oneself
	ActSide       = "side"       // Value: open with Targets, or close
	ActRecord     = "record"     // Value: yes or no, oneself; on or off, a moderator for all
	ActCorrect    = "correct"    // Target: caption id; Value: the text
	ActDial       = "dial"       // Value: a number to bring in by telephone; with Target its own number when empty
	ActQuality    = "quality"    // Value: of the network, as the page finds it; where the server finds it worse, that counts
)

// ActRequest acts in the room.
type ActRequest struct {
	Seat    SeatRef  `json:"seat"`
	Action  string   `json:"action"`
	Target  string   `json:"target,omitempty"`
	Targets []string `json:"targets,omitempty"`
	Value   string   `json:"value,omitempty"`
	Name    string   `json:"name,omitempty"` // ActDial without Target: of the person who is called
	Role    string   `json:"role,omitempty"` // the same; empty: RoleCompanion
}

// SayRequest is one chat message.
type SayRequest struct {
	ID   string  `json:"id"`
	Seat SeatRef `json:"seat"`
	Text string  `json:"text,omitempty"`
	File string  `json:"file,omitempty"` // id of a file that was sent whole
}

// Message is one chat message.
type Message struct {
	ID   string    `json:"id"`
	At   time.Time `json:"at"`
	From string    `json:"from"` // participant
	Text string    `json:"text,omitempty"`
	File *File     `json:"file,omitempty"`
	Side bool      `json:"side,omitempty"`
}

// File is one that was sent in the chat.
type File struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"` // as its bytes say
	Size int64  `json:"size"`
	Gone bool   `json:"gone,omitempty"` // in a history: lost with the machine that had it
}

// FileRequest sends one part of a file (Data) or asks for one. Parts are at most MaxPart bytes, in order.
type FileRequest struct {
	Seat  SeatRef `json:"seat"`
	File  File    `json:"file"`
	Part  int     `json:"part"`
	Parts int     `json:"parts,omitempty"`
	Data  []byte  `json:"data,omitempty"`
}

// Limits of files.
const (
	MaxPart = 256 << 10
	MaxFile = 10 << 20
)

// FilePart is one part of a file.
type FilePart struct {
	File File   `json:"file"`
	Part int    `json:"part"`
	Data []byte `json:"data,omitempty"`
	Last bool   `json:"last"`
}

// Caption is one line of captions; a later one with the same ID replaces it until it is final. Automatic captions are marked.
type Caption struct {
	ID        string    `json:"id"`
	From      string    `json:"from"` // participant
	Text      string    `json:"text"`
	At        time.Time `json:"at"`
	Final     bool      `json:"final,omitempty"`
	Corrected bool      `json:"corrected,omitempty"`
}

// HistoryReply is what a participant who comes late or again has missed.
type HistoryReply struct {
	Messages []Message `json:"messages"`
	Captions []Caption `json:"captions"`
	// Room grows whenever the room is opened anew, here or on another node: media that was set up under a smaller one is gone.
	// 0: the meeting has not begun.
	Room int64 `json:"room,omitempty"`
	// Offer is the room's offer that the seat has not answered: its EventOffer came when nobody listened, or is on its way.
	Offer string `json:"offer,omitempty"`
	// Levels is who is heard now, as the last EventSpeak said.
	Levels []Level `json:"levels,omitempty"`
}

// Kinds of a RoomEvent.
const (
	EventRoom    = "room"    // Meeting: who is where; replaces what was known
	EventMessage = "message" // Message
	EventCaption = "caption" // Caption
	EventOffer   = "offer"   // SDP for To: answer it by SubscribeSubject
	EventSpeak   = "speak"   // Levels: who is heard now
	EventNotice  = "notice"  // something that To should know
	EventMoved   = "moved"   // the room is on another node: set media up again
	EventEnded   = "ended"
)

// NoticeDropped tells somebody who is not to come any more that the meeting is held without them.
const NoticeDropped = "dropped"

// RoomEvent is one thing that happened in a room. To empty: all in it; Side: only those in the side room.
type RoomEvent struct {
	MeetingID string   `json:"meeting_id"`
	Kind      string   `json:"kind"`
	To        string   `json:"to,omitempty"`
	Device    string   `json:"device,omitempty"` // with To: only the one whose key begins with it; a forwarded link is not the person
	Side      bool     `json:"side,omitempty"`
	Meeting   *Meeting `json:"meeting,omitempty"`
	Message   *Message `json:"message,omitempty"`
	Caption   *Caption `json:"caption,omitempty"`
	SDP       string   `json:"sdp,omitempty"`
	Session   string   `json:"session,omitempty"`
	Levels    []Level  `json:"levels,omitempty"`
	Notice    string   `json:"notice,omitempty"` // key of a text
	Text      string   `json:"text,omitempty"`
}

// Level is how loud a participant is, in dB below full scale (0 loudest, 127 silence), as RFC 6464 has it.
type Level struct {
	ParticipantID string `json:"participant_id"`
	DB            int    `json:"db"`
	Active        bool   `json:"active,omitempty"` // the one to look at, of those who are heard
}

// OutboxRequest asks what was sent for a meeting; empty: for all of the actor's areas.
type OutboxRequest struct {
	MeetingID string `json:"meeting_id,omitempty"`
	Actor     Actor  `json:"actor"`
}

// OutboxReply lists it, newest first.
type OutboxReply struct {
	Sent []Sent `json:"sent"`
}

// Sent is one message to a participant.
type Sent struct {
	ID        string    `json:"id"`
	MeetingID string    `json:"meeting_id"`
	To        string    `json:"to"`   // masked address
	Kind      string    `json:"kind"` // invitation, change, cancellation, dropped, reminder, noshow
	By        string    `json:"by"`   // smtp, memo, nemsms, outbox
	Subject   string    `json:"subject"`
	Body      string    `json:"body"`
	ICS       string    `json:"ics,omitempty"`
	MeMo      string    `json:"memo,omitempty"`
	SMS       string    `json:"sms,omitempty"` // text for NemSMS
	At        time.Time `json:"at"`
	Problem   string    `json:"problem,omitempty"`
}

// Changed is published whenever a booking or a participant moves on; it holds no names.
type Changed struct {
	event.Meta
	MeetingID     string `json:"meeting_id"`
	ServiceArea   string `json:"service_area"`
	State         string `json:"state"`
	ParticipantID string `json:"participant_id,omitempty"`
	What          string `json:"what"` // booked, changed, cancelled, knocked, admitted, left, started, ended, noshow, moderated
}

// Subject implements event.Message.
func (c Changed) Subject() string { return event.Join("meeting.v1.event.changed", c.MeetingID) }
