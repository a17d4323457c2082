package archtest

// rule forbids imports. Paths are below the module; a path covers what is under it.
// `go list` gives real imports, so a rule cannot be walked around by a build tag that
// is set here or by a comment.
type rule struct {
	from   string   // whose imports
	except []string // packages below from that the rule leaves alone
	// forbid lists import paths; "module" stands for all of ours, "third-party" for
	// everything that is neither ours nor the standard library.
	forbid []string
	allow  []string // exceptions to forbid
	reason string
}

const (
	module     = "module"
	thirdParty = "third-party"
)

var rules = []rule{
	{
		from: "services/contract", forbid: []string{module, thirdParty}, allow: []string{"services/contract"},
		reason: "contracts are data: any program in any repository can take them without taking a service or a library",
	},
	{
		from: "services/platform", forbid: []string{module},
		allow:  []string{"services/platform", "services/contract", "media/pcm"},
		reason: "the platform is the shell without domain; a service's concepts in it would bind all services together",
	},
	{
		from: "workflows", except: []string{"workflows/worker", "workflows/recordtest"}, forbid: []string{module, thirdParty},
		allow:  []string{"services/contract", "workflows", "go.temporal.io/sdk/workflow", "go.temporal.io/sdk/temporal", "go.temporal.io/api/enums"},
		reason: "a workflow definition is replayed for years: no input or output, nothing that may behave differently tomorrow",
	},
	{
		from: "workflows/worker", forbid: []string{module}, allow: []string{"workflows", "services/platform"},
		reason: "the worker hosts definitions; activities belong to the services that own the side effects",
	},
	{
		from: "media", forbid: []string{module, thirdParty}, except: []string{"media/sfu/sfubench"},
		allow:  []string{"media", "github.com/pion", "github.com/thesyncim/gopus", "golang.org/x/sys"},
		reason: "media is packets and sound without business: usable and testable alone, and nothing slow comes near a packet",
	},
	{
		from: "media/sfu/sfubench", forbid: []string{module, thirdParty},
		allow:  []string{"media", "github.com/pion", "golang.org/x/net", "google.golang.org/protobuf"},
		reason: "the SFU's benchmark is media, and speaks another server's signalling",
	},
	{
		from: "models", forbid: []string{module}, allow: []string{"models", "media/pcm", "media/g711", "media/resample"},
		reason: "a model adapter knows sound as samples; transport, services and contracts change for other reasons",
	},
	{
		from: "models", forbid: []string{"go.temporal.io", "github.com/nats-io", "github.com/pion", "github.com/emiago"},
		reason: "whoever calls a model decides how it is reached over the bus or in a workflow",
	},
	{
		from: "services/assistant", forbid: otherServices("assistant"), reason: noService,
	},
	{
		from: "services/consent", forbid: otherServices("consent"), reason: noService,
	},
	{
		from: "services/journal", forbid: otherServices("journal"), reason: noService,
	},
	{
		from: "services/meeting", forbid: otherServices("meeting"), reason: noService,
	},
	{
		from: "services/phone", forbid: otherServices("phone"), reason: noService,
	},
	{
		from: "services/speech", forbid: otherServices("speech"), reason: noService,
	},
	{
		from: "services/portal", forbid: otherServices("portal"), reason: noService,
	},
	{
		from: "", except: []string{"services/standalone"}, forbid: []string{"go.temporal.io/server"},
		reason: "building the Temporal server takes minutes; only standalone embeds it",
	},
	{
		from: "", except: []string{"services/platform/bus/natsserver"}, forbid: []string{"github.com/nats-io/nats-server"},
		reason: "the embedded NATS server has one door, with the settings that were measured",
	},
	{
		from: "", except: []string{"services/standalone", "services/platform/bus/bustest"}, forbid: []string{"services/platform/bus/natsserver"},
		reason: "services find NATS by their settings; only standalone and tests bring their own",
	},
	{
		from: "", except: []string{"services/platform/store"}, forbid: []string{"modernc.org/sqlite", "github.com/jackc/pgx"},
		reason: "one package knows the database drivers, so that every service runs on both",
	},
	{
		from: "", except: []string{"services/samtale", "services/standalone"},
		forbid: []string{"services/samtale", "services/standalone"},
		reason: "the programs are at the top: nothing builds on them",
	},
	{
		from: "services", forbid: []string{"media"},
		except: []string{"services/phone", "services/meeting", "services/speech", "services/platform", "services/portal"},
		reason: "sound is handled by phone, meeting and speech; other services see words and states",
	},
	{
		from: "services/portal", forbid: []string{"media"}, allow: []string{"media/pcm", "media/resample"},
		reason: "a spoken question comes as a file and goes to the recogniser as samples; the portal knows nothing of packets",
	},
}

const noService = "services talk over the bus by contract; an import would make them one program that is released together"

// serviceNames are the services; each has its rule above.
var serviceNames = []string{"assistant", "consent", "journal", "meeting", "phone", "speech", "portal"}

// otherServices are the paths of all services but one, and of the two programs.
func otherServices(own string) []string {
	out := []string{"services/samtale", "services/standalone"}
	for _, name := range serviceNames {
		if name != own {
			out = append(out, "services/"+name)
		}
	}
	return out
}
