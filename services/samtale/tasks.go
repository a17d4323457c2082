package main

import (
	"context"

	"samtale.dk/samtale/services/samtale/internal/command"
)

type taskEntry struct {
	name, about string
	run         func(ctx context.Context, env command.Env, args []string) error
}

func tasks() []taskEntry {
	return []taskEntry{
		{"call", "place a SIP call and play a sound file", command.Call},
		{"transcribe", "write down a sound file", command.Transcribe},
		{"ask", "ask the assistant a question", command.Ask},
		{"knowledge", "import, search, list and remove what the assistant knows", command.Knowledge},
		{"token", "print a token for the JSON API of the local installation", command.Token},
		{"conversations", "list conversations", command.Conversations},
		{"transcript", "print what was said in a conversation", command.Transcript},
		{"note", "print the note of a conversation, with its evidence", command.Note},
		{"confirm", "confirm a sentence of a note that was not found in the conversation", command.Confirm},
		{"approve", "approve a note", command.Approve},
		{"hold", "show, set or lift a legal hold, which stops deletion", command.Hold},
		{"health", "show which parts of the system work", command.Health},
	}
}

func task(name string) (taskEntry, bool) {
	for _, t := range tasks() {
		if t.name == name {
			return t, true
		}
	}
	return taskEntry{}, false
}
