package knowledgev1

import (
	"testing"

	"samtale.dk/samtale/services/contract/contracttest"
)

func TestFixtures(t *testing.T) {
	contracttest.Run(t,
		contracttest.Of[ChunkRequest]("chunk_request"),
		contracttest.Of[Chunk]("chunk"),
		contracttest.Of[SearchRequest]("search_request"),
		contracttest.Of[SearchReply]("search_reply"),
		contracttest.Of[Source]("source"),
		contracttest.Of[SourceRef]("source_ref"),
		contracttest.Of[SourcesReply]("sources_reply"),
		contracttest.Of[Run]("run"),
		contracttest.Of[ImportRequest]("import_request"),
		contracttest.Of[Changed]("changed"),
		contracttest.Of[AskedRequest]("asked_request"),
		contracttest.Of[Evaluation]("evaluation"),
	)
}
