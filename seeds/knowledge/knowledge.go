// Package knowledge holds the starter knowledge: micro-articles about public services in our own words, each naming the
// official page. It is data only, and demo content: rates, deadlines and local differences are made plausible, not checked by an
// authority. Every page that shows it says so.
//
// One line of a JSONL file is one micro-article (services/contract/knowledgev1.Record gives the fields): its text, questions as people
// put them that it answers (asked), and some near it that it does not (unanswered); who wrote these had not seen the half of seeds/gold
// that is reported. Records with a municipality (four digits) hold only what is different there and carry the section of the base
// record; records with valid_to in the past are rules that no longer hold, kept to prove that they do not answer.
package knowledge

import "embed"

// Files are the micro-articles, a file per theme.
//
//go:embed *.jsonl
var Files embed.FS
