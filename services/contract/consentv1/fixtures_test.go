package consentv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[KeyRequest]("key_request"),
		contracttest.Of[KeyReply]("key_reply"),
		contracttest.Of[EraseRequest]("erase_request"),
		contracttest.Of[EraseReply]("erase_reply"),
		contracttest.Of[Erased]("erased"),
		contracttest.Of[Choice]("choice"),
		contracttest.Of[ConversationRequest]("conversation_request"),
		contracttest.Of[ChoicesReply]("choices_reply"),
		contracttest.Of[HoldRequest]("hold_request"),
		contracttest.Of[HoldReply]("hold_reply"),
		contracttest.Of[Hold]("hold"),
		contracttest.Of[Audit]("audit"),
		contracttest.Of[AuditQuery]("audit_query"),
		contracttest.Of[AuditReply]("audit_reply"),
		contracttest.Of[AuditSearch]("audit_search"),
		contracttest.Of[AuditPage]("audit_page"),
		contracttest.Of[AreasReply]("areas_reply"),
	)
}
