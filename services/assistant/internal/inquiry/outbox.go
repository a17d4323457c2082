package inquiry

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"samtale.dk/samtale/workflows/inquiry"
)

// nudge tells the inquiry's workflow to plan anew; it is started when it does not run. One that had ended finds nothing to do
// and ends again.
func nudge(ctx context.Context, w Workflows, id string) error {
	_, err := w.SignalWithStartWorkflow(ctx, inquiry.ID(id), inquiry.Moved, nil, client.StartWorkflowOptions{
		ID: inquiry.ID(id), TaskQueue: inquiry.WorkflowQueue, WorkflowIDReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, inquiry.Inquiry, inquiry.Input{InquiryID: id})
	return err
}
