//go:build !helper

package main

// commands lists all commands in the order of the help.
func commands() []*command {
	return []*command{runCommand(), devicesCommand(), suiteCommand(), compareCommand(), claimsCommand(), reportCommand(), schemaCommand(), versionCommand(), helpCommand(), workerCommand()}
}
