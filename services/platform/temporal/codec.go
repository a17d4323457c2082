package temporal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"

	"samtale.dk/samtale/services/platform/masterkey"
)

const (
	metadataEncoding = "encoding"
	metadataKeyID    = "encryption-key-id"
	encodingSealed   = "binary/encrypted"
)

// ErrPayload reports a payload that was encrypted with another key, or is damaged.
var ErrPayload = errors.New("workflow payload does not open")

// Codec encrypts every payload that leaves this process for the Temporal server
// (AES-256-GCM, fresh nonce of 12 bytes in front of the ciphertext) and names the key.
// Payloads that are not encrypted pass through Decode: an operator may signal a
// workflow from Temporal's own tools.
type Codec struct {
	gcm   cipher.AEAD
	keyID string
}

// NewCodec derives the payload key from the installation's master key.
func NewCodec(master masterkey.Key) (*Codec, error) {
	key := master.Derive(masterkey.Temporal)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("payload codec: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("payload codec: %w", err)
	}
	sum := sha256.Sum256(append([]byte("key id\x00"), key...))
	return &Codec{gcm: gcm, keyID: hex.EncodeToString(sum[:6])}, nil
}

// KeyID names the key in payload metadata.
func (c *Codec) KeyID() string { return c.keyID }

// Encode implements converter.PayloadCodec.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("payload codec: %w", err)
		}
		nonce := make([]byte, c.gcm.NonceSize(), c.gcm.NonceSize()+len(plain)+c.gcm.Overhead())
		rand.Read(nonce)
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{
				metadataEncoding: []byte(encodingSealed),
				metadataKeyID:    []byte(c.keyID),
			},
			Data: c.gcm.Seal(nonce, nonce, plain, []byte(c.keyID)),
		}
	}
	return out, nil
}

// Decode implements converter.PayloadCodec.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if string(p.GetMetadata()[metadataEncoding]) != encodingSealed {
			out[i] = p
			continue
		}
		opened, err := c.open(p)
		if err != nil {
			return nil, err
		}
		out[i] = opened
	}
	return out, nil
}

func (c *Codec) open(p *commonpb.Payload) (*commonpb.Payload, error) {
	if id := string(p.Metadata[metadataKeyID]); id != c.keyID {
		return nil, fmt.Errorf("%w: encrypted with key %q, this process has %q", ErrPayload, id, c.keyID)
	}
	n := c.gcm.NonceSize()
	if len(p.Data) < n {
		return nil, fmt.Errorf("%w: too short", ErrPayload)
	}
	plain, err := c.gcm.Open(nil, p.Data[:n], p.Data[n:], []byte(c.keyID))
	if err != nil {
		return nil, fmt.Errorf("%w: damaged", ErrPayload)
	}
	var opened commonpb.Payload
	if err := proto.Unmarshal(plain, &opened); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return &opened, nil
}

// DataConverter is the SDK's JSON converter behind the codec; replay tests of recorded
// histories use it too.
func (c *Codec) DataConverter() converter.DataConverter {
	return converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)
}
