// Package temporalserver runs a Temporal server with a SQLite file inside this
// process: what standalone starts, and what the tests of separate processes start by
// cmd/temporal-dev.
//
// The four Temporal services share the process and talk over loopback ports; clients
// reach the frontend at Addr. Anyone on this machine can reach that port; what they
// would find is ciphertext (see services/platform/temporal). About 110 of the server's
// goroutines outlive Stop.
package temporalserver

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/headers"
	"go.temporal.io/server/common/membership/static"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/schema/sqlite"
	"go.temporal.io/server/temporal"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Version of the embedded server.
const Version = headers.ServerVersion

// Config of the server.
type Config struct {
	Dir        string // data folder; empty: in memory
	Host       string // of the frontend; empty: 127.0.0.1
	Port       int    // of the frontend; 0: any free one
	Namespaces []string
	Retention  time.Duration // of closed workflows
	Log        *slog.Logger
}

// Server is a running server.
type Server struct {
	srv   temporal.Server
	addr  string
	state *logState
}

// ErrVersion reports a data folder that another version of the server wrote. SQLite
// schemas have no upgrade path in Temporal, so it is refused, not guessed at.
var ErrVersion = errors.New("data folder was written by another Temporal server version")

// startLimit bounds the start of the server's parts.
const startLimit = 3 * time.Minute

const (
	dbFile      = "temporal.db"
	stampFile   = "server-version"
	clusterName = "active"
)

// Start starts a server; it accepts requests when Start returns.
func Start(cfg Config) (*Server, error) {
	if cfg.Host == "" {
		cfg.Host = "127.0.0.1"
	}
	sql, err := database(cfg)
	if err != nil {
		return nil, fmt.Errorf("embedded Temporal: %w", err)
	}
	ports, err := choosePorts(cfg)
	if err != nil {
		return nil, fmt.Errorf("embedded Temporal: %w", err)
	}
	if err := createNamespaces(sql, cfg); err != nil {
		return nil, fmt.Errorf("embedded Temporal: %w", err)
	}
	state := new(logState)
	srv, err := temporal.NewServer(
		temporal.WithConfig(serverConfig(cfg, sql, ports)),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts(cfg.Host, ports)),
		temporal.WithLogger(logger{cfg.Log.With("engine", "temporal"), state}),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper { return authorization.NewNoopClaimMapper() }),
		temporal.WithDynamicConfigClient(dynamic()),
	)
	if err != nil {
		return nil, fmt.Errorf("embedded Temporal: %w", err)
	}
	if err := srv.Start(); err != nil {
		state.stopping.Store(true)
		srv.Stop()
		return nil, fmt.Errorf("embedded Temporal: %w", err)
	}
	return &Server{srv: srv, addr: net.JoinHostPort(cfg.Host, strconv.Itoa(ports[0])), state: state}, nil
}

// Addr is where clients connect.
func (s *Server) Addr() string { return s.addr }

// Stop stops the server; it takes about a second.
func (s *Server) Stop() error {
	s.state.stopping.Store(true)
	return s.srv.Stop()
}

// dynamic settings, measured on two cores (one-activity workflow, median and 99th
// percentile: 100 and 109 ms by default, 16 and 40 ms with these).
func dynamic() dynamicconfig.StaticClient {
	return dynamicconfig.StaticClient{
		// The default of 20 a second makes steps of 50 ms; 500 stalled one in a hundred
		// WorkflowRun.Get for 20 s.
		dynamicconfig.TransferProcessorMaxPollRPS.Key(): 50,
		// Bounds such a stall.
		dynamicconfig.HistoryLongPollExpirationInterval.Key(): 2 * time.Second,
		// One process needs no partitions; with more, tasks wait for a forward.
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		// Goroutines that wait for work: 512 of each by default, 2,200 and 9 MB together, for one SQLite connection.
		dynamicconfig.TransferProcessorSchedulerWorkerCount.Key():   queueWorkers,
		dynamicconfig.TimerProcessorSchedulerWorkerCount.Key():      queueWorkers,
		dynamicconfig.VisibilityProcessorSchedulerWorkerCount.Key(): queueWorkers,
		// There is no other cluster to copy anything from.
		dynamicconfig.ReplicationProcessorSchedulerWorkerCount.Key():            1,
		dynamicconfig.ReplicationLowPriorityProcessorSchedulerWorkerCount.Key(): 1,
	}
}

// queueWorkers work off each of the server's queues at once.
const queueWorkers = 32

// database makes the folder, checks its stamp and creates the schema in a new file.
func database(cfg Config) (*config.SQL, error) {
	sql := &config.SQL{
		PluginName: sqliteplugin.PluginName,
		// More than one connection gave storms of SQLITE_BUSY.
		MaxConns: 1, MaxIdleConns: 1,
	}
	if cfg.Dir == "" {
		sql.DatabaseName = "temporal-" + strconv.FormatInt(time.Now().UnixNano(), 36)
		sql.ConnectAttributes = map[string]string{"mode": "memory", "cache": "shared"}
		return sql, nil
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	fresh, err := checkStamp(cfg.Dir)
	if err != nil {
		return nil, err
	}
	sql.DatabaseName = filepath.Join(cfg.Dir, dbFile)
	sql.ConnectAttributes = map[string]string{
		"mode": "rwc", "journal_mode": "WAL", "busy_timeout": "5000",
		"synchronous": "FULL", // an acknowledged step survives a power cut
	}
	if !fresh {
		return sql, nil
	}
	if err := sqlite.SetupSchema(sql); err != nil {
		return nil, fmt.Errorf("create schema: %w", err)
	}
	// The stamp comes last: a start that was cut short begins again.
	return sql, os.WriteFile(filepath.Join(cfg.Dir, stampFile), []byte(Version+"\n"), 0o600)
}

// checkStamp reports whether the folder is new. A database without a stamp is one
// whose creation was cut short: it holds nothing yet and is removed.
func checkStamp(dir string) (fresh bool, err error) {
	stamp, err := os.ReadFile(filepath.Join(dir, stampFile))
	if errors.Is(err, fs.ErrNotExist) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(filepath.Join(dir, dbFile+suffix)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return false, err
			}
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if v := strings.TrimSpace(string(stamp)); v != Version {
		return false, fmt.Errorf("%w: %s holds %s, this program %s. Start the old program, let open work finish, then move %s away",
			ErrVersion, dir, v, Version, dir)
	}
	return false, nil
}

func createNamespaces(sql *config.SQL, cfg Config) error {
	var all []*sqlite.NamespaceConfig
	for _, name := range cfg.Namespaces {
		ns, err := sqlite.NewNamespaceConfig(clusterName, name, false, nil)
		if err != nil {
			return fmt.Errorf("namespace %s: %w", name, err)
		}
		if cfg.Retention > 0 { // the helper's own is 24 h
			ns.Detail.Config.Retention = durationpb.New(cfg.Retention)
		}
		all = append(all, ns)
	}
	return sqlite.CreateNamespaces(sql, all...)
}

var serviceNames = []primitives.ServiceName{
	primitives.FrontendService, primitives.HistoryService, primitives.MatchingService, primitives.WorkerService,
}

// hosts replaces the membership protocol: every service has exactly one, known host.
func hosts(host string, ports []int) map[primitives.ServiceName]static.Hosts {
	m := map[primitives.ServiceName]static.Hosts{}
	for i, name := range serviceNames {
		m[name] = static.SingleLocalHost(net.JoinHostPort(bind(i, host), strconv.Itoa(ports[i])))
	}
	return m
}

// bind: only the frontend (service 0) listens where the settings say.
func bind(service int, host string) string {
	if service == 0 {
		return host
	}
	return "127.0.0.1"
}

func serverConfig(cfg Config, sql *config.SQL, ports []int) *config.Config {
	frontend := net.JoinHostPort(cfg.Host, strconv.Itoa(ports[0]))
	services := map[string]config.Service{}
	for i, name := range serviceNames {
		services[string(name)] = config.Service{RPC: config.RPC{GRPCPort: ports[i], BindOnIP: bind(i, cfg.Host)}}
	}
	return &config.Config{
		// The server gives its parts twice this to start, or 15 s, which is too little where a disk or processor is busy.
		Global:       config.Global{Membership: config.Membership{MaxJoinDuration: startLimit / 2}},
		Services:     services,
		PublicClient: config.PublicClient{HostPort: frontend},
		Persistence: config.Persistence{
			DefaultStore: sqliteplugin.PluginName, VisibilityStore: sqliteplugin.PluginName,
			NumHistoryShards: 1,
			DataStores:       map[string]config.DataStore{sqliteplugin.PluginName: {SQL: sql}},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: 10,
			MasterClusterName:        clusterName, CurrentClusterName: clusterName,
			ClusterInformation: map[string]cluster.ClusterInformation{
				clusterName: {Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend},
			},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Archival: config.Archival{
			History:    config.HistoryArchival{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchival{State: config.ArchivalDisabled},
		},
		NamespaceDefaults: config.NamespaceDefaults{Archival: config.ArchivalNamespaceDefaults{
			History:    config.HistoryArchivalNamespaceDefaults{State: config.ArchivalDisabled},
			Visibility: config.VisibilityArchivalNamespaceDefaults{State: config.ArchivalDisabled},
		}},
	}
}

// choosePorts gives every service one; the frontend's may be set. It is tried here since
// the server itself ends the process over a port that is taken.
func choosePorts(cfg Config) ([]int, error) {
	ports, err := freePorts(len(serviceNames))
	if err != nil || cfg.Port == 0 {
		return ports, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, err
	}
	ports[0] = cfg.Port
	return ports, l.Close()
}

// Ports of the services that only talk among themselves, below those that the system gives to whoever asks for any.
const (
	firstPort = 10000
	ports     = 9000
)

// freePorts finds n different loopback ports. Between here and the server's listen another process could take one; the start
// then fails and says so. It must ask for this very port, which is why they are not ones that the system gives.
func freePorts(n int) ([]int, error) {
	var out []int
	for range ports {
		p := firstPort + rand.IntN(ports)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(p)))
		if err != nil {
			continue
		}
		defer l.Close()
		if out = append(out, p); len(out) == n {
			return out, nil
		}
	}
	return nil, fmt.Errorf("no %d free ports from %d to %d", n, firstPort, firstPort+ports-1)
}
