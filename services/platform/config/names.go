package config

import (
	"slices"
	"strings"
)

// prefix of every setting.
const prefix = "SAMTALE_"

// names are the settings of all services and of the command line, without the prefix: one environment often serves several processes, so
// that a service must know the others' names for not its own.
var names = []string{
	"ANNOUNCEMENTS", "AREAS", "ASK_RATE", "ASR", "ASR_KEY", "ASR_SECOND", "ASR_SECOND_KEY", "ASSISTANT_DB", "CAPTIONS_END",
	"CONSENT_DB", "CONTACT_EMAIL", "CONTACT_NAME", "CONTACT_PHONE", "DATA", "DELIVER", "DESK_CONNECT", "DESK_LOST", "DRAIN",
	"EMBED", "EMBED_ORIGINS", "EMBED_PASSAGE_PREFIX", "EMBED_QUERY_PREFIX", "ENDPOINT_SILENCE", "EXTENSIONS", "HTTP_ADDR",
	"ICE_SECRET", "ICE_SERVERS", "ICE_USER", "INDEX", "JOURNAL_DB", "KEEP_AFTER", "KNOWLEDGE_FOLDER", "KNOWLEDGE_PRIVATE",
	"KNOWLEDGE_STARTER", "LLM", "LOG_LEVEL", "MASTER_KEY", "MEETING_DB", "MEETING_DIALIN", "MEETING_HELP", "MEETING_NUMBERS",
	"MEETING_PUBLIC_IP", "MEETING_RECORDINGS", "MEETING_RECORDING_MB", "MEETING_RECORDING_SPARE_MB", "MEETING_TCP",
	"MEETING_TURN_TCP", "MEETING_TURN_TLS", "MEETING_TURN_TLS_CERT", "MEETING_TURN_TLS_KEY", "MEETING_TURN_UDP",
	"MEETING_TURN_URLS", "MEETING_UDP", "MESSAGE_MAX", "MESSAGE_NUMBERS", "MESSAGE_SILENCE", "NATS_CREDS", "NATS_LISTEN",
	"NATS_URL", "OIDC_CLAIM_AREAS", "OIDC_CLAIM_BEHALF", "OIDC_CLAIM_LEVEL", "OIDC_CLAIM_NAME", "OIDC_CLAIM_PARTY",
	"OIDC_CLAIM_ROLE", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "OIDC_ISSUER", "OIDC_LEVEL", "OIDC_ROLES", "OIDC_ROLE_DEFAULT",
	"OIDC_SCOPES", "OPS_ADDR", "OTLP_URL", "PORTAL_DB", "PUBLIC_URL", "QDRANT_KEY", "QDRANT_TLS", "QUEUE_MAX", "QUEUE_OFFER",
	"RECEIVER_ADDR", "RTP_PORTS", "SENDER_CVR", "SENDER_EMAIL", "SENDER_NAME", "SESSION_IDLE", "SESSION_MAX", "SIPREC_AREA",
	"SIP_ADDR", "SIP_BURST", "SIP_CALLER", "SIP_DIGEST", "SIP_MAX_CALLS", "SIP_PUBLIC_IP", "SIP_RATE", "SIP_REFER",
	"SIP_SESSION_EXPIRES", "SIP_TLS_ADDR", "SIP_TLS_CERT", "SIP_TLS_KEY", "SIP_TRUNK", "SIP_TRUNKS", "SIP_TRUNK_PASSWORD",
	"SIP_TRUNK_USER", "SMTP", "SMTP_PASSWORD", "SMTP_PLAIN", "SMTP_USER", "SPEECH_STREAMS", "TEMPORAL_ADDR", "TEMPORAL_CA",
	"TEMPORAL_CERT", "TEMPORAL_CERT_KEY", "TEMPORAL_LISTEN", "TEMPORAL_NAMESPACE", "TEST_LOGIN", "TEXT_OFFER", "TEXT_PAUSE",
	"TOKEN", "TRUSTED_PROXIES", "TTS", "TTS_KEY", "URL", "WEBHOOK_SECRET", "WEBRTC_PORTS", "WEBRTC_PUBLIC_IP",
}

// forTests are variables that tests and their scripts hand to one another; the processes that they start inherit them.
var forTests = []string{
	"E2E_NATS_DIR", "E2E_NATS_PORT", "RECORD_TEMPORAL", "SCREENSHOTS", "SHOTS", "TEST_OLLAMA", "TEST_PHONE", "TEST_POSTGRES",
	"TEST_QDRANT", "TEST_QDRANT_KEY", "TEST_STANDALONE", "TEST_TEMPORAL",
}

// Unknown is a variable that looks like a setting and is none.
type Unknown struct{ Name, Nearest string }

// UnknownNames lists the variables of environ that nobody reads: most likely misspelt, and then what they should set is not set. Their
// values are not looked at.
func UnknownNames(environ []string) []Unknown {
	var out []Unknown
	for _, kv := range environ {
		name, _, _ := strings.Cut(kv, "=")
		rest, ours := strings.CutPrefix(name, prefix)
		short, file := strings.CutSuffix(rest, "_FILE")
		if !ours || slices.Contains(names, short) || slices.Contains(forTests, rest) {
			continue
		}
		u := Unknown{Name: name, Nearest: prefix + nearest(short)}
		if file {
			u.Nearest += "_FILE"
		}
		if !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out
}

func nearest(name string) string {
	return slices.MinFunc(names, func(a, b string) int { return distance(name, a) - distance(name, b) })
}

// distance is how many letters must be put in, left out or changed to make one name of another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
