//go:build static

package main

const static = true
