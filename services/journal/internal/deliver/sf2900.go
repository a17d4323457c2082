package deliver

import (
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"samtale.dk/samtale/services/contract/deliveryv1"
)

// The journal post follows the element names and order that KOMBIT's SF2900
// (Fordelingskomponenten) publishes for DistributionJournalPost. It is a message in
// that shape, written to a folder: real use needs a certificate, an agreement and the
// official schema's namespaces.

type distribution struct {
	XMLName      xml.Name     `xml:"DistributionJournalPost"`
	ID           string       `xml:"ID"`
	KLE          string       `xml:"KLEEmneForslag,omitempty"`
	Facet        string       `xml:"HandlingFacetForslag,omitempty"`
	Case         string       `xml:"SagForslag,omitempty"`
	Party        *partyRef    `xml:"PartAngivelse,omitempty"`
	Registration registration `xml:"Registrering"`
}

type partyRef struct {
	Type string `xml:"ObjektType"`
	ID   string `xml:"ReferenceID"`
}

type registration struct {
	From   string      `xml:"FraTidsPunkt"`
	Life   string      `xml:"LivscyklusKode"`
	User   string      `xml:"BrugerRef,omitempty"`
	System string      `xml:"RegistreringItSystem"`
	Posts  journalList `xml:"RelationListe"`
}

type journalList struct {
	Posts []journalEntry `xml:"JournalPost"`
}

type journalEntry struct {
	Effect string      `xml:"Virkning>FraTidsPunkt"`
	Role   string      `xml:"Rolle"`
	Index  int         `xml:"Indeks"`
	Note   journalNote `xml:"JournalnotatAttributter"`
	Title  string      `xml:"JournalpostAttributter>Dokumenttitel,omitempty"`
}

type journalNote struct {
	Title string `xml:"Titel,omitempty"`
	Text  string `xml:"Notat"`
}

// journalPost writes a note in the shape of SF2900.
func journalPost(n deliveryv1.Note) ([]byte, error) {
	at := n.ApprovedAt.UTC().Format(time.RFC3339)
	d := distribution{
		ID: n.ID, KLE: n.KLE, Facet: n.Facet, Case: n.CaseNumber,
		Registration: registration{
			From: at, Life: "Oprettet", User: n.ApprovedBy, System: "Samtale",
			Posts: journalList{[]journalEntry{{
				Effect: n.StartedAt.UTC().Format(time.RFC3339), Role: "Journalpost", Index: 1,
				Note: journalNote{Title: n.Title, Text: text(n)}, Title: n.Title,
			}}},
		},
	}
	if n.PartyID != "" {
		d.Party = &partyRef{Type: objectType(n.PartyID), ID: n.PartyID}
	}
	body, err := xml.MarshalIndent(d, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode journal post: %w", err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

// objectType tells persons (CPR number, 10 digits) from companies (CVR number, 8).
func objectType(id string) string {
	if digits := strings.ReplaceAll(id, "-", ""); len(digits) == 8 && strings.Trim(digits, "0123456789") == "" {
		return "Virksomhed"
	}
	return "Person"
}
