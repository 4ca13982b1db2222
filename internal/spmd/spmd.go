// Package spmd translates a kernel to C in which one vector runs several invocations.
//
// The lanes of a vector are neighbours along x. What is the same in all invocations
// of a workgroup stays a scalar of the workgroup; what is the same in all lanes stays
// a scalar of the vector; a value that grows by a constant from lane to lane is kept
// as lane 0's scalar, so that an access through it is one vector load or store. The
// code between two barriers becomes a loop over the workgroup's vectors, and what
// lives across a barrier is kept in an array with an entry per vector. Conditions
// that differ between lanes become masks.
//
// The C needs the header spmd.h, which defines the vectors for an instruction set, and
// nothing else. See package ir for the subset of SPIR-V; beyond it, barriers must be
// reached by whole workgroups, which is checked here and refused otherwise.
package spmd

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"gpubench/internal/ir"
)

// Target is an instruction set.
type Target struct {
	Name  string // names the C functions and the macros of spmd.h: sse2, avx2, avx512, neon
	Lanes int    // 32-bit lanes of a vector
}

// Targets are the instruction sets that spmd.h knows.
var Targets = []Target{{"sse2", 4}, {"avx2", 8}, {"avx512", 16}, {"neon", 4}}

// Translate makes a C definition of `const spmd_kernel NAME`, and what it needs, from
// a kernel. A workgroup whose size is not a multiple of the lanes has idle lanes in
// its last vector.
func Translate(f *ir.Func, t Target, name string) (string, error) {
	if err := subset(f); err != nil {
		return "", fmt.Errorf("spmd: %s: %w", name, err)
	}
	a := analyse(f, t)
	e := &emitter{analysis: a, name: name, group: map[ir.Node]bool{}, region: map[*ir.Value]int{}, crossing: map[*ir.Value]bool{}, kept: map[*ir.Var]bool{},
		wide: map[*ir.Value]bool{}, needed: map[*ir.Value]bool{}, hoisted: map[*ir.Value]bool{}}
	n := f.Workgroup[0] * f.Workgroup[1] * f.Workgroup[2]
	e.vectors = (int(n) + t.Lanes - 1) / t.Lanes
	e.tail = int(n) % t.Lanes
	if err := e.plan(); err != nil {
		return "", fmt.Errorf("spmd: %s: %w", name, err)
	}
	return e.emit()
}

// subset refuses what the C has no form for.
func subset(f *ir.Func) (err error) {
	ir.Walk(f.Body, func(n ir.Node) {
		v, ok := n.(*ir.Value)
		if !ok || err != nil {
			return
		}
		for _, x := range append([]*ir.Value{v}, v.Args...) {
			if x.Type.Size() != 4 && x.Type != ir.Void {
				err = v.Err("values of type %s are outside the subset of the C", x.Type)
				return
			}
		}
		switch v.Op {
		case ir.RSqrt, ir.Exp2, ir.Log2, ir.Sin, ir.Cos, ir.RoundEven, ir.FConvert, ir.PackHalf, ir.UnpackHalf, ir.PackLong, ir.UnpackLong:
			err = v.Err("the operation %s is outside the subset of the C", v.Op)
		}
	})
	return err
}

// hasBarrier reports whether a node is or holds a barrier.
func hasBarrier(n ir.Node) bool {
	found := false
	ir.Walk([]ir.Node{n}, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && v.Op == ir.Barrier {
			found = true
		}
	})
	return found
}

type emitter struct {
	*analysis
	name    string
	vectors int
	tail    int // invocations in the last vector when it is not full, else 0

	// Made by plan.
	group    map[ir.Node]bool   // runs once for the workgroup, as scalar code
	region   map[*ir.Value]int  // the region that computes a value, from 1; 0 for group values
	nodes    [][]ir.Node        // of each region
	crossing map[*ir.Value]bool // needed in a region other than its own, which cannot compute it again
	kept     map[*ir.Var]bool   // lives from one run of a region to another: has a place per vector
	wide     map[*ir.Value]bool // used outside of a split loop that computes it
	needed   map[*ir.Value]bool // has a C variable; the others are only parts of indices
	hoisted  map[*ir.Value]bool // used outside of the block that computes it
	planning bool

	top    strings.Builder // declarations of the function
	body   strings.Builder
	w      *strings.Builder
	indent int
	labels int
	masks  int
	stack  []*loopCode // loops around the current node

	// While a region is written:
	inRegion bool
	decl     strings.Builder    // its declarations, and values of other regions that are computed again or fetched
	have     map[*ir.Value]bool // values that the region knows
	mask     string             // mask of the active lanes, empty when all are
	split    []*ir.Loop         // split loops around the current node
	usesVar  map[*ir.Var]bool
}

// loopCode is a loop being written.
type loopCode struct {
	loop  *ir.Loop
	id    int
	alive string // split loops: mask of the lanes that have not left it
	act   string // and of those that have not gone on to its Continue part
}

// plan decides what runs once per workgroup, numbers the regions, and finds what
// crosses from one to another.
func (e *emitter) plan() error {
	groupVar := e.groups()
	e.planning = true
	err := e.level(e.f.Body, e.planRegion)
	e.planning = false
	if err != nil {
		return err
	}
	if len(e.nodes) > 1 {
		for _, nodes := range e.nodes {
			ir.Walk(nodes, func(n ir.Node) {
				if _, ok := n.(ir.Return); ok {
					err = fmt.Errorf("some invocations return before a barrier that others reach")
				}
			})
		}
	}
	e.crossings(groupVar)
	e.scopes()
	return err
}

// groups fills e.group and returns the variables of the workgroup: the uniform ones
// that only code of the workgroup writes.
func (e *emitter) groups() map[*ir.Var]bool {
	vars := map[*ir.Var]bool{}
	for v, s := range e.vars {
		vars[v] = s.kind == uniform
	}
	// try reports whether a node can run once for the workgroup, and notes it then.
	var try func(n ir.Node) bool
	tryAll := func(lists ...[]ir.Node) bool {
		ok := true
		for _, list := range lists {
			for _, n := range list {
				ok = try(n) && ok
			}
		}
		return ok
	}
	try = func(n ir.Node) bool {
		ok := true
		switch n := n.(type) {
		case *ir.Value:
			if n.Op == ir.Set || n.Op == ir.Get {
				ok = vars[n.Var]
			} else {
				ok = !n.Op.HasEffect() && e.vals[n].kind == uniform
			}
			for _, a := range n.Args {
				ok = ok && (a.Op == ir.Const || e.group[a])
			}
		case *ir.If:
			ok = (n.Cond.Op == ir.Const || e.group[n.Cond]) && tryAll(n.Then, n.Else)
		case *ir.Loop:
			ok = !e.splits[n] && tryAll(n.Body, n.Continue)
		default: // a jump goes along with the node that holds it
			return true
		}
		if ok {
			e.group[n] = true
		} else {
			ir.Walk([]ir.Node{n}, func(inner ir.Node) { delete(e.group, inner) })
		}
		return ok
	}
	// What holds a barrier is code of the workgroup around the regions inside it.
	var level func(list []ir.Node)
	level = func(list []ir.Node) {
		for _, n := range list {
			if !hasBarrier(n) {
				try(n)
				continue
			}
			switch n := n.(type) {
			case *ir.If:
				level(n.Then)
				level(n.Else)
			case *ir.Loop:
				level(n.Body)
				level(n.Continue)
			}
		}
	}
	// A variable that turns out to be written elsewhere takes what reads it along.
	for again := true; again; {
		again = false
		clear(e.group)
		level(e.f.Body)
		ir.Walk(e.f.Body, func(n ir.Node) {
			if v, ok := n.(*ir.Value); ok && v.Op == ir.Set && vars[v.Var] && !e.group[v] {
				vars[v.Var] = false
				again = true
			}
		})
	}
	return vars
}

// level walks the code of the workgroup's level. It calls run for every maximal list
// of nodes that lies between barriers; during emission it also writes the scalar code.
func (e *emitter) level(list []ir.Node, run func([]ir.Node) error) error {
	var pending []ir.Node
	flush := func() error {
		if len(pending) == 0 {
			return nil
		}
		nodes := pending
		pending = nil
		return run(nodes)
	}
	for _, n := range list {
		v, isValue := n.(*ir.Value)
		switch {
		case isValue && v.Op == ir.Barrier:
			if err := flush(); err != nil {
				return err
			}
			continue
		case isValue && e.group[n] && v.Op != ir.Set:
			// It depends on nothing that a pending region does, so it may come before it.
			e.groupNode(n)
			continue
		case isValue && !e.group[n]:
			if !e.again(v) { // else the regions that need it compute it
				pending = append(pending, n)
			}
			continue
		}
		switch n := n.(type) {
		case *ir.If:
			if !e.group[n] && !hasBarrier(n) {
				pending = append(pending, n)
				continue
			}
		case *ir.Loop:
			if !e.group[n] && !hasBarrier(n) {
				pending = append(pending, n)
				continue
			}
		}
		if err := flush(); err != nil {
			return err
		}
		if v != nil || e.group[n] {
			e.groupNode(n)
			continue
		}
		switch n := n.(type) {
		case *ir.If:
			if n.Cond.Op != ir.Const && !e.group[n.Cond] {
				return fmt.Errorf("a barrier lies under a condition that may differ within the workgroup")
			}
			e.line("if (%s) {", e.scalar(n.Cond))
			e.indent++
			if err := e.level(n.Then, run); err != nil {
				return err
			}
			e.indent--
			if len(n.Else) > 0 {
				e.line("} else {")
				e.indent++
				if err := e.level(n.Else, run); err != nil {
					return err
				}
				e.indent--
			}
			e.line("}")
		case *ir.Loop:
			if e.splits[n] {
				return fmt.Errorf("a barrier lies in a loop that invocations may leave at different times")
			}
			l := e.push(n)
			e.line("for (;;) {")
			e.indent++
			if err := e.level(n.Body, run); err != nil {
				return err
			}
			e.line("next_%d:;", l.id)
			if err := e.level(n.Continue, run); err != nil {
				return err
			}
			e.indent--
			e.line("}")
			e.pop()
		default:
			e.jump(n)
		}
	}
	return flush()
}

// planRegion notes what a region holds.
func (e *emitter) planRegion(nodes []ir.Node) error {
	e.nodes = append(e.nodes, nodes)
	r := len(e.nodes)
	var err error
	var look func(list []ir.Node, loops []*ir.Loop, depth int)
	look = func(list []ir.Node, loops []*ir.Loop, depth int) {
		for _, n := range list {
			switch n := n.(type) {
			case *ir.Value:
				e.region[n] = r
				for _, a := range n.Args {
					if a.Op != ir.Const && e.escapes(a, loops) {
						e.wide[a] = true
					}
				}
			case *ir.If:
				if n.Cond.Op != ir.Const && e.escapes(n.Cond, loops) {
					e.wide[n.Cond] = true
				}
				look(n.Then, loops, depth)
				look(n.Else, loops, depth)
			case *ir.Loop:
				inner := loops
				if e.splits[n] {
					inner = append(loops[:len(loops):len(loops)], n)
				}
				look(n.Body, inner, depth+1)
				look(n.Continue, inner, depth+1)
			case ir.Break, ir.Continue:
				if depth == 0 {
					err = fmt.Errorf("a loop around a barrier is left under a condition that may differ within the workgroup")
				}
			}
		}
	}
	look(nodes, nil, 0)
	return err
}

// again reports whether a value can be computed anew in another region.
func (e *emitter) again(v *ir.Value) bool {
	if v.Op == ir.Const || e.group[v] {
		return true
	}
	if v.Op.HasEffect() || v.Op.Reads() || len(e.home[v]) > 0 {
		return false
	}
	for _, a := range v.Args {
		if !e.again(a) {
			return false
		}
	}
	return true
}

// crossings finds the values and variables that live from one region to another.
func (e *emitter) crossings(groupVar map[*ir.Var]bool) {
	var cross func(v *ir.Value, r int)
	cross = func(v *ir.Value, r int) {
		if v.Op == ir.Const || e.group[v] || e.region[v] == r {
			return
		}
		if !e.again(v) {
			e.crossing[v] = true
			return
		}
		for _, a := range v.Args {
			cross(a, r)
		}
	}
	where := map[*ir.Var]int{}
	ir.Walk(e.f.Body, func(n ir.Node) {
		v, ok := n.(*ir.Value)
		if !ok || e.group[v] || v.Op == ir.Barrier {
			if c, ok := n.(*ir.If); ok && len(c.Then)+len(c.Else) > 0 {
				if r := e.regionOf(c); r > 0 {
					cross(c.Cond, r)
				}
			}
			return
		}
		r := e.region[v]
		for _, a := range v.Args {
			cross(a, r)
		}
		if (v.Op == ir.Get || v.Op == ir.Set) && !groupVar[v.Var] {
			if w, ok := where[v.Var]; ok && w != r {
				e.kept[v.Var] = true
			}
			where[v.Var] = r
		}
	})
	// A variable of one region only is kept too when the region reads what an earlier
	// run of it left behind.
	for _, nodes := range e.nodes {
		e.exposed(nodes, map[*ir.Var]bool{})
	}
}

// regionOf is the region that a node belongs to, by the first value inside; 0 for none.
func (e *emitter) regionOf(n ir.Node) int {
	r := 0
	ir.Walk([]ir.Node{n}, func(n ir.Node) {
		if v, ok := n.(*ir.Value); ok && r == 0 {
			r = e.region[v]
		}
	})
	return r
}

// exposed marks the variables that are read before they are surely written. set holds
// those that are written, and is extended.
func (e *emitter) exposed(list []ir.Node, set map[*ir.Var]bool) (ends bool) {
	for _, n := range list {
		switch n := n.(type) {
		case *ir.Value:
			switch {
			case n.Op == ir.Set:
				set[n.Var] = true
			case n.Op == ir.Get && !set[n.Var] && !e.group[n]:
				e.kept[n.Var] = true
			}
		case *ir.If:
			a, b := cloneSet(set), cloneSet(set)
			ea, eb := e.exposed(n.Then, a), e.exposed(n.Else, b)
			for v := range a {
				if (b[v] || eb) && !ea {
					set[v] = true
				}
			}
			for v := range b {
				if ea && !eb {
					set[v] = true
				}
			}
			if ea && eb {
				return true
			}
		case *ir.Loop:
			in := cloneSet(set)
			e.exposed(n.Body, in)
			e.exposed(n.Continue, cloneSet(set))
		default:
			return true
		}
	}
	return false
}

func cloneSet(s map[*ir.Var]bool) map[*ir.Var]bool {
	c := make(map[*ir.Var]bool, len(s))
	for v := range s {
		c[v] = true
	}
	return c
}

// emit writes the C text.
func (e *emitter) emit() (string, error) {
	e.labels = 0
	e.w = &e.body
	e.indent = 1
	if err := e.level(e.f.Body, e.writeRegion); err != nil {
		return "", fmt.Errorf("spmd: %s: %w", e.name, err)
	}
	var b strings.Builder
	size := 0
	b.WriteString("struct " + e.name + "_scratch {\n")
	for _, m := range e.f.Mems {
		if m.Kind == ir.Shared {
			fmt.Fprintf(&b, "\t%s %s[%d] __attribute__((aligned(64)));\n", scalarType(m.Elem), memName(m), m.Len)
			size++
		}
	}
	var fields []string
	vars := make([]*ir.Var, 0, len(e.kept))
	for v := range e.kept {
		vars = append(vars, v)
	}
	slices.SortFunc(vars, func(a, b *ir.Var) int { return a.ID - b.ID })
	for _, v := range vars {
		fields = append(fields, fmt.Sprintf("%s %s;", cType(v.Type, e.vars[v].scalar()), varName(v)))
	}
	vals := make([]*ir.Value, 0, len(e.crossing))
	for v := range e.crossing {
		vals = append(vals, v)
	}
	slices.SortFunc(vals, func(a, b *ir.Value) int { return a.ID - b.ID })
	for _, v := range vals {
		fields = append(fields, fmt.Sprintf("%s v%d;", cType(v.Type, e.valueShape(v).scalar()), v.ID))
	}
	for _, m := range e.f.Mems {
		if m.Kind == ir.Private {
			fields = append(fields, fmt.Sprintf("%s %s[%d];", cType(m.Elem, false), memName(m), m.Len))
		}
	}
	if len(fields) > 0 {
		fmt.Fprintf(&b, "\tstruct {\n")
		for _, f := range fields {
			b.WriteString("\t\t" + f + "\n")
		}
		fmt.Fprintf(&b, "\t} of[%d]; /* what a vector keeps across barriers */\n", e.vectors)
		size++
	}
	if size == 0 {
		b.WriteString("\tchar none;\n")
	}
	b.WriteString("};\n\n")
	fmt.Fprintf(&b, "static void %s_workgroup(const spmd_args *args, uint32_t group_x, uint32_t group_y, uint32_t group_z, void *memory)\n{\n", e.name)
	fmt.Fprintf(&b, "\tstruct %s_scratch *const s = memory;\n", e.name)
	n := 0
	for _, m := range e.f.Mems {
		if m.Kind == ir.Buffer {
			ro := ""
			if m.ReadOnly {
				ro = "const "
			}
			fmt.Fprintf(&b, "\t%s%s *const restrict %s = args->buffer[%d];\n", ro, scalarType(m.Elem), memName(m), n)
			n++
		}
	}
	b.WriteString("\t(void)s; (void)args; (void)group_x; (void)group_y; (void)group_z;\n")
	b.WriteString(e.top.String())
	for _, l := range strings.SplitAfter(e.body.String(), "\n") {
		if label, ok := strings.CutSuffix(l, ":;\n"); ok && !strings.Contains(e.body.String(), "goto "+label+";") {
			continue
		}
		b.WriteString(l)
	}
	b.WriteString("}\n\n")
	fmt.Fprintf(&b, "const spmd_kernel %s = {\n\t.run = %s_workgroup,\n\t.scratch = sizeof(struct %s_scratch),\n\t.size = {%d, %d, %d},\n\t.buffers = %d,\n\t.push = %d,\n};\n",
		e.name, e.name, e.name, e.f.Workgroup[0], e.f.Workgroup[1], e.f.Workgroup[2], n, e.f.PushBytes)
	return b.String(), nil
}

func scalarType(t ir.Type) string {
	if t == ir.Float {
		return "float"
	}
	return "uint32_t"
}

func cType(t ir.Type, scalar bool) string {
	if scalar {
		return scalarType(t)
	}
	switch t {
	case ir.Float:
		return "vf"
	case ir.Bool:
		return "vm"
	}
	return "vi"
}

func memName(m *ir.Mem) string { return fmt.Sprintf("m%d_%s", m.ID, m.Name) }
func varName(v *ir.Var) string { return fmt.Sprintf("x%d_%s", v.ID, v.Name) }

// valueShape is the shape in which a value is kept for users elsewhere.
func (e *emitter) valueShape(v *ir.Value) shape {
	if e.wide[v] {
		return shape{kind: varying}
	}
	return e.vals[v]
}

func (e *emitter) line(format string, args ...any) {
	if e.planning {
		return
	}
	if !strings.HasSuffix(format, ":;") {
		for range e.indent {
			e.w.WriteByte('\t')
		}
	}
	fmt.Fprintf(e.w, format, args...)
	e.w.WriteByte('\n')
}

func literal(v *ir.Value) string {
	if v.Type != ir.Float {
		return strconv.FormatUint(uint64(v.Bits), 10) + "u"
	}
	f := math.Float32frombits(uint32(v.Bits))
	if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
		return fmt.Sprintf("spmd_float(%#xu)", v.Bits)
	}
	s := strconv.FormatFloat(float64(f), 'g', -1, 32)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s + "f"
}
