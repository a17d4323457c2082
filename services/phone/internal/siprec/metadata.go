// Package siprec is the recording side of SIPREC (RFC 7866): the session of a
// recording client with its streams, and the metadata (RFC 7865) that says who
// speaks on which.
//
// A Session is safe for concurrent use; its frames come from the media clock.
package siprec

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/emiago/sipgo/sip"
)

// MetadataType is the content type of the metadata.
const MetadataType = "application/rs-metadata+xml"

// legacyType is what recording clients sent before the RFC.
const legacyType = "application/rs-metadata"

// Limits of what is read from the network.
const (
	maxMetadata = 64 << 10
	maxElements = 64
)

// ErrMetadata reports metadata that cannot be read.
var ErrMetadata = errors.New("the recording metadata cannot be read")

// Participant is one person on the recorded call.
type Participant struct {
	ID   string
	AOR  string // sip: or tel: address
	Name string
}

// User is the user part or number of the address.
func (p Participant) User() string {
	if n, ok := strings.CutPrefix(p.AOR, "tel:"); ok {
		n, _, _ = strings.Cut(n, ";")
		return n
	}
	var u sip.Uri
	if err := sip.ParseUri(p.AOR, &u); err != nil {
		return ""
	}
	user, _, _ := strings.Cut(u.User, ";")
	return user
}

// Metadata is who speaks where.
type Metadata struct {
	Partial      bool
	Participants []Participant
	Labels       map[string]string // label of a media line → stream
	Sends        map[string]string // stream → participant who speaks on it
}

// recording mirrors the XML; names without space match any namespace, since
// clients in the field use several.
type recording struct {
	XMLName      xml.Name `xml:"recording"`
	DataMode     string   `xml:"datamode"`
	DataModeOld  string   `xml:"dataMode"`
	Participants []struct {
		ID     string `xml:"participant_id,attr"`
		OldID  string `xml:"id,attr"`
		NameID []struct {
			AOR  string `xml:"aor,attr"`
			Name string `xml:"name"`
		} `xml:"nameID"`
		Send []string `xml:"send"` // before the RFC the streams stood here
	} `xml:"participant"`
	Streams []struct {
		ID    string `xml:"stream_id,attr"`
		OldID string `xml:"id,attr"`
		Label string `xml:"label"`
	} `xml:"stream"`
	Assocs []struct {
		Participant string   `xml:"participant_id,attr"`
		Send        []string `xml:"send"`
	} `xml:"participantstreamassoc"`
}

// ParseMetadata reads the XML.
func ParseMetadata(b []byte) (*Metadata, error) {
	if len(b) > maxMetadata {
		return nil, fmt.Errorf("%w: too long", ErrMetadata)
	}
	var r recording
	d := xml.NewDecoder(bytes.NewReader(b))
	d.CharsetReader = func(charset string, in io.Reader) (io.Reader, error) {
		if strings.EqualFold(charset, "us-ascii") || strings.EqualFold(charset, "utf-8") {
			return in, nil
		}
		return nil, ErrMetadata
	}
	if err := d.Decode(&r); err != nil {
		return nil, ErrMetadata // the parser's text may quote names
	}
	if len(r.Participants) > maxElements || len(r.Streams) > maxElements || len(r.Assocs) > maxElements {
		return nil, fmt.Errorf("%w: too many parts", ErrMetadata)
	}
	m := &Metadata{Labels: map[string]string{}, Sends: map[string]string{}}
	m.Partial = strings.EqualFold(strings.TrimSpace(r.DataMode+r.DataModeOld), "partial")
	m.take(&r)
	return m, nil
}

func (m *Metadata) take(r *recording) {
	for _, p := range r.Participants {
		out := Participant{ID: first(p.ID, p.OldID)}
		if len(p.NameID) > 0 {
			out.AOR, out.Name = strings.TrimSpace(p.NameID[0].AOR), strings.TrimSpace(p.NameID[0].Name)
		}
		m.Participants = append(m.Participants, out)
		for _, s := range p.Send {
			m.Sends[strings.TrimSpace(s)] = out.ID
		}
	}
	for _, s := range r.Streams {
		m.Labels[strings.TrimSpace(s.Label)] = first(s.ID, s.OldID)
	}
	for _, a := range r.Assocs {
		for _, s := range a.Send {
			m.Sends[strings.TrimSpace(s)] = a.Participant
		}
	}
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// Merge takes an update: a complete one replaces, a partial one adds.
func (m *Metadata) Merge(u *Metadata) *Metadata {
	if m == nil || !u.Partial {
		return u
	}
	out := &Metadata{Labels: map[string]string{}, Sends: map[string]string{}}
	for _, from := range []*Metadata{m, u} {
		for k, v := range from.Labels {
			out.Labels[k] = v
		}
		for k, v := range from.Sends {
			out.Sends[k] = v
		}
		for _, p := range from.Participants {
			out.add(p)
		}
	}
	return out
}

func (m *Metadata) add(p Participant) {
	for i := range m.Participants {
		if m.Participants[i].ID == p.ID {
			m.Participants[i] = p
			return
		}
	}
	m.Participants = append(m.Participants, p)
}

// Speaker returns who speaks on the line with a label.
func (m *Metadata) Speaker(label string) (Participant, bool) {
	if m == nil {
		return Participant{}, false
	}
	id := m.Sends[m.Labels[label]]
	for _, p := range m.Participants {
		if p.ID == id && id != "" {
			return p, true
		}
	}
	return Participant{}, false
}
