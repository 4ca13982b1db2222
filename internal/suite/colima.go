// Colima, by its profiles.

package suite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// colimaProfile is one line of `colima list --json`. Versions before 0.6 do not give the
// runtime.
type colimaProfile struct{ Name, Status, Runtime string }

const colimaDefault = "default"

// colimaProfiles asks Colima itself; there are none where it gives no answer.
func colimaProfiles(ctx context.Context, colima *engine) (list []colimaProfile) {
	out, err := colima.ask(ctx, askLimit, "list", "--json")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(out) {
		var p colimaProfile
		if json.Unmarshal([]byte(line), &p) == nil && p.Name != "" {
			list = append(list, p)
		}
	}
	return list
}

// rank orders the profiles that run: the one that the user has chosen, then those with an
// engine that runs images, then Colima's default.
func (p colimaProfile) rank() int {
	rank := 8
	if p.Name == os.Getenv("COLIMA_PROFILE") {
		rank -= 8
	}
	switch {
	case p.is("docker"), p.Runtime == "":
		rank -= 4
	case p.is("containerd"):
		rank -= 2
	}
	if p.Name == colimaDefault {
		rank--
	}
	return rank
}

// is compares the runtime, after which Kubernetes may stand, as in docker+k3s.
func (p colimaProfile) is(runtime string) bool {
	name, _, _ := strings.Cut(p.Runtime, "+")
	return name == runtime
}

// lookColima asks Colima which of its virtual machines runs, and the engine in that one.
func lookColima(ctx context.Context, e *engine) (s state) {
	s.details = map[string]string{}
	path, _ := exec.LookPath("colima")
	colima := &engine{program: "colima", path: path}
	list := colimaProfiles(ctx, colima)
	running := slices.DeleteFunc(slices.Clone(list), func(p colimaProfile) bool { return p.Status != "Running" })
	if len(running) == 0 && len(list) > 0 {
		s.reason, s.remedy = "it does not run", "colima start "+list[0].Name
		return s
	}
	if len(running) == 0 { // it may be too old to be asked
		if s = (&colimaProfile{Name: colimaDefault}).lookDocker(ctx, e, ""); s.reason != "" {
			s.reason, s.remedy = "it does not run: "+s.reason, onSystem("colima start --runtime docker --vm-type krunkit", "colima start --runtime docker")
		}
		return s
	}
	one := slices.MinFunc(running, func(a, b colimaProfile) int { return cmp.Compare(a.rank(), b.rank()) })
	var status struct {
		Driver, Runtime string
		DockerSocket    string `json:"docker_socket"`
	}
	if out, err := colima.ask(ctx, askLimit, "status", "--profile", one.Name, "--json"); err == nil {
		json.Unmarshal([]byte(out), &status)
	}
	one.Runtime = cmp.Or(one.Runtime, status.Runtime, "docker")
	switch {
	case one.is("docker"):
		s = one.lookDocker(ctx, e, status.DockerSocket)
	case one.is("containerd"): // whose command is in the virtual machine, and sees its files
		e.program, e.path, e.global, e.stdin = "colima", path, []string{"nerdctl", "--profile", one.Name, "--"}, true
		s = lookDocker(ctx, e)
	default:
		s.details = map[string]string{}
		s.reason, s.remedy = fmt.Sprintf("its profile %s has the runtime %s, which does not run this image", one.Name, one.Runtime), "colima start other --runtime docker"
		return s
	}
	if s.reason != "" {
		s.remedy = "colima restart " + one.Name
		return s
	}
	s.keep("profile", one.Name, "machine", status.Driver)
	s.remote, s.away = true, ""
	if strings.Contains(strings.ToLower(status.Driver), "krunkit") {
		s.gpu = venusMissing
	}
	e.memoryRemedy = fmt.Sprintf(": colima stop %s; colima start %s --memory 8", one.Name, one.Name)
	return s
}

// lookDocker asks the Docker of a profile: by the context that Colima makes, else at the
// socket that it names, else where that would be.
func (p *colimaProfile) lookDocker(ctx context.Context, e *engine, socket string) (s state) {
	name := "colima"
	if p.Name != colimaDefault {
		name += "-" + p.Name
	}
	ways := [][]string{{"--context", name}}
	if socket != "" {
		ways = append(ways, []string{"--host", socket})
	}
	home, _ := os.UserHomeDir()
	for _, dir := range []string{os.Getenv("COLIMA_HOME"), filepath.Join(home, ".colima"), filepath.Join(cmp.Or(os.Getenv("XDG_CONFIG_HOME"), filepath.Join(home, ".config")), "colima")} {
		file := filepath.Join(dir, p.Name, "docker.sock")
		if _, err := os.Stat(file); err == nil && filepath.IsAbs(file) && "unix://"+file != socket {
			ways = append(ways, []string{"--host", "unix://" + file})
		}
	}
	reason := ""
	for _, way := range ways {
		e.global = way
		if s = lookDocker(ctx, e); s.reason == "" {
			return s
		}
		reason = cmp.Or(reason, s.reason)
	}
	s.reason = reason
	return s
}
