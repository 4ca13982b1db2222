//go:build gnustep

package main

import _ "gpubench/metal/fake" // which stands in for Metal in the tests of package metal
