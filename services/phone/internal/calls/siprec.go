package calls

import (
	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/services/phone/internal/sipua"
)

// isSIPREC reports whether an INVITE comes from a session recording client (RFC 7866).
func isSIPREC(in *sipua.Incoming) bool { return in.Supports("siprec") && !in.Offer().Empty() }

func (s *Service) record(in *sipua.Incoming) {
	s.cfg.Metrics.refuse("siprec")
	in.Reject(sip.StatusNotImplemented, "Not Implemented")
}
