package main

import "errors"

// closed is a standard output that is none.
type closed struct{}

func (closed) Write([]byte) (int, error) { return 0, errors.New("it is closed") }
