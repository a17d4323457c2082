package meetingv1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[Setup]("setup"),
		contracttest.Of[SetupsReply]("setups_reply"),
		contracttest.Of[MineRequest]("mine_request"),
		contracttest.Of[MineReply]("mine_reply"),
		contracttest.Of[SetupRef]("setup_ref"),
		contracttest.Of[SetupChangesRequest]("setup_changes_request"),
		contracttest.Of[SetupChangesReply]("setup_changes_reply"),
		contracttest.Of[PreviewReply]("preview_reply"),
		contracttest.Of[BookRequest]("book_request"),
		contracttest.Of[CancelRequest]("cancel_request"),
		contracttest.Of[Ref]("ref"),
		contracttest.Of[ListRequest]("list_request"),
		contracttest.Of[ListReply]("list_reply"),
		contracttest.Of[Meeting]("meeting"),
		contracttest.Of[EnterRequest]("enter_request"),
		contracttest.Of[Entry]("entry"),
		contracttest.Of[KnockRequest]("knock_request"),
		contracttest.Of[AdmitRequest]("admit_request"),
		contracttest.Of[MediaRequest]("media_request"),
		contracttest.Of[MediaReply]("media_reply"),
		contracttest.Of[ActRequest]("act_request"),
		contracttest.Of[SayRequest]("say_request"),
		contracttest.Of[Message]("message"),
		contracttest.Of[FileRequest]("file_request"),
		contracttest.Of[FilePart]("file_part"),
		contracttest.Of[HistoryReply]("history_reply"),
		contracttest.Of[RoomEvent]("room_event"),
		contracttest.Of[OutboxRequest]("outbox_request"),
		contracttest.Of[OutboxReply]("outbox_reply"),
		contracttest.Of[Changed]("changed"),
		contracttest.Of[RecordingRequest]("recording_request"),
		contracttest.Of[Recording]("recording"),
		contracttest.Of[ReadRecordingRequest]("read_recording_request"),
		contracttest.Of[RecordingPart]("recording_part"),
		contracttest.Of[DialInRequest]("dial_in_request"),
		contracttest.Of[DialInReply]("dial_in_reply"),
		contracttest.Of[SoundRequest]("sound_request"),
		contracttest.Of[Typed]("typed"),
		contracttest.Of[LineReport]("line_report"),
		contracttest.Of[BringRequest]("bring_request"),
		contracttest.Of[BringReply]("bring_reply"),
	)
}
