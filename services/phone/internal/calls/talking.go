package calls

// announcing, waiting and talking: placeholder
func announcing(c *Call) phase { return nil }

type consultation struct{}

func (c *Call) dropConsult() {}

func (c *Call) common(v any) bool { return false }
