package knowledge

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/models/evidence"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// Bounds of a record, in bytes.
const (
	maxRecordID = 400
	maxHeading  = 500
)

func invalid(format string, args ...any) error {
	return errs.E(errs.Invalid, fmt.Sprintf(format, args...), nil)
}

// chunkOf makes the chunk of a record, or says in Danish why it cannot be taken.
func chunkOf(source knowledgev1.Source, r knowledgev1.Record) (knowledgev1.Chunk, error) {
	text, links, err := content(r)
	if err != nil {
		return knowledgev1.Chunk{ID: source.ID + "/" + r.ID}, err
	}
	c := knowledgev1.Chunk{
		ID: source.ID + "/" + r.ID, Source: source.ID, ArticleID: CleanLine(r.ArticleID), Title: CleanLine(r.Title),
		Section: CleanLine(r.Section), Text: text, Municipality: r.Municipality, ValidFrom: r.ValidFrom, ValidTo: r.ValidTo,
		Language: r.Language, Authority: CleanLine(r.Authority), Area: r.Area, Demo: source.Demo, SHA256: evidence.ContentHash(text),
	}
	if c.ArticleID == "" {
		c.ArticleID = r.ID
	}
	if c.Language == "" {
		c.Language = "da"
	}
	base, ok := WebURL(nil, r.URL)
	if !ok && r.URL != "" {
		return c, invalid("Adressen (url) skal begynde med https:// eller http://.")
	}
	c.URL = base
	c.Links = links
	for _, l := range r.Links {
		c.Links = appendLink(c.Links, base, l)
	}
	for _, l := range r.Legal {
		c.Legal = appendLink(c.Legal, base, l)
	}
	if c.Asked, err = Asked(r.Asked); err != nil {
		return c, err
	}
	if c.Unanswered, err = Unanswered(r.Unanswered); err != nil {
		return c, err
	}
	c.Topics = topics(r.Topics)
	return c, check(r, c)
}

// Bounds of a record's topics.
const (
	maxTopics  = 20
	maxTopicID = 100 // bytes
)

// topics cleans the topics of a record. One that has no number goes by its name; what is left over or too long is not needed to know.
func topics(given []knowledgev1.Topic) []knowledgev1.Topic {
	var out []knowledgev1.Topic
	for _, t := range given {
		t.ID, t.Name = CleanLine(t.ID), CleanLine(t.Name)
		t.ID = cmp.Or(t.ID, t.Name)
		known := slices.ContainsFunc(out, func(o knowledgev1.Topic) bool { return o.ID == t.ID })
		if t.ID == "" || known || len(t.ID) > maxTopicID || len(t.Name) > maxHeading || len(out) == maxTopics {
			continue
		}
		out = append(out, t)
	}
	return out
}

// content is the text of a record with the links in it.
func content(r knowledgev1.Record) (string, []knowledgev1.Link, error) {
	if r.HTML != "" {
		return Text(r.HTML, r.URL)
	}
	return Clean(r.Text), nil, nil
}

func appendLink(links []knowledgev1.Link, base string, l knowledgev1.Link) []knowledgev1.Link {
	from, err := url.Parse(base)
	if err != nil || base == "" {
		from = nil
	}
	target, ok := WebURL(from, l.URL)
	if !ok || len(links) == maxLinks {
		return links
	}
	for i := range links {
		if links[i].URL == target { // what was given has a better label than what stood in the text
			links[i].Label = CleanLine(l.Label)
			return links
		}
	}
	return append(links, knowledgev1.Link{Label: CleanLine(l.Label), URL: target})
}

func check(r knowledgev1.Record, c knowledgev1.Chunk) error {
	switch {
	case r.ID == "" || len(r.ID) > maxRecordID || Clean(r.ID) != r.ID || CleanLine(r.ID) != r.ID:
		return invalid("Feltet id mangler, er for langt eller har tegn, der ikke kan ses.")
	case c.Title == "":
		return invalid("Feltet title mangler.")
	case len(c.Title) > maxHeading || len(c.Section) > maxHeading || len(c.ArticleID) > maxRecordID:
		return invalid("title, section eller article_id er for lang (over %d tegn).", maxHeading)
	case c.Text == "":
		return invalid("Der er ingen tekst i html eller text.")
	case len(c.Text) > knowledgev1.MaxChunkText:
		return invalid("Teksten er for lang (over %d KB). Del den op i afsnit.", knowledgev1.MaxChunkText>>10)
	case !isMunicipality(c.Municipality) && c.Municipality != "":
		return invalid("municipality er ingen dansk kommunes kode. Skriv dens fire cifre, for eksempel 0751 for Aarhus, eller udelad feltet, hvis teksten gælder i hele landet.")
	case !isDay(c.ValidFrom) || !isDay(c.ValidTo):
		return invalid("valid_from og valid_to skal være datoer som 2026-01-31.")
	case c.ValidFrom != "" && c.ValidTo != "" && c.ValidTo < c.ValidFrom:
		return invalid("valid_to ligger før valid_from.")
	case c.Language != "da" && c.Language != "en":
		return invalid("language skal være da eller en.")
	case len(c.Area) > 100 || len(c.Authority) > maxHeading:
		return invalid("area eller authority er for lang.")
	}
	return nil
}

func isMunicipality(code string) bool {
	_, ok := danish.MunicipalityName(code)
	return ok
}

func isDay(s string) bool {
	if s == "" {
		return true
	}
	_, err := time.Parse(knowledgev1.DateLayout, s)
	return err == nil
}

// recordHash is of all that a record says: the same hash means that nothing has changed.
func recordHash(c knowledgev1.Chunk) string {
	c.FetchedAt, c.LawChanged = time.Time{}, ""
	data, err := json.Marshal(c)
	if err != nil {
		panic(err) // plain fields only
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// family is what a base, its local differences and its versions in time have in common.
func family(c knowledgev1.Chunk) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.Source, c.ArticleID, strings.ToLower(c.Section), c.Language}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

var eli = regexp.MustCompile(`(?i)/eli/([a-z]+/\d{4}/\d+)`)

// ELI is the part of an address that names a law ("lta/2017/646"), whatever host and format follow; empty: no law.
func ELI(address string) string {
	m := eli.FindStringSubmatch(address)
	if m == nil {
		return ""
	}
	return strings.ToLower(m[1])
}
