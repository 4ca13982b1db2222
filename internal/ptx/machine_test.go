package ptx_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"gpubench/internal/spirv"
)

// A program is PTX text, read on its own terms: it knows nothing of what wrote it. It
// runs the threads of a block one after the other from barrier to barrier, and stops at
// what a GPU would not forgive: an access outside of a buffer or not aligned, a register
// read before it is written, a barrier that some threads do not reach, two threads that
// meet in shared memory without a barrier between them, or a copy that is used before it
// has landed.
type program struct {
	name      string
	params    []string // in order
	size      map[string]int
	block     [3]uint32
	shared    int
	dynamic   bool
	local     map[string]int // offsets
	localSize int
	regs      map[string]int
	code      []step
	lines     []string
}

type step func(t *thread) error

type launch struct {
	grid    [3]uint32
	buffers [][]byte
	push    []byte
	dynamic int // bytes of shared memory asked for

	// watch, if not nil, is told how the lanes of each warp access shared memory and
	// buffers together, instruction by instruction.
	watch func(line, space string, lanes *[32]access)
}

type block struct {
	p       *program
	l       *launch
	id      [3]uint32
	shared  []byte
	owner   []touch // of each 2 bytes of shared memory
	epoch   int32
	written []bool // buffers
	nc      []bool // buffers read as never written
	trace   map[visit]*[32]access
}

// visit is one execution of an instruction by a warp.
type visit struct {
	pc, warp, nth int
	space         string
}

// access is what one lane of a warp does there.
type access struct {
	addr uint64
	size int // 0 for a lane that is not here
}

// touch is who used a place since the last barrier.
type touch struct {
	writer, reader int32 // thread + 1, -1 for several
	wepoch, repoch int32
	flying         int32 // thread + 1 whose copy has not landed
}

type thread struct {
	b       *block
	id      int32
	tid     [3]uint32
	regs    []uint64
	set     []bool
	local   []byte
	pc      int
	waiting bool
	done    bool
	pending []func()
	lands   [][2]int
	visits  map[visit]int
}

// note records an access for the launch's watch.
func (t *thread) note(space string, addr uint64, size int) {
	if t.b.l.watch == nil {
		return
	}
	if t.visits == nil {
		t.visits = map[visit]int{}
	}
	v := visit{pc: t.pc, warp: int(t.id) / 32, space: space}
	n := t.visits[v]
	t.visits[v]++
	v.nth = n
	if t.b.trace[v] == nil {
		t.b.trace[v] = &[32]access{}
	}
	t.b.trace[v][t.id%32] = access{addr, size}
}

var (
	spaces  = regexp.MustCompile(`\s+`)
	operand = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|[^,\s][^,]*`)
)

func parse(text string) (*program, error) {
	p := &program{size: map[string]int{}, local: map[string]int{}, regs: map[string]int{}}
	var body []string
	inside, header := false, false
	for n, l := range strings.Split(text, "\n") {
		l, _, _ = strings.Cut(l, "//")
		l = strings.TrimSpace(spaces.ReplaceAllString(l, " "))
		f := strings.Fields(l)
		switch {
		case l == "":
		case l == "{":
			inside, header = true, false
		case l == "}":
			inside = false
		case f[0] == ".version" || f[0] == ".target" || f[0] == ".address_size" || f[0] == ".minnctapersm":
		case f[0] == ".extern":
			p.dynamic = true
		case strings.HasPrefix(l, ".visible .entry "):
			p.name = strings.TrimSuffix(strings.TrimPrefix(l, ".visible .entry "), "(")
			header = true
		case f[0] == ")":
		case f[0] == ".reqntid":
			if _, err := fmt.Sscanf(l, ".reqntid %d, %d, %d", &p.block[0], &p.block[1], &p.block[2]); err != nil {
				return nil, fmt.Errorf("line %d: %q", n+1, l)
			}
		case header && f[0] == ".param":
			name := strings.TrimSuffix(f[len(f)-1], ",")
			size := 8
			if base, rest, ok := strings.Cut(name, "["); ok {
				name = base
				size, _ = strconv.Atoi(strings.TrimSuffix(rest, "]"))
			}
			p.params = append(p.params, name)
			p.size[name] = size
		case inside && f[0] == ".reg":
			name, count, _ := strings.Cut(strings.TrimSuffix(f[2], ";"), "<")
			c, err := strconv.Atoi(strings.TrimSuffix(count, ">"))
			if err != nil {
				return nil, fmt.Errorf("line %d: %q", n+1, l)
			}
			for i := range c {
				p.regs[fmt.Sprintf("%s%d", name, i)] = len(p.regs)
			}
		case inside && (f[0] == ".shared" || f[0] == ".local"):
			name, rest, _ := strings.Cut(f[len(f)-1], "[")
			size, err := strconv.Atoi(strings.TrimSuffix(rest, "];"))
			if err != nil {
				return nil, fmt.Errorf("line %d: %q", n+1, l)
			}
			if f[0] == ".shared" {
				p.shared = size
			} else {
				p.localSize = (p.localSize + 15) &^ 15
				p.local[name] = p.localSize
				p.localSize += size
			}
		case inside:
			body = append(body, l)
		default:
			return nil, fmt.Errorf("line %d is not understood: %q", n+1, l)
		}
	}
	labels := map[string]int{}
	for _, l := range body {
		if name, ok := strings.CutSuffix(l, ":"); ok {
			if _, twice := labels[name]; twice {
				return nil, fmt.Errorf("label %s is there twice", name)
			}
			labels[name] = len(p.lines)
			continue
		}
		if !strings.HasSuffix(l, ";") {
			return nil, fmt.Errorf("no semicolon: %q", l)
		}
		p.lines = append(p.lines, strings.TrimSuffix(l, ";"))
	}
	for _, l := range p.lines {
		s, err := p.instruction(l, labels)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", l, err)
		}
		p.code = append(p.code, s)
	}
	return p, nil
}

// value reads an operand; width is that of the instruction's type.
type value func(t *thread) (uint64, error)

func (p *program) value(s string) (value, error) {
	special := map[string]func(*thread) uint32{}
	for i, c := range "xyz" {
		special["%tid."+string(c)] = func(t *thread) uint32 { return t.tid[i] }
		special["%ctaid."+string(c)] = func(t *thread) uint32 { return t.b.id[i] }
		special["%nctaid."+string(c)] = func(t *thread) uint32 { return t.b.l.grid[i] }
	}
	if f, ok := special[s]; ok {
		return func(t *thread) (uint64, error) { return uint64(f(t)), nil }, nil
	}
	if strings.HasPrefix(s, "%") {
		r, ok := p.regs[s]
		if !ok {
			return nil, fmt.Errorf("no register %s", s)
		}
		return func(t *thread) (uint64, error) {
			if !t.set[r] {
				return 0, fmt.Errorf("%s is read before it is written", s)
			}
			return t.regs[r], nil
		}, nil
	}
	if hex, ok := strings.CutPrefix(s, "0f"); ok {
		b, err := strconv.ParseUint(hex, 16, 32)
		return func(*thread) (uint64, error) { return b, nil }, err
	}
	if s == "shared" {
		return func(*thread) (uint64, error) { return sharedBase, nil }, nil
	}
	if off, ok := p.local[s]; ok {
		return func(*thread) (uint64, error) { return localBase + uint64(off), nil }, nil
	}
	i, err := strconv.ParseInt(s, 0, 64)
	return func(*thread) (uint64, error) { return uint64(i), nil }, err
}

// Where the windows begin: anywhere but at zero.
const (
	sharedBase = 1 << 10
	localBase  = 1 << 20
)

func bufferBase(i int) uint64 { return uint64(i+1) << 36 }

func width(typ string) (uint, error) {
	if typ == "pred" {
		return 1, nil
	}
	n, err := strconv.Atoi(strings.TrimLeft(typ, "bsuf"))
	return uint(n), err
}

func low(x uint64, w uint) uint64 {
	if w >= 64 {
		return x
	}
	return x & (1<<w - 1)
}

func signed(x uint64, w uint) int64 { return int64(x<<(64-w)) >> (64 - w) }

func (p *program) instruction(l string, labels map[string]int) (step, error) {
	var guard value
	negate := false
	if strings.HasPrefix(l, "@") {
		g, rest, _ := strings.Cut(l, " ")
		l = rest
		g, negate = strings.CutPrefix(strings.TrimPrefix(g, "@"), "!")
		var err error
		if guard, err = p.value(g); err != nil {
			return nil, err
		}
	}
	op, rest, _ := strings.Cut(l, " ")
	args := operand.FindAllString(rest, -1)
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	s, err := p.operation(op, args, labels)
	if err != nil || guard == nil {
		return s, err
	}
	return func(t *thread) error {
		g, err := guard(t)
		if err != nil {
			return err
		}
		if (g != 0) == negate {
			t.pc++
			return nil
		}
		return s(t)
	}, nil
}

// vector is a register or a list of them.
func vector(s string) []string {
	if !strings.HasPrefix(s, "{") {
		return []string{s}
	}
	list := strings.Split(strings.Trim(s, "{}"), ",")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

func (p *program) register(s string) (int, error) {
	r, ok := p.regs[s]
	if !ok {
		return 0, fmt.Errorf("no register %q", s)
	}
	return r, nil
}

// address is the place in [register+offset].
func (p *program) address(s string) (value, error) {
	s = strings.Trim(s, "[]")
	base, off := s, int64(0)
	if b, n, ok := strings.Cut(s, "+"); ok {
		var err error
		base = b
		if off, err = strconv.ParseInt(n, 10, 64); err != nil {
			return nil, err
		}
	}
	v, err := p.value(base)
	if err != nil {
		return nil, err
	}
	wide := strings.HasPrefix(base, "%d")
	return func(t *thread) (uint64, error) {
		a, err := v(t)
		if !wide && off != 0 && int32(a) < 0 {
			return 0, fmt.Errorf("an offset is added to the negative address %d", int32(a))
		}
		return a + uint64(off), err
	}, nil
}

func (p *program) operation(op string, args []string, labels map[string]int) (step, error) {
	part := strings.Split(op, ".")
	typ := part[len(part)-1]
	switch part[0] {
	case "bra":
		at, ok := labels[args[0]]
		if !ok {
			return nil, fmt.Errorf("no label %s", args[0])
		}
		return func(t *thread) error { t.pc = at; return nil }, nil
	case "ret":
		return func(t *thread) error { t.done = true; return nil }, nil
	case "bar":
		return func(t *thread) error { t.waiting = true; t.pc++; return nil }, nil
	case "ld", "st":
		return p.access(part, args)
	case "cp":
		return p.copy(op, args)
	case "cvta":
		return p.compute("mov.u64", args)
	case "mov":
		if strings.HasPrefix(args[0], "{") || strings.HasPrefix(args[1], "{") {
			return p.pack(typ, args)
		}
	}
	return p.compute(op, args)
}

func (p *program) pack(typ string, args []string) (step, error) {
	w, err := width(typ)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(args[0], "{") {
		from, err := p.value(args[1])
		if err != nil {
			return nil, err
		}
		var to []int
		for _, s := range vector(args[0]) {
			r, err := p.register(s)
			if err != nil {
				return nil, err
			}
			to = append(to, r)
		}
		each := w / uint(len(to))
		return func(t *thread) error {
			x, err := from(t)
			for i, r := range to {
				t.regs[r], t.set[r] = low(x>>(each*uint(i)), each), true
			}
			t.pc++
			return err
		}, nil
	}
	to, err := p.register(args[0])
	if err != nil {
		return nil, err
	}
	var from []value
	for _, s := range vector(args[1]) {
		v, err := p.value(s)
		if err != nil {
			return nil, err
		}
		from = append(from, v)
	}
	each := w / uint(len(from))
	return func(t *thread) error {
		x := uint64(0)
		for i, v := range from {
			y, err := v(t)
			if err != nil {
				return err
			}
			x |= low(y, each) << (each * uint(i))
		}
		t.regs[to], t.set[to] = x, true
		t.pc++
		return nil
	}, nil
}

// memory finds size bytes at an address.
func (t *thread) memory(space string, addr uint64, size int) ([]byte, int, error) {
	if addr%uint64(size) != 0 {
		return nil, 0, fmt.Errorf("%d bytes at the address %#x, which is not aligned", size, addr)
	}
	var m []byte
	var off int64
	which := 0
	switch space {
	case "global":
		which = int(addr>>36) - 1
		if which < 0 || which >= len(t.b.l.buffers) {
			return nil, 0, fmt.Errorf("%#x is in no buffer", addr)
		}
		m, off = t.b.l.buffers[which], int64(addr-bufferBase(which))
	case "shared":
		m, off = t.b.shared, int64(int32(addr))-sharedBase
	case "local":
		m, off = t.local, int64(addr)-localBase
	}
	if off < 0 || off+int64(size) > int64(len(m)) {
		return nil, 0, fmt.Errorf("%d bytes at %d of %s memory, which has %d", size, off, space, len(m))
	}
	if space == "shared" {
		which = int(off)
	}
	return m[off : off+int64(size)], which, nil
}

// meet notes an access to shared memory.
func (t *thread) meet(off, size int, write bool) error {
	b, me := t.b, t.id+1
	for i := off / 2; i < (off+size)/2; i++ {
		o := &b.owner[i]
		if o.flying != 0 {
			return fmt.Errorf("shared memory at %d is used before thread %d's copy to it has landed", 2*i, o.flying-1)
		}
		if o.wepoch == b.epoch && o.writer != me {
			return fmt.Errorf("thread %d uses shared memory at %d, which thread %d has written, without a barrier between them", t.id, 2*i, o.writer-1)
		}
		if write {
			if o.repoch == b.epoch && o.reader != me {
				return fmt.Errorf("thread %d writes shared memory at %d, which another has read, without a barrier between them", t.id, 2*i)
			}
			o.writer, o.wepoch = me, b.epoch
		} else {
			if o.repoch == b.epoch && o.reader != me {
				o.reader = -1
			} else {
				o.reader, o.repoch = me, b.epoch
			}
		}
	}
	return nil
}

func (p *program) access(part, args []string) (step, error) {
	typ := part[len(part)-1]
	w, err := width(typ)
	if err != nil {
		return nil, err
	}
	bytes := int(w / 8)
	nc := false
	for _, s := range part {
		nc = nc || s == "nc"
	}
	space := part[1]
	if space == "param" {
		to, err := p.register(args[0])
		if err != nil {
			return nil, err
		}
		name, off, _ := strings.Cut(strings.Trim(args[1], "[]"), "+")
		at, _ := strconv.Atoi(off)
		for i, param := range p.params {
			if param != name || at+bytes > p.size[name] {
				continue
			}
			return func(t *thread) error {
				if name == "push" {
					var x [8]byte
					copy(x[:], t.b.l.push[at:at+bytes])
					t.regs[to] = binary.LittleEndian.Uint64(x[:])
				} else {
					t.regs[to] = bufferBase(i)
				}
				t.set[to] = true
				t.pc++
				return nil
			}, nil
		}
		return nil, fmt.Errorf("no such parameter")
	}
	mem, reg := args[1], args[0]
	if part[0] == "st" {
		mem, reg = args[0], args[1]
	}
	addr, err := p.address(mem)
	if err != nil {
		return nil, err
	}
	regs := vector(reg)
	count := 1
	for _, s := range part {
		if n, ok := strings.CutPrefix(s, "v"); ok {
			count, _ = strconv.Atoi(n)
		}
	}
	if count != len(regs) || count*bytes > 16 {
		return nil, fmt.Errorf("%d registers of %d bytes", len(regs), bytes)
	}
	var to []int
	var from []value
	for _, s := range regs {
		r, err := p.register(s)
		if err != nil {
			return nil, err
		}
		v, err := p.value(s)
		if err != nil {
			return nil, err
		}
		to, from = append(to, r), append(from, v)
	}
	return func(t *thread) error {
		a, err := addr(t)
		if err != nil {
			return err
		}
		m, which, err := t.memory(space, a, count*bytes)
		if err != nil {
			return err
		}
		if space != "local" {
			t.note(space, a, count*bytes)
		}
		if space == "shared" {
			if err := t.meet(which, count*bytes, part[0] == "st"); err != nil {
				return err
			}
		}
		if space == "global" {
			t.b.nc[which] = t.b.nc[which] || nc
			t.b.written[which] = t.b.written[which] || part[0] == "st"
			if t.b.nc[which] && t.b.written[which] {
				return fmt.Errorf("buffer %d is written and read as one that never is", which)
			}
		}
		for i := range count {
			e := m[i*bytes : (i+1)*bytes]
			var x [8]byte
			if part[0] == "ld" {
				copy(x[:], e)
				t.regs[to[i]], t.set[to[i]] = binary.LittleEndian.Uint64(x[:]), true
			} else {
				v, err := from[i](t)
				if err != nil {
					return err
				}
				binary.LittleEndian.PutUint64(x[:], v)
				copy(e, x[:bytes])
			}
		}
		t.pc++
		return nil
	}, nil
}

func (p *program) copy(op string, args []string) (step, error) {
	if op == "cp.async.wait_all" {
		return func(t *thread) error {
			t.land()
			t.pc++
			return nil
		}, nil
	}
	if op != "cp.async.ca.shared.global" && op != "cp.async.cg.shared.global" {
		return nil, fmt.Errorf("unknown copy")
	}
	n, err := strconv.Atoi(args[2])
	if err != nil || n != 16 && (op == "cp.async.cg.shared.global" || n != 4 && n != 8) {
		return nil, fmt.Errorf("%s bytes", args[2])
	}
	to, err := p.address(args[0])
	if err != nil {
		return nil, err
	}
	from, err := p.address(args[1])
	if err != nil {
		return nil, err
	}
	return func(t *thread) error {
		a, err := to(t)
		if err != nil {
			return err
		}
		b, err := from(t)
		if err != nil {
			return err
		}
		dst, off, err := t.memory("shared", a, n)
		if err != nil {
			return err
		}
		src, which, err := t.memory("global", b, n)
		if err != nil {
			return err
		}
		t.note("shared", a, n)
		t.note("global", b, n)
		if t.b.written[which] {
			return fmt.Errorf("buffer %d is written and copied from", which)
		}
		if err := t.meet(off, n, true); err != nil {
			return err
		}
		for i := off / 2; i < (off+n)/2; i++ {
			t.b.owner[i].flying = t.id + 1
		}
		t.lands = append(t.lands, [2]int{off, n})
		t.pending = append(t.pending, func() { copy(dst, src) })
		t.pc++
		return nil
	}, nil
}

// land lets the thread's copies land.
func (t *thread) land() {
	for _, f := range t.pending {
		f()
	}
	for _, l := range t.lands {
		for i := l[0] / 2; i < (l[0]+l[1])/2; i++ {
			o := &t.b.owner[i]
			o.flying, o.writer, o.wepoch = 0, t.id+1, t.b.epoch
		}
	}
	t.pending, t.lands = nil, nil
}

// fusedOdd is x*y+z rounded to odd in 64 bits, which rounds right once more to 32.
func fusedOdd(x, y, z float64) float64 {
	s := math.FMA(x, y, z)
	if math.IsInf(s, 0) || math.IsNaN(s) || math.Float64bits(s)&1 != 0 {
		return s
	}
	// x*y is exact for 24-bit factors, and so is the error of the sum.
	prod := x * y
	big, small := prod, z
	if math.Abs(z) > math.Abs(prod) {
		big, small = z, prod
	}
	if e := small - (s - big); e != 0 {
		if (e > 0) == (s > 0) {
			return math.Float64frombits(math.Float64bits(s) + 1)
		}
		return math.Float64frombits(math.Float64bits(s) - 1)
	}
	return s
}

func (p *program) compute(op string, args []string) (step, error) {
	part := strings.Split(op, ".")
	name, typ := part[0], part[len(part)-1]
	has := func(s string) bool {
		for _, x := range part[1:] {
			if x == s {
				return true
			}
		}
		return false
	}
	w, err := width(typ)
	if err != nil {
		return nil, err
	}
	to, err := p.register(args[0])
	if err != nil {
		return nil, err
	}
	var from []value
	for _, a := range args[1:] {
		v, err := p.value(a)
		if err != nil {
			return nil, err
		}
		from = append(from, v)
	}
	float := typ[0] == 'f'
	dec := func(x uint64) float64 { return spirv.DecodeFloat(low(x, w), int(w)) }
	enc := func(x float64) uint64 { return spirv.EncodeFloat(x, int(w)) }
	s := func(x uint64) int64 { return signed(x, w) }
	u := func(x uint64) uint64 { return low(x, w) }
	bit := func(b bool) uint64 {
		if b {
			return 1
		}
		return 0
	}
	// n arguments, result of rw bits.
	do := func(n int, rw uint, f func(a []uint64) (uint64, error)) (step, error) {
		if len(from) != n {
			return nil, fmt.Errorf("%d operands, not %d", len(from), n)
		}
		return func(t *thread) error {
			var a [4]uint64
			for i, v := range from {
				x, err := v(t)
				if err != nil {
					return err
				}
				a[i] = x
			}
			r, err := f(a[:n])
			if err != nil {
				return err
			}
			t.regs[to], t.set[to] = low(r, rw), true
			t.pc++
			return nil
		}, nil
	}
	un := func(f func(a uint64) uint64) (step, error) {
		return do(1, w, func(a []uint64) (uint64, error) { return f(a[0]), nil })
	}
	bin := func(f func(a, b uint64) uint64) (step, error) {
		return do(2, w, func(a []uint64) (uint64, error) { return f(a[0], a[1]), nil })
	}
	unF := func(f func(float64) float64) (step, error) {
		return un(func(a uint64) uint64 { return enc(f(dec(a))) })
	}
	binF := func(f func(a, b float64) float64) (step, error) {
		return bin(func(a, b uint64) uint64 { return enc(f(dec(a), dec(b))) })
	}
	if float && (name == "add" || name == "sub" || name == "mul" || name == "fma" || name == "div" || name == "sqrt") && !has("rn") {
		return nil, fmt.Errorf("the rounding is not named, so that it may be contracted")
	}
	switch name {
	case "mov":
		return un(func(a uint64) uint64 { return a })
	case "add":
		if float {
			return binF(func(a, b float64) float64 { return a + b })
		}
		return bin(func(a, b uint64) uint64 { return a + b })
	case "sub":
		if float {
			return binF(func(a, b float64) float64 { return a - b })
		}
		return bin(func(a, b uint64) uint64 { return a - b })
	case "mul":
		if float {
			return binF(func(a, b float64) float64 { return a * b })
		}
		if !has("lo") {
			return nil, fmt.Errorf("which half?")
		}
		return bin(func(a, b uint64) uint64 { return a * b })
	case "mad":
		if has("wide") {
			return do(3, 64, func(a []uint64) (uint64, error) { return uint64(signed(a[0], 32)*signed(a[1], 32)) + a[2], nil })
		}
		return do(3, w, func(a []uint64) (uint64, error) { return a[0]*a[1] + a[2], nil })
	case "fma":
		if w == 16 { // exact in 64 bits
			return do(3, w, func(a []uint64) (uint64, error) { return enc(dec(a[0])*dec(a[1]) + dec(a[2])), nil })
		}
		return do(3, w, func(a []uint64) (uint64, error) { return enc(fusedOdd(dec(a[0]), dec(a[1]), dec(a[2]))), nil })
	case "div", "rem":
		if float {
			return binF(func(a, b float64) float64 { return a / b })
		}
		return do(2, w, func(a []uint64) (uint64, error) {
			switch {
			case u(a[1]) == 0:
				return 0, fmt.Errorf("division by zero")
			case typ[0] == 's' && name == "div":
				return uint64(s(a[0]) / s(a[1])), nil
			case typ[0] == 's':
				return uint64(s(a[0]) % s(a[1])), nil
			case name == "div":
				return u(a[0]) / u(a[1]), nil
			}
			return u(a[0]) % u(a[1]), nil
		})
	case "shl":
		return bin(func(a, b uint64) uint64 { return a << min(low(b, 32), 64) })
	case "shr":
		if typ[0] == 's' {
			return bin(func(a, b uint64) uint64 { return uint64(s(a) >> min(low(b, 32), 63)) })
		}
		return bin(func(a, b uint64) uint64 { return u(a) >> min(low(b, 32), 64) })
	case "and":
		return bin(func(a, b uint64) uint64 { return a & b })
	case "or":
		return bin(func(a, b uint64) uint64 { return a | b })
	case "xor":
		return bin(func(a, b uint64) uint64 { return a ^ b })
	case "not":
		return un(func(a uint64) uint64 { return ^a })
	case "neg":
		if float {
			return un(func(a uint64) uint64 { return a ^ 1<<(w-1) })
		}
		return un(func(a uint64) uint64 { return -a })
	case "abs":
		if float {
			return un(func(a uint64) uint64 { return a &^ (1 << (w - 1)) })
		}
		return un(func(a uint64) uint64 { return uint64(max(s(a), -s(a))) })
	case "min", "max":
		return bin(func(a, b uint64) uint64 {
			less := false
			switch {
			case float && math.IsNaN(dec(a)):
				return b
			case float && math.IsNaN(dec(b)):
				return a
			case float:
				less = dec(a) < dec(b) || dec(a) == dec(b) && math.Signbit(dec(a))
			case typ[0] == 's':
				less = s(a) < s(b)
			default:
				less = u(a) < u(b)
			}
			if less == (name == "min") {
				return a
			}
			return b
		})
	case "sqrt":
		return unF(math.Sqrt)
	case "rsqrt":
		return unF(func(x float64) float64 { return 1 / math.Sqrt(x) })
	case "ex2":
		return unF(math.Exp2)
	case "lg2":
		return unF(math.Log2)
	case "sin":
		return unF(math.Sin)
	case "cos":
		return unF(math.Cos)
	case "selp":
		return do(3, w, func(a []uint64) (uint64, error) {
			if a[2] != 0 {
				return a[0], nil
			}
			return a[1], nil
		})
	case "testp":
		return do(1, 1, func(a []uint64) (uint64, error) { return bit(math.IsNaN(dec(a[0]))), nil })
	case "setp":
		cmp := part[1]
		return do(2, 1, func(a []uint64) (uint64, error) {
			var lt, eq, nan bool
			switch {
			case float:
				x, y := dec(a[0]), dec(a[1])
				lt, eq, nan = x < y, x == y, math.IsNaN(x) || math.IsNaN(y)
			case typ[0] == 's':
				lt, eq = s(a[0]) < s(a[1]), s(a[0]) == s(a[1])
			default:
				lt, eq = u(a[0]) < u(a[1]), u(a[0]) == u(a[1])
			}
			switch cmp {
			case "eq":
				return bit(eq), nil
			case "ne":
				return bit(!eq && !nan), nil
			case "neu":
				return bit(!eq), nil
			case "lt":
				return bit(lt), nil
			case "le":
				return bit(lt || eq), nil
			}
			return 0, fmt.Errorf("unknown comparison %s", cmp)
		})
	case "cvt":
		return p.convert(part, do)
	}
	return nil, fmt.Errorf("unknown instruction %s", name)
}

func (p *program) convert(part []string, do func(int, uint, func([]uint64) (uint64, error)) (step, error)) (step, error) {
	dst, src := part[len(part)-2], part[len(part)-1]
	dw, err := width(dst)
	if err != nil {
		return nil, err
	}
	sw, err := width(src)
	if err != nil {
		return nil, err
	}
	mode := ""
	if len(part) == 4 {
		mode = part[1]
	}
	return do(1, dw, func(a []uint64) (uint64, error) {
		x := low(a[0], sw)
		switch {
		case src[0] == 'f' && dst[0] == 'f':
			f := spirv.DecodeFloat(x, int(sw))
			switch mode {
			case "rmi":
				f = math.Floor(f)
			case "rpi":
				f = math.Ceil(f)
			case "rzi":
				f = math.Trunc(f)
			case "rni":
				f = math.RoundToEven(f)
			case "rn", "":
				if mode == "" && dw < sw {
					return 0, fmt.Errorf("how to round?")
				}
			default:
				return 0, fmt.Errorf("unknown rounding %s", mode)
			}
			return spirv.EncodeFloat(f, int(dw)), nil
		case src[0] == 'f':
			f := math.Trunc(spirv.DecodeFloat(x, int(sw)))
			if mode != "rzi" {
				return 0, fmt.Errorf("unknown rounding %s", mode)
			}
			if dst[0] == 's' {
				return uint64(int64(f)), nil
			}
			return uint64(f), nil
		case dst[0] == 'f':
			if mode != "rn" {
				return 0, fmt.Errorf("unknown rounding %s", mode)
			}
			if src[0] == 's' {
				return spirv.EncodeFloat(float64(signed(x, sw)), int(dw)), nil
			}
			return spirv.EncodeFloat(float64(x), int(dw)), nil
		case src[0] == 's':
			return uint64(signed(x, sw)), nil
		}
		return x, nil
	})
}

// run runs every block of the grid.
func (p *program) run(l *launch) error {
	written, nc := make([]bool, len(l.buffers)), make([]bool, len(l.buffers))
	size := p.shared
	if p.dynamic {
		size = l.dynamic
	}
	for z := range l.grid[2] {
		for y := range l.grid[1] {
			for x := range l.grid[0] {
				b := &block{p: p, l: l, id: [3]uint32{x, y, z}, shared: make([]byte, size), owner: make([]touch, size/2), epoch: 1, written: written, nc: nc}
				for i := range b.shared {
					b.shared[i] = 0xA5 // nothing may rely on it
				}
				b.trace = map[visit]*[32]access{}
				if err := b.run(); err != nil {
					return fmt.Errorf("block %v: %w", b.id, err)
				}
				for v, lanes := range b.trace {
					l.watch(p.lines[v.pc], v.space, lanes)
				}
			}
		}
	}
	return nil
}

func (b *block) run() error {
	var threads []*thread
	d := b.p.block
	for z := range d[2] {
		for y := range d[1] {
			for x := range d[0] {
				threads = append(threads, &thread{b: b, id: int32(len(threads)), tid: [3]uint32{x, y, z}, regs: make([]uint64, len(b.p.regs)), set: make([]bool, len(b.p.regs)), local: make([]byte, b.p.localSize)})
			}
		}
	}
	for steps := 0; ; steps++ {
		waiting := 0
		for _, t := range threads {
			for n := 0; !t.done && !t.waiting; n++ {
				pc := t.pc
				if n > 1<<24 {
					return fmt.Errorf("thread %v does not end", t.tid)
				}
				if err := b.p.code[pc](t); err != nil {
					return fmt.Errorf("thread %v: %q: %w", t.tid, b.p.lines[pc], err)
				}
			}
			if t.done && len(t.pending) > 0 {
				return fmt.Errorf("thread %v ends before its copies have landed", t.tid)
			}
			if t.waiting {
				waiting++
			}
		}
		if waiting == 0 {
			return nil
		}
		if waiting != len(threads) {
			return fmt.Errorf("%d of %d threads wait at a barrier that the others do not reach", waiting, len(threads))
		}
		for _, t := range threads {
			if t.pc != threads[0].pc {
				return fmt.Errorf("threads wait at different barriers")
			}
			t.waiting = false
		}
		b.epoch++
	}
}
