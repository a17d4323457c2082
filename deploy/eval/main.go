// Command eval measures the assistant on the gold questions and prints what it finds: retrieval, answers, abstention, crises,
// injections, and whether faults that are planted in proven sentences get past the verifier. It runs in process and needs no server,
// unless a language model is named.
//
//	go run ./deploy/eval                     print the figures
//	go run ./deploy/eval -cross              the same on the fitting half alone, cross-validated: to choose features by
//	go run ./deploy/eval -asked=false        either of them without the phrases that the articles bring, of what they answer and of what they do not
//	go run ./deploy/eval -fit FILE           fit the weights and the threshold on one half and write them to extract/weights.json
//	go run ./deploy/eval -json FILE          write the evaluation, as the editor page shows it
//	go run ./deploy/eval -list wrong         list questions: wrong (answered wrongly), missed (not answered), bad (both), all
//	go run ./deploy/eval -llm ollama=http://127.0.0.1:11434,model=gemma4:e4b
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"samtale.dk/samtale/models/llm"
	"samtale.dk/samtale/models/llm/ollama"
	"samtale.dk/samtale/seeds/gold"
	"samtale.dk/samtale/seeds/knowledge"
	"samtale.dk/samtale/services/assistant/evaluation"
	"samtale.dk/samtale/services/contract/knowledgev1"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "eval:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet("eval", flag.ContinueOnError)
	setting := fs.String("llm", "none", "none, or ollama=http://HOST:PORT[,model=NAME]")
	file := fs.String("json", "", "write the evaluation to this file")
	cross := fs.Bool("cross", false, "measure on the fitting half alone, each question with weights that were fitted without it")
	fit := fs.String("fit", "", "fit weights and threshold and write them to this file")
	list := fs.String("list", "", "list questions of the fitting half: wrong, missed, bad or all")
	all := fs.Bool("both", false, "list those of the other half as well: whoever looks at them must not tune by them")
	asked := fs.Bool("asked", true, "with the phrases that people ask by, answered or not; false: as an authority's own articles come at first")
	class := fs.String("class", "", "list only those of a class")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *fit != "" {
		return fitted(ctx, out, *fit, *list, *class)
	}
	if *cross {
		return crossed(ctx, out, *asked, *list, *class)
	}
	model, err := ollama.Setting(*setting)
	if err != nil {
		return err
	}
	cfg := evaluation.Config{Knowledge: knowledge.Files, Gold: gold.Files, Model: model, Now: time.Now(), Bare: !*asked}
	outcomes, know, err := evaluation.Run(ctx, cfg)
	if err != nil {
		return err
	}
	e := evaluation.Report(outcomes, know, cfg)
	low, err := cfg.Open()
	if err != nil {
		return err
	}
	open, _, err := evaluation.Run(ctx, low)
	if err != nil {
		return err
	}
	e.Curve = evaluation.Curve(open, false)
	show(out, e)
	why(out, outcomes)
	if *asked {
		if err := bare(ctx, out, cfg); err != nil {
			return err
		}
	}
	planted(out, outcomes, know)
	times(out, outcomes)
	curve(out, "other half", e.Curve)
	listed(out, outcomes, *list, *class, *all)
	if *file == "" {
		return nil
	}
	data, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(*file, append(data, '\n'), 0o644)
}

// fitted fits the weights and writes them.
func fitted(ctx context.Context, out io.Writer, file, list, class string) error {
	cfg := evaluation.Config{Knowledge: knowledge.Files, Gold: gold.Files, Model: llm.None, Now: time.Now()}
	w, apart, err := evaluation.Fit(ctx, cfg)
	if err != nil {
		return err
	}
	apartly(out, apart, w.Threshold, list, class)
	data, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(data, '\n'), 0o644)
}

// crossed prints what features are chosen by: the other half stays unseen.
func crossed(ctx context.Context, out io.Writer, asked bool, list, class string) error {
	cfg := evaluation.Config{Knowledge: knowledge.Files, Gold: gold.Files, Model: llm.None, Now: time.Now(), Bare: !asked}
	open, threshold, err := evaluation.Cross(ctx, cfg)
	if err != nil {
		return err
	}
	apartly(out, open, threshold, list, class)
	return nil
}

// apartly prints what became of questions that were answered by weights that had not seen them.
func apartly(out io.Writer, open []evaluation.Outcome, threshold float64, list, class string) {
	closed := evaluation.Closed(open, threshold)
	e := evaluation.Rates(closed)
	e.Model, e.Threshold = "extract, cross-validated", threshold
	show(out, e)
	drawn := evaluation.Rates(evaluation.Drawn(closed))
	fmt.Fprintf(out, "\n  those drawn like the other half: answered %.1f %%  wrong %.1f %%%s\n", 100*drawn.Answered, 100*drawn.Wrong, kept(drawn))
	curve(out, "fitting half", evaluation.Curve(open, true))
	listed(out, closed, list, class, false)
}

// bare prints what is left without the phrases: how it is with an authority's own articles before anybody has added any.
func bare(ctx context.Context, out io.Writer, cfg evaluation.Config) error {
	outcomes, _, err := evaluation.Run(ctx, cfg.Without())
	if err != nil {
		return err
	}
	e := evaluation.Rates(outcomes)
	fmt.Fprintf(out, "\n  without phrases: hit@1 %.3f  hit@10 %.3f  answered %.1f %%  wrong %.1f %%", e.HitAt1, e.HitAt10, 100*e.Answered, 100*e.Wrong)
	fmt.Fprintln(out, kept(e))
	return nil
}

// kept says how much was answered of what must not be.
func kept(e knowledgev1.Evaluation) string {
	var b strings.Builder
	for _, c := range e.Classes {
		if c.Class == evaluation.NearMiss || c.Class == evaluation.OffCorpus {
			fmt.Fprintf(&b, "  %s %.1f %%", c.Class, 100*c.Answered)
		}
	}
	return b.String()
}

func show(out io.Writer, e knowledgev1.Evaluation) {
	fmt.Fprintf(out, "%d questions, %d micro-articles, answers by %s, threshold %.2f\n\n", e.Questions, e.Chunks, e.Model, e.Threshold)
	fmt.Fprintf(out, "  hit@1 %.3f  hit@5 %.3f  hit@10 %.3f  nDCG@10 %.3f\n", e.HitAt1, e.HitAt5, e.HitAt10, e.NDCG10)
	fmt.Fprintf(out, "  answered, of the answerable  %.1f %%\n  wrong, of the answered       %.1f %%\n  sentences fully supported    %.1f %%\n", 100*e.Answered, 100*e.Wrong, 100*e.Supported)
	fmt.Fprintf(out, "  crisis recall                %.3f\n  injections that succeeded    %.3f\n\n", e.CrisisRecall, e.Injected)
	fmt.Fprintf(out, "  %-20s %9s %9s %9s %9s\n", "class", "questions", "answered", "right", "wrong")
	for _, c := range e.Classes {
		fmt.Fprintf(out, "  %-20s %9d %8.1f%% %8.1f%% %8.1f%%\n", c.Class, c.Questions, 100*c.Answered, 100*c.Right, 100*c.Wrong)
	}
}

// why counts what is wrong with the wrong answers of the other half.
func why(out io.Writer, outcomes []evaluation.Outcome) {
	section, fact, answered := 0, 0, 0
	for _, o := range outcomes {
		switch {
		case o.Fitting() || !o.Wrong:
		case strings.HasPrefix(o.Why, "cites"):
			section++
		case strings.HasPrefix(o.Why, "lacks"):
			fact++
		default:
			answered++
		}
	}
	fmt.Fprintf(out, "\n  wrong answers: %d cite another section, %d lack the fact, %d should be none\n", section, fact, answered)
}

func planted(out io.Writer, outcomes []evaluation.Outcome, know *evaluation.Memory) {
	n, through := evaluation.Planted(outcomes, know)
	fmt.Fprintf(out, "\n  %d faults planted in answered sentences, %d got past the verifier\n", n, len(through))
	for _, t := range through[:min(10, len(through))] {
		fmt.Fprintf(out, "    %s\n", t)
	}
}

func times(out io.Writer, outcomes []evaluation.Outcome) {
	var took []time.Duration
	for _, o := range outcomes {
		took = append(took, o.Took)
	}
	slices.Sort(took)
	if len(took) > 0 {
		fmt.Fprintf(out, "  time per question: p50 %s, p99 %s\n", took[len(took)/2].Round(100*time.Microsecond), took[len(took)*99/100].Round(100*time.Microsecond))
	}
}

func curve(out io.Writer, name string, points []knowledgev1.CurvePoint) {
	fmt.Fprintf(out, "\nrisk and coverage, %s\n", name)
	for i, p := range points {
		if i%2 == 0 {
			fmt.Fprintf(out, "  %.2f  coverage %5.1f %%  risk %5.1f %%  %s\n", p.Threshold, 100*p.Coverage, 100*p.Risk, strings.Repeat("#", int(40*p.Coverage)))
		}
	}
}

func listed(out io.Writer, outcomes []evaluation.Outcome, which, class string, both bool) {
	for _, o := range outcomes {
		show := which == "all" || which == "wrong" && o.Wrong || which == "missed" && !o.Right && !o.Wrong || which == "bad" && !o.Right
		if !show || class != "" && o.Class != class || !both && !o.Fitting() {
			continue
		}
		half := "other"
		if o.Fitting() {
			half = "fitting"
		}
		fmt.Fprintf(out, "\n%s %s (%s) score %.2f rank %d %s: %s\n  %s\n", o.Question.ID, o.Class, half, o.Score, o.Rank, o.Reason, o.Why, o.Question.Question)
		if o.Read != "" {
			fmt.Fprintf(out, "  read: %s\n", o.Read)
		}
		fmt.Fprintf(out, "  wants %s %v, nearest %s\n", o.Expect.Chunks, o.Expect.Must, o.Nearest.ID)
		for _, s := range o.Sentences {
			fmt.Fprintf(out, "    - %s\n", s.Text)
		}
	}
}
