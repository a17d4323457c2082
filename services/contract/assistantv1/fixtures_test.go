package assistantv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[AskRequest]("ask_request"),
		contracttest.Of[Answer]("answer"),
		contracttest.Of[Event]("event"),
		contracttest.Of[SessionRef]("session_ref"),
		contracttest.Of[Session]("session"),
		contracttest.Of[Forgotten]("forgotten"),
		contracttest.Of[TryRequest]("try_request"),
		contracttest.Of[Tried]("tried"),
		contracttest.Of[ProposeRequest]("propose_request"),
		contracttest.Of[Proposed]("proposed"),
		contracttest.Of[SuggestRequest]("suggest_request"),
		contracttest.Of[SuggestReply]("suggest_reply"),
		contracttest.Of[Feedback]("feedback"),
		contracttest.Of[GapsRequest]("gaps_request"),
		contracttest.Of[GapsReply]("gaps_reply"),
		contracttest.Of[TrendsRequest]("trends_request"),
		contracttest.Of[TrendsReply]("trends_reply"),
		contracttest.Of[Peer]("peer"),
		contracttest.Of[PeersReply]("peers_reply"),
	)
}
