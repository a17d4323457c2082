package callv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[Started]("started"),
		contracttest.Of[Changed]("changed"),
		contracttest.Of[Ended]("ended"),
		contracttest.Of[Introduced]("introduced"),
		contracttest.Of[ListRequest]("list_request"),
		contracttest.Of[ListReply]("list_reply"),
		contracttest.Of[AnswerRequest]("answer_request"),
		contracttest.Of[AnswerReply]("answer_reply"),
		contracttest.Of[DialRequest]("dial_request"),
		contracttest.Of[ControlRequest]("control_request"),
		contracttest.Of[CheckRequest]("check_request"),
		contracttest.Of[TextRequest]("text_request"),
		contracttest.Of[TextReply]("text_reply"),
		contracttest.Of[DemoRequest]("demo_request"),
		contracttest.Of[DemoReply]("demo_reply"),
	)
}
