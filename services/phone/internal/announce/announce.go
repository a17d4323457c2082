// Package announce holds what callers hear: the announcements in Danish with the
// version of their wording, the tones, and where their sound comes from. First
// counts the authority's own recording (a folder, per service area or for all),
// then espeak-ng where it is installed, then the sound files in this package,
// which were made by it.
//
// A Library is safe for concurrent use; sounds are loaded once and shared, so
// nobody may write to them.
package announce

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"

	"samtale.dk/samtale/models/tts"
	"samtale.dk/samtale/models/tts/recorded"
)

// ID names an announcement; its recording is ID.wav or ID.al.
type ID string

// The announcements.
const (
	Welcome      ID = "welcome"
	Ask          ID = "ask"
	Yes          ID = "yes"
	No           ID = "no"
	Position     ID = "position" // Position1 … see PositionID
	PositionMany ID = "position-many"
	WaitShort    ID = "wait-short"
	Wait5        ID = "wait-5"
	Wait10       ID = "wait-10"
	Wait20       ID = "wait-20"
	WaitLong     ID = "wait-long"
	OfferMessage ID = "offer-message"
	Message      ID = "message"
	NoMessage    ID = "no-message"
	Thanks       ID = "thanks"
	Held         ID = "held"
	Transferred  ID = "transferred"
	Goodbye      ID = "goodbye"
)

// The announcements of meetings by telephone.
const (
	MeetingWelcome   ID = "meeting-welcome"
	MeetingWrong     ID = "meeting-wrong"  // code
	MeetingNoCode    ID = "meeting-nocode" // too many wrong ones
	MeetingZero      ID = "meeting-zero"   // said after the question for the code, where a person can be had
	MeetingPerson    ID = "meeting-person" // on the way to one
	MeetingEarly     ID = "meeting-early"
	MeetingOver      ID = "meeting-over"
	MeetingAway      ID = "meeting-away" // the service does not answer
	MeetingAsk       ID = "meeting-ask"
	MeetingLobby     ID = "meeting-lobby"
	MeetingTold      ID = "meeting-told"
	MeetingPostponed ID = "meeting-postponed"
	MeetingNo        ID = "meeting-no" // refused, or taken out
	MeetingIn        ID = "meeting-in"
	MeetingKeys      ID = "meeting-keys"
	MeetingMuted     ID = "meeting-muted"
	MeetingUnmuted   ID = "meeting-unmuted"
	MeetingHostMuted ID = "meeting-hostmuted"
	MeetingHelp      ID = "meeting-help"
	MeetingLost      ID = "meeting-lost"
	MeetingCalled    ID = "meeting-called"
	MeetingJoin      ID = "meeting-join"
	MeetingJoinAsk   ID = "meeting-joinask"
)

// Version of the wording below. It stands in every choice that a caller makes
// after hearing it: change it with the words.
const Version = "2026-11-22"

// VersionEnglish is the same of the English wording.
const VersionEnglish = Version + "-en"

// English is the language that there are announcements in beside Danish.
const English = "en"

// Texts are the words of every announcement.
func Texts() map[ID]string {
	t := map[ID]string{
		Welcome: "Velkommen. Du bliver stillet om til en medarbejder.",
		Ask: "Samtalen kan blive skrevet ned af et system med kunstig intelligens, så medarbejderen kan skrive et notat. " +
			"Ingen optager lyden, og et menneske godkender notatet. " +
			"Tryk et, hvis du siger ja. Tryk to, hvis du siger nej. Du får den samme hjælp.",
		Yes:          "Tak. Samtalen bliver skrevet ned.",
		No:           "Samtalen bliver ikke skrevet ned.",
		PositionMany: "Der er mere end ti foran dig i køen.",
		WaitShort:    "Vi regner med, at det er din tur om et øjeblik.",
		Wait5:        "Vi regner med, at ventetiden er under fem minutter.",
		Wait10:       "Vi regner med, at ventetiden er under ti minutter.",
		Wait20:       "Vi regner med, at ventetiden er under tyve minutter.",
		WaitLong:     "Vi regner med, at ventetiden er over tyve minutter.",
		OfferMessage: "Vil du ikke vente, så tryk ni og læg en besked. Så ringer vi dig op.",
		Message: "Du kan nu lægge en besked, så ringer vi dig op. " +
			"Beskeden bliver skrevet ned af et system med kunstig intelligens og læst af en medarbejder. " +
			"Vil du ikke det, så læg på nu. Tal efter tonen, og tryk på firkant, når du er færdig.",
		NoMessage:   "Du kan desværre ikke lægge en besked her. Ring igen senere. Farvel.",
		Thanks:      "Tak for din besked. Vi ringer dig op. Farvel.",
		Held:        "Vent et øjeblik. Du er ikke blevet afbrudt.",
		Transferred: "Du bliver stillet om.",
		Goodbye:     "Tak for din opringning. Farvel.",

		MeetingWelcome: "Velkommen til møder på telefon. Tast koden på ni cifre fra din invitation.",
		MeetingWrong:   "Koden passer ikke. Tast den igen.",
		MeetingNoCode:  "Vi kan ikke finde mødet. Ring til den, der har inviteret dig. Farvel.",
		MeetingZero:    "Har du ikke koden, så tryk nul og vent.",
		MeetingPerson:  "Du bliver stillet om til en medarbejder.",
		MeetingEarly:   "Det er for tidligt. Du kan ringe fra en halv time før mødet. Farvel.",
		MeetingOver:    "Mødet er slut. Farvel.",
		MeetingAway:    "Vi kan ikke få fat i mødet lige nu. Ring igen om lidt. Farvel.",
		MeetingAsk: "Mødet kan blive skrevet ned af et system med kunstig intelligens. Et menneske godkender notatet. " +
			"Tryk et, hvis det, du siger, må skrives ned. Tryk to, hvis du siger nej. Du får den samme hjælp.",
		MeetingLobby:     "Vent, til du bliver lukket ind. Tryk nul, hvis du har brug for hjælp.",
		MeetingTold:      "Mødelederen ved, at du venter. Bliv i røret.",
		MeetingPostponed: "Mødet er udsat. Du hører fra os. Farvel.",
		MeetingNo:        "Du kan ikke være med i mødet. Farvel.",
		MeetingIn:        "Du er med i mødet nu. Tryk et for at slå din mikrofon fra og til.",
		MeetingKeys: "Tryk et for at slå din mikrofon fra og til. Tryk nul, hvis du har brug for hjælp. " +
			"Tryk to, hvis du ikke vil skrives ned.",
		MeetingMuted:     "Din mikrofon er slået fra.",
		MeetingUnmuted:   "Din mikrofon er slået til.",
		MeetingHostMuted: "Mødelederen har slået din mikrofon fra. Tryk et, når du vil tale.",
		MeetingHelp:      "Mødelederen får besked om, at du har brug for hjælp.",
		MeetingLost:      "Forbindelsen til mødet er væk et øjeblik. Bliv i røret.",
		MeetingCalled:    "Goddag. Du bliver ringet op af en offentlig myndighed, som gerne vil have dig med i et møde.",
		MeetingJoin:      "Tryk et for at være med, eller læg på.",
		MeetingJoinAsk: "Mødet kan blive skrevet ned af et system med kunstig intelligens. Et menneske godkender notatet. " +
			"Tryk et for at være med og sige ja til det. Tryk to for at være med uden at blive skrevet ned. Eller læg på.",
	}
	numbers := []string{"et", "to", "tre", "fire", "fem", "seks", "syv", "otte", "ni", "ti"}
	for i, n := range numbers {
		t[PositionID(i+1)] = "Du er nummer " + n + " i køen."
	}
	return t
}

// TextsEnglish are the words of the announcements of meetings for those who are spoken to in English. Their version is VersionEnglish.
func TextsEnglish() map[ID]string {
	t := map[ID]string{
		Yes:          "Thank you. What you say will be written down.",
		No:           "What you say will not be written down.",
		PositionMany: "There are more than ten people before you.",
		Goodbye:      "Thank you for calling. Goodbye.",

		MeetingWelcome: "Welcome to meetings by telephone. Key in the nine digits of the code in your invitation.",
		MeetingWrong:   "The code does not fit. Key it in again.",
		MeetingNoCode:  "We cannot find the meeting. Please call whoever has invited you. Goodbye.",
		MeetingZero:    "If you do not have the code, press zero and wait.",
		MeetingPerson:  "You are being connected to a person.",
		MeetingEarly:   "It is too early. You can call from half an hour before the meeting. Goodbye.",
		MeetingOver:    "The meeting is over. Goodbye.",
		MeetingAway:    "We cannot reach the meeting right now. Please call again in a moment. Goodbye.",
		MeetingAsk: "The meeting may be written down by an artificial intelligence system. A person approves the note. " +
			"Press one if what you say may be written down. Press two if you say no. You get the same help.",
		MeetingLobby:     "Please wait until you are let in. Press zero if you need help.",
		MeetingTold:      "Whoever leads the meeting knows that you are waiting. Please stay on the line.",
		MeetingPostponed: "The meeting is postponed. You will hear from us. Goodbye.",
		MeetingNo:        "You cannot take part in the meeting. Goodbye.",
		MeetingIn:        "You are in the meeting now. Press one to turn your microphone off and on.",
		MeetingKeys: "Press one to turn your microphone off and on. Press zero if you need help. " +
			"Press two if you do not want to be written down.",
		MeetingMuted:     "Your microphone is off.",
		MeetingUnmuted:   "Your microphone is on.",
		MeetingHostMuted: "Your microphone was turned off. Press one when you want to speak.",
		MeetingHelp:      "Whoever leads the meeting is told that you need help.",
		MeetingLost:      "The connection to the meeting is gone for a moment. Please stay on the line.",
		MeetingCalled:    "Hello. A public authority in Denmark is calling to bring you into a meeting.",
		MeetingJoin:      "Press one to take part, or hang up.",
		MeetingJoinAsk: "The meeting may be written down by an artificial intelligence system. A person approves the note. " +
			"Press one to take part and say yes to that. Press two to take part without being written down. Or hang up.",
	}
	numbers := []string{"one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	for i, n := range numbers {
		t[PositionID(i+1)] = "You are number " + n + " in the queue."
	}
	return t
}

// PositionID is the announcement of a place in the queue, from 1.
func PositionID(n int) ID {
	if n < 1 || n > 10 {
		return PositionMany
	}
	return ID(fmt.Sprintf("%s-%d", Position, n))
}

//go:embed sounds sounds_en
var sounds embed.FS

// Library gives announcements as sound.
type Library struct {
	own   fs.FS // the authority's recordings; nil for none
	voice tts.Synthesiser
	log   *slog.Logger

	tones map[Sound][]int16

	mu     sync.Mutex
	loaded map[string][]int16
}

// New makes a library. own and voice may be nil.
func New(own fs.FS, voice tts.Synthesiser, log *slog.Logger) *Library {
	return &Library{own: own, voice: voice, log: log, loaded: map[string][]int16{}, tones: tones()}
}

// Tone returns a tone.
func (l *Library) Tone(s Sound) []int16 { return l.tones[s] }

// Get returns an announcement for a service area. The sound files of this package
// always have one.
func (l *Library) Get(area string, id ID) []int16 {
	if s := l.cached(area+"/"+string(id), func() []int16 { return l.ownSound(area+"/", id) }); s != nil {
		return s
	}
	return l.cached(string(id), func() []int16 { return l.general(id) })
}

// In returns an announcement in a language: its own recording in the folder "en", or the sound file; in Danish where there is none.
func (l *Library) In(language, area string, id ID) []int16 {
	if language == English {
		s := l.cached("en:"+string(id), func() []int16 {
			if s := l.ownSound("en/", id); s != nil {
				return s
			}
			s, _ := recorded.Read(sounds, "sounds_en/"+string(id)+".al")
			return s
		})
		if s != nil {
			return s
		}
	}
	return l.Get(area, id)
}

// cached returns what was loaded under key, nil included.
func (l *Library) cached(key string, load func() []int16) []int16 {
	l.mu.Lock()
	s, ok := l.loaded[key]
	l.mu.Unlock()
	if ok {
		return s
	}
	s = load()
	l.mu.Lock()
	defer l.mu.Unlock()
	if got, ok := l.loaded[key]; ok {
		return got
	}
	l.loaded[key] = s
	return s
}

func (l *Library) general(id ID) []int16 {
	if s := l.ownSound("", id); s != nil {
		return s
	}
	s, err := recorded.Read(sounds, "sounds/"+string(id)+".al")
	if err != nil {
		l.log.Error("announcement has no sound", "announcement", id, "err", err)
	}
	return s
}

// ownSound is the authority's recording, nil without one.
func (l *Library) ownSound(dir string, id ID) []int16 {
	if l.own == nil {
		return nil
	}
	for _, ext := range []string{".wav", ".al"} {
		name := dir + string(id) + ext
		if !fs.ValidPath(name) {
			return nil
		}
		s, err := recorded.Read(l.own, name)
		if err == nil {
			return s
		}
		if !errors.Is(err, tts.ErrNoVoice) {
			l.log.Warn("own recording not usable", "announcement", id, "err", err)
		}
	}
	return nil
}

// Speak replaces the sound files by espeak-ng's own voice, which sounds better on
// wideband lines. It runs until all are spoken or ctx ends; until then, and when
// the voice fails, the files are played.
func (l *Library) Speak(ctx context.Context) {
	if l.voice == nil {
		return
	}
	for id, text := range Texts() {
		if l.ownSound("", id) != nil {
			continue
		}
		s, err := l.voice.Say(ctx, text)
		if err != nil {
			l.log.Warn("announcement not spoken, the sound file is played", "announcement", id, "err", err)
			return
		}
		l.mu.Lock()
		l.loaded[string(id)] = s
		l.mu.Unlock()
	}
}
