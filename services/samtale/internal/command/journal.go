package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/journalv1"
	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/portal/token"
)

// Conversations lists conversations, newest first.
func Conversations(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "conversations", "", "Lists conversations, newest first.")
	state := fs.String("state", "", "only those in this state: live, ended, drafting, review, approved, delivered, erased, discarded")
	limit := fs.Int("limit", 50, "at most this many")
	asJSON := fs.Bool("json", false, "print the API's answer")
	if err := Parse(fs, args, 0); err != nil {
		return Help(err)
	}
	c, err := client(env, token.Caseworker)
	if err != nil {
		return err
	}
	q := url.Values{"limit": {strconv.Itoa(*limit)}}
	if *state != "" {
		q.Set("state", *state)
	}
	var rep journalv1.ListReply
	if err := c.Do(ctx, "GET", "/api/v1/conversations?"+q.Encode(), nil, &rep); err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.Stdout, rep)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSTARTED\tAREA\tCHANNEL\tSTATE\tNOTE")
	for _, c := range rep.Conversations {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", c.ID, c.StartedAt.Local().Format(time.DateTime), c.ServiceArea, c.Channel, c.State, c.NoteState)
	}
	return w.Flush()
}

// Transcript prints what was said in a conversation.
func Transcript(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "transcript", "CONVERSATION", "Prints what was said in a conversation.")
	asJSON := fs.Bool("json", false, "print the API's answer, with words, times and coverage")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	c, err := client(env, token.Caseworker)
	if err != nil {
		return err
	}
	path := "/api/v1/conversations/" + url.PathEscape(fs.Arg(0)) + "/transcript"
	if *asJSON {
		var raw any
		if err := c.Do(ctx, "GET", path, nil, &raw); err != nil {
			return err
		}
		return printJSON(env.Stdout, raw)
	}
	var t journalv1.Transcript
	if err := c.Do(ctx, "GET", path, nil, &t); err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, t.Text)
	if t.Coverage.Lost > 0 {
		fmt.Fprintf(env.Stderr, "%.1f of %.1f s are missing\n", t.Coverage.Lost, t.Coverage.Captured)
	}
	return nil
}

// Note prints a note by the id of its conversation or its own.
func Note(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "note", "ID", "Prints the note of a conversation (its id or the note's), with the evidence of every sentence.")
	asJSON := fs.Bool("json", false, "print the API's answer")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	n, err := note(ctx, env, fs.Arg(0))
	if err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.Stdout, n)
	}
	fmt.Fprintf(env.Stdout, "%s\n%s, version %d, note %s\n", n.Title, n.State, n.Version, n.ID)
	for _, sec := range n.Sections {
		fmt.Fprintf(env.Stdout, "\n%s\n", sec.Title)
		for _, s := range n.Sentences {
			if s.Section == sec.ID {
				fmt.Fprintf(env.Stdout, "  %s\n    [%s] %s", s.Text, s.Verdict, s.ID)
				for _, e := range s.Evidence {
					fmt.Fprintf(env.Stdout, "  %.1f–%.1f s", e.Start, e.End)
				}
				fmt.Fprintln(env.Stdout)
			}
		}
	}
	return nil
}

// note fetches by either id: most people have the conversation's.
func note(ctx context.Context, env Env, id string) (journalv1.Note, error) {
	var n journalv1.Note
	c, err := client(env, token.Caseworker)
	if err != nil {
		return n, err
	}
	err = c.Do(ctx, "GET", "/api/v1/conversations/"+url.PathEscape(id)+"/note", nil, &n)
	if errors.Is(err, errs.NotFound) {
		err = c.Do(ctx, "GET", "/api/v1/notes/"+url.PathEscape(id), nil, &n)
	}
	return n, err
}

// Confirm confirms a sentence that the verifier did not find in the conversation.
func Confirm(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "confirm", "ID SENTENCE", "Confirms a sentence of a note (see samtale note for its id) that was not found in the conversation.")
	reason := fs.String("reason", "", "why it is right; kept with the note")
	asJSON := fs.Bool("json", false, "print the note")
	if err := Parse(fs, args, 2); err != nil {
		return Help(err)
	}
	if *reason == "" {
		return fmt.Errorf("%w: --reason is missing: say why the sentence is right", ErrUsage)
	}
	n, err := note(ctx, env, fs.Arg(0))
	if err != nil {
		return err
	}
	return act(ctx, env, n.ID, "confirm", *asJSON, journalv1.ConfirmRequest{
		Version: n.Version, SentenceID: fs.Arg(1), Reason: *reason,
	})
}

// Approve approves a note as it stands.
func Approve(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "approve", "ID", "Approves a note (its id or the conversation's), which delivers it.")
	version := fs.Int("version", 0, "refuse if this is no longer the newest version [approve what is newest]")
	asJSON := fs.Bool("json", false, "print the note")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	n, err := note(ctx, env, fs.Arg(0))
	if err != nil {
		return err
	}
	if *version == 0 {
		*version = n.Version
	}
	return act(ctx, env, n.ID, "approve", *asJSON, journalv1.ApproveRequest{Version: *version})
}

func act(ctx context.Context, env Env, id, verb string, asJSON bool, body any) error {
	c, err := client(env, token.Caseworker)
	if err != nil {
		return err
	}
	var n journalv1.Note
	if err := c.Do(ctx, "POST", "/api/v1/notes/"+url.PathEscape(id)+"/"+verb, body, &n); err != nil {
		return err
	}
	if asJSON {
		return printJSON(env.Stdout, n)
	}
	fmt.Fprintf(env.Stdout, "note %s is %s, version %d\n", n.ID, n.State, n.Version)
	return nil
}

// Hold shows, sets or lifts a legal hold, which stops the erasure of a conversation.
func Hold(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "hold", "CONVERSATION", "Shows whether a legal hold keeps a conversation from being deleted; with --reason sets it, with --lift ends it.")
	reason := fs.String("reason", "", "why; the citizen can read it")
	lift := fs.Bool("lift", false, "end the hold")
	asJSON := fs.Bool("json", false, "print the API's answer")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	c, err := client(env, token.Auditor)
	if err != nil {
		return err
	}
	path := "/api/v1/conversations/" + url.PathEscape(fs.Arg(0)) + "/hold"
	var h consentv1.HoldReply
	if *lift || *reason != "" {
		err = c.Do(ctx, "PUT", path, map[string]any{"on": !*lift, "reason": *reason}, &h)
	} else {
		err = c.Do(ctx, "GET", path, nil, &h)
	}
	switch {
	case err != nil:
		return err
	case *asJSON:
		return printJSON(env.Stdout, h)
	case h.On:
		fmt.Fprintf(env.Stdout, "held since %s by %s: %s\n", h.Since.Local().Format(time.DateTime), h.Actor, h.Reason)
	default:
		fmt.Fprintln(env.Stdout, "not held")
	}
	return nil
}
