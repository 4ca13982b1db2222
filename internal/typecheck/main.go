// Typecheck reads what `go list -e -deps -json` prints for some system and says what keeps
// the packages from being built there: what go list says of them, and errors of types in
// those of the main module. It asks no C compiler: whatever is called through cgo is taken
// to be right. See scripts/targets.sh.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck GOARCH list|types <LISTING")
		os.Exit(2)
	}
	faults, err := check(os.Stdin, os.Args[1], os.Args[2] == "types")
	if err != nil {
		fmt.Fprintf(os.Stderr, "typecheck: %v\n", err)
		os.Exit(2)
	}
	for _, f := range faults {
		fmt.Println(f)
	}
	if len(faults) > 0 {
		os.Exit(1)
	}
}

// pkg is a package as go list describes it.
type pkg struct {
	ImportPath, Dir   string
	GoFiles, CgoFiles []string
	Imports           []string
	ImportMap         map[string]string
	Module            *struct{ Main bool }
	Error             *struct{ Err string }
}

// ours reports whether the package is of the module that is looked at.
func (p *pkg) ours() bool { return p.Module != nil && p.Module.Main }

// embedded is what only a build makes: the program inside of the static one.
const embedded = "pattern helper/"

// check reads a listing, in which a package comes after all that it imports, and returns a
// line for each fault. Types are checked where that is asked for.
func check(listing io.Reader, arch string, deep bool) (faults []string, err error) {
	c := checker{arch: arch, done: map[string]*types.Package{"unsafe": types.Unsafe}, blind: map[string]bool{}}
	for d := json.NewDecoder(listing); ; {
		var p pkg
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			if len(c.done) == 1 && deep {
				return nil, errors.New("the listing holds no package")
			}
			slices.Sort(c.faults)
			return slices.Compact(c.faults), nil
		case err != nil:
			return nil, fmt.Errorf("the listing of go list -json: %w", err)
		}
		if p.Error != nil && !strings.HasPrefix(p.Error.Err, embedded) {
			c.fault(p.ImportPath + ": " + p.Error.Err)
		}
		if deep && p.ImportPath != "unsafe" {
			c.check(&p)
		}
	}
}

type checker struct {
	arch   string
	done   map[string]*types.Package // by import path
	blind  map[string]bool           // those that have types of C, directly or by what they import
	faults []string
}

// sure are parts of what is said of faults that stay such whatever the types of C are.
var sure = []string{"undefined", "redeclared", "imported and not used", "arguments in call", "declared and not used"}

// typeFault notes an error of types in a package, unless types of C may be to blame for it.
func (c *checker) typeFault(text string, blind bool) {
	if !blind || slices.ContainsFunc(sure, func(part string) bool { return strings.Contains(text, part) }) {
		c.fault(text)
	}
}

func (c *checker) fault(text string) {
	c.faults = append(c.faults, strings.Join(strings.Fields(text), " "))
}

// importer finds what a package imports among those that were checked before.
type importer func(path string) (*types.Package, error)

func (f importer) Import(path string) (*types.Package, error) { return f(path) }

// check checks the types of a package; of one that is not ours only what it declares.
func (c *checker) check(p *pkg) {
	blind := len(p.CgoFiles) > 0 || slices.ContainsFunc(p.Imports, func(i string) bool { return c.blind[i] })
	// What calls C in the standard library, such as net, declares nothing of it.
	c.blind[p.ImportPath] = blind && p.Module != nil
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		f, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			c.fault(err.Error())
			return
		}
		files = append(files, f)
	}
	config := types.Config{
		FakeImportC:      true,
		IgnoreFuncBodies: !p.ours(),
		Sizes:            types.SizesFor("gc", c.arch),
		Error: func(err error) {
			if p.ours() {
				c.typeFault(err.Error(), blind)
			}
		},
		Importer: importer(func(path string) (*types.Package, error) {
			if as := p.ImportMap[path]; as != "" {
				path = as
			}
			if q := c.done[path]; q != nil {
				return q, nil
			}
			return nil, fmt.Errorf("%s is not in the listing", path)
		}),
	}
	path, _, _ := strings.Cut(p.ImportPath, " ") // without the test that it is compiled for
	c.done[p.ImportPath], _ = config.Check(path, set, files, nil)
}
