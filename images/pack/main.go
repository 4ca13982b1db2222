// Pack turns what `docker save` and its like write into an archive of one image that
// every engine loads: an OCI image layout, as Apple's container wants it, with the
// manifest.json of Docker beside it, which shares its blobs. The archive holds nothing
// of when and by which engine the image was built, so that the same files give the
// same archive.
//
//	go run ./images/pack -name localhost/gpubench:cpu -epoch 0 -o OUT.tar SAVED.tar
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	name := flag.String("name", "", "name and tag of the image")
	epoch := flag.Int64("epoch", 0, "seconds since 1970 when the image says that it was made")
	out := flag.String("o", "", "archive to write")
	flag.Parse()
	if flag.NArg() != 1 || *name == "" || *out == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := pack(flag.Arg(0), *out, *name, time.Unix(*epoch, 0).UTC()); err != nil {
		fmt.Fprintf(os.Stderr, "pack: %s: %v\n", flag.Arg(0), err)
		os.Exit(1)
	}
}
