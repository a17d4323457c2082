package command

import (
	"context"
	"fmt"
	"strings"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/portal/token"
)

// Ask asks the assistant a question.
func Ask(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "ask", "QUESTION", "Asks the assistant, and prints the answer with its sources.")
	municipality := fs.String("municipality", "", "four digits, where the answer depends on it, e.g. 0751")
	at := fs.String("at", "", "the day that is asked about, e.g. 2025-06-01 [today]")
	language := fs.String("language", "", "da or en [that of the question]")
	session := fs.String("session", "", "go on with the questions asked under the same name")
	asJSON := fs.Bool("json", false, "print the API's answer")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	if err := aMunicipality(*municipality); err != nil {
		return err
	}
	c, err := client(env, token.Citizen)
	if err != nil {
		return err
	}
	req := assistantv1.AskRequest{Question: fs.Arg(0), Municipality: *municipality, At: *at, Language: *language, Session: *session}
	var a assistantv1.Answer
	if err := c.Do(ctx, "POST", "/api/v1/ask", req, &a); err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.Stdout, a)
	}
	printAnswer(env, a)
	return nil
}

// aMunicipality refuses a code that no municipality has; "" is the whole country.
func aMunicipality(code string) error {
	if _, ok := danish.MunicipalityName(code); !ok && code != "" {
		return fmt.Errorf("%w: --municipality: there is no Danish municipality with the code %q; write its four digits, such as 0751 for Aarhus, "+
			"or leave it out for the whole country", ErrUsage, code)
	}
	return nil
}

func printAnswer(env Env, a assistantv1.Answer) {
	out := env.Stdout
	if a.Message != "" {
		fmt.Fprintln(out, a.Message)
	}
	var sources []assistantv1.Evidence
	for _, s := range a.Sentences {
		var marks []string
		for _, e := range s.Evidence {
			sources = append(sources, e)
			marks = append(marks, fmt.Sprintf("[%d]", len(sources)))
		}
		if s.Question != "" {
			fmt.Fprintf(out, "\n%s\n", s.Question)
		}
		if s.List > 0 {
			fmt.Fprint(out, knowledgev1.NumberedItem(s.Number))
		}
		fmt.Fprintln(out, s.Text, strings.Join(marks, ""))
	}
	for i, e := range sources {
		fmt.Fprintf(out, "\n[%d] %s, %s\n    %s\n    “%s”\n", i+1, e.Title, e.Section, e.URL, e.Quote)
	}
	for _, o := range a.Options {
		fmt.Fprintf(out, "  %s  %s\n", o.Value, o.Label)
	}
	if a.Why != "" {
		since := "Gælder pr."
		if a.Language == "en" {
			since = "As of"
		}
		fmt.Fprintf(out, "\n%s %s %s.\n", a.Why, since, a.AsOf)
	}
	for _, r := range a.Routes {
		fmt.Fprintf(out, "  %s: %s\n", r.Label, r.Target)
	}
	if a.Notice != "" {
		fmt.Fprintln(env.Stderr, a.Notice)
	}
	if a.Demo {
		fmt.Fprintln(env.Stderr, "demo content: not checked by an authority")
	}
}
