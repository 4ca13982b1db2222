// Which device was opened, and which card is read.

package launch

import (
	"fmt"

	"gpubench/internal/backend"
	"gpubench/internal/meter"
	"gpubench/internal/result"
	"gpubench/internal/worker"
)

const remedyChanged = "look for the driver's messages in the kernel's log (dmesg) and for an update of the driver, and measure again when it stays as it is"

// opened says which device the process has, and refuses one that is not the one that was
// listed. The parent does not rely on that: it compares what it is told.
func (s *session) opened(dev backend.Device) error {
	info := dev.Info()
	now := info.Opened()
	s.emit(worker.Event{Event: worker.EventOpened, Opened: &now})
	if s.req.Expect == nil {
		return nil
	}
	if text := s.req.Expect.Changed(info.ID, now); text != "" {
		return &backend.Error{Kind: backend.Changed, Text: text, Remedy: remedyChanged}
	}
	return nil
}

// openMeter opens the meter of the device and says which card it reads, or why none is.
// It is nil where there is none.
func (s *session) openMeter(d result.Device) meter.Meter {
	m, facts := openMeter(s.meters, d)
	switch {
	case m != nil:
		card := m.Card()
		s.emit(worker.Event{Event: worker.EventMeter, Meter: &card})
	case facts != nil:
		s.emit(worker.Event{Event: worker.EventMeter, Meter: &result.Meter{Unavailable: facts.Unavailable}})
	}
	return m
}

// another is why a meter is of no use for a device, empty when it reads the device's card.
func another(card result.Meter, d result.Device) string {
	if card.UUID == d.UUID && card.UUID != "" {
		return ""
	}
	return fmt.Sprintf("%s reads the card %s (%s), and the device is %s (%s)", card.Library, card.Name, card.UUID, d.Name, d.UUID)
}
