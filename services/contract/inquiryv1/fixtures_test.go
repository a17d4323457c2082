package inquiryv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[PrepareRequest]("prepare_request"),
		contracttest.Of[Prepared]("prepared"),
		contracttest.Of[OpenRequest]("open_request"),
		contracttest.Of[Inquiry]("inquiry"),
		contracttest.Of[ReceiptRequest]("receipt_request"),
		contracttest.Of[Ref]("ref"),
		contracttest.Of[ListRequest]("list_request"),
		contracttest.Of[ListReply]("list_reply"),
		contracttest.Of[ForwardRequest]("forward_request"),
		contracttest.Of[SayRequest]("say_request"),
		contracttest.Of[Message]("message"),
		contracttest.Of[HistoryRequest]("history_request"),
		contracttest.Of[HistoryReply]("history_reply"),
		contracttest.Of[CalledRequest]("called_request"),
		contracttest.Of[VideoRequest]("video_request"),
		contracttest.Of[EndRequest]("end_request"),
		contracttest.Of[Changed]("changed"),
		contracttest.Of[Typing]("typing"),
	)
}
