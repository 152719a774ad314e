// Loads a NodeAttestor plugin of SPIRE server with hashicorp/go-plugin, configured as SPIRE 1.13 configures it, attests
// through it and prints one JSON document on stdout. The plugin's log and go-plugin's own go to stderr as hclog JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	metricsv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/hostservice/common/metrics/v1"
	agentstorev1 "github.com/spiffe/spire-plugin-sdk/proto/spire/hostservice/server/agentstore/v1"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"github.com/spiffe/spire-plugin-sdk/private"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

const pluginType = "NodeAttestor"

type attestation struct {
	SpiffeID  string   `json:"spiffeId,omitempty"`
	Selectors []string `json:"selectors,omitempty"`
	Code      string   `json:"code,omitempty"`
	Message   string   `json:"message,omitempty"`
}

type report struct {
	Services     []string      `json:"services"`
	ConfiguredMs int64         `json:"configuredMs"`
	Ping         string        `json:"ping"`
	Attestations []attestation `json:"attestations"`
	Metrics      []string      `json:"metrics"`
	UnloadMs     int64         `json:"unloadMs"`
	Deinit       string        `json:"deinit"`
	PluginPid    int           `json:"pluginPid"`
}

var (
	hcl       = flag.String("hcl", "", "plugin_data")
	signalled = flag.Bool("signal-group", false, "send SIGTERM to the whole process group while the plugin is in use and again before unloading")
	die       = flag.Bool("die", false, "print the plugin's pid and die without unloading, and without SPIRE's parent-death signal")
	parallel  = flag.Int("parallel", 1, "attestations in flight for each payload")
)

func main() {
	flag.Parse()
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: os.Stderr, JSONFormat: true, Name: "host"})
	if err := run(flag.Arg(0), flag.Args()[1:], logger); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string, payloads []string, logger hclog.Logger) error {
	started := time.Now()
	cmd := exec.Command(path)
	if !*die {
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	}
	host := &hostPlugin{}
	client := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig:  goplugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: pluginType, MagicCookieValue: pluginType},
		Cmd:              cmd,
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC},
		Plugins:          map[string]goplugin.Plugin{"fixture": host},
		Logger:           logger,
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return fmt.Errorf("failed to launch plugin: %w", err)
	}
	if _, err := protocol.Dispense("fixture"); err != nil {
		return fmt.Errorf("failed to dispense: %w", err)
	}
	result := report{PluginPid: cmd.Process.Pid}
	ctx := context.Background()
	result.Services, err = private.Init(ctx, host.conn, []string{
		metricsv1.Metrics_ServiceDesc.ServiceName,
		agentstorev1.AgentStore_ServiceDesc.ServiceName,
	})
	if err != nil {
		return fmt.Errorf("failed to init: %w", err)
	}
	_, err = configv1.NewConfigClient(host.conn).Configure(ctx, &configv1.ConfigureRequest{
		CoreConfiguration: &configv1.CoreConfiguration{TrustDomain: "example.org"},
		HclConfiguration:  *hcl,
	})
	if err != nil {
		return fmt.Errorf("failed to configure: %w", err)
	}
	result.ConfiguredMs = time.Since(started).Milliseconds()
	result.Ping = fmt.Sprint(protocol.Ping())

	if *die {
		return printReport(result, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	}
	if *signalled {
		signal.Ignore(syscall.SIGTERM)
		_ = syscall.Kill(0, syscall.SIGTERM)
	}
	for _, payload := range payloads {
		result.Attestations = append(result.Attestations, attestMany(ctx, host.conn, payload)...)
	}
	if *signalled {
		_ = syscall.Kill(0, syscall.SIGTERM)
	}
	unloading := time.Now()
	deinitCtx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	result.Deinit = fmt.Sprint(private.Deinit(deinitCtx, host.conn))
	client.Kill()
	result.UnloadMs = time.Since(unloading).Milliseconds()
	host.stop()
	result.Metrics = host.metrics
	return printReport(result, func() {})
}

func printReport(result report, after func()) error {
	err := json.NewEncoder(os.Stdout).Encode(result)
	after()
	return err
}

func attestMany(ctx context.Context, conn grpc.ClientConnInterface, payload string) []attestation {
	results := make([]attestation, *parallel)
	var wg sync.WaitGroup
	for i := range results {
		wg.Add(1)
		go func() {
			defer wg.Done()
			results[i] = attest(ctx, conn, payload)
		}()
	}
	wg.Wait()
	return results
}

// The challenge is answered with itself.
func attest(ctx context.Context, conn grpc.ClientConnInterface, payload string) attestation {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	stream, err := nodeattestorv1.NewNodeAttestorClient(conn).Attest(ctx)
	if err != nil {
		return failed(err)
	}
	request := &nodeattestorv1.AttestRequest{Request: &nodeattestorv1.AttestRequest_Payload{Payload: []byte(payload)}}
	for {
		if err := stream.Send(request); err != nil && errors.Is(err, context.Canceled) {
			return failed(err)
		}
		response, err := stream.Recv()
		if err != nil {
			return failed(err)
		}
		if attributes := response.GetAgentAttributes(); attributes != nil {
			return attestation{SpiffeID: attributes.SpiffeId, Selectors: attributes.SelectorValues}
		}
		request = &nodeattestorv1.AttestRequest{
			Request: &nodeattestorv1.AttestRequest_ChallengeResponse{ChallengeResponse: response.GetChallenge()},
		}
	}
}

func failed(err error) attestation {
	state := status.Convert(err)
	return attestation{Code: state.Code().String(), Message: state.Message()}
}

type hostPlugin struct {
	goplugin.NetRPCUnsupportedPlugin
	metricsv1.UnimplementedMetricsServer
	agentstorev1.UnimplementedAgentStoreServer

	conn    grpc.ClientConnInterface
	server  *grpc.Server
	mu      sync.Mutex
	metrics []string
}

func (p *hostPlugin) GRPCServer(*goplugin.GRPCBroker, *grpc.Server) error {
	return errors.New("not implemented host side")
}

func (p *hostPlugin) GRPCClient(_ context.Context, broker *goplugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	listener, err := broker.Accept(private.HostServiceProviderID)
	if err != nil {
		return nil, err
	}
	p.conn = conn
	p.server = grpc.NewServer()
	metricsv1.RegisterMetricsServer(p.server, p)
	agentstorev1.RegisterAgentStoreServer(p.server, p)
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

func (p *hostPlugin) stop() { p.server.Stop() }

func (p *hostPlugin) record(format string, args ...any) (*emptypb.Empty, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.metrics = append(p.metrics, fmt.Sprintf(format, args...))
	return &emptypb.Empty{}, nil
}

func (p *hostPlugin) SetGauge(_ context.Context, r *metricsv1.SetGaugeRequest) (*emptypb.Empty, error) {
	return p.record("gauge %v %v %v", r.Key, r.Val, r.Labels)
}

func (p *hostPlugin) IncrCounter(_ context.Context, r *metricsv1.IncrCounterRequest) (*emptypb.Empty, error) {
	return p.record("counter %v %v %s=%s", r.Key, r.Val, r.Labels[0].Name, r.Labels[0].Value)
}

func (p *hostPlugin) MeasureSince(_ context.Context, r *metricsv1.MeasureSinceRequest) (*emptypb.Empty, error) {
	return p.record("measure %v %d", r.Key, r.Time)
}

func (p *hostPlugin) GetAgentInfo(_ context.Context, r *agentstorev1.GetAgentInfoRequest) (*agentstorev1.GetAgentInfoResponse, error) {
	if r.AgentId != "spiffe://example.org/known" {
		return nil, status.Error(codes.NotFound, "no such agent")
	}
	return &agentstorev1.GetAgentInfoResponse{Info: &agentstorev1.AgentInfo{AgentId: r.AgentId}}, nil
}
