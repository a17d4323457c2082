package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"samtale.dk/samtale/seeds/gold"
)

const (
	askedAlone = 200 // questions one after the other
	citizens   = 200 // who ask at the same moment
)

// measureAssistant asks a standalone with the starter knowledge the gold questions, through the JSON API, without a model.
func measureAssistant(ctx context.Context, b *bench) error {
	dir, err := os.MkdirTemp("", "samtale-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := newStandalone(dir)
	if err != nil {
		return err
	}
	// All citizens of this measurement come from one address.
	if _, err := s.start(ctx, b, "SAMTALE_ASK_RATE=100000"); err != nil {
		return err
	}
	defer s.kill()
	questions, err := answerable()
	if err != nil {
		return err
	}
	err = s.until(ctx, "the knowledge", 200*time.Millisecond, func() error {
		_, err := s.ask(ctx, questions[0])
		return err
	})
	if err != nil {
		return err
	}
	if err := s.askAlone(ctx, b, questions); err != nil {
		return err
	}
	return s.askTogether(ctx, b, questions)
}

// answerable are the gold questions that the starter knowledge answers.
func answerable() ([]string, error) {
	files, err := fs.Glob(gold.Files, "*.jsonl")
	if err != nil {
		return nil, err
	}
	var out []string
	for _, name := range files {
		data, err := gold.Files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(data) {
			var q struct{ Class, Question string }
			if err := json.Unmarshal(line, &q); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if q.Class == "answerable" {
				out = append(out, q.Question)
			}
		}
	}
	return out, nil
}

// ask puts one question and gives the time until the whole answer.
func (s *standalone) ask(ctx context.Context, question string) (time.Duration, error) {
	body, err := json.Marshal(map[string]string{"question": question, "session": fmt.Sprintf("bench%d", time.Now().UnixNano())})
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.http+"/api/v1/ask", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	begin := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer struct {
		Reason string `json:"reason"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if resp.StatusCode != http.StatusOK || answer.Reason == "" {
		return 0, errors.New(resp.Status)
	}
	return time.Since(begin), nil
}

func (s *standalone) askAlone(ctx context.Context, b *bench, questions []string) error {
	var took []time.Duration
	for i := range askedAlone {
		d, err := s.ask(ctx, questions[i%len(questions)])
		if err != nil {
			return err
		}
		took = append(took, d)
		if b.quick && i == 20 {
			break
		}
	}
	slices.Sort(took)
	b.add(row{
		What: "answer without a model, HTTP to HTTP, p99", Budget: "≤ 50 ms", Limit: 50, Value: ms(quantile(took, .99)), Unit: "ms",
		Note: fmt.Sprintf("p50 %.1f ms, %d questions", ms(quantile(took, .5)), len(took)), By: "go run ./deploy/bench -only assistant",
	})
	return nil
}

func (s *standalone) askTogether(ctx context.Context, b *bench, questions []string) error {
	took := make([]time.Duration, citizens)
	failed := make([]error, citizens)
	begin := time.Now()
	var wg sync.WaitGroup
	for i := range citizens {
		wg.Go(func() { took[i], failed[i] = s.ask(ctx, questions[i%len(questions)]) })
	}
	wg.Wait()
	all := time.Since(begin)
	refused := 0
	var answered []time.Duration
	for i, err := range failed {
		if err != nil {
			refused++
			continue
		}
		answered = append(answered, took[i])
	}
	if len(answered) == 0 {
		return fmt.Errorf("nobody of %d was answered: %w", citizens, failed[0])
	}
	slices.Sort(answered)
	b.add(row{
		What: fmt.Sprintf("%d citizens ask at the same moment, p99", citizens), Value: ms(quantile(answered, .99)), Unit: "ms",
		Note: fmt.Sprintf("p50 %.0f ms, all in %.1f s, %d refused", ms(quantile(answered, .5)), all.Seconds(), refused),
		By:   "go run ./deploy/bench -only assistant",
	})
	return nil
}

// figures of the index's own benchmark.
var figures = regexp.MustCompile(`points=(\d+)/dense=0\S*\s.*?([\d.]+) p50-ms.*?([\d.]+) p99-ms`)

// measureRetrieval runs the embedded index's own benchmark: a process for itself, with indexes of 5,000 and 50,000
// micro-articles that are made from the starter knowledge.
func measureRetrieval(ctx context.Context, b *bench) error {
	const by = "go test ./models/vector/embedded -run '^$' -bench Search/points"
	args := []string{"test", "./models/vector/embedded", "-run", "^$", "-bench", "Search/points=.*/dense=0", "-benchtime", "1000x"}
	if b.quick {
		args[len(args)-1] = "50x"
	}
	out, err := exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", by, err, out)
	}
	found := figures.FindAllSubmatch(out, -1)
	if len(found) == 0 {
		return fmt.Errorf("no figures in\n%s", out)
	}
	for _, f := range found {
		p99, err := strconv.ParseFloat(string(f[3]), 64)
		if err != nil {
			return err
		}
		r := row{What: "retrieval, " + string(f[1]) + " micro-articles, embedded, p99", Value: p99, Unit: "ms", Note: "p50 " + string(f[2]) + " ms", By: by}
		if string(f[1]) == "5000" {
			r.Budget, r.Limit = "≤ 5 ms", 5
		}
		b.add(r)
	}
	return nil
}
