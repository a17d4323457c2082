package inquiry

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"samtale.dk/samtale/services/assistant/internal/inquiry/hours"
	"samtale.dk/samtale/services/assistant/internal/inquiry/store"
	"samtale.dk/samtale/services/contract/consentv1"
	"samtale.dk/samtale/services/contract/inquiryv1"
	"samtale.dk/samtale/workflows/inquiry"
)

func TestPlan(t *testing.T) {
	always := area{Area: consentv1.Area{ID: "a", ClaimWithin: 10 * time.Minute}}
	var err error
	always.Calendar, err = hours.New(always.Area)
	if err != nil {
		t.Fatal(err)
	}
	at := func(min int) time.Time { return monday.Add(time.Duration(min) * time.Minute) }
	const day = 24 * 60
	claimed := store.Inquiry{State: inquiryv1.Claimed, Channel: inquiryv1.Chat, CreatedAt: at(0), CitizenAt: at(0), ClaimedAt: at(5)}
	with := func(f func(i *store.Inquiry)) store.Inquiry {
		i := claimed
		f(&i)
		return i
	}
	for name, tt := range map[string]struct {
		i    store.Inquiry
		step inquiry.Step
		at   int
	}{
		"waits":            {store.Inquiry{State: inquiryv1.Waiting, ClaimBy: at(10)}, inquiry.Escalate, 10},
		"escalated":        {store.Inquiry{State: inquiryv1.Waiting, ClaimBy: at(10), EscalatedAt: at(10)}, inquiry.Remind, 40},
		"reminded":         {store.Inquiry{State: inquiryv1.Waiting, EscalatedAt: at(10), RemindedAt: at(40)}, inquiry.Remind, 70},
		"claimed, silent":  {claimed, inquiry.Remind, 15},
		"silent for long":  {with(func(i *store.Inquiry) { i.RemindedAt = at(15) }), inquiry.Return, 45},
		"an old reminder":  {with(func(i *store.Inquiry) { i.RemindedAt = at(3) }), inquiry.Remind, 15},
		"citizen's turn":   {with(func(i *store.Inquiry) { i.WorkerWroteAt = at(7) }), inquiry.Quiet, 37},
		"citizen asks":     {with(func(i *store.Inquiry) { i.WorkerWroteAt, i.CitizenWroteAt = at(7), at(8) }), inquiry.Remind, 18},
		"citizen reads":    {with(func(i *store.Inquiry) { i.WorkerWroteAt, i.CitizenAt = at(7), at(20) }), inquiry.Quiet, 50},
		"citizen is gone":  {with(func(i *store.Inquiry) { i.WorkerWroteAt, i.QuietAt = at(7), at(37) }), inquiry.Close, 7 + 3*day},
		"page left open":   {with(func(i *store.Inquiry) { i.WorkerWroteAt, i.CitizenAt = at(7), at(3*day) }), inquiry.Close, 7 + 3*day},
		"call-back":        {with(func(i *store.Inquiry) { i.Channel = inquiryv1.CallBack }), inquiry.Remind, 5 + 240},
		"call-back made":   {with(func(i *store.Inquiry) { i.Channel, i.CalledAt = inquiryv1.CallBack, at(30) }), inquiry.Close, 30 + 3*day},
		"video":            {with(func(i *store.Inquiry) { i.Channel = inquiryv1.Video }), inquiry.Remind, 15},
		"video has a link": {with(func(i *store.Inquiry) { i.Channel, i.Video = inquiryv1.Video, []byte{1} }), inquiry.Close, 5 + 3*day},
		"ended":            {store.Inquiry{State: inquiryv1.Ended, ToldAt: at(5), EndedAt: at(9)}, inquiry.Expire, 9 + 30*day},
		"ended, unknown":   {store.Inquiry{State: inquiryv1.Ended, EndedAt: at(9), EraseAt: at(69)}, inquiry.Erase, 69},
		"erased":           {store.Inquiry{State: inquiryv1.Ended, EndedAt: at(9), EraseAt: at(69), ErasedAt: at(69)}, inquiry.Expire, 9 + 30*day},
		"expired":          {store.Inquiry{State: inquiryv1.Withdrawn, EndedAt: at(9), ExpiredAt: at(10)}, inquiry.Nothing, 0},
	} {
		t.Run(name, func(t *testing.T) {
			want := inquiry.PlanResult{Step: tt.step}
			if tt.step != inquiry.Nothing {
				want.At = at(tt.at)
			}
			if diff := cmp.Diff(want, plan(tt.i, always)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExpect(t *testing.T) {
	minutes := func(n ...int) (out []time.Duration) {
		for _, m := range n {
			out = append(out, time.Duration(m)*time.Minute)
		}
		return out
	}
	for name, tt := range map[string]struct {
		pace  store.Pace
		ahead int
		want  int
	}{
		"nothing known":            {store.Pace{}, 0, 4},
		"two before":               {store.Pace{}, 2, 20},
		"two before, four at work": {store.Pace{Active: 4}, 2, 5},
		"the median counts":        {store.Pace{Handled: minutes(1, 300, 10), Active: 1}, 1, 15},
		"never less than a person": {store.Pace{Handled: minutes(0, 0, 0), Active: 9}, 0, 2},
		"never a fantasy":          {store.Pace{Handled: minutes(500), Active: 1}, 100, 120},
	} {
		t.Run(name, func(t *testing.T) {
			if got := expect(tt.pace, tt.ahead); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestMetrics(t *testing.T) {
	w := newWorld(t)
	i := w.opened(inquiryv1.Chat)
	w.opened(inquiryv1.CallBack)
	w.tend(i, inquiry.Escalate)
	var families []*dto.MetricFamily
	w.eventually("a scrape that finds the database at rest", func() (ok bool) {
		w.clock.set(i.CreatedAt.Add(11 * time.Minute))
		var err error
		families, err = w.Metrics.(prometheus.Gatherer).Gather()
		return err == nil
	})
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if len(m.GetLabel()) > 0 {
				got[f.GetName()+" "+m.GetLabel()[0].GetValue()] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	want := map[string]float64{
		"samtale_inquiry_waiting a": 2, "samtale_inquiry_oldest_waiting_seconds a": 660, "samtale_inquiry_tended_total escalate": 1,
		"samtale_inquiry_opened_total chat": 1, "samtale_inquiry_opened_total callback": 1,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The workflow and the service together: what the plan says happens at its time, and ends.
func TestWorkflow(t *testing.T) {
	w := newWorld(t)
	var s testsuite.WorkflowTestSuite
	env := s.NewTestWorkflowEnvironment()
	env.SetStartTime(monday)
	env.SetWorkflowRunTimeout(0)
	env.SetTestTimeout(slowMachine) // of an activity
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: slowMachine})
	env.RegisterActivity(w.Activities())
	w.clock.follow(env.Now)
	i := w.opened(inquiryv1.Chat)
	at := func(d time.Duration, f func()) {
		env.RegisterDelayedCallback(func() {
			f()
			env.SignalWorkflow(inquiry.Moved, nil) // as the outbox does
		}, d)
	}
	at(15*time.Minute, func() { ask[inquiryv1.Inquiry](w, inquiryv1.ClaimSubject, inquiryv1.Ref{ID: i.ID, Actor: pia}) })
	at(16*time.Minute, func() { w.says(i, pia, "Hvad kan jeg hjælpe med?") })
	env.ExecuteWorkflow(inquiry.Inquiry, inquiry.Input{InquiryID: i.ID})
	if err := env.GetWorkflowError(); err != nil || !env.IsWorkflowCompleted() {
		t.Fatalf("did not end well: %v", err)
	}
	w.saw(i.ID, "ended")
	got, _ := w.changes.of(i.ID)
	if diff := cmp.Diff([]string{"opened", "escalated", "claimed", "message", "message", "ended"}, got); diff != "" {
		t.Error(diff)
	}
	row, err := w.store.Read().Inquiry(context.Background(), i.ID)
	if err != nil {
		t.Fatal(err)
	}
	late := row.EndedAt.Sub(row.WorkerWroteAt) - closeAfter // the environment's clock goes on while activities are at work
	if row.ReceiptHash != "" || row.ExpiredAt.Sub(row.EndedAt) < receiptKept || late < 0 || late > slowMachine {
		t.Errorf("%+v", row)
	}
}
