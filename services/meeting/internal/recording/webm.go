package recording

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// A minimal WebM writer (RFC 9559, RFC 8794): one track, clusters of known size, cues before them.

// Elements.
const (
	idEBML           = 0x1A45DFA3
	idVersion        = 0x4286
	idReadVersion    = 0x42F7
	idMaxIDLength    = 0x42F2
	idMaxSizeLength  = 0x42F3
	idDocType        = 0x4282
	idDocVersion     = 0x4287
	idDocReadVersion = 0x4285
	idSegment        = 0x18538067
	idInfo           = 0x1549A966
	idTimestampScale = 0x2AD7B1
	idDuration       = 0x4489
	idMuxingApp      = 0x4D80
	idWritingApp     = 0x5741
	idTracks         = 0x1654AE6B
	idTrackEntry     = 0xAE
	idTrackNumber    = 0xD7
	idTrackUID       = 0x73C5
	idTrackType      = 0x83
	idLacing         = 0x9C
	idCodecID        = 0x86
	idCodecPrivate   = 0x63A2
	idSeekPreRoll    = 0x56BB
	idVideo          = 0xE0
	idPixelWidth     = 0xB0
	idPixelHeight    = 0xBA
	idAudio          = 0xE1
	idSampling       = 0xB5
	idChannels       = 0x9F
	idCues           = 0x1C53BB6B
	idCuePoint       = 0xBB
	idCueTime        = 0xB3
	idCuePositions   = 0xB7
	idCueTrack       = 0xF7
	idCuePosition    = 0xF1
	idCluster        = 0x1F43B675
	idTimestamp      = 0xE7
	idSimpleBlock    = 0xA3
)

// element appends one with its content. Sizes have eight bytes, so that a header's length does not depend on what is in it.
func element(b []byte, id uint32, content []byte) []byte {
	b = elementHead(b, id, int64(len(content)))
	return append(b, content...)
}

func elementHead(b []byte, id uint32, size int64) []byte {
	var x [4]byte
	binary.BigEndian.PutUint32(x[:], id)
	b = append(b, x[bits.LeadingZeros32(id)/8:]...)
	return binary.BigEndian.AppendUint64(b, 1<<56|uint64(size))
}

func number(b []byte, id uint32, v uint64) []byte {
	return element(b, id, binary.BigEndian.AppendUint64(nil, v))
}

func float(b []byte, id uint32, v float64) []byte { return number(b, id, math.Float64bits(v)) }

func text(b []byte, id uint32, s string) []byte { return element(b, id, []byte(s)) }

// codec is how a track is written in the container.
type codec struct {
	name, id, mime string
	video          bool
	matroska       bool // not one of WebM's
}

var allCodecs = map[string]codec{
	"opus": {name: "opus", id: "A_OPUS", mime: "audio/webm; codecs=opus"},
	"VP8":  {name: "VP8", id: "V_VP8", mime: "video/webm; codecs=vp8", video: true},
	"VP9":  {name: "VP9", id: "V_VP9", mime: "video/webm; codecs=vp9", video: true},
	"AV1":  {name: "AV1", id: "V_AV1", mime: "video/webm; codecs=av01.0.08M.08", video: true},
	"H264": {name: "H264", id: "V_MPEG4/ISO/AVC", mime: "video/x-matroska; codecs=avc1", video: true, matroska: true},
}

// cue is a place where playing may start.
type cue struct {
	millis int64
	at     int64 // bytes after the first cluster's beginning
}

// header is all that stands before the clusters.
func header(n note, millis int64, cues []cue, clusters int64) []byte {
	c := allCodecs[n.Codec]
	doc := "webm"
	if c.matroska {
		doc = "matroska"
	}
	var x []byte
	x = number(x, idVersion, 1)
	x = number(x, idReadVersion, 1)
	x = number(x, idMaxIDLength, 4)
	x = number(x, idMaxSizeLength, 8)
	x = text(x, idDocType, doc)
	x = number(x, idDocVersion, 4)
	x = number(x, idDocReadVersion, 2)
	out := element(nil, idEBML, x)

	segment := append(info(millis), tracks(c, n)...)
	// The positions in the cues count from the segment's first byte: their own length is known before they are.
	first := int64(len(segment) + len(cueElement(cues, 0)))
	segment = append(segment, cueElement(cues, first)...)
	out = elementHead(out, idSegment, int64(len(segment))+clusters)
	return append(out, segment...)
}

func info(millis int64) []byte {
	var x []byte
	x = number(x, idTimestampScale, 1e6) // a unit is a millisecond
	x = float(x, idDuration, float64(millis))
	x = text(x, idMuxingApp, "samtale")
	x = text(x, idWritingApp, "samtale")
	return element(nil, idInfo, x)
}

func tracks(c codec, n note) []byte {
	var x []byte
	x = number(x, idTrackNumber, 1)
	x = number(x, idTrackUID, 1)
	x = number(x, idLacing, 0)
	x = text(x, idCodecID, c.id)
	if c.video {
		x = number(x, idTrackType, 1)
		x = element(x, idVideo, number(number(nil, idPixelWidth, uint64(n.Width)), idPixelHeight, uint64(n.Height)))
	} else {
		x = number(x, idTrackType, 2)
		x = number(x, idSeekPreRoll, 80e6) // RFC 7845 section 4.6, in nanoseconds
		x = element(x, idAudio, number(float(nil, idSampling, 48000), idChannels, channels))
	}
	if len(n.Private) > 0 {
		x = element(x, idCodecPrivate, n.Private)
	}
	return element(nil, idTracks, element(nil, idTrackEntry, x))
}

// channels of sound: what is mono inside becomes the same on both.
const channels = 2

// opusHead is the codec's private data (RFC 7845 section 5.1): no samples to skip, since a recording begins in the middle.
func opusHead() []byte {
	return append([]byte("OpusHead"), 1, channels, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0)
}

func cueElement(cues []cue, first int64) []byte {
	var x []byte
	for _, c := range cues {
		at := number(number(nil, idCueTrack, 1), idCuePosition, uint64(first+c.at))
		x = element(x, idCuePoint, element(number(nil, idCueTime, uint64(c.millis)), idCuePositions, at))
	}
	return element(nil, idCues, x)
}

// block appends a frame to a cluster's content. A block's time is relative to its cluster's, in 16 bits.
func block(b []byte, relative int64, key bool, data []byte) []byte {
	b = elementHead(b, idSimpleBlock, int64(4+len(data)))
	flags := byte(0)
	if key {
		flags = 0x80
	}
	b = append(b, 0x81, byte(relative>>8), byte(relative), flags)
	return append(b, data...)
}

// clusterOf is a cluster of blocks.
func clusterOf(from int64, blocks []byte) []byte {
	x := number(nil, idTimestamp, uint64(from))
	out := elementHead(make([]byte, 0, len(x)+len(blocks)+16), idCluster, int64(len(x)+len(blocks)))
	return append(append(out, x...), blocks...)
}
