// Package embed is the port to models that turn text into dense vectors: texts of like meaning get vectors that point the same
// way. Search works without one ([samtale.dk/samtale/models/embed/sparse] needs no model); a model adds what shares no word.
//
// Implementations are safe for concurrent use and bound the requests they let in themselves. Texts are never logged and never
// part of an error.
package embed

import (
	"context"
	"errors"
)

// Errors that implementations wrap.
var (
	ErrUnavailable = errors.New("embedding model cannot be reached")          // try again later, or search without it
	ErrBusy        = errors.New("embedding model is busy")                    // own admission limit; try later
	ErrTooLong     = errors.New("text is too long for the embedding model")   // never cut in silence
	ErrOutput      = errors.New("embedding model gave no usable vector")      // not a number, all zero, or too few
	ErrModel       = errors.New("model cannot embed, or is not the expected") // wrong settings: unknown, a chat model, another dimension
)

// A Model says which model makes the vectors. Vectors of two models, or of two versions of one, cannot be compared: an index
// keeps the Model that it was made with.
type Model struct {
	Name      string `json:"name"`
	Digest    string `json:"digest,omitempty"` // of the model's file; changes with the version
	Dimension int    `json:"dimension"`
}

// An Embedder makes vectors. They have length 1, so that their dot product is the cosine, and are the caller's.
type Embedder interface {
	// Describe asks the server for the model behind it; it also shows that the model answers.
	Describe(ctx context.Context) (Model, error)
	// Query embeds a question.
	Query(ctx context.Context, text string) ([]float32, error)
	// Passages embeds texts that questions are to find: one vector a text, in their order. All or none.
	Passages(ctx context.Context, texts []string) ([][]float32, error)
}
