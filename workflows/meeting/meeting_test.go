package meeting

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
)

// book is the meeting service as the workflow sees it: a plan that the test changes, and what was asked for.
type book struct {
	now    func() time.Time
	plan   PlanResult
	settle string // state that a settlement gives
	holds  int    // how often a legal hold forbids the deletion of a recording
	did    []string
}

func (b *book) Plan(context.Context, PlanInput) (PlanResult, error) { return b.plan, nil }

func (b *book) Notify(_ context.Context, in NotifyInput) (NotifyResult, error) {
	b.did = append(b.did, in.Kind+" "+b.now().Format("02 15:04"))
	return NotifyResult{}, nil
}

func (b *book) Settle(context.Context, SettleInput) (PlanResult, error) {
	b.plan.State = b.settle
	return b.plan, nil
}

func (b *book) Forget(context.Context, ForgetInput) (ForgetResult, error) {
	b.did = append(b.did, "forget "+b.now().Format("02 15:04"))
	return ForgetResult{}, nil
}

func (b *book) DeleteRecording(context.Context, DeleteRecordingInput) (DeleteRecordingResult, error) {
	b.did = append(b.did, "delete "+b.now().Format("02 15:04"))
	b.holds--
	return DeleteRecordingResult{Held: b.holds >= 0}, nil
}

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

func run(t *testing.T, b *book, changes map[time.Duration]func()) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	const patience = 2 * time.Minute // of real time: the machine may be busy
	env.SetTestTimeout(patience)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: patience})
	env.SetStartTime(noon)
	b.now = env.Now
	env.RegisterActivity(b)
	for after, change := range changes {
		env.RegisterDelayedCallback(func() {
			change()
			env.SignalWorkflow(Changed, nil)
		}, after)
	}
	env.ExecuteWorkflow(Meeting, Input{MeetingID: "m"})
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
}

func booked(in time.Duration) PlanResult {
	return PlanResult{State: "booked", StartsAt: noon.Add(in), SettleAt: noon.Add(in + 20*time.Minute), ForgetAt: noon.Add(in + 24*time.Hour)}
}

func TestRemindersAndNobodyComes(t *testing.T) {
	b := &book{plan: booked(48 * time.Hour), settle: "noshow"}
	run(t, b, nil)
	want := []string{"invitation 01 12:00", "reminder 02 12:00", "reminder 03 11:00", "noshow 03 12:20", "forget 04 12:00"}
	if diff := cmp.Diff(want, b.did); diff != "" {
		t.Error(diff)
	}
}

func TestMovedMeetingIsToldAndRemindedAnew(t *testing.T) {
	b := &book{plan: booked(2 * time.Hour), settle: "ended"}
	run(t, b, map[time.Duration]func(){
		90 * time.Minute: func() { b.plan = booked(30 * time.Hour); b.plan.Sequence = 1 },
	})
	want := []string{"invitation 01 12:00", "reminder 01 13:00", "change 01 13:30", "reminder 01 18:00", "reminder 02 17:00", "forget 03 18:00"}
	if diff := cmp.Diff(want, b.did); diff != "" {
		t.Error(diff)
	}
}

func TestCancelledMeeting(t *testing.T) {
	b := &book{plan: booked(48 * time.Hour)}
	run(t, b, map[time.Duration]func(){time.Hour: func() { b.plan.State = "cancelled" }})
	if len(b.did) != 3 || b.did[1] != "cancellation 01 13:00" || b.did[2][:6] != "forget" {
		t.Errorf("did %v", b.did)
	}
}

// A meeting whose room was opened early and that is called off is told as any other; what was held of it is the journal's to delete.
func TestMeetingOpenedEarlyIsCalledOff(t *testing.T) {
	b := &book{plan: booked(10 * time.Minute)}
	run(t, b, map[time.Duration]func(){
		time.Minute:     func() { b.plan.State, b.plan.Held = "live", true },
		2 * time.Minute: func() { b.plan.State, b.plan.Sequence = "cancelled", 1 },
	})
	if !slices.Equal(b.did, []string{"invitation 01 12:00", "cancellation 01 12:02"}) {
		t.Errorf("did %v", b.did)
	}
}

func TestHeldMeetingIsLeftToTheJournal(t *testing.T) {
	b := &book{plan: booked(0), settle: "ended"}
	run(t, b, map[time.Duration]func(){
		time.Minute:      func() { b.plan.State, b.plan.Held = "live", true },
		30 * time.Minute: func() { b.plan.State = "ended" },
	})
	if slices.ContainsFunc(b.did, func(s string) bool { return s[:6] == "forget" || s[:6] == "noshow" }) {
		t.Errorf("did %v", b.did)
	}
}

func TestCitizenWhoMissedAHeldMeetingIsToldOnce(t *testing.T) {
	b := &book{plan: booked(0)}
	run(t, b, map[time.Duration]func(){
		time.Minute:      func() { b.plan.State, b.plan.Held = "live", true },
		12 * time.Minute: func() { b.plan.State = "noshow" },
	})
	if diff := cmp.Diff([]string{"invitation 01 12:00", "noshow 01 12:12"}, b.did); diff != "" {
		t.Error(diff)
	}
}

func TestRecordingIsDeletedInItsTime(t *testing.T) {
	b := &book{plan: booked(0), settle: "ended", holds: 1}
	b.plan.RecordingUntil = noon.Add(72 * time.Hour)
	run(t, b, map[time.Duration]func(){
		time.Minute:      func() { b.plan.State, b.plan.Held = "live", true },
		30 * time.Minute: func() { b.plan.State = "ended" },
	})
	if diff := cmp.Diff([]string{"invitation 01 12:00", "delete 04 12:00", "delete 05 12:00"}, b.did); diff != "" {
		t.Error(diff)
	}
}

func TestMeetingLeftOpenIsSettled(t *testing.T) {
	b := &book{plan: booked(0), settle: "ended"}
	b.plan.State, b.plan.Held = "live", true
	run(t, b, nil)
	if b.plan.State != "ended" || len(b.did) != 0 {
		t.Errorf("state %s, did %v", b.plan.State, b.did)
	}
}
