package journalv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[Ref]("ref"),
		contracttest.Of[Conversation]("conversation"),
		contracttest.Of[ListRequest]("list_request"),
		contracttest.Of[ListReply]("list_reply"),
		contracttest.Of[Transcript]("transcript"),
		contracttest.Of[Note]("note"),
		contracttest.Of[SaveRequest]("save_request"),
		contracttest.Of[ConfirmRequest]("confirm_request"),
		contracttest.Of[ApproveRequest]("approve_request"),
		contracttest.Of[DiscardRequest]("discard_request"),
		contracttest.Of[RevealRequest]("reveal_request"),
		contracttest.Of[RevealReply]("reveal_reply"),
		contracttest.Of[PartyRequest]("party_request"),
		contracttest.Of[CommentRequest]("comment_request"),
		contracttest.Of[Changed]("changed"),
	)
}
