package invite

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"time"
)

// The elements of a MeMo 1.2 message (Digitaliseringsstyrelsen) that an invitation needs. The namespace and element names are
// the standard's; a live exchange also needs an agreement and a certificate (SF1601), which are not part of this.
type memoMessage struct {
	XMLName xml.Name   `xml:"https://DigitalPost.dk/MeMo-1 Message"`
	Version string     `xml:"memoVersion,attr"`
	Schema  string     `xml:"memoSchVersion,attr"`
	Header  memoHeader `xml:"MessageHeader"`
	Body    memoBody   `xml:"MessageBody"`
}

type memoHeader struct {
	Type      string        `xml:"messageType"`
	UUID      string        `xml:"messageUUID"`
	ID        string        `xml:"messageID,omitempty"`
	Label     string        `xml:"label"`
	Mandatory bool          `xml:"mandatory"`
	Legal     bool          `xml:"legalNotification"`
	Sender    memoParty     `xml:"Sender"`
	Recipient memoRecipient `xml:"Recipient"`
}

type memoParty struct {
	ID     string `xml:"senderID"`
	IDType string `xml:"idType"`
	Label  string `xml:"label"`
}

type memoRecipient struct {
	ID     string `xml:"recipientID"`
	IDType string `xml:"idType"`
	Label  string `xml:"label,omitempty"`
}

type memoBody struct {
	Created string       `xml:"createdDateTime"`
	Main    memoDocument `xml:"MainDocument"`
}

type memoDocument struct {
	Label   string       `xml:"label"`
	File    memoFile     `xml:"File"`
	Actions []memoAction `xml:"Action"`
}

type memoFile struct {
	Encoding string `xml:"encodingFormat"`
	Name     string `xml:"filename"`
	Language string `xml:"inLanguage"`
	Content  string `xml:"content"` // base64
}

type memoAction struct {
	Label       string           `xml:"label"`
	Code        string           `xml:"actionCode"`
	Start       string           `xml:"startDateTime,omitempty"`
	End         string           `xml:"endDateTime,omitempty"`
	Reservation *memoReservation `xml:"Reservation,omitempty"`
	Entry       *memoEntry       `xml:"EntryPoint,omitempty"`
}

type memoReservation struct {
	Description string `xml:"description"`
	UUID        string `xml:"reservationUUID"`
	Abstract    string `xml:"abstract"`
	Location    string `xml:"location"`
	Start       string `xml:"startDateTime"`
	End         string `xml:"endDateTime"`
	Organizer   string `xml:"organizer"`
}

type memoEntry struct {
	URL string `xml:"url"`
}

// memo writes the message for Digital Post: the text, the appointment (AFTALE) and the link (SELVBETJENING). The recipient's CPR
// number is not known here: it is the route's to fill in.
func memo(w words, l Letter, m Mail) (string, error) {
	start := l.Meeting.StartsAt.UTC()
	end := start.Add(time.Duration(l.Meeting.Minutes) * time.Minute)
	at := func(t time.Time) string { return t.Format("2006-01-02T15:04:05Z") }
	sum := sha256.Sum256([]byte(l.ID)) // each message its own, and the same one again the same: UUIDv8, RFC 9562, 5.8
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	msg := memoMessage{
		Version: "1.2", Schema: "1.2.0",
		Header: memoHeader{
			Type: "DIGITALPOST", UUID: fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]), ID: l.ID, Label: m.Subject,
			Sender:    memoParty{ID: l.From.CVR, IDType: "CVR", Label: l.From.Name},
			Recipient: memoRecipient{IDType: "CPR", Label: l.To.Name},
		},
		Body: memoBody{Created: at(l.Now.UTC()), Main: memoDocument{
			Label: m.Subject,
			File: memoFile{
				Encoding: "text/plain", Name: "besked.txt", Language: w.code,
				Content: base64.StdEncoding.EncodeToString([]byte(m.Body)),
			},
		}},
	}
	if l.Kind != Cancellation && l.Kind != Dropped {
		msg.Body.Main.Actions = []memoAction{
			{Label: w.appointment, Code: "AFTALE", Start: at(start), End: at(end), Reservation: &memoReservation{
				Description: l.Meeting.Title, UUID: l.Meeting.ID, Abstract: l.Meeting.Title, Location: l.Link,
				Start: at(start), End: at(end), Organizer: l.From.Name,
			}},
			{Label: w.join, Code: "SELVBETJENING", Entry: &memoEntry{URL: l.Link}},
		}
	}
	out, err := xml.MarshalIndent(msg, "", " ")
	if err != nil {
		return "", fmt.Errorf("memo message: %w", err)
	}
	return xml.Header + string(out) + "\n", nil
}
