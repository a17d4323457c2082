package deliver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"samtale.dk/samtale/services/contract/deliveryv1"
	"samtale.dk/samtale/services/contract/journalv1"
)

// Webhook posts a note as deliveryv1 says. Only a receipt is a success: a status of
// 2xx without one, or any other status, is a failed attempt.
type Webhook struct {
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

const (
	webhookTimeout = 20 * time.Second
	maxAnswer      = 64 << 10 // bytes; a receipt is one line
	maxReceipt     = 200      // characters of its id and system
)

// NewWebhook returns an adapter for an address.
func NewWebhook(url string, secret []byte) *Webhook {
	return &Webhook{url: url, secret: secret, now: time.Now, client: &http.Client{
		Timeout: webhookTimeout,
		// A redirected POST would arrive without its body, or elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Name implements Adapter.
func (w *Webhook) Name() string { return "webhook" }

// Deliver implements Adapter.
func (w *Webhook) Deliver(ctx context.Context, n deliveryv1.Note) (journalv1.Receipt, error) {
	req, err := w.request(ctx, n)
	if err != nil {
		return journalv1.Receipt{}, &Problem{"Notatet kunne ikke sendes.", err}
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return journalv1.Receipt{}, &Problem{"Modtageren svarer ikke.", err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return journalv1.Receipt{}, &Problem{"Modtagerens svar blev afbrudt.", err}
	}
	if !accepted(resp.StatusCode) {
		return journalv1.Receipt{}, &Problem{
			fmt.Sprintf("Modtageren tog ikke imod notatet (svar %d).", resp.StatusCode),
			fmt.Errorf("status %d", resp.StatusCode),
		}
	}
	return w.receipt(body)
}

func accepted(status int) bool { return status == http.StatusOK || status == http.StatusCreated }

func (w *Webhook) request(ctx context.Context, n deliveryv1.Note) (*http.Request, error) {
	body, err := encode(n)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", deliveryv1.ContentType)
	req.Header.Set("User-Agent", "Samtale")
	req.Header.Set("Idempotency-Key", key(n))
	deliveryv1.Sign(req.Header, w.secret, key(n), w.now(), body)
	return req, nil
}

func (w *Webhook) receipt(body []byte) (journalv1.Receipt, error) {
	var r deliveryv1.Receipt
	err := json.Unmarshal(body, &r)
	if err == nil && (r.ID == "" || len(r.ID) > maxReceipt || len(r.System) > maxReceipt) {
		err = errors.New("no usable id in the answer")
	}
	if err != nil {
		return journalv1.Receipt{}, &Problem{"Modtageren svarede uden kvittering.", err}
	}
	if r.System == "" {
		r.System = w.Name()
	}
	if r.ReceivedAt.IsZero() {
		r.ReceivedAt = w.now().UTC()
	}
	return r, nil
}
