package knowledgev1

import (
	"strconv"
	"strings"
)

// MaxListNumber is the highest number of a list item: what is higher is a year or a postal code.
const MaxListNumber = 999

// ListItem reads how a line of a Text begins: "- " is an item of a list, and "3) " the third of a numbered one. marker is how many bytes
// say so, 0 for any other line; number is 0 for an item without one. With a full stop a date would look the same ("3. december").
func ListItem(line string) (marker, number int) {
	if strings.HasPrefix(line, "- ") {
		return len("- "), 0
	}
	digits, _, ok := strings.Cut(line, ") ")
	if !ok || len(digits) > len(strconv.Itoa(MaxListNumber)) {
		return 0, 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil || NumberedItem(n) != digits+") " {
		return 0, 0
	}
	return len(digits) + len(") "), n
}

// NumberedItem is how an item of a numbered list begins; one whose number cannot be kept begins as any other.
func NumberedItem(number int) string {
	if number < 1 || number > MaxListNumber {
		return "- "
	}
	return strconv.Itoa(number) + ") "
}
