package host

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gpubench/internal/result"
)

// What pmset prints, in the words of macOS 14 and 15.
const (
	onMains   = "Now drawing from 'AC Power'\n -InternalBattery-0 (id=22151267)\t100%; charged; 0:00 remaining present: true\n"
	onBattery = "Now drawing from 'Battery Power'\n -InternalBattery-0 (id=22151267)\t81%; discharging; 4:32 remaining present: true\n"
	desktop   = "Now drawing from 'AC Power'\n"
	settings  = "System-wide power settings:\nCurrently in use:\n standby              1\n Sleep On Power Button 1\n hibernatefile        /var/vm/sleepimage\n" +
		" sleep                1 (sleep prevented by powerd, coreaudiod)\n displaysleep         10\n tcpkeepalive         1\n lowpowermode         0\n womp                 0\n"
)

func TestMacFacts(t *testing.T) {
	on, off := true, false
	for _, tt := range []struct {
		name, batt, settings string
		source               string
		low                  *bool
		warnings             []string
	}{
		{"a laptop on mains", onMains, settings, "AC Power", &off, nil},
		{"on its battery, in low-power mode", onBattery, strings.Replace(settings, "lowpowermode         0", "lowpowermode         1", 1), "Battery Power", &on, []string{WarnBattery, WarnLowPower}},
		{"a laptop with a mode of high power", onMains, strings.Replace(settings, "lowpowermode         0", "powermode            2", 1), "AC Power", &off, nil},
		{"the same in its low one", onMains, strings.Replace(settings, "lowpowermode         0", "powermode            1", 1), "AC Power", &on, []string{WarnLowPower}},
		{"a desktop", desktop, "Currently in use:\n sleep 0\n", "AC Power", nil, nil},
		{"no pmset", "", "", "", nil, nil},
		{"other words", "Now drawing from 'AC Power", "lowpowermode on\nlowpowermode\n", "", nil, nil},
	} {
		answers := map[string]string{"kern.osproductversion": "15.1", "kern.osversion": "24B83", "hw.perflevel0.logicalcpu": "10", "hw.perflevel1.logicalcpu": "4\n"}
		m := macFacts(func(name string) string { return answers[name] }, func(options ...string) string {
			switch strings.Join(options, " ") {
			case "-g batt":
				return tt.batt
			case "-g":
				return tt.settings
			}
			t.Errorf("pmset %v", options)
			return ""
		})
		if m.Version != "15.1" || m.Build != "24B83" || m.PerformanceCores != 10 || m.EfficiencyCores != 4 {
			t.Errorf("%s: %+v", tt.name, m)
		}
		if m.PowerSource != tt.source || (m.LowPowerMode == nil) != (tt.low == nil) || tt.low != nil && *m.LowPowerMode != *tt.low {
			t.Errorf("%s: %+v", tt.name, m)
		}
		// They come with the facts.
		p := machine(nil)
		p.system.mac = func() *result.Mac { return m }
		h, warnings := p.facts()
		var codes []string
		for _, w := range warnings {
			codes = append(codes, w.Code)
		}
		if h.Mac != m || !slices.Equal(codes, tt.warnings) {
			t.Errorf("%s: %+v, warnings %v", tt.name, h.Mac, codes)
		}
	}
}

// A Mac's programs are started once for the facts, and not for a question about the
// processors or the memory, which every launch asks several times.
func TestMacIsAskedOnce(t *testing.T) {
	started := map[string]int{}
	p := machine(nil)
	p.system.mac = func() *result.Mac {
		return macFacts(func(string) string { return "" }, func(options ...string) string {
			started[strings.Join(options, " ")]++
			return ""
		})
	}
	p.usableCPUs()
	p.cpuModel()
	p.memory()
	if len(started) > 0 {
		t.Errorf("pmset was started for the processors: %v", started)
	}
	p.facts()
	if len(started) != 2 || started["-g batt"] != 1 || started["-g"] != 1 {
		t.Errorf("pmset was started for the facts: %v", started)
	}
}

// What every child asks of its host starts no program: Facts is for who writes a document.
func TestFactsAreForDocuments(t *testing.T) {
	for _, dir := range []string{"../../cpu", "../../cpu/blas", "../../vk", "../../cuda", "../../metal", "../../nvml", "../launch", "../worker", "../meter", "../measure"} {
		files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
		if len(files) == 0 {
			t.Errorf("%s has no files", dir)
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") && strings.Contains(string(text), "host.Facts(") {
				t.Errorf("%s asks for all facts: host.Machine and host.UsableCPUs start no program", name)
			}
		}
	}
}

// An Intel Mac has no levels, and an old macOS does not know all names.
func TestMacFactsUnknown(t *testing.T) {
	m := macFacts(func(string) string { return "" }, func(...string) string { return "" })
	if *m != (result.Mac{}) {
		t.Errorf("%+v", m)
	}
}

func TestThermalStateName(t *testing.T) {
	if a, b, c := ThermalStateName(0), ThermalStateName(3), ThermalStateName(7); a != "nominal" || b != "critical" || c != "thermal state 7" {
		t.Error(a, b, c)
	}
}

func FuzzPmset(f *testing.F) {
	for _, text := range []string{onMains, onBattery, settings} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s := powerSource(text); strings.ContainsAny(s, "'\n") {
			t.Errorf("%q", s)
		}
		lowPowerMode(text)
	})
}
