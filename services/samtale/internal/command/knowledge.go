package command

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"samtale.dk/samtale/services/contract/event"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/portal/token"
)

// Knowledge is the tasks of what the assistant knows.
func Knowledge(ctx context.Context, env Env, args []string) error {
	tasks := map[string]func(context.Context, Env, []string) error{
		"import": knowledgeImport, "search": knowledgeSearch, "remove": knowledgeRemove, "sources": knowledgeSources, "asked": knowledgeAsked,
	}
	if len(args) > 0 {
		if run, ok := tasks[args[0]]; ok {
			return run(ctx, env, args[1:])
		}
	}
	fmt.Fprint(env.Stderr, `samtale knowledge import FILE.jsonl   bring articles in
samtale knowledge search "…"          find what fits a question
samtale knowledge asked ID            show or set how citizens ask for what an article answers
samtale knowledge sources             list where knowledge comes from
samtale knowledge remove --source ID  remove a source and all that came from it
`)
	if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
		return nil
	}
	return ErrUsage
}

func knowledgeImport(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "knowledge import", "FILE.jsonl", `Brings articles in. A line is one of them, as JSON: id, article_id, url, title, section, html or text,
  municipality, valid_from, valid_to, language, authority, area, links, legal, asked (questions as people put them that it answers),
  unanswered (questions near it that it does not answer).
  What cannot be taken is listed.`)
	source := fs.String("source", "", "name of the source: letters, digits, - and _ [the file's name]")
	title := fs.String("title", "", "what people call the source")
	replace := fs.Bool("replace", false, "remove what the source has and the file has not")
	demo := fs.Bool("demo", false, "mark it as demo content")
	asJSON := fs.Bool("json", false, "print the API's answer")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	if *source == "" {
		*source = strings.TrimSuffix(filepath.Base(fs.Arg(0)), filepath.Ext(fs.Arg(0)))
	}
	if err := event.CheckToken(*source); err != nil {
		return fmt.Errorf("%w: --source: %w", ErrUsage, err)
	}
	f, err := os.Open(fs.Arg(0))
	if err != nil {
		return err
	}
	defer f.Close()
	c, err := client(env, token.Editor)
	if err != nil {
		return err
	}
	req := knowledgev1.ImportRequest{
		Import: event.NewID(time.Now()), Source: *source, Title: *title, Demo: *demo, Replace: *replace, First: 1,
	}
	run, err := send(ctx, c, f, req)
	for _, u := range run.Failures {
		fmt.Fprintf(env.Stderr, "  %s: %s\n", u.Item, u.Reason)
	}
	if err != nil {
		return err
	}
	if *asJSON {
		if err := printJSON(env.Stdout, run); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(env.Stdout, "%s: %d added, %d changed, %d unchanged, %d removed, %d not taken\n", *source, run.Added, run.Changed, run.Unchanged, run.Removed, run.Failed)
	}
	if run.Failed > 0 {
		return fmt.Errorf("records that were not taken: %d", run.Failed)
	}
	return nil
}

// found is a hit as programs get it.
type found struct {
	ID        string            `json:"id"`
	ArticleID string            `json:"article_id"`
	Title     string            `json:"title"`
	URL       string            `json:"url"`
	Score     float64           `json:"score"`
	Text      string            `json:"text"`
	Section   string            `json:"section,omitempty"`
	Why       []knowledgev1.Why `json:"why,omitempty"`
}

func knowledgeSearch(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "knowledge search", "QUERY", "Finds the articles that fit a question.")
	k := fs.Int("k", 10, "at most this many")
	municipality := fs.String("municipality", "", "four digits: also what is different there")
	language := fs.String("language", "", "da or en [any]")
	explain := fs.Bool("explain", false, "say why each was found")
	asJSON := fs.Bool("json", false, "print JSON")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	if err := aMunicipality(*municipality); err != nil {
		return err
	}
	c, err := client(env, token.Editor)
	if err != nil {
		return err
	}
	q := url.Values{"q": {fs.Arg(0)}, "k": {strconv.Itoa(*k)}}
	for name, v := range map[string]string{"municipality": *municipality, "language": *language} {
		if v != "" {
			q.Set(name, v)
		}
	}
	if *explain {
		q.Set("explain", "1")
	}
	hits := []found{}
	if err := c.Do(ctx, "GET", "/api/v1/knowledge/search?"+q.Encode(), nil, &hits); err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.Stdout, hits)
	}
	for i, h := range hits {
		fmt.Fprintf(env.Stdout, "%2d  %.4f  %s: %s\n            %s  %s\n", i+1, h.Score, h.Title, h.Section, h.ID, h.URL)
		for _, w := range h.Why {
			fmt.Fprintf(env.Stdout, "            %s: no. %d, %.2f  %s\n", w.Ranking, w.Rank, w.Score, strings.Join(w.Terms, " "))
		}
	}
	return nil
}

func knowledgeAsked(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "knowledge asked", "ID", fmt.Sprintf(`Shows the phrases by which citizens ask for what an article answers, those of its source and those of editors, and after
  "not" questions near it that it does not answer. With --set those of editors become the lines of a file (- is the standard input; an
  empty one takes them away): at most %d of %d bytes, as people say it, without personal data. --unanswered does the same for those that it
  does not answer. Those of the source stay. samtale knowledge search names the ID.`, knowledgev1.MaxAsked, knowledgev1.MaxAskedText))
	set := fs.String("set", "", "file with one phrase a line")
	not := fs.String("unanswered", "", "file with one phrase a line that the article does not answer")
	asJSON := fs.Bool("json", false, "print the article as JSON")
	if err := Parse(fs, args, 1); err != nil {
		return Help(err)
	}
	if *set == "-" && *not == "-" {
		return fmt.Errorf("%w: --set and --unanswered cannot both be the standard input", ErrUsage)
	}
	c, err := client(env, token.Editor)
	if err != nil {
		return err
	}
	id := url.PathEscape(fs.Arg(0))
	var chunk knowledgev1.Chunk
	if *set == "" { // what there is: to be shown, or kept beside what is set
		if err := c.Do(ctx, "GET", "/api/v1/knowledge/chunks/"+id, nil, &chunk); err != nil {
			return err
		}
	}
	if *set != "" || *not != "" {
		req := knowledgev1.AskedRequest{Asked: append([]string{}, chunk.EditorAsked...)}
		if *set != "" {
			if req.Asked, err = readPhrases(env, *set); err != nil {
				return err
			}
		}
		if *not != "" {
			if req.Unanswered, err = readPhrases(env, *not); err != nil {
				return err
			}
		}
		if err := c.Do(ctx, "PUT", "/api/v1/knowledge/asked/"+id, req, &chunk); err != nil {
			return err
		}
	}
	if *asJSON {
		return printJSON(env.Stdout, chunk)
	}
	for _, part := range []struct {
		by      string
		phrases []string
	}{{"source", chunk.Asked}, {"editor", chunk.EditorAsked}, {"source, not", chunk.Unanswered}, {"editor, not", chunk.EditorUnanswered}} {
		for _, phrase := range part.phrases {
			fmt.Fprintf(env.Stdout, "%s  %s\n", part.by, phrase)
		}
	}
	return nil
}

// readPhrases reads the lines of a file that say something.
func readPhrases(env Env, file string) ([]string, error) {
	in := env.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	asked := []string{}
	sc := bufio.NewScanner(in)
	for sc.Scan() {
		if line := strings.TrimSpace(sc.Text()); line != "" {
			asked = append(asked, line)
		}
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return asked, nil
}

func knowledgeRemove(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "knowledge remove", "", "Removes a source and all that came from it; it stops answering at once.")
	source := fs.String("source", "", "id of the source")
	asJSON := fs.Bool("json", false, "print the API's answer")
	if err := Parse(fs, args, 0); err != nil {
		return Help(err)
	}
	if *source == "" {
		return fmt.Errorf("%w: --source is missing; samtale knowledge sources lists them", ErrUsage)
	}
	c, err := client(env, token.Editor)
	if err != nil {
		return err
	}
	var run knowledgev1.Run
	if err := c.Do(ctx, "DELETE", "/api/v1/knowledge/sources/"+url.PathEscape(*source), nil, &run); err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.Stdout, run)
	}
	fmt.Fprintf(env.Stdout, "%s: %d removed\n", *source, run.Removed)
	return nil
}

func knowledgeSources(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "knowledge sources", "", "Lists where knowledge comes from.")
	asJSON := fs.Bool("json", false, "print the API's answer")
	if err := Parse(fs, args, 0); err != nil {
		return Help(err)
	}
	c, err := client(env, token.Editor)
	if err != nil {
		return err
	}
	var rep knowledgev1.SourcesReply
	if err := c.Do(ctx, "GET", "/api/v1/knowledge/sources", nil, &rep); err != nil {
		return err
	}
	if *asJSON {
		return printJSON(env.Stdout, rep)
	}
	w := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tKIND\tTITLE\tARTICLES\tLAST RUN\tSTATE")
	for _, s := range rep.Sources {
		last, state := "never", ""
		if s.LastRun != nil {
			last, state = s.LastRun.StartedAt.Local().Format(time.DateTime), s.LastRun.State
		}
		if s.Paused {
			state = "paused"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", s.ID, s.Kind, s.Title, s.Chunks, last, state)
	}
	return w.Flush()
}
