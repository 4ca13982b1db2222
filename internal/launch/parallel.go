// Loops over all usable processors.

package launch

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// forChunks divides [0, n) into chunks of size elements, the last one shorter,
// and calls f once for each, from as many goroutines as there are processors.
func forChunks(n, size int, f func(chunk, lo, hi int)) {
	chunks := (n + size - 1) / size
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), chunks) {
		wg.Go(func() {
			for {
				c := int(next.Add(1)) - 1
				if c >= chunks {
					return
				}
				f(c, c*size, min((c+1)*size, n))
			}
		})
	}
	wg.Wait()
}
