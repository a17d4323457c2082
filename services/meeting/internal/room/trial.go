package room

import (
	"context"
	"time"

	"samtale.dk/samtale/media/sfu"
	"samtale.dk/samtale/services/contract/meetingv1"
)

// trialFor bounds a trial and how long it may use the TURN server.
const trialFor = 30 * time.Second

// try lets a participant's browser measure the way to this node before the meeting, over the sockets that sound and picture will
// take: it sends noise into a room of its own, where nobody hears it. Without SDP it is told the servers to reach that room by.
// One trial a seat: a new one ends the one before.
func (h *Hall) try(ctx context.Context, q meetingv1.MediaRequest) (meetingv1.MediaReply, error) {
	_, me, err := h.seat(ctx, q.Seat, false)
	if err != nil {
		return meetingv1.MediaReply{}, err
	}
	rep := meetingv1.MediaReply{Session: me.ID}
	if q.SDP == "" {
		rep.ICEServers = h.ice(me.ID, trialFor, trialFor)
		return rep, nil
	}
	id := "trial-" + me.ID
	if before := h.SFU.Room(id); before != nil {
		before.Close()
	}
	r, err := h.SFU.Open(id, sfu.RoomConfig{})
	if err != nil {
		return rep, full(err)
	}
	h.After(trialFor, r.Close)
	peer, err := r.Join(sfu.PeerConfig{ID: me.ID})
	if err != nil {
		return rep, full(err)
	}
	rep.SDP, err = peer.Publish(q.SDP)
	return rep, full(err)
}
