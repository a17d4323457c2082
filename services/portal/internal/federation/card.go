package federation

import (
	"github.com/a2aproject/a2a-go/v2/a2a"
)

// version of what other programs see; raised when it changes.
const version = "1"

// agentCard is how the assistant introduces itself to other agents.
func (s *Server) agentCard() a2a.AgentCard {
	both := []string{"text/plain", "application/json"}
	return a2a.AgentCard{
		Name: s.Name,
		Description: "Assistant of a Danish public authority. It answers citizens' questions about rules and self-service in Danish and English, " +
			"each sentence proven by quotes from official articles, and says so when it does not know. It sees nobody's case.",
		Version:             version,
		Provider:            &a2a.AgentProvider{Org: s.Name, URL: s.Public.String()},
		SupportedInterfaces: []*a2a.AgentInterface{a2a.NewAgentInterface(s.Public.JoinPath("/a2a").String(), a2a.TransportProtocolJSONRPC)},
		DefaultInputModes:   both,
		DefaultOutputModes:  both,
		Skills: []a2a.AgentSkill{{
			ID: "answer", Name: "Proven answer", Tags: []string{"borger", "citizen", "rules", "self-service", "denmark"},
			Description: "One question in, as text or as data {question, municipality, date, language}. Out: the answer as text and as data with sentences, " +
				"their quotes and addresses, the responsible authority, and the day the sources were read.",
			Examples: []string{"Hvornår skal jeg melde flytning?", "When do I have to report that I have moved?"},
		}},
	}
}
