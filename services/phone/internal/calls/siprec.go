package calls

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/emiago/sipgo/sip"

	"samtale.dk/samtale/media/rtpx"
	"samtale.dk/samtale/services/contract/callv1"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/phone/internal/siprec"
	"samtale.dk/samtale/services/phone/internal/sipua"
)

// isSIPREC reports whether an INVITE comes from a session recording client (RFC
// 7866): it requires siprec, or at least carries the metadata.
func isSIPREC(in *sipua.Incoming) bool {
	return in.Supports("siprec") || strings.HasPrefix(strings.ToLower(in.Offer().Type), "multipart/") &&
		strings.Contains(string(in.Offer().Data), "rs-metadata")
}

// Posts about a recording.
type (
	streamOpen struct {
		label string
		who   siprec.Participant
		known bool
		ear   *ear
	}
	streamActive struct {
		label string
		on    bool
	}
	streamClosed struct{ label string }
	described    struct{ meta *siprec.Metadata }
)

// recorded is a call that we only listen to.
type recorded struct {
	session *siprec.Session

	mu   sync.Mutex
	meta *siprec.Metadata

	legs map[string]*recordedLeg // by label; belongs to the call's goroutine
}

type recordedLeg struct {
	ear *ear
	rec *recorder
	off bool
}

// record answers a recording client and starts the call.
func (s *Service) record(in *sipua.Incoming) {
	if !s.cfg.Areas.await(s.ctx) {
		s.cfg.Metrics.refuse("no-areas")
		in.Reject(sip.StatusServiceUnavailable, "Service Unavailable", sip.NewHeader("Retry-After", "5"))
		return
	}
	area, ok := s.cfg.Areas.ID(s.cfg.RecordArea)
	if !ok {
		s.cfg.Metrics.refuse("siprec-area")
		s.cfg.Log.Error("the service area for recordings does not exist", "area", s.cfg.RecordArea)
		in.Reject(sip.StatusServiceUnavailable, "Service Unavailable")
		return
	}
	c := s.newCall(callv1.ChannelSIPREC, area)
	c.sipCallID = in.Dialog().CallID()
	c.recorded = &recorded{legs: map[string]*recordedLeg{}}
	c.recorded.session = siprec.New(s.cfg.Line, c.recordEvents())
	if err := in.Progress(sip.StatusRinging, "Ringing", sipua.Body{}, sipua.ConversationHeader(c.id)); err != nil {
		s.failed(in, err)
		return
	}
	if err := c.recorded.session.Accept(in, c.id); err != nil {
		s.failed(in, err)
		return
	}
	c.describe(c.recorded.metadata())
	s.start(c, recording)
}

func (r *recorded) metadata() *siprec.Metadata {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.meta
}

func (c *Call) recordEvents() siprec.Events {
	return siprec.Events{
		Open: func(label string, m *siprec.Metadata) siprec.Hooks {
			e := &ear{}
			who, known := m.Speaker(label)
			c.post(streamOpen{label, who, known, e})
			return siprec.Hooks{
				Frame: func(f rtpx.Frame) { e.frame(f) },
				Gap:   func(g rtpx.Gap) { e.gap(g) },
			}
		},
		Active: func(label string, on bool) { c.post(streamActive{label, on}) },
		Closed: func(label string) { c.post(streamClosed{label}) },
		Metadata: func(m *siprec.Metadata) {
			c.recorded.mu.Lock()
			c.recorded.meta = m
			c.recorded.mu.Unlock()
			c.post(described{m})
		},
		Ended: func(reason string) { c.hangUp(endReason(reason)) },
	}
}

// describe learns from metadata whose call it is.
func (c *Call) describe(m *siprec.Metadata) {
	if m == nil {
		return
	}
	for _, p := range m.Participants {
		user := p.User()
		if cw, ok := c.s.cfg.Users[user]; ok {
			c.caseworker, c.extension = cw, user
			continue
		}
		if c.party.URI == "" {
			c.party = callv1.Party{Number: user, Name: p.Name, URI: p.AOR}
		}
	}
}

// role of a speaker: a known extension is a caseworker, any other address the
// citizen; without metadata nothing is guessed.
func (c *Call) role(p siprec.Participant, known bool) (role, user string) {
	if !known {
		return callv1.RoleOther, ""
	}
	if cw, ok := c.s.cfg.Users[p.User()]; ok {
		return callv1.RoleCaseworker, cw
	}
	return callv1.RoleCitizen, ""
}

// recording is the only phase of a recorded call.
func recording(c *Call) phase {
	c.answered = time.Now().UTC()
	if c.area.AllowTranscript {
		c.choose(true, consentv1.HowArea, c.area.ID)
	}
	c.set(callv1.StateTalking, "")
	c.wait(nil, 0, c.whileRecording)
	return nil
}

func (c *Call) whileRecording(v any) verdict {
	r := c.recorded
	switch v := v.(type) {
	case streamOpen:
		r.legs[v.label] = &recordedLeg{ear: v.ear}
		if c.area.AllowTranscript {
			role, user := c.role(v.who, v.known)
			r.legs[v.label].rec = c.recording(role, user)
			c.maskRecorded()
		}
		v.ear.route.Store(&route{rec: r.legs[v.label].rec})
		c.tell("stream")
	case streamActive:
		c.active(r.legs[v.label], v.on)
	case streamClosed:
		if l := r.legs[v.label]; l != nil {
			l.ear.route.Store(nil)
			if l.rec != nil {
				l.rec.finish()
			}
			delete(r.legs, v.label)
		}
	case described:
		c.describe(v.meta)
		c.tell("metadata")
	case chosen:
		if c.heed(v) {
			c.maskRecorded()
			c.tell("choice")
		}
	case control:
		return c.actRecorded(v)
	default:
		return pass
	}
	return done
}

// active pauses a leg or goes on with it; the call is held while all are paused.
func (c *Call) active(l *recordedLeg, on bool) {
	if l == nil || l.off == !on {
		return
	}
	l.off = !on
	if l.rec != nil {
		l.rec.hold(!on)
	}
	held := true
	for _, l := range c.recorded.legs {
		held = held && l.off
	}
	c.held = held
	c.set(c.talkState(), "recorder")
}

// actRecorded is what a caseworker can do with a call on a desk telephone: pause
// the transcription, and take the consent back.
func (c *Call) actRecorded(v control) verdict {
	if v.req.Caseworker != c.caseworker || c.caseworker == "" {
		v.reply <- errNotYours()
		return done
	}
	switch v.req.Action {
	case callv1.ActionPause, callv1.ActionContinue:
		c.paused = v.req.Action == callv1.ActionPause
		c.maskRecorded()
	case callv1.ActionTranscribe:
		if err := c.noteChoice(v.req.Value); err != nil {
			v.reply <- err
			return done
		}
		c.maskRecorded()
	default:
		return pass
	}
	v.reply <- nil
	c.tell(v.req.Action)
	return done
}

// maskRecorded masks all legs while a person paused or the consent is withdrawn.
func (c *Call) maskRecorded() {
	off := c.paused || c.transcribe != nil && !*c.transcribe
	for _, l := range c.recorded.legs {
		if l.rec != nil {
			l.rec.mask(off)
		}
	}
}

// closeRecorded ends the session and its legs.
func (c *Call) closeRecorded() {
	if c.recorded == nil {
		return
	}
	for _, l := range c.recorded.legs {
		l.ear.route.Store(nil)
	}
	for _, st := range c.recorded.session.Stats() {
		c.s.cfg.Metrics.media(st)
	}
	if err := c.recorded.session.HangUp(context.Background()); err != nil {
		c.log.Debug("hang up", "err", err)
	}
}
