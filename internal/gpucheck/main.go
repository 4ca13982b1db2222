// Command gpucheck shows what gpubench must show on a machine with an NVIDIA GPU, in one
// go:
//
//	gpucheck [-json FILE] [-launches N] PROGRAM
//
// PROGRAM is gpubench. It measures the first CUDA device, the same card through Vulkan,
// the CPU and cuBLAS, and a table says for each thing whether it is so: pass, fail, or
// absent, where it cannot be looked at here. It exits with 1 unless all pass.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"gpubench/internal/analysis"
	"gpubench/internal/result"
)

func main() {
	os.Exit(run(os.Stdout, os.Stderr, os.Args[1:]))
}

// sizes of the matrices; the rates are held against each other at the second.
const (
	sizes    = "1024,4096,8192"
	rateSize = 4096
)

func run(stdout, stderr io.Writer, args []string) int {
	flags := flag.NewFlagSet("gpucheck", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("json", "build/gpu-check.json", "where the result document goes")
	launches := flags.Int("launches", 5, "processes per arm")
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		fmt.Fprintln(stderr, "usage: gpucheck [-json FILE] [-launches N] PROGRAM")
		return 2
	}
	program := flags.Arg(0)
	lines, err := check(stdout, stderr, program, *file, *launches)
	if err != nil {
		fmt.Fprintln(stderr, "gpucheck:", err)
		return 1
	}
	return print(stdout, lines)
}

// What a line of the table says.
const (
	pass   = "pass"
	fail   = "FAIL"
	absent = "absent"
)

// line is one thing that is looked at.
type line struct{ verdict, what, seen string }

// print prints the table and returns the exit code.
func print(w io.Writer, lines []line) (code int) {
	fmt.Fprintln(w)
	for _, l := range lines {
		fmt.Fprintf(w, "%-7s %s\n", l.verdict, l.what)
		if l.seen != "" {
			fmt.Fprintf(w, "        %s\n", l.seen)
		}
		if l.verdict != pass {
			code = 1
		}
	}
	return code
}

// check looks at the text that is made for the card, and measures the card.
func check(stdout, stderr io.Writer, program, file string, launches int) ([]line, error) {
	cmd := exec.Command(program, "devices", "--json")
	cmd.Stderr = stderr
	out, err := cmd.Output()
	var here struct {
		Devices        []result.Device
		Absent, Failed []result.Absent
	}
	if bad := json.Unmarshal(out, &here); bad != nil { // where a backend failed there is a list, too
		return nil, fmt.Errorf("%s devices: %w", program, cmp.Or(err, bad))
	}
	lines := []line{assembled()}
	ids := choose(here.Devices)
	if ids == nil {
		return append(lines, missing(append(here.Absent, here.Failed...))...), nil
	}
	measure := exec.Command(program, "run", "--device", strings.Join(ids, ","), "--size", sizes, "--launches", fmt.Sprint(launches), "--timeout", "10m", "--json", file)
	measure.Stdout, measure.Stderr = stdout, stderr
	fmt.Fprintf(stdout, "%s\n\n", strings.Join(measure.Args, " "))
	started := time.Now()
	err = measure.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	seen := fmt.Sprintf("exit code %d after %.0f s", measure.ProcessState.ExitCode(), time.Since(started).Seconds())
	lines = append(lines, judge("gpubench run ends with 0", err == nil, seen))
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	doc, err := result.Read(f, file)
	if err != nil {
		return nil, err
	}
	return append(lines, look(doc)...), nil
}

// assembled runs the test that looks at machine code; it needs NVIDIA's assembler.
func assembled() line {
	l := line{what: "the PTX of all tiles assembles for sm_70, sm_80 and sm_90 without spills, moves 128 bits at a time, and 85 % of its inner loops multiply"}
	out, err := exec.Command("go", "test", "./internal/ptx", "-run", "^TestTiles$", "-v").CombinedOutput()
	switch {
	case bytes.Contains(out, []byte("--- SKIP")):
		l.verdict, l.seen = absent, "scripts/ptxas.sh fetches NVIDIA's assembler"
	case err != nil:
		l.verdict, l.seen = fail, "go test ./internal/ptx -run TestTiles -v says why"
	default:
		l.verdict = pass
	}
	return l
}

// choose picks the devices to measure: the first CUDA device, and what shares its card;
// nil without one.
func choose(devices []result.Device) []string {
	at := slices.IndexFunc(devices, func(d result.Device) bool { return d.Backend == "cuda" && d.Unusable == "" })
	if at < 0 {
		return nil
	}
	card := devices[at]
	ids := []string{"cpu", card.ID}
	for _, d := range devices {
		if d.Unusable == "" && (analysis.SameCard(d, card) || d.Backend == "cublas" && d.UUID == card.UUID) {
			ids = append(ids, d.ID)
		}
	}
	return ids
}

// missing are the lines of a machine without a CUDA device.
func missing(gone []result.Absent) (lines []line) {
	why := "no device of the backend cuda can be used; gpubench devices says why"
	for _, a := range gone {
		if a.Backend == "cuda" {
			why = strings.TrimPrefix(a.Reason, "cuda: ") + "; " + a.Remedy
		}
	}
	for _, l := range look(&result.Document{}) {
		lines = append(lines, line{absent, l.what, ""})
	}
	lines[0].seen = why
	return lines
}

func judge(what string, good bool, seen string) line {
	if good {
		return line{pass, what, seen}
	}
	return line{fail, what, seen}
}

// arms are the measurements of products by what they ran on.
type arms struct {
	doc     *result.Document
	devices map[string]result.Device
}

// of lists the products of a backend, in a number format, of a size; 0 is any size.
func (a arms) of(backend, format string, size int) (list []*result.Measurement) {
	for i := range a.doc.Measurements {
		m := &a.doc.Measurements[i]
		product := m.Role == result.RoleKernel || m.Role == result.RoleReference
		if product && a.devices[m.Device].Backend == backend && m.Kernel.Format == format && (size == 0 || m.Problem.M == size && m.Problem.N == size && m.Problem.K == size) {
			list = append(list, m)
		}
	}
	return list
}

// look looks at a document; the lines are the same for every document.
func look(doc *result.Document) []line {
	a := arms{doc, map[string]result.Device{}}
	for _, d := range doc.Devices {
		a.devices[d.ID] = d
	}
	return []line{
		a.card(),
		a.good("cpu", "f32"), a.good("cuda", "f32"), a.good("vulkan", "f32"), a.good("cublas", "f32"), a.good("cublas", "tf32"),
		a.sameBits(),
		a.rate("CUDA reaches 0.85 of cuBLAS in f32 at 4096", "cuda", "cublas", 0.85, 100),
		a.rate("Vulkan reaches 0.85 of cuBLAS in f32 at 4096", "vulkan", "cublas", 0.85, 100),
		a.rate("CUDA and Vulkan are at most 5 % apart at 4096", "cuda", "vulkan", 0.95, 1/0.95),
		a.peak(),
		a.telemetry(),
		a.energy(),
	}
}

// card says whether the card is there in both ways.
func (a arms) card() line {
	l := line{absent, "the card is there through CUDA and, matched by its UUID, through Vulkan", "there is no Vulkan device with the UUID of a CUDA device: the driver may lack Vulkan (NVIDIA_DRIVER_CAPABILITIES=graphics)"}
	for _, v := range a.doc.Devices {
		for _, c := range a.doc.Devices {
			if analysis.SameCard(v, c) {
				return line{pass, l.what, fmt.Sprintf("%s and %s are %s, driver %s", c.ID, v.ID, c.Name, c.Driver.Info)}
			}
		}
	}
	return l
}

// good says whether all arms of a backend went well, and how they were verified.
func (a arms) good(backend, format string) line {
	what := fmt.Sprintf("%s in %s: every product is right and measured", backend, format)
	list := a.of(backend, format, 0)
	if len(list) == 0 {
		why := "it was not measured"
		for _, b := range a.doc.Absent {
			if b.Backend == backend {
				why = b.Reason
			}
		}
		return line{absent, what, why}
	}
	var rates []string
	for _, m := range list {
		if m.Status != result.StatusOK || m.Summary == nil || m.Verification.Failed > 0 {
			return line{fail, what, fmt.Sprintf("%s at %d: %s: %s", m.Device, m.Problem.M, m.Status, m.Reason)}
		}
		rates = append(rates, fmt.Sprintf("%d: %.4g TFLOP/s, %d batches checked", m.Problem.M, m.Summary.FLOPS/1e12, m.Verification.Batches))
	}
	return line{pass, what, strings.Join(rates, "; ")}
}

// sameBits says whether CPU, CUDA and Vulkan ran one module and came to the same bits.
func (a arms) sameBits() line {
	l := line{pass, "CPU, CUDA and Vulkan run one SPIR-V and come to the same bits on the exact input at every size", ""}
	for _, b := range []string{"cpu", "cuda", "vulkan"} {
		list := a.of(b, result.FormatF32, 0)
		if len(list) == 0 {
			return line{absent, l.what, b + " was not measured"}
		}
		for _, m := range list {
			first := a.of("cpu", result.FormatF32, m.Problem.M)
			if len(first) == 0 || m.Verification.ExactChecksum == "" || m.Verification.ExactChecksum != first[0].Verification.ExactChecksum || m.Kernel.SPIRVSHA256 != first[0].Kernel.SPIRVSHA256 {
				return line{fail, l.what, fmt.Sprintf("%s at %d: %s of SPIR-V %.12s", m.Device, m.Problem.M, m.Verification.ExactChecksum, m.Kernel.SPIRVSHA256)}
			}
		}
	}
	return l
}

// rate says whether one is between least and most times as fast as another at rateSize.
func (a arms) rate(what, fast, slow string, least, most float64) line {
	x, y := a.of(fast, result.FormatF32, rateSize), a.of(slow, result.FormatF32, rateSize)
	if len(x) != 1 || len(y) != 1 || x[0].Status != result.StatusOK || y[0].Status != result.StatusOK {
		return line{absent, what, "one of the two has no figure"}
	}
	r, err := analysis.RatioWithin(y[0], x[0])
	if err != nil {
		return line{absent, what, err.Error()}
	}
	seen := fmt.Sprintf("%.3f", r.Value)
	if r.CI95 != nil {
		seen += fmt.Sprintf(", 95 %% interval %.3f to %.3f", r.CI95[0], r.CI95[1])
	}
	return judge(what, least <= r.Value && r.Value <= most, seen)
}

// peak says whether nothing is faster than the card's multiply-adds.
func (a arms) peak() line {
	l := line{absent, "no product in f32 is faster than the multiply-adds of its card", ""}
	for _, m := range slices.Concat(a.of("cuda", result.FormatF32, 0), a.of("vulkan", result.FormatF32, 0), a.of("cublas", result.FormatF32, 0)) {
		if m.Peak == nil {
			continue
		}
		if m.Peak.Share > 1.05 {
			return line{fail, l.what, fmt.Sprintf("%s at %d: %.0f %% of %.4g TFLOP/s", m.Device, m.Problem.M, 100*m.Peak.Share, m.Peak.FLOPS/1e12)}
		}
		l.verdict, l.seen = pass, fmt.Sprintf("the peak is %.4g TFLOP/s", m.Peak.FLOPS/1e12)
	}
	return l
}

// needed are the readings that each launch on the card must have.
var needed = []string{"sm_clock_mhz", "memory_clock_mhz", "power_w", "temperature_c"}

// telemetry says whether NVML's readings are there.
func (a arms) telemetry() line {
	l := line{absent, "NVML tells driver and power limit of the card, and " + strings.Join(needed, ", ") + " in every launch", ""}
	flagged, samples := 0, 0
	for _, m := range a.of("cuda", result.FormatF32, 0) {
		card := a.devices[m.Device].NVML
		if card == nil || card.Unavailable != "" {
			if card != nil {
				l.seen = card.Unavailable
			}
			return l
		}
		if card.Driver == "" || card.PowerLimitW <= 0 {
			return line{fail, l.what, fmt.Sprintf("driver %q, power limit %g W", card.Driver, card.PowerLimitW)}
		}
		for _, launch := range m.Launches {
			for _, name := range needed {
				if launch.Status == result.StatusOK && !slices.ContainsFunc(launch.Telemetry, func(t result.Telemetry) bool { return t.Values[name] > 0 }) {
					return line{fail, l.what, fmt.Sprintf("%s at %d, launch %d has no %s", m.Device, m.Problem.M, launch.Round+1, name)}
				}
			}
			for _, s := range launch.Samples {
				samples++
				if slices.ContainsFunc(s.Flags, func(f string) bool { return strings.HasPrefix(f, "gpu-") }) {
					flagged++
				}
			}
		}
		l.verdict, l.seen = pass, fmt.Sprintf("driver %s, limit %g W; %d of %d samples under a throttle reason", card.Driver, card.PowerLimitW, flagged, samples)
	}
	return l
}

// energy says whether the energy of the launches is what the power readings make likely.
// The window holds pauses in which C is read and checked, so the mean power lies
// below what is read while a batch runs; and it cannot lie far above the largest reading.
func (a arms) energy() line {
	l := line{absent, "the energy of the launches on the card is that of its power times their time", ""}
	for _, m := range a.of("cuda", result.FormatF32, 0) {
		for _, launch := range m.Launches {
			e := launch.Energy
			if launch.Status != result.StatusOK || e == nil || e.WindowS < 1 { // shorter ones are coarse
				continue
			}
			var powers []float64
			for _, t := range launch.Telemetry {
				if w := t.Values["power_w"]; w > 0 {
					powers = append(powers, w)
				}
			}
			if len(powers) == 0 {
				continue
			}
			mean := e.Joules / e.WindowS
			seen := fmt.Sprintf("%s at %d, launch %d: %.0f J in %.2f s are %.0f W; read were %.0f to %.0f W", m.Device, m.Problem.M, launch.Round+1, e.Joules, e.WindowS, mean, slices.Min(powers), slices.Max(powers))
			if mean < 0.5*slices.Min(powers) || mean > 1.2*slices.Max(powers) {
				return line{fail, l.what, seen}
			}
			l.verdict, l.seen = pass, seen
		}
	}
	return l
}
