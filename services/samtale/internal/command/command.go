// Package command holds the daily tasks of the samtale program, one file each. A task
// reads flags, talks to a running system, and prints for people or, with --json, for
// programs.
package command

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"samtale.dk/samtale/services/platform/config"
	"samtale.dk/samtale/services/platform/masterkey"
	"samtale.dk/samtale/services/portal/token"
	"samtale.dk/samtale/services/samtale/internal/api"
)

// Env is what a task gets from the program.
type Env struct {
	Environ        []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// ErrUsage reports a task that was called wrongly.
var ErrUsage = errors.New("wrong usage")

// Flags returns a task's flag set; args describes what stands after the flags.
func Flags(env Env, name, args, about string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(env.Stderr)
	fs.Usage = func() {
		fmt.Fprintf(env.Stderr, "samtale %s %s\n  %s\n", name, strings.TrimSpace("[flags] "+args), about)
		fs.PrintDefaults()
	}
	return fs
}

// Parse reads flags and exactly n arguments, in any order: flags may stand after
// arguments, as people write them.
func Parse(fs *flag.FlagSet, args []string, n int) error {
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			return err
		}
		if fs.NArg() == 0 {
			break
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
	if err := fs.Parse(append([]string{"--"}, rest...)); err != nil {
		return err
	}
	if len(rest) != n {
		fs.Usage()
		return fmt.Errorf("%w: samtale %s: %d arguments beside the flags, it takes %d; one of several words stands in quotes", ErrUsage, fs.Name(), len(rest), n)
	}
	return nil
}

// Help turns what Parse returned into the task's error: asking for help is none.
func Help(err error) error {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if errors.Is(err, ErrUsage) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUsage, err)
}

type settings struct {
	Data      string `env:"SAMTALE_DATA" envDefault:"./data"`
	MasterKey string `env:"SAMTALE_MASTER_KEY"`
	HTTPAddr  string `env:"SAMTALE_HTTP_ADDR" envDefault:"127.0.0.1:8080"`
	URL       string `env:"SAMTALE_URL"`
	Token     string `env:"SAMTALE_TOKEN"`
}

func load(env Env) (settings, error) {
	var s settings
	if err := config.Load(env.Environ, &s); err != nil {
		return s, err
	}
	if s.URL == "" {
		addr := s.HTTPAddr
		if strings.HasPrefix(addr, ":") {
			addr = "127.0.0.1" + addr
		}
		s.URL = "http://" + addr
	}
	if u, err := url.Parse(s.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return s, errors.New("SAMTALE_URL must be an address such as https://samtale.example.dk")
	}
	return s, nil
}

// client returns an API client that acts in a role.
func client(env Env, role string) (*api.Client, error) { return clientFor(env, role, 0) }

// clientFor returns one for a task that takes so long.
func clientFor(env Env, role string, long time.Duration) (*api.Client, error) {
	s, err := load(env)
	if err != nil {
		return nil, err
	}
	if s.Token != "" {
		return api.New(s.URL, s.Token), nil
	}
	master, err := masterkey.Load(s.MasterKey, s.Data)
	if err != nil {
		return nil, err
	}
	tok, err := issue(master, claims(master, role), long+5*time.Minute)
	if err != nil {
		return nil, err
	}
	return api.New(s.URL, tok), nil
}

func issue(master masterkey.Key, c token.Claims, life time.Duration) (string, error) {
	c.Issued = time.Now()
	c.Expires = c.Issued.Add(life)
	return token.Issue(token.Key(master), c)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
