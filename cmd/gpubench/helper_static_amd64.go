//go:build static

package main

import _ "embed"

// helper is made by `make build`.
//
//go:embed helper/amd64.gz
var helper []byte
