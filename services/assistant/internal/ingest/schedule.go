package ingest

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/services/assistant/internal/knowledge"
	"samtale.dk/samtale/workflows/ingest"
	"samtale.dk/samtale/workflows/phonecall"
)

const (
	planEvery = time.Minute // without having been told of a change: another assistant may have saved a source
	planAgain = 5 * time.Second
	// catchUp is how long after its time a run that was missed is still made up for.
	catchUp = 12 * time.Hour
)

// Schedule keeps the schedules as the sources say, until ctx ends.
func (g *Ingest) Schedule(ctx context.Context, c client.Client) error {
	replanned := false
	for {
		wait := planEvery
		err := error(nil)
		if !replanned {
			err = g.Library.Replan(ctx)
			replanned = err == nil
		}
		if err = errors.Join(err, g.plan(ctx, c)); err != nil && ctx.Err() == nil {
			g.Log.Warn("schedules wait", "err", err)
			wait = planAgain
		}
		select {
		case <-ctx.Done():
			return nil
		case <-g.Library.Plan():
		case <-time.After(wait):
		}
	}
}

// plan brings the schedules that are not known to be right to what their sources say.
func (g *Ingest) plan(ctx context.Context, c client.Client) error {
	all, err := g.Library.Unplanned(ctx)
	if err != nil {
		return err
	}
	for _, p := range all {
		next, planErr := g.planOne(ctx, c, p)
		if planErr == nil {
			planErr = g.Library.SetPlanned(ctx, p, next)
		}
		if planErr != nil { // the others have theirs all the same
			err = errors.Join(err, fmt.Errorf("schedule of %s: %w", p.ID, planErr))
		}
	}
	return err
}

func (g *Ingest) planOne(ctx context.Context, c client.Client, p knowledge.Planned) (next time.Time, err error) {
	if !knowledge.Fetched(p.Kind) {
		return time.Time{}, nil
	}
	h := c.ScheduleClient().GetHandle(ctx, ingest.ID(p.ID))
	var absent *serviceerror.NotFound
	if p.Removed {
		if err := h.Delete(ctx); err != nil && !errors.As(err, &absent) {
			return time.Time{}, err
		}
		return time.Time{}, nil
	}
	err = h.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		s := schedule(p)
		return &client.ScheduleUpdate{Schedule: &s}, nil
	}})
	if errors.As(err, &absent) {
		h, err = create(ctx, c, p)
	}
	if err != nil {
		return time.Time{}, err
	}
	if p.Wanted {
		err := h.Trigger(ctx, client.ScheduleTriggerOptions{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE})
		if err != nil {
			return time.Time{}, err
		}
	}
	d, err := h.Describe(ctx)
	if err != nil || len(d.Info.NextActionTimes) == 0 {
		return time.Time{}, err
	}
	return d.Info.NextActionTimes[0], nil
}

// schedule is that of a source.
func schedule(p knowledge.Planned) client.Schedule {
	s := client.Schedule{
		Action: &client.ScheduleWorkflowAction{
			ID: ingest.ID(p.ID), Workflow: ingest.Ingest, Args: []any{ingest.Input{SourceID: p.ID}}, TaskQueue: phonecall.WorkflowQueue,
		},
		Spec:   &client.ScheduleSpec{},
		Policy: &client.SchedulePolicies{Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, CatchupWindow: catchUp},
		State:  &client.ScheduleState{Paused: p.Paused},
	}
	if p.Every > 0 {
		s.Spec.Intervals = []client.ScheduleIntervalSpec{{Every: p.Every, Offset: offset(p.ID, p.Every)}}
	}
	return s
}

func create(ctx context.Context, c client.Client, p knowledge.Planned) (client.ScheduleHandle, error) {
	s := schedule(p)
	return c.ScheduleClient().Create(ctx, client.ScheduleOptions{
		ID: ingest.ID(p.ID), Spec: *s.Spec, Action: s.Action, Overlap: s.Policy.Overlap, CatchupWindow: s.Policy.CatchupWindow, Paused: s.State.Paused,
	})
}

// offset spreads the sources, so that they do not all begin on the hour. Daily ones, and rarer, begin between one and five in the
// night (UTC): the official services ask for nights.
func offset(id string, every time.Duration) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(id))
	n := time.Duration(h.Sum32()) * time.Millisecond
	if every >= 24*time.Hour {
		return time.Hour + n%(4*time.Hour)
	}
	return n % every
}
