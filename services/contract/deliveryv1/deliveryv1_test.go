package deliveryv1

import (
	"encoding/base64"
	"errors"
	"net/http"
	"testing"
	"time"
)

// The example of the Standard Webhooks reference libraries, so that receivers written
// with them agree with us.
func TestStandardVector(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	Sign(h, secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	for name, want := range map[string]string{
		"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
		"webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestVerify(t *testing.T) {
	secret, body, now := []byte("secret"), []byte("{}"), time.Unix(1700000000, 0)
	for _, tt := range []struct {
		name   string
		change func(http.Header)
		at     time.Time
		body   string
		want   error
	}{
		{"fits", nil, now, "{}", nil},
		{"a little later", nil, now.Add(Tolerance), "{}", nil},
		{"too late", nil, now.Add(Tolerance + time.Second), "{}", ErrTime},
		{"too early", nil, now.Add(-Tolerance - time.Second), "{}", ErrTime},
		{"another body", nil, now, "{ }", ErrSignature},
		{"another id", func(h http.Header) { h.Set(HeaderID, "b") }, now, "{}", ErrSignature},
		{"another time", func(h http.Header) { h.Set(HeaderTime, "1700000001") }, now, "{}", ErrSignature},
		{"no time", func(h http.Header) { h.Del(HeaderTime) }, now, "{}", ErrTime},
		{"no signature", func(h http.Header) { h.Del(HeaderSignature) }, now, "{}", ErrSignature},
		{"another scheme", func(h http.Header) { h.Set(HeaderSignature, "v2"+h.Get(HeaderSignature)[2:]) }, now, "{}", ErrSignature},
		{"not base64", func(h http.Header) { h.Set(HeaderSignature, "v1,***") }, now, "{}", ErrSignature},
		{"one of two", func(h http.Header) { h.Set(HeaderSignature, "v1,AAAA "+h.Get(HeaderSignature)) }, now, "{}", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			Sign(h, secret, "a", now, body)
			if tt.change != nil {
				tt.change(h)
			}
			if err := Verify(h, secret, tt.at, []byte(tt.body)); !errors.Is(err, tt.want) {
				t.Fatalf("got %v", err)
			}
		})
	}
}
