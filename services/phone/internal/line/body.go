package line

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"strings"

	"samtale.dk/samtale/services/phone/internal/offer"
	"samtale.dk/samtale/services/phone/internal/sipua"
)

// Limits of a multipart body.
const (
	maxParts = 8
	maxPart  = 64 << 10
)

// SDP returns the session description of a body, also out of a multipart one.
func SDP(b sipua.Body) ([]byte, error) {
	return Part(b, "application/sdp")
}

// Part returns the part of a body with the given type.
func Part(b sipua.Body, want string) ([]byte, error) {
	t, params, err := mime.ParseMediaType(b.Type)
	if err != nil && b.Type != "" {
		return nil, fmt.Errorf("%w: content type", offer.ErrSDP)
	}
	if t == want {
		return b.Data, nil
	}
	if !strings.HasPrefix(t, "multipart/") || params["boundary"] == "" {
		return nil, fmt.Errorf("%w: no %s in it", offer.ErrSDP, want)
	}
	r := multipart.NewReader(bytes.NewReader(b.Data), params["boundary"])
	for range maxParts {
		p, err := r.NextRawPart()
		if err != nil {
			break
		}
		pt, _, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil || pt != want {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(p, maxPart+1))
		if err != nil || len(data) > maxPart {
			return nil, fmt.Errorf("%w: part cut off or too long", offer.ErrSDP)
		}
		return data, nil
	}
	return nil, fmt.Errorf("%w: no %s in it", offer.ErrSDP, want)
}
