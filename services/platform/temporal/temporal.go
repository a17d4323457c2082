// Package temporal is how services reach Temporal: a client whose payloads and
// failures are encrypted before they leave the process, traces that continue through
// workflows, log lines without content, and workers that stop gracefully.
//
// A history holds ids and ciphertext. Workflow ids, types, queues and signal names stay
// readable at the server: they never hold what people said or who they are. The
// client is safe for concurrent use; Work runs one worker until its context ends.
package temporal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	sdk "go.temporal.io/sdk/temporal"

	"samtale.dk/samtale/services/platform/errs"
	"samtale.dk/samtale/services/platform/masterkey"
)

// Config says where Temporal is. It is embedded in a service's settings.
type Config struct {
	Addr      string `env:"SAMTALE_TEMPORAL_ADDR" envDefault:"127.0.0.1:7233"`
	Namespace string `env:"SAMTALE_TEMPORAL_NAMESPACE" envDefault:"samtale"`
	CA        string `env:"SAMTALE_TEMPORAL_CA"`   // PEM file; given: TLS
	Cert      string `env:"SAMTALE_TEMPORAL_CERT"` // PEM files of a client certificate
	CertKey   string `env:"SAMTALE_TEMPORAL_CERT_KEY"`
}

// Retention is how long a closed workflow's history is kept. Long enough for the
// longest review; what it holds is ciphertext and ids.
const Retention = 30 * 24 * time.Hour

const (
	firstWait = 100 * time.Millisecond
	longWait  = 2 * time.Second
)

// Dial connects as service name and waits, with growing pauses, until the server
// answers and the namespace exists, or ctx ends. The master key is loaded with
// masterkey.Load(common.MasterKey, common.Data). Close the client when done.
func Dial(ctx context.Context, name string, cfg Config, master masterkey.Key, log *slog.Logger) (client.Client, error) {
	opts, err := options(name, cfg, master, log)
	if err != nil {
		return nil, err
	}
	c, err := client.NewLazyClient(opts)
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal: %w", err)
	}
	if err := wait(ctx, c, cfg, log); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func options(name string, cfg Config, master masterkey.Key, log *slog.Logger) (client.Options, error) {
	codec, err := NewCodec(master)
	if err != nil {
		return client.Options{}, err
	}
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{})
	if err != nil {
		return client.Options{}, fmt.Errorf("tracing interceptor: %w", err)
	}
	tlsConf, err := cfg.tls()
	if err != nil {
		return client.Options{}, err
	}
	conv := codec.DataConverter()
	host, _ := os.Hostname()
	return client.Options{
		HostPort:  cfg.Addr,
		Namespace: cfg.Namespace,
		Identity:  fmt.Sprintf("%s@%s/%d", name, host, os.Getpid()),
		Logger:    logger{log.With("service", name)},

		DataConverter: conv,
		// Messages and stack traces of failures go through the codec as well.
		FailureConverter: sdk.NewDefaultFailureConverter(sdk.DefaultFailureConverterOptions{
			DataConverter: conv, EncodeCommonAttributes: true,
		}),
		Interceptors:      []interceptor.ClientInterceptor{tracing},
		ConnectionOptions: client.ConnectionOptions{TLS: tlsConf},
	}, nil
}

func (c Config) tls() (*tls.Config, error) {
	if c.CA == "" {
		if c.Cert != "" || c.CertKey != "" {
			return nil, errors.New("settings: SAMTALE_TEMPORAL_CERT needs SAMTALE_TEMPORAL_CA")
		}
		return nil, nil
	}
	pem, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("settings: SAMTALE_TEMPORAL_CA: %w", err)
	}
	conf := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	if !conf.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New("settings: SAMTALE_TEMPORAL_CA: no certificate in the file")
	}
	if c.Cert != "" {
		pair, err := tls.LoadX509KeyPair(c.Cert, c.CertKey)
		if err != nil {
			return nil, fmt.Errorf("settings: SAMTALE_TEMPORAL_CERT: %w", err)
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// Check reports settings that cannot work, for -check-config.
func (c Config) Check() error {
	_, err := c.tls()
	return err
}

// wait returns when the namespace answers. A line is logged when it takes long.
func wait(ctx context.Context, c client.Client, cfg Config, log *slog.Logger) error {
	pause := firstWait
	for said := false; ; {
		err := Ready(ctx, c, cfg)
		if err == nil {
			return nil
		}
		if pause == longWait && !said {
			log.Warn("waiting for Temporal", "addr", cfg.Addr, "namespace", cfg.Namespace, "err", err)
			said = true
		}
		select {
		case <-ctx.Done():
			return errs.E(errs.Unavailable, "", fmt.Errorf("connect to Temporal at %s: %w", cfg.Addr, err))
		case <-time.After(pause):
			pause = min(2*pause, longWait)
		}
	}
}

// Ready probes the server with a question that its database must answer.
func Ready(ctx context.Context, c client.Client, cfg Config) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: cfg.Namespace})
	if err != nil {
		return errs.E(errs.Unavailable, "", err)
	}
	return nil
}

// pollerLimit is how old a worker's last poll may be; an idle long poll is renewed
// every minute.
const pollerLimit = 90 * time.Second

// Polled probes that some worker takes workflow tasks from queue.
func Polled(ctx context.Context, c client.Client, cfg Config, queue string) error {
	rep, err := c.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace:     cfg.Namespace,
		TaskQueue:     &taskqueuepb.TaskQueue{Name: queue},
		TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW,
	})
	if err != nil {
		return errs.E(errs.Unavailable, "", err)
	}
	for _, p := range rep.GetPollers() {
		if time.Since(p.GetLastAccessTime().AsTime()) < pollerLimit {
			return nil
		}
	}
	return errs.E(errs.Unavailable, "", fmt.Errorf("no worker polls queue %s", queue))
}
