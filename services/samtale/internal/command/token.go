package command

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/platform/seal"
	"samtale.dk/samtale/services/portal/token"
)

// demoCitizen is the identity of the demo person Bente Holm: no possible CPR number.
const demoCitizen = "0000000001"

// Token prints a token for the API of the installation whose master key is at hand.
func Token(_ context.Context, env Env, args []string) error {
	fs := Flags(env, "token", "", "Prints a token for the JSON API (Authorization: Bearer …) of the local installation.")
	role := fs.String("role", "", "caseworker, citizen, editor, operator or auditor")
	id := fs.String("id", "", "user id [samtale-cli; for a citizen the demo person; with --room one of its own]")
	name := fs.String("name", "", "name that stands on approved notes")
	areas := fs.String("areas", "", "a caseworker's service areas, comma separated [all demo areas]")
	cpr := fs.String("cpr", "", "a citizen's CPR number [the demo person Bente Holm]")
	room := fs.String("room", "", "id of a meeting whose sound and picture the bearer may join (WHIP, WHEP)")
	life := fs.Duration("life", 12*time.Hour, "how long it is valid, at most 2160h")
	asJSON := fs.Bool("json", false, "print token, subject and expiry as JSON")
	if err := Parse(fs, args, 0); err != nil {
		return Help(err)
	}
	if !slices.Contains(token.Roles(), *role) {
		return fmt.Errorf("%w: --role must be one of %s", ErrUsage, strings.Join(token.Roles(), ", "))
	}
	if *life <= 0 || *life > token.MaxLife {
		return fmt.Errorf("%w: --life must be more than 0 and at most %s", ErrUsage, token.MaxLife)
	}
	if *cpr != "" && (*role != token.Citizen || len(digits(*cpr)) != 10) {
		return fmt.Errorf("%w: --cpr is a citizen's, of ten digits", ErrUsage)
	}
	s, err := load(env)
	if err != nil {
		return err
	}
	master, err := masterkey.Load(s.MasterKey, s.Data)
	if err != nil {
		return err
	}
	c := claims(master, *role)
	if *cpr != "" {
		c.Party = pseudonym(master, *cpr)
		c.Subject = c.Party
	}
	if *id != "" {
		c.Subject = *id
	}
	if *name != "" {
		c.Name = *name
	}
	c.Room = *room
	if *room != "" && *id == "" { // else programs with a token each would be one participant, who neither sees nor hears itself
		c.Subject += "-" + rand.Text()
	}
	if *areas != "" {
		c.Areas = strings.Split(*areas, ",")
	}
	tok, err := issue(master, c, *life)
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.Stdout, map[string]any{
			"token": tok, "subject": c.Subject, "role": c.Role, "expires": time.Now().Add(*life).UTC().Truncate(time.Second),
		})
	}
	fmt.Fprintln(env.Stdout, tok)
	return nil
}

// claims are those of somebody at this machine's command line in a role.
func claims(master masterkey.Key, role string) token.Claims {
	c := token.Claims{Subject: "samtale-cli", Name: "Kommandolinje", Role: role}
	switch role {
	case token.Caseworker:
		c.Areas = []string{"borgerservice", "boligstoette", "pension"}
	case token.Citizen:
		c.Subject, c.Name, c.Party = "bente", "Bente Holm", pseudonym(master, demoCitizen)
	}
	return c
}

// pseudonym is the one under which the journal files a citizen's conversations.
func pseudonym(master masterkey.Key, cpr string) string {
	return seal.Pseudonym(master.Derive(masterkey.Parties), digits(cpr))
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}
