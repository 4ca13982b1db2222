// Whether the process was stopped while it measured.

package disturb

import (
	"runtime"
	"sync"
	"time"
)

// Frozen: the process did not run for a while in which it wanted to and was not waiting
// for a processor either. Somebody stopped it (SIGSTOP, a paused container, a frozen
// control group), or the machine as a whole (a virtual machine that was paused, sleep).
const Frozen = "frozen"

const (
	// period is that of the pulse: so rare that it costs a ten-thousandth of a processor.
	period = 20 * time.Millisecond
	// shortestStop is what a beat is late by at least when the process was stopped. Less
	// happens on any machine.
	shortestStop = 100 * time.Millisecond
	// shortestUnknown is the same where nothing tells how long a thread waited for a
	// processor.
	shortestUnknown = time.Second
	// mostPatience is how long a beat that is late is waited for.
	mostPatience = 5 * time.Second
)

// heart is the pulse of this process, nil before StartPulse.
var heart *pulse

// StartPulse starts a thread that shows, by waking from time to time, that the process is
// not stopped. Monitors that are opened after it tell Frozen. It is for the beginning of
// a process, and does nothing a second time.
func StartPulse() {
	if heart != nil {
		return
	}
	heart = newPulse()
	go func() {
		runtime.LockOSThread() // whose waiting is looked at
		waited := openWaited()
		for {
			at, w, known := now(), time.Duration(0), false
			if waited != nil {
				w, known = waited()
			}
			heart.beat(at, w, known)
			rest(period)
		}
	}()
}

// pulse is what the beats have shown.
type pulse struct {
	mu      sync.Mutex
	beaten  *sync.Cond
	at      time.Duration // of the last beat, on the monotonic clock; 0 before the first
	waited  time.Duration // for a processor, until then
	known   bool          // whether that is
	stopped time.Duration // in all
}

func newPulse() *pulse {
	p := &pulse{}
	p.beaten = sync.NewCond(&p.mu)
	return p
}

// beat notes one beat. What it is late by counts as a stop where it was not spent waiting
// for a processor.
func (p *pulse) beat(at, waited time.Duration, known bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	least := shortestUnknown
	late := at - p.at - period
	if known && p.known {
		least = shortestStop
		late -= waited - p.waited
	}
	if p.at > 0 && late >= least {
		p.stopped += late
	}
	p.at, p.waited, p.known = at, waited, known
	p.beaten.Broadcast()
}

// stops is for how long the process has been stopped until now. Where a beat is late, it
// is waited for: only then it is known why.
func (p *pulse) stops() time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	began := now()
	if p.at == 0 || began-p.at < period+shortestStop {
		return p.stopped
	}
	last := p.at
	wake := time.AfterFunc(mostPatience, p.beaten.Broadcast)
	defer wake.Stop()
	for p.at == last && now()-began < mostPatience {
		p.beaten.Wait()
	}
	return p.stopped
}
