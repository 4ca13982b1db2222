//go:build static

package main

import _ "embed"

// helper is made by `make cross`.
//
//go:embed helper/arm64.gz
var helper []byte
