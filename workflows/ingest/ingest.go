// Package ingest fetches a source of knowledge: it opens a run, lists what the source has, fetches in parts what has changed, and
// closes the run.
//
// A Temporal schedule per source starts it, ID(source), and a person's wish triggers that schedule; so a source is fetched once at a
// time. What is left to do stands in the assistant's database, so a run that broke off goes on where it was. Inputs carry ids only.
package ingest

import (
	"context"

	"go.temporal.io/sdk/workflow"
)

// Queue is where the activities run: the assistant's worker.
const Queue = "assistant"

// ID is the id of a source's schedule; its workflows' ids begin with it.
func ID(source string) string { return "ingest-" + source }

// Input names the source. RunID is what one history hands to the next when it has grown long; a starter leaves it empty.
type Input struct {
	SourceID string
	RunID    string `json:",omitempty"`
}

// Result is empty: what came of the run stands in the assistant's database.
type Result struct{}

// Activities is what the workflow needs done; all of them may run again.
type Activities interface {
	OpenIngest(ctx context.Context, in OpenIngestInput) (OpenIngestResult, error)
	ListArticles(ctx context.Context, in ListArticlesInput) (ListArticlesResult, error)
	FetchArticles(ctx context.Context, in FetchArticlesInput) (FetchArticlesResult, error)
	CloseIngest(ctx context.Context, in CloseIngestInput) (CloseIngestResult, error)
}

// OpenIngestInput asks for the run of a source: an open one, or a new one.
type OpenIngestInput struct{ SourceID string }

// OpenIngestResult names the run. It is empty when the source is not to be fetched: it is paused, or gone.
type OpenIngestResult struct{ RunID string }

// ListArticlesInput asks what the source has, and notes what is to be fetched.
type ListArticlesInput struct{ RunID string }

// ListArticlesResult is empty.
type ListArticlesResult struct{}

// FetchArticlesInput asks to fetch some of what is left.
type FetchArticlesInput struct{ RunID string }

// FetchArticlesResult says whether anything is left.
type FetchArticlesResult struct{ Done bool }

// CloseIngestInput ends the run. Failed: it could not be listed or fetched to the end; the last try has noted why.
type CloseIngestInput struct {
	RunID  string
	Failed bool
}

// CloseIngestResult is empty.
type CloseIngestResult struct{}

// Ingest is the workflow.
func Ingest(ctx workflow.Context, in Input) (Result, error) {
	if in.RunID == "" {
		run, err := openIngest(ctx, OpenIngestInput{in.SourceID})
		if err != nil || run.RunID == "" {
			return Result{}, err
		}
		in.RunID = run.RunID
		if _, err := listArticles(ctx, ListArticlesInput{in.RunID}); err != nil {
			return Result{}, closeFailed(ctx, in.RunID, err)
		}
	}
	for {
		if workflow.GetInfo(ctx).GetContinueAsNewSuggested() {
			return Result{}, workflow.NewContinueAsNewError(ctx, Ingest, in)
		}
		part, err := fetchArticles(ctx, FetchArticlesInput{in.RunID})
		if err != nil {
			return Result{}, closeFailed(ctx, in.RunID, err)
		}
		if part.Done {
			_, err := closeIngest(ctx, CloseIngestInput{RunID: in.RunID})
			return Result{}, err
		}
	}
}

// closeFailed ends a run that cannot go on. The workflow itself has then done its work; only one that was stopped leaves the run
// open, for the next one to go on with.
func closeFailed(ctx workflow.Context, run string, err error) error {
	if ctx.Err() != nil {
		return err
	}
	_, err = closeIngest(ctx, CloseIngestInput{RunID: run, Failed: true})
	return err
}
