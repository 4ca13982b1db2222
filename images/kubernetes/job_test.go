// Package kubernetes holds the Job that measures a fleet; here it is read as
// Kubernetes reads it.
package kubernetes

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// read decodes a Job as the API server does where it validates strictly: a field that
// Kubernetes does not know is an error, and so are one in the wrong case and one twice.
func read(text []byte) (*batchv1.Job, error) {
	var job batchv1.Job
	text, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return nil, err
	}
	strict, err := json.UnmarshalStrict(text, &job)
	return &job, errors.Join(append(strict, err)...)
}

func TestJob(t *testing.T) {
	text, err := os.ReadFile("job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	job, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	s := job.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || *s.CompletionMode != batchv1.IndexedCompletion || *s.Parallelism != *s.Completions {
		t.Errorf("%s %s, completion mode %s, %d of %d at a time; want an indexed batch/v1 Job with all pods at once",
			job.APIVersion, job.Kind, *s.CompletionMode, *s.Parallelism, *s.Completions)
	}
	pod := s.Template.Spec
	if pod.RestartPolicy != corev1.RestartPolicyNever || *pod.AutomountServiceAccountToken || !*pod.SecurityContext.RunAsNonRoot || len(pod.Containers) != 1 {
		t.Errorf("pod: %+v", pod)
	}
	// The pods are kept apart by a label that they have.
	term := pod.Affinity.PodAntiAffinity.RequiredDuringSchedulingIgnoredDuringExecution[0]
	for key, value := range term.LabelSelector.MatchLabels {
		if s.Template.Labels[key] != value {
			t.Errorf("the pods have no label %s=%s, which is to keep them apart", key, value)
		}
	}
	c := pod.Containers[0]
	if !slices.Equal(c.Args, []string{"run", "--json", "-"}) {
		t.Errorf("args %q", c.Args)
	}
	if sc := c.SecurityContext; *sc.AllowPrivilegeEscalation || !*sc.ReadOnlyRootFilesystem || !slices.Equal(sc.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("security context %+v", c.SecurityContext)
	}
	for name, request := range c.Resources.Requests {
		if limit := c.Resources.Limits[name]; limit.Cmp(request) != 0 {
			t.Errorf("%s: request %v, limit %v; they must be equal", name, &request, &limit)
		}
	}
	if cpu := c.Resources.Limits.Cpu(); cpu.MilliValue() == 0 || cpu.MilliValue()%1000 != 0 {
		t.Errorf("%v processors are no whole number", cpu)
	}
}

// What the test above stands on: a misspelt field and a wrong type are found.
func TestStrict(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"spec: {completionsMode: Indexed}", "completionsMode"},
		{"spec: {completions: many}", "completions"},
		{"spec: {template: {spec: {containers: [{name: a, securityContext: {readonlyRootFilesystem: true}}]}}}", "readonlyRootFilesystem"},
		{"kind: Job\nkind: Pod", "kind"},
	} {
		if _, err := read([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want an error about %s", tt.text, err, tt.want)
		}
	}
}
