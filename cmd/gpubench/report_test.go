package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gpubench/internal/result"
	"gpubench/internal/testdoc"
)

// BenchmarkReport makes the page of 50 documents with 10,000 samples each: reading,
// checking every figure, plots, and packing the documents.
func BenchmarkReport(b *testing.B) {
	dir := b.TempDir()
	args := []string{"report", "-o", filepath.Join(dir, "report.html")}
	for i := range 50 {
		d := testdoc.New(testdoc.CPU, testdoc.OneCore, testdoc.BLAS, testdoc.Llvmpipe)
		d.Started = d.Started.Add(time.Duration(i) * 24 * time.Hour)
		for _, dev := range d.Devices {
			m := testdoc.Add(d, dev.ID, 1024, 1e11+float64(i)*1e9, 0.02)
			for j := range m.Launches {
				l := &m.Launches[j]
				for k := len(l.Samples); k < 2500/len(m.Launches)+1; k++ {
					l.Samples = append(l.Samples, l.Samples[k%11])
				}
			}
		}
		path := filepath.Join(dir, fmt.Sprintf("day%02d.json", i))
		if err := result.WriteFile(path, testdoc.Finish(d, "cpu")); err != nil {
			b.Fatal(err)
		}
		args = append(args, path)
	}
	b.ResetTimer()
	for b.Loop() {
		var stderr bytes.Buffer
		if code := run(context.Background(), io.Discard, &stderr, args, os.Getenv); code != exitOK {
			b.Fatalf("exit code %d: %s", code, stderr.String())
		}
	}
	info, err := os.Stat(args[2])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
}
