package app

import (
	"slices"

	"samtale.dk/samtale/services/platform/agentcard"
	"samtale.dk/samtale/services/portal/token"
)

// routes is the table of everything that the portal answers.
func (a *App) routes() []route {
	worker := []string{token.Caseworker}
	reader := []string{token.Caseworker, token.Citizen, token.Auditor}
	citizen := []string{token.Citizen}
	calls := []string{token.Caseworker, token.Operator}
	watch := []string{token.Operator}
	editor := []string{token.Editor}
	knows := []string{token.Editor, token.Caseworker}
	anyone := token.Roles()

	return append(slices.Concat(a.meetingRoutes(), a.recordingRoutes(), a.editorRoutes(), a.setupRoutes(), a.mineRoutes()), []route{
		// Pages.
		{pattern: "GET /{$}", public: true, handle: a.front},
		{pattern: "POST /{$}", public: true, body: maxQuestion, asks: true, handle: a.askForm},
		{pattern: "POST /svar/{id}", public: true, handle: a.askRated},
		{pattern: "POST /slet-samtale", public: true, handle: a.askForgotten},
		{pattern: "GET /henvendelse", public: true, handle: a.handover},
		{pattern: "POST /henvendelse", public: true, handle: a.handoverSent},
		{pattern: "POST /henvendelse/begynd", public: true, handle: a.handoverBegun},
		{pattern: "POST /henvendelse/find", public: true, handle: a.receiptFound},
		{pattern: "GET /henvendelse/{receipt}", public: true, handle: a.inquiryPage},
		{pattern: "POST /henvendelse/{receipt}/besked", public: true, handle: a.inquirySaid},
		{pattern: "POST /henvendelse/{receipt}/afslut", public: true, handle: a.inquiryEnded},
		{pattern: "GET /indlejret", public: true, handle: a.embedded},
		{pattern: "POST /indlejret", public: true, body: maxQuestion, asks: true, handle: a.embeddedForm},
		{pattern: "GET /embed.js", public: true, bare: true, handle: a.embedScript},
		{pattern: "GET /om", public: true, handle: a.about},
		{pattern: "GET /desk", roles: worker, handle: a.desk},
		{pattern: "GET /notat/{id}", roles: worker, handle: a.notePage},
		{pattern: "GET /afleveret", roles: worker, handle: a.delivered},
		{pattern: "GET /mit", roles: citizen, handle: a.mine},
		{pattern: "GET /mit/{id}", roles: citizen, handle: a.mineOne},
		{pattern: "POST /mit/{id}/bemaerkning", roles: citizen, handle: a.mineComment},
		{pattern: "GET /mit/{id}/valg/{kind}", roles: citizen, handle: a.mineChoice},
		{pattern: "POST /mit/{id}/valg/{kind}", roles: citizen, handle: a.mineChosen},
		{pattern: "GET /drift", roles: watch, handle: a.operations},
		{pattern: "GET /revision", roles: []string{token.Auditor}, handle: a.auditPage},
		{pattern: "POST /revision", roles: []string{token.Auditor}, handle: a.auditPage},
		{pattern: "POST /revision/udtraek", roles: []string{token.Auditor}, handle: a.auditExport},
		{pattern: "GET /revision/{id}", roles: []string{token.Auditor}, handle: a.auditOne},
		{pattern: "POST /revision/{id}/fredning", roles: []string{token.Auditor}, handle: a.auditHold},
		{pattern: "GET /tilgaengelighed", public: true, handle: a.statement},
		{pattern: "GET /was", public: true, handle: a.was},
		{pattern: "GET /notices", public: true, handle: a.notices},

		// Login and language.
		{pattern: "GET /login", public: true, handle: a.loginBegin},
		{pattern: "GET /login/callback", public: true, handle: a.loginFinish},
		{pattern: "GET /testlogin", public: true, handle: a.testChoose},
		{pattern: "POST /testlogin", public: true, handle: a.testChosen},
		{pattern: "GET /logget-ind", public: true, handle: a.loggedInAgain},
		{pattern: "POST /logout", public: true, handle: a.logout},
		{pattern: "POST /logout/alle", public: true, handle: a.logoutEverywhere},
		{pattern: "GET /sprog/{lang}", public: true, handle: a.setLanguage},

		// Files.
		{pattern: "GET /static/", public: true, bare: true, handle: a.static},
		{pattern: "GET /dist/", public: true, bare: true, handle: a.static},
		{pattern: "GET /texts/{lang}", public: true, bare: true, handle: a.textScript},
		{pattern: "GET /healthz", public: true, bare: true, handle: a.healthz},
		{pattern: "GET /api/openapi.json", public: true, handle: a.openAPI},

		// API.
		{pattern: "GET /api/v1/me", roles: anyone, handle: a.me},
		{pattern: "POST /api/v1/session/extend", roles: anyone, handle: a.extend},
		{pattern: "GET /api/v1/areas", roles: anyone, handle: a.listAreas},
		{pattern: "GET /api/v1/events", roles: calls, stream: true, handle: a.inboxEvents},
		{pattern: "GET /api/v1/conversations", roles: reader, handle: a.listConversations},
		{pattern: "GET /api/v1/conversations/{id}", roles: reader, handle: a.getConversation},
		{pattern: "GET /api/v1/conversations/{id}/transcript", roles: reader, handle: a.getTranscript},
		{pattern: "GET /api/v1/conversations/{id}/note", roles: reader, handle: a.getNote},
		{pattern: "GET /api/v1/conversations/{id}/choices", roles: reader, handle: a.getChoices},
		{pattern: "POST /api/v1/conversations/{id}/choices", roles: []string{token.Caseworker, token.Citizen}, handle: a.postChoice},
		{pattern: "GET /api/v1/conversations/{id}/audit", roles: []string{token.Citizen, token.Auditor}, handle: a.getAudit},
		{pattern: "GET /api/v1/conversations/{id}/hold", roles: []string{token.Auditor}, handle: a.getHold},
		{pattern: "PUT /api/v1/conversations/{id}/hold", roles: []string{token.Auditor}, handle: a.putHold},
		{pattern: "GET /api/v1/conversations/{id}/events", roles: worker, stream: true, handle: a.conversationEvents},
		{pattern: "POST /api/v1/conversations/{id}/reveal", roles: worker, handle: a.reveal},
		{pattern: "PUT /api/v1/conversations/{id}/party", roles: worker, handle: a.putParty},
		{pattern: "POST /api/v1/conversations/{id}/comments", roles: citizen, handle: a.postComment},
		{pattern: "POST /api/v1/conversations/{id}/task/close", roles: worker, handle: a.closeTask},
		{pattern: "GET /api/v1/notes/{id}", roles: reader, handle: a.getNote},
		{pattern: "PUT /api/v1/notes/{id}", roles: worker, handle: a.putNote},
		{pattern: "POST /api/v1/notes/{id}/confirm", roles: worker, handle: a.confirmSentence},
		{pattern: "POST /api/v1/notes/{id}/approve", roles: worker, handle: a.approveNote},
		{pattern: "POST /api/v1/notes/{id}/discard", roles: worker, handle: a.discardNote},
		{pattern: "POST /api/v1/notes/{id}/redraft", roles: worker, handle: a.redraftNote},
		{pattern: "POST /api/v1/notes/{id}/deliver", roles: worker, handle: a.deliverNote},
		{pattern: "GET /api/v1/calls", roles: calls, handle: a.listCalls},
		{pattern: "POST /api/v1/calls", roles: worker, handle: a.dial},
		{pattern: "POST /api/v1/calls/{id}/answer", roles: worker, handle: a.answer},
		{pattern: "POST /api/v1/calls/{id}/control", roles: worker, handle: a.control},
		{pattern: "POST /api/v1/demo", roles: calls, handle: a.demoCall},

		// Asking, and what the answers stand on.
		{pattern: "POST /api/v1/ask", public: true, body: maxQuestion, asks: true, handle: a.ask},
		{pattern: "POST /api/v1/ask/voice", public: true, body: maxVoice, handle: a.voice},
		{pattern: "GET /api/v1/ask/voices", public: true, handle: a.voices},
		{pattern: "GET /api/v1/ask/{id}/speech", public: true, handle: a.aloud},
		{pattern: "GET /api/v1/ask/session", public: true, handle: a.getAskSession},
		{pattern: "DELETE /api/v1/ask/session", public: true, handle: a.deleteAskSession},
		{pattern: "POST /api/v1/ask/{id}/feedback", public: true, handle: a.feedback},
		{pattern: "POST /api/v1/knowledge/import", roles: editor, body: maxImport, handle: a.importKnowledge},
		{pattern: "GET /api/v1/knowledge/search", roles: knows, handle: a.searchKnowledge},
		{pattern: "GET /api/v1/knowledge/chunks/{id...}", roles: knows, handle: a.getChunk},
		{pattern: "PUT /api/v1/knowledge/asked/{id...}", roles: editor, handle: a.putAsked},
		{pattern: "GET /api/v1/knowledge/sources", roles: editor, handle: a.listSources},
		{pattern: "PUT /api/v1/knowledge/sources/{id}", roles: editor, handle: a.putSource},
		{pattern: "DELETE /api/v1/knowledge/sources/{id}", roles: editor, handle: a.deleteSource},
		{pattern: "POST /api/v1/knowledge/sources/{id}/run", roles: editor, handle: a.runSource},

		// Other programs.
		{pattern: "/mcp", public: true, body: maxQuestion, handle: a.mcp},
		{pattern: "POST /a2a", public: true, body: maxQuestion, handle: a.a2a},
		{pattern: "GET " + agentcard.Path, public: true, handle: a.agentCard},
		{pattern: "GET " + agentcard.KeysPath, public: true, handle: a.agentKeys},

		// Inquiries: the citizen's by receipt number, the caseworker's by id.
		{pattern: "POST /api/v1/inquiries/prepare", public: true, handle: a.prepareInquiry},
		{pattern: "POST /api/v1/inquiries", public: true, handle: a.openInquiry},
		{pattern: "GET /api/v1/inquiries/{receipt}", public: true, handle: a.getInquiry},
		{pattern: "GET /api/v1/inquiries/{receipt}/messages", public: true, handle: a.getMessages},
		{pattern: "POST /api/v1/inquiries/{receipt}/messages", public: true, handle: a.postMessage},
		{pattern: "POST /api/v1/inquiries/{receipt}/typing", public: true, handle: a.typingInquiry},
		{pattern: "POST /api/v1/inquiries/{receipt}/end", public: true, handle: a.endInquiry},
		{pattern: "GET /api/v1/inquiries/{receipt}/events", public: true, stream: true, handle: a.inquiryEvents},
		{pattern: "GET /api/v1/desk/inquiries", roles: worker, handle: a.deskInquiries},
		{pattern: "GET /api/v1/desk/inquiries/{id}", roles: worker, handle: a.deskInquiry},
		{pattern: "GET /api/v1/desk/inquiries/{id}/history", roles: worker, handle: a.deskHistory},
		{pattern: "POST /api/v1/desk/inquiries/{id}/claim", roles: worker, handle: a.claimInquiry},
		{pattern: "POST /api/v1/desk/inquiries/{id}/release", roles: worker, handle: a.releaseInquiry},
		{pattern: "POST /api/v1/desk/inquiries/{id}/forward", roles: worker, handle: a.forwardInquiry},
		{pattern: "POST /api/v1/desk/inquiries/{id}/say", roles: worker, handle: a.deskSay},
		{pattern: "POST /api/v1/desk/inquiries/{id}/called", roles: worker, handle: a.calledInquiry},
		{pattern: "POST /api/v1/desk/inquiries/{id}/video", roles: worker, handle: a.videoInquiry},
		{pattern: "POST /api/v1/desk/inquiries/{id}/end", roles: worker, handle: a.deskEnd},
		{pattern: "POST /api/v1/desk/inquiries/{id}/typing", roles: worker, handle: a.deskTyping},
		{pattern: "GET /api/v1/desk/inquiries/{id}/events", roles: worker, stream: true, handle: a.deskInquiryEvents},
		{pattern: "GET /api/v1/desk/colleagues", roles: worker, handle: a.colleagues},
		{pattern: "POST /api/v1/desk/ask", roles: worker, body: maxQuestion, handle: a.deskAsk},
		{pattern: "POST /api/v1/desk/suggest", roles: worker, handle: a.deskSuggest},

		// Operations.
		{pattern: "GET /api/v1/health", roles: watch, handle: a.apiHealth},
		{pattern: "GET /api/v1/settings", roles: watch, handle: a.apiSettings},
	}...)
}
