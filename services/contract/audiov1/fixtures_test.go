package audiov1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[Attach]("attach"),
		contracttest.Of[Attached]("attached"),
		contracttest.Of[Progress]("progress"),
		contracttest.Of[Replay]("replay"),
		contracttest.Of[Replayed]("replayed"),
		contracttest.Of[HearRequest]("hear_request"),
		contracttest.Of[HearReply]("hear_reply"),
		contracttest.Of[SayRequest]("say_request"),
		contracttest.Of[SayReply]("say_reply"),
		contracttest.Of[VoicesRequest]("voices_request"),
		contracttest.Of[VoicesReply]("voices_reply"),
	)
}
