package command

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/health"
)

// Health prints what /healthz says; the exit code is 3 when something does not work.
func Health(ctx context.Context, env Env, args []string) error {
	fs := Flags(env, "health", "", "Shows which parts of the system work. Ends with 3 when one does not.")
	asJSON := fs.Bool("json", false, "print the answer as JSON")
	if err := Parse(fs, args, 0); err != nil {
		return Help(err)
	}
	s, err := load(env)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, health.ProbeLimit+5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.URL+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("address of the system: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return errs.E(errs.Unavailable, "", err)
	}
	defer resp.Body.Close()
	var rep struct {
		Ready  bool            `json:"ready"`
		Checks []health.Result `json:"checks"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&rep); err != nil {
		return errs.E(errs.Unavailable, "", fmt.Errorf("%s/healthz answered %s", s.URL, resp.Status))
	}
	if *asJSON {
		if err := printJSON(env.Stdout, rep); err != nil {
			return err
		}
	} else {
		for _, c := range rep.Checks {
			state := "works"
			if !c.OK {
				state = "does not work: " + c.Text
			}
			fmt.Fprintf(env.Stdout, "%-12s %s (%s)\n", c.Name, state, c.Took.Round(time.Microsecond))
		}
	}
	if !rep.Ready {
		return errs.E(errs.Unavailable, "", fmt.Errorf("not ready"))
	}
	return nil
}
