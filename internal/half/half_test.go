package half

import (
	"math"
	"math/rand/v2"
	"testing"
)

// value is what the bits of a finite float16 mean, by IEEE 754's definition.
func value(h uint16) float64 {
	v := float64(h & 0x3ff)
	if e := int(h >> 10 & 31); e == 0 {
		v = math.Ldexp(v, -24)
	} else {
		v = math.Ldexp(v+1024, e-25)
	}
	return math.Copysign(v, 1-2*float64(h>>15))
}

// Each of the 65536 means what it should, and comes back as itself.
func TestThereAndBack(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		got := To(h)
		switch {
		case h&infinity != infinity:
			if float64(got) != value(h) || math.Signbit(float64(got)) != (h>>15 == 1) {
				t.Fatalf("%#04x is %g, want %g", h, got, value(h))
			}
		case h&0x3ff == 0:
			if !math.IsInf(float64(got), 1-2*int(h>>15)) {
				t.Fatalf("%#04x is %g", h, got)
			}
		default:
			if got == got {
				t.Fatalf("%#04x is %g, want a NaN", h, got)
			}
			h |= 1 << 9 // it becomes a quiet one
		}
		if back := From(got); back != h {
			t.Fatalf("%#04x is %g and comes back as %#04x", h, got, back)
		}
	}
}

// Between two neighbours the nearer one is taken, halfway the even one.
func TestRounding(t *testing.T) {
	for h := range uint16(infinity) {
		low, high := value(h), value(h+1)
		if h+1 == infinity {
			high = 65536
		}
		middle := float32((low + high) / 2) // which float32 holds, as it does what follows
		even := h + h&1
		for _, c := range []struct {
			x    float32
			want uint16
		}{
			{float32(low), h}, {math.Nextafter32(float32(low), 1e9), h},
			{math.Nextafter32(middle, 0), h}, {middle, even}, {math.Nextafter32(middle, 1e9), h + 1},
			{math.Nextafter32(float32(high), 0), h + 1},
		} {
			for _, sign := range []uint16{0, 0x8000} {
				if got := From(math.Float32frombits(math.Float32bits(c.x) | uint32(sign)<<16)); got != c.want|sign {
					t.Fatalf("%g (sign %d) is rounded to %#04x, want %#04x", c.x, sign>>15, got, c.want|sign)
				}
			}
		}
	}
	for _, x := range []float32{65536, 1e6, math.MaxFloat32, float32(math.Inf(1))} {
		if From(x) != infinity || From(-x) != infinity|0x8000 {
			t.Errorf("%g is not infinite", x)
		}
	}
	for _, x := range []float32{0, math.SmallestNonzeroFloat32, 0x1p-126, 0x1p-26} {
		if From(x) != 0 || From(-x) != 0x8000 {
			t.Errorf("%g is not zero", x)
		}
	}
	for _, bits := range []uint32{0x7fc5a000, 0xffc5a000, 0x7fc00000} {
		if got := math.Float32bits(Round(math.Float32frombits(bits))); got != bits {
			t.Errorf("the NaN %#08x comes back as %#08x", bits, got)
		}
	}
	if h := From(math.Float32frombits(0x7f800001)); h&infinity != infinity || h&0x3ff == 0 {
		t.Errorf("a NaN is %#04x", h)
	}
}

func BenchmarkTo(b *testing.B) {
	from, to := make([]uint16, 1<<20), make([]float32, 1<<20)
	for i := range from {
		from[i] = From(float32(rand.NormFloat64()))
	}
	b.SetBytes(2 << 20)
	for b.Loop() {
		for i, h := range from {
			to[i] = To(h)
		}
	}
}
