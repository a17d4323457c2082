package federation

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/a2aproject/a2a-go/v2/a2a"
	"github.com/a2aproject/a2a-go/v2/a2asrv"

	"samtale.dk/samtale/models/danish"
	"samtale.dk/samtale/services/contract/assistantv1"
	"samtale.dk/samtale/services/contract/knowledgev1"
	"samtale.dk/samtale/services/platform/errs"
)

// A2A serves the JSON-RPC binding. A message is answered at once by a task that has ended, or that waits for input.
func (s *Server) A2A(w http.ResponseWriter, r *http.Request, allow Allow) {
	w.Header().Set("Cache-Control", "no-store")
	a2asrv.NewJSONRPCHandler(&agent{s, allow}).ServeHTTP(w, r)
}

// agent is the Server for one request; it implements a2asrv.RequestHandler.
type agent struct {
	*Server
	allow Allow
}

// SendMessage implements a2asrv.RequestHandler.
func (g *agent) SendMessage(ctx context.Context, req *a2a.SendMessageRequest) (a2a.SendMessageResult, error) {
	m := req.Message
	if m == nil || m.Role != a2a.MessageRoleUser || len(m.ID) > maxID || len(m.ContextID) > maxID {
		return nil, a2a.NewError(a2a.ErrInvalidParams, "a message of role ROLE_USER with short ids is needed")
	}
	q, err := read(m.Parts)
	if err != nil {
		return nil, failed(err)
	}
	task := &a2a.Task{ID: a2a.NewTaskID(), ContextID: m.ContextID}
	if task.ContextID == "" {
		task.ContextID = a2a.NewContextID()
	}
	if m.TaskID != "" {
		h, ok := g.waiting.take(m.TaskID)
		if !ok {
			return nil, a2a.NewError(a2a.ErrTaskNotFound, "the task has ended, or has waited for longer than 10 minutes; ask again without a task")
		}
		task.ID, task.ContextID = m.TaskID, h.context
		q = h.completed(q)
	}
	ans, err := g.ask(ctx, q, g.allow)
	if err != nil {
		return nil, failed(err)
	}
	return g.tell(task, q, ans), nil
}

// maxID bounds the ids that other agents choose: ours have 36 characters.
const maxID = 128

// failed is an error as A2A tells it.
func failed(err error) error {
	var known *a2a.Error
	switch {
	case errors.As(err, &known):
		return err
	case errors.Is(err, errs.Invalid):
		return a2a.NewError(a2a.ErrInvalidParams, explain(err))
	}
	return a2a.NewError(a2a.ErrServerError, explain(err))
}

// read takes the question out of a message: text, or data with the fields of Question.
func read(parts a2a.ContentParts) (Question, error) {
	var q Question
	var said []string
	for _, p := range parts {
		switch {
		case p == nil:
		case p.Data() != nil:
			raw, err := json.Marshal(p.Data())
			if err != nil {
				return q, refuse("the data cannot be read")
			}
			dec := json.NewDecoder(strings.NewReader(string(raw)))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&q); err != nil {
				return q, refuse("data may have the fields question, municipality, date and language, all of them text")
			}
		case p.Text() != "":
			said = append(said, p.Text())
		default:
			return q, a2a.NewError(a2a.ErrUnsupportedContentType, "only text and data are understood")
		}
	}
	if len(said) > 0 {
		q.Question = strings.Join(append(said, q.Question), " ")
	}
	q.Question = strings.TrimSpace(q.Question)
	return q, nil
}

// tell makes the task of an answer.
func (g *agent) tell(task *a2a.Task, q Question, ans assistantv1.Answer) *a2a.Task {
	now := g.Now().UTC()
	task.Status = a2a.TaskStatus{State: a2a.TaskStateCompleted, Timestamp: &now}
	data := a2a.NewDataPart(ans)
	data.MediaType = "application/json"
	parts := []*a2a.Part{a2a.NewTextPart(plain(ans)), data}
	switch ans.Reason {
	case assistantv1.ReasonMunicipality, assistantv1.ReasonDate:
		task.Status.State = a2a.TaskStateInputRequired
		q.Question = ans.Question // masked
		g.waiting.put(task.ID, held{question: q, context: task.ContextID, reason: ans.Reason, options: ans.Options})
	case assistantv1.ReasonOwnCase:
		task.Status.State = a2a.TaskStateAuthRequired
	case assistantv1.ReasonEmpty, assistantv1.ReasonTooLong, assistantv1.ReasonLanguage:
		task.Status.State = a2a.TaskStateRejected
	default:
		task.Artifacts = []*a2a.Artifact{{ID: a2a.NewArtifactID(), Name: "answer", Parts: parts}}
		return task
	}
	task.Status.Message = a2a.NewMessageForTask(a2a.MessageRoleAgent, task, parts...)
	return task
}

// held is a question that waits for what it lacks.
type held struct {
	question Question
	context  string
	reason   string
	options  []assistantv1.Option
	until    time.Time
}

// completed fills in what was answered: data, a code or date, or a name of a municipality or option. What is not understood
// changes nothing, so that the same is asked for again.
func (h held) completed(said Question) Question {
	q := h.question
	if said.Municipality != "" {
		q.Municipality = said.Municipality
	}
	if said.Date != "" {
		q.Date = said.Date
	}
	text := said.Question
	value := ""
	if i := slices.IndexFunc(h.options, func(o assistantv1.Option) bool { return strings.EqualFold(o.Label, text) || o.Value == text }); i >= 0 {
		value = h.options[i].Value
	}
	switch h.reason {
	case assistantv1.ReasonMunicipality:
		if m, ok := danish.MunicipalityIn(text + " Kommune"); ok && value == "" {
			value = m.Code
		}
		if _, ok := danish.MunicipalityName(text); ok {
			value = text
		}
		if value != "" {
			q.Municipality = value
		}
	case assistantv1.ReasonDate:
		if _, err := time.Parse(knowledgev1.DateLayout, text); err == nil {
			value = text
		}
		if value != "" {
			q.Date = value
		}
	}
	return q
}

// waiting holds tasks that wait for input. It is bounded, so that askers who never come back cost little: the oldest go first.
type waiting struct {
	now   func() time.Time
	mu    sync.Mutex
	tasks map[a2a.TaskID]held
	order []a2a.TaskID // oldest first; those taken stay until they would have ended
}

const (
	waitFor    = 10 * time.Minute
	maxWaiting = 1000
)

func (w *waiting) put(id a2a.TaskID, h held) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.order) > 0 && (len(w.order) >= maxWaiting || w.tasks[w.order[0]].until.Before(w.now())) {
		delete(w.tasks, w.order[0])
		w.order = w.order[1:]
	}
	h.until = w.now().Add(waitFor)
	w.tasks[id] = h
	w.order = append(w.order, id)
}

// take removes and gives a task.
func (w *waiting) take(id a2a.TaskID) (held, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, ok := w.tasks[id]
	delete(w.tasks, id)
	w.order = slices.DeleteFunc(w.order, func(o a2a.TaskID) bool { return o == id })
	return h, ok && w.now().Before(h.until)
}

// CancelTask implements a2asrv.RequestHandler: a task that waits can be given up.
func (g *agent) CancelTask(_ context.Context, req *a2a.CancelTaskRequest) (*a2a.Task, error) {
	h, ok := g.waiting.take(req.ID)
	if !ok {
		return nil, a2a.ErrTaskNotFound
	}
	now := g.Now().UTC()
	return &a2a.Task{ID: req.ID, ContextID: h.context, Status: a2a.TaskStatus{State: a2a.TaskStateCanceled, Timestamp: &now}}, nil
}

// What the card does not offer: tasks are not kept, streamed or pushed.

// GetTask implements a2asrv.RequestHandler.
func (g *agent) GetTask(context.Context, *a2a.GetTaskRequest) (*a2a.Task, error) {
	return nil, a2a.ErrTaskNotFound
}

// ListTasks implements a2asrv.RequestHandler.
func (g *agent) ListTasks(context.Context, *a2a.ListTasksRequest) (*a2a.ListTasksResponse, error) {
	return nil, a2a.ErrUnsupportedOperation
}

// SubscribeToTask implements a2asrv.RequestHandler.
func (g *agent) SubscribeToTask(context.Context, *a2a.SubscribeToTaskRequest) iter.Seq2[a2a.Event, error] {
	return unsupported
}

// SendStreamingMessage implements a2asrv.RequestHandler.
func (g *agent) SendStreamingMessage(context.Context, *a2a.SendMessageRequest) iter.Seq2[a2a.Event, error] {
	return unsupported
}

func unsupported(yield func(a2a.Event, error) bool) { yield(nil, a2a.ErrUnsupportedOperation) }

// GetTaskPushConfig implements a2asrv.RequestHandler.
func (g *agent) GetTaskPushConfig(context.Context, *a2a.GetTaskPushConfigRequest) (*a2a.PushConfig, error) {
	return nil, a2a.ErrPushNotificationNotSupported
}

// ListTaskPushConfigs implements a2asrv.RequestHandler.
func (g *agent) ListTaskPushConfigs(context.Context, *a2a.ListTaskPushConfigRequest) (*a2a.ListTaskPushConfigResponse, error) {
	return nil, a2a.ErrPushNotificationNotSupported
}

// CreateTaskPushConfig implements a2asrv.RequestHandler.
func (g *agent) CreateTaskPushConfig(context.Context, *a2a.PushConfig) (*a2a.PushConfig, error) {
	return nil, a2a.ErrPushNotificationNotSupported
}

// DeleteTaskPushConfig implements a2asrv.RequestHandler.
func (g *agent) DeleteTaskPushConfig(context.Context, *a2a.DeleteTaskPushConfigRequest) error {
	return a2a.ErrPushNotificationNotSupported
}

// GetExtendedAgentCard implements a2asrv.RequestHandler.
func (g *agent) GetExtendedAgentCard(context.Context, *a2a.GetExtendedAgentCardRequest) (*a2a.AgentCard, error) {
	return nil, a2a.ErrExtendedCardNotConfigured
}
