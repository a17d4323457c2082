package siprec

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// rfc is the shape of RFC 7865, section 8.
const rfc = `<?xml version="1.0" encoding="UTF-8"?>
<recording xmlns='urn:ietf:params:xml:ns:recording:1'>
  <datamode>complete</datamode>
  <group group_id="7+OTCyoxTmqmqyA/1weDAg=="><associate-time>2010-12-16T23:41:07Z</associate-time></group>
  <session session_id="hVpd7YQgRW2nD22h7q60JQ=="><sipSessionID>ab30317f1a784dc48ff824d0d3715d86</sipSessionID></session>
  <participant participant_id="srfBElmCRp2QB23b7Mpk0w==">
    <nameID aor="sip:bob@biloxi.com"><name xml:lang="it">Bob</name></nameID>
  </participant>
  <participant participant_id="zSfPoSvdSDCmU3A3TRDxAw==">
    <nameID aor="tel:+4512345678;phone-context=dk"><name>Alice</name></nameID>
  </participant>
  <stream stream_id="UAAMm5GRQKSCMVvLyl4rFw==" session_id="hVpd7YQgRW2nD22h7q60JQ=="><label>96</label></stream>
  <stream stream_id="i1Pz3to5hGk8fuXl+PbwCw==" session_id="hVpd7YQgRW2nD22h7q60JQ=="><label>97</label></stream>
  <participantstreamassoc participant_id="srfBElmCRp2QB23b7Mpk0w==">
    <send>i1Pz3to5hGk8fuXl+PbwCw==</send><recv>UAAMm5GRQKSCMVvLyl4rFw==</recv>
  </participantstreamassoc>
  <participantstreamassoc participant_id="zSfPoSvdSDCmU3A3TRDxAw==">
    <send>UAAMm5GRQKSCMVvLyl4rFw==</send><recv>i1Pz3to5hGk8fuXl+PbwCw==</recv>
  </participantstreamassoc>
</recording>`

// draft is the shape before the RFC: streams stand in the participant.
const draft = `<recording xmlns="urn:ietf:params:xml:ns:recording"><dataMode>complete</dataMode>
<participant id="p1" session="s"><nameID aor="sip:1001@pbx"/><send>st1</send></participant>
<participant id="p2" session="s"><nameID aor="sip:0045@pbx"/><send>st2</send></participant>
<stream id="st1" session="s"><label>1</label></stream><stream id="st2" session="s"><label>2</label></stream></recording>`

func TestSpeaker(t *testing.T) {
	for _, c := range []struct{ name, xml, label, user string }{
		{"streams are crossed", rfc, "97", "bob"},
		{"tel address", rfc, "96", "+4512345678"},
		{"unknown label", rfc, "1", ""},
		{"before the RFC", draft, "2", "0045"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseMetadata([]byte(c.xml))
			if err != nil {
				t.Fatal(err)
			}
			p, ok := m.Speaker(c.label)
			if p.User() != c.user || ok != (c.user != "") {
				t.Errorf("speaker %+v, %v", p, ok)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	m, err := ParseMetadata([]byte(rfc))
	if err != nil {
		t.Fatal(err)
	}
	u, err := ParseMetadata([]byte(`<recording><datamode>partial</datamode>
<participant participant_id="new"><nameID aor="sip:carol@x"/></participant>
<participantstreamassoc participant_id="new"><send>UAAMm5GRQKSCMVvLyl4rFw==</send></participantstreamassoc></recording>`))
	if err != nil {
		t.Fatal(err)
	}
	got := m.Merge(u)
	a, _ := got.Speaker("96")
	b, _ := got.Speaker("97")
	if diff := cmp.Diff([]string{"carol", "bob"}, []string{a.User(), b.User()}); diff != "" {
		t.Error(diff)
	}
	if len(m.Participants) != 2 {
		t.Error("the merge changed what it merged into")
	}
}

func TestBadMetadata(t *testing.T) {
	for name, x := range map[string]string{
		"empty": "", "cut off": rfc[:300], "other root": "<html></html>", "entities": "<!DOCTYPE a [<!ENTITY b \"c\">]><recording>&b;</recording>",
		"too long": "<recording>" + strings.Repeat(" ", maxMetadata) + "</recording>",
		"too many": "<recording>" + strings.Repeat("<stream/>", maxElements+1) + "</recording>",
		"latin-1":  `<?xml version="1.0" encoding="iso-8859-1"?><recording/>`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParseMetadata([]byte(x)); !errors.Is(err, ErrMetadata) {
				t.Errorf("err = %v", err)
			}
		})
	}
}

func FuzzParseMetadata(f *testing.F) {
	f.Add([]byte(rfc))
	f.Add([]byte(draft))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMetadata(b)
		if err != nil {
			return
		}
		for l := range m.Labels {
			p, ok := m.Speaker(l)
			if ok && p.ID == "" {
				t.Error("a speaker without id")
			}
			p.User()
		}
	})
}
