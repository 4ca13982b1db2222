// What changes from batch to batch, so that no answer from memory passes.

package launch

import (
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"

	"gpubench/internal/backend"
)

// newRandom is a generator that nobody can foresee. What it chooses changes no result and
// no work, so it is not recorded: a driver that knew the seed would know the choices.
func newRandom() *rand.Rand {
	var seed [32]byte
	crand.Read(seed[:]) // it never fails
	return rand.New(rand.NewChaCha8(seed))
}

// signs says of each row of A whether its sign is turned. Row i of C is made from row
// i modulo their number. Turning a sign is exact, in every operation that rounds to nearest, so C
// is still known to the bit.
type signs []bool

// of is by what a row of C is multiplied.
func (s signs) of(row int) float32 {
	if len(s) > 0 && s[row%len(s)] {
		return -1
	}
	return 1
}

// fewRows is the number of rows of A below which each of them is turned or not, by chance: with
// one at a time, the product of two batches before would soon be that of now.
const fewRows = 16

// vary turns the sign of a row of A, so that neither the last product nor one of earlier
// ones is that of the next batch. The first batch after load is as it was loaded.
func (b *bench) vary() error {
	v := b.verifier
	if v.good == nil {
		return nil
	}
	rows := []int{b.s.random.IntN(len(v.signs))}
	if len(v.signs) < fewRows {
		rows = rows[:0]
		for row := range v.signs {
			if b.s.random.IntN(2) == 0 {
				rows = append(rows, row)
			}
		}
	}
	length := len(b.a) / len(v.signs)
	for _, row := range rows {
		v.flip(row)
		values := make([]float32, length)
		for i, x := range b.a[row*length:][:length] {
			values[i] = x * v.signs.of(row)
		}
		if err := b.program.Patch(0, row*length, values); err != nil {
			return fmt.Errorf("turn the sign of row %d of A: %w", row, err)
		}
	}
	return nil
}

// arranged is a batch that may be run more than once.
type arranged struct {
	backend.Batch
	runs int
}

// rerecord is the number of dispatches up to which each batch is arranged anew. Longer ones,
// which take some time to record, are run once for each so many dispatches that they have.
const rerecord = 128

// arrange chooses the order of n dispatches and which of them is set apart, to be checked
// whole. The order is descending in every second batch, so that both ends of every C are seen. The
// last dispatch is chosen more often than others: in no other are so many faults of drivers. One
// dispatch alone is set apart in every second batch.
func (b *bench) arrange(n int) backend.Batch {
	a := &b.arranged[b.batches%2]
	descending := b.batches%2 == 1
	b.batches++
	if a.Dispatches != n || a.runs*rerecord >= n {
		r := b.s.random
		apart := 1 + r.IntN(n)
		switch {
		case n == 1 && !descending:
			apart = 0
		case r.IntN(4) == 0:
			apart = n
		}
		*a = arranged{Batch: backend.Batch{Dispatches: n, Descending: descending, Apart: apart, Witness: r.IntN(b.problem.M * b.problem.N)}}
	}
	a.runs++
	return a.Batch
}

// fill sets the region of a batch to a NaN that is not the one before.
func (b *bench) fill(order backend.Batch) error {
	n := 1 + b.s.random.Uint32N(fills-1)
	if n >= b.filling {
		n++
	}
	if b.filling == 0 {
		n = 1 + b.s.random.Uint32N(fills)
	}
	b.filling = n
	b.filled = fillOf(n)
	size := b.problem.Region(order)
	if cap(b.region) < size {
		b.region = make([]float32, size)
	}
	b.region = b.region[:size]
	if err := b.program.Fill(b.filled, size); err != nil {
		return fmt.Errorf("fill C: %w", err)
	}
	return nil
}

// A C of more elements than wholeC is not read twice from a batch: of what the dispatches
// share all traces are, and of the rest of the last C a part of this many, somewhere.
const (
	wholeC = 1 << 18
	partOf = 16
)

// read reads the region that fill has filled. What is left out of it is taken to be right.
func (b *bench) read(order backend.Batch) error {
	for _, part := range b.parts(order) {
		if err := b.program.Read(b.region[part[0]:part[1]], part[0]); err != nil {
			return fmt.Errorf("read C: %w", err)
		}
	}
	return nil
}

// parts are the parts of the region that are read, each from one element to before another. It
// puts into the rest what belongs there.
func (b *bench) parts(order backend.Batch) [][2]int {
	size, others := b.problem.M*b.problem.N, order.Others()
	shared := b.problem.Shared(others.Dispatches)
	edge := backend.Stagger * (others.Dispatches + 2)
	part := size / partOf
	if order.Apart == 0 || size <= wholeC || b.verifier.good == nil || shared < 2*edge+part || others.Dispatches == 0 {
		return [][2]int{{0, len(b.region)}}
	}
	from := edge + b.s.random.IntN(shared-2*edge-part+1)
	at := others.At(others.Dispatches - 1)
	for _, gap := range [][2]int{{edge, from}, {from + part, shared - edge}} {
		copy(b.region[gap[0]:gap[1]], b.verifier.good[gap[0]-at:])
	}
	return [][2]int{{0, edge}, {from, from + part}, {shared - edge, len(b.region)}}
}
