package launch

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"gpubench/internal/backend"
	"gpubench/internal/half"
	"gpubench/internal/result"
)

func TestExactAmplitudeKeepsSumsExact(t *testing.T) {
	for _, tt := range []struct{ k, want int }{
		{1, 4095}, {2, 2896}, {3, 2364}, {1024, 127}, {1025, 127}, {4096, 63}, {1 << 22, 1}, {1<<24 - 1, 1}, {1 << 24, 0},
	} {
		if got := exactAmplitude(tt.k); got != tt.want {
			t.Errorf("exactAmplitude(%d) = %d, want %d", tt.k, got, tt.want)
		}
	}
	for k := 1; k < 1<<24; k += 997 {
		if v := exactAmplitude(k); k*v*v >= 1<<24 || k*(v+1)*(v+1) < 1<<24 {
			t.Fatalf("k = %d: %d is not the largest amplitude with k v^2 < 2^24", k, v)
		}
	}
}

// The inputs of a seed are part of what makes results comparable: a change here
// changes every checksum ever recorded.
func TestInputsOfSeedOne(t *testing.T) {
	p := backend.Problem{M: 3, N: 5, K: 1024}
	a, b, err := exactInput(p, 1)
	if err != nil {
		t.Fatal(err)
	}
	na, nb := normalInput(p, 1)
	for _, tt := range []struct {
		name string
		got  []float32
		want []float32
	}{
		{"exact A", a[:6], []float32{110, 58, 102, 99, 52, -37}},
		{"exact B", b[:6], []float32{113, -101, 74, -70, 50, -98}},
		{"normal A", na[:4], []float32{-2.336845, -0.90610653, 1.10143, -0.5027725}},
		{"normal B", nb[:4], []float32{-1.2930303, 0.21956247, 0.5693912, -1.4338125}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s begins with %v, want %v", tt.name, tt.got, tt.want)
		}
	}
}

func TestInputsDoNotDependOnProcessors(t *testing.T) {
	p := backend.Problem{M: 70, N: 1000, K: 701} // several chunks, the last one cut
	all, _ := normalInput(p, 7)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, _ := normalInput(p, 7)
	if !slices.Equal(all, one) {
		t.Error("one processor draws other numbers than all of them")
	}
}

func TestInputsDifferBySeedMatrixAndChunk(t *testing.T) {
	p := backend.Problem{M: 256, N: 256, K: 256}
	a1, b1 := normalInput(p, 1)
	a2, _ := normalInput(p, 2)
	for name, pair := range map[string][2][]float32{
		"two seeds":      {a1, a2},
		"A and B":        {a1, b1},
		"two chunks":     {a1[:chunkLen], a1[chunkLen:]},
		"seed and chunk": {a2[:chunkLen], a1[chunkLen:]},
	} {
		same := 0
		for i := range chunkLen {
			if pair[0][i] == pair[1][i] {
				same++
			}
		}
		if same > chunkLen/1000 {
			t.Errorf("%s have %d of %d numbers in common", name, same, chunkLen)
		}
	}
}

func TestNormalInputIsStandardNormal(t *testing.T) {
	a, _ := normalInput(backend.Problem{M: 1000, N: 1, K: 1000}, 1)
	var sum, squares float64
	within := 0 // one standard deviation
	for _, v := range a {
		sum += float64(v)
		squares += float64(v) * float64(v)
		if math.Abs(float64(v)) < 1 {
			within++
		}
	}
	n := float64(len(a))
	if mean := sum / n; math.Abs(mean) > 0.005 {
		t.Errorf("mean %g", mean)
	}
	if variance := squares / n; math.Abs(variance-1) > 0.01 {
		t.Errorf("variance %g", variance)
	}
	if share := float64(within) / n; math.Abs(share-0.6827) > 0.003 {
		t.Errorf("%g of the numbers lie within one standard deviation", share)
	}
}

func TestExactInputReachesItsAmplitude(t *testing.T) {
	a, b, err := exactInput(backend.Problem{M: 1024, N: 1024, K: 1024}, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string][]float32{"A": a, "B": b} {
		if lo, hi := slices.Min(m), slices.Max(m); lo != -127 || hi != 127 {
			t.Errorf("%s lies in [%v, %v], want [-127, 127]", name, lo, hi)
		}
	}
	if _, _, err := exactInput(backend.Problem{M: 1, N: 1, K: 1 << 24}, 1); kindOf(err) != backend.Limit {
		t.Errorf("k = 2^24: %v, want a limit", err)
	}
}

// What is measured in float16 is given numbers that are so already: those of float32, rounded.
func TestNormalInputOfHalves(t *testing.T) {
	p := backend.Problem{M: 70, N: 500, K: 701}
	na, nb := normalInput(p, 7)
	for _, format := range []string{result.FormatF32, result.FormatTF32, result.FormatF16} {
		s := &session{kernel: backend.KernelMatmul, format: format}
		s.req.Seed = 7
		a, b, _, _ := s.normal(p)
		for name, m := range map[string][2][]float32{"A": {a, na}, "B": {b, nb}} {
			for i, got := range m[0] {
				want := m[1][i]
				if format == result.FormatF16 {
					want = half.Round(want)
				}
				if got != want {
					t.Fatalf("%s: element %d of %s is %v, want %v", format, i, name, got, want)
				}
			}
		}
	}
}
