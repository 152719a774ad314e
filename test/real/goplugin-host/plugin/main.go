// A NodeAttestor plugin of SPIRE server written with SPIRE's own plugin SDK: what our host must be able to load.
package main

import (
	"context"

	"github.com/hashicorp/go-hclog"
	"github.com/spiffe/spire-plugin-sdk/pluginmain"
	"github.com/spiffe/spire-plugin-sdk/pluginsdk"
	metricsv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/hostservice/common/metrics/v1"
	agentstorev1 "github.com/spiffe/spire-plugin-sdk/proto/spire/hostservice/server/agentstore/v1"
	nodeattestorv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/plugin/server/nodeattestor/v1"
	configv1 "github.com/spiffe/spire-plugin-sdk/proto/spire/service/common/config/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type plugin struct {
	nodeattestorv1.UnimplementedNodeAttestorServer
	configv1.UnimplementedConfigServer

	log     hclog.Logger
	metrics metricsv1.MetricsServiceClient
	agents  agentstorev1.AgentStoreServiceClient
	config  string
}

func (p *plugin) SetLogger(log hclog.Logger) { p.log = log }

func (p *plugin) BrokerHostServices(broker pluginsdk.ServiceBroker) error {
	broker.BrokerClient(&p.metrics)
	broker.BrokerClient(&p.agents)
	return nil
}

func (p *plugin) Configure(_ context.Context, r *configv1.ConfigureRequest) (*configv1.ConfigureResponse, error) {
	if r.HclConfiguration == "refuse" {
		return nil, status.Error(codes.InvalidArgument, "refused as asked")
	}
	p.config = r.CoreConfiguration.TrustDomain + " " + r.HclConfiguration
	p.log.Info("configured", "hcl", r.HclConfiguration)
	return &configv1.ConfigureResponse{}, nil
}

func (p *plugin) Attest(stream nodeattestorv1.NodeAttestor_AttestServer) error {
	request, err := stream.Recv()
	if err != nil {
		return err
	}
	if string(request.GetPayload()) == "deny" {
		return status.Error(codes.PermissionDenied, "denied as asked")
	}
	challenge := append([]byte("challenge "), request.GetPayload()...)
	err = stream.Send(&nodeattestorv1.AttestResponse{Response: &nodeattestorv1.AttestResponse_Challenge{Challenge: challenge}})
	if err != nil {
		return err
	}
	if request, err = stream.Recv(); err != nil {
		return err
	}
	ctx := stream.Context()
	if _, err := p.metrics.IncrCounter(ctx, &metricsv1.IncrCounterRequest{Key: []string{"go", "attest"}, Val: 1}); err != nil {
		return err
	}
	agent, err := p.agents.GetAgentInfo(ctx, &agentstorev1.GetAgentInfoRequest{AgentId: "spiffe://example.org/known"})
	if err != nil {
		return err
	}
	return stream.Send(&nodeattestorv1.AttestResponse{Response: &nodeattestorv1.AttestResponse_AgentAttributes{
		AgentAttributes: &nodeattestorv1.AgentAttributes{
			SpiffeId:       agent.Info.AgentId,
			SelectorValues: []string{p.config, string(request.GetChallengeResponse())},
		},
	}})
}

func main() {
	p := new(plugin)
	pluginmain.Serve(
		nodeattestorv1.NodeAttestorPluginServer(p),
		configv1.ConfigServiceServer(p),
	)
}
