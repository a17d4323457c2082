package command

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/samtale/internal/api"
)

const (
	// maxLine bounds a line of a file, in bytes: the text of a record and its markup.
	maxLine = 4 << 20
	// maxBatch bounds the records of a call, in bytes of JSON: the API takes 900 KiB.
	maxBatch = 850 << 10
)

// send sends a file of articles in batches. Lines that cannot be read are among the failures of the run, and do not stop the rest; but
// then nothing is removed either, because what they held is not known.
func send(ctx context.Context, c *api.Client, f io.Reader, req knowledgev1.ImportRequest) (run knowledgev1.Run, err error) {
	var unread []knowledgev1.Failure
	defer func() {
		run.Failed += len(unread)
		run.Failures = slices.Concat(unread, run.Failures)
	}()
	size := 0
	flush := func(last bool) error {
		req.First, req.Last = req.Lines[0], last
		req.Replace = req.Replace && len(unread) == 0
		if err := c.Do(ctx, "POST", "/api/v1/knowledge/import", req, &run); err != nil {
			return fmt.Errorf("line %d and what follows it were not taken, what stands before was: %w", req.First, err)
		}
		req.Records, req.Lines, size = nil, nil, 0
		return nil
	}
	lines := bufio.NewReaderSize(f, 64<<10)
	for n := 1; ; n++ {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil && !errors.Is(err, errLong) {
			return run, fmt.Errorf("line %d: %w", n, err)
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
		}
		if err == nil && len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		rec, length, reason := record(line, err)
		if reason != "" {
			unread = append(unread, knowledgev1.Failure{Item: fmt.Sprintf("linje %d", n), Reason: reason})
			continue
		}
		if len(req.Records) == knowledgev1.MaxBatch || len(req.Records) > 0 && size+length > maxBatch {
			if err := flush(false); err != nil {
				return run, err
			}
		}
		req.Records, req.Lines, size = append(req.Records, rec), append(req.Lines, n), size+length
	}
	if len(req.Records) == 0 {
		return run, errors.New("the file has no records: each line is one, as JSON")
	}
	return run, flush(true)
}

// record reads a line, and says how long the record is for the API. The reasons are in Danish, as those of the API that they stand among.
func record(line []byte, err error) (rec knowledgev1.Record, length int, reason string) {
	if err != nil {
		return rec, 0, "Linjen er for lang."
	}
	if !utf8.Valid(line) {
		return rec, 0, "Linjen er ikke i UTF-8. Gem filen i UTF-8."
	}
	var wrong *json.UnmarshalTypeError
	switch err := json.Unmarshal(line, &rec); {
	case errors.As(err, &wrong) && wrong.Field != "":
		return rec, 0, fmt.Sprintf("Feltet %s har en forkert type (%s i stedet for %s).", wrong.Field, wrong.Value, wrong.Type)
	case err != nil:
		return rec, 0, "Linjen er ikke et JSON-objekt med de felter, der kan bruges."
	}
	data, err := json.Marshal(rec)
	if err != nil || len(data) > maxBatch {
		return rec, 0, "Artiklen er for lang."
	}
	return rec, len(data), ""
}

var errLong = errors.New("line is too long")

// readLine reads a line. Of a line that is too long it keeps nothing.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	long := false
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLine; !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && !(errors.Is(err, io.EOF) && (len(line) > 0 || long)):
			return nil, err
		case long:
			return nil, errLong
		}
		return line, nil
	}
}
