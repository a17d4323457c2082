package demo

// alphabet is what the network writes; index 0 is CTC's blank, index 1 the space between words.
var alphabet = [letters]rune{
	'_', ' ', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u',
	'v', 'w', 'x', 'y', 'z', 'æ', 'ø', 'å',
}

const (
	letters = 31
	blank   = 0
	space   = 1
)
