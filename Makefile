# gpubench's own commands. Without a target make prints them: what a newcomer
# types first should neither install nor build anything.

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

STATIC_TAGS := static,netgo,osusergo
# go-nvml's undefined symbols must not be resolved when the program starts.
LAZY := -extldflags=-Wl,-z,lazy
HELPER_LDFLAGS := -s -w $(LAZY)
ifeq ($(shell uname -s),Linux)
export GOFLAGS := $(shell go env GOFLAGS) -ldflags=$(LAZY)
endif
# go-nvml binds what NVIDIA has deprecated too; gcc's warnings of it say nothing of us.
export CGO_CFLAGS := -g -O2 -Wno-deprecated-declarations
# What the program says it was built from; a build without git is told (images/Containerfile.build).
COMMIT = $(shell git rev-parse HEAD 2>/dev/null)
DIRTY = $(if $(shell git status --porcelain 2>/dev/null),true,false)
STAMP = -s -w -X main.commit=$(COMMIT) -X main.dirty=$(DIRTY)

# On macOS the linker is shown where scripts/moltenvk.sh puts what vulkan-go asks for.
ifeq ($(shell uname -s),Darwin)
export CGO_LDFLAGS := -O2 -g '-L$(CURDIR)/build/moltenvk'
endif

.NOTPARALLEL: # the targets of a list follow one another; go uses all cores by itself
.PHONY: help setup test-setup build run test check fmt vet staticcheck targets workflows darwin-check kernels bench aa gpu-check microbench results fuzz cross images test-images mac-check mac-test clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install what building and running need, where it is missing
	@scripts/setup.sh build

test-setup: ## install what the tests need, where it is missing
	@scripts/setup.sh test

# $(call static,ARCH,OUTPUT,ENVIRONMENT) builds the static program with the
# dynamic one inside it. The dynamic one bears no commit (nor one of go's own
# making, -buildvcs) and is compressed only when it has changed, so that Go's cache
# stays good from one commit to the next.
define static
	@mkdir -p bin build cmd/gpubench/helper
	$(3) go build -trimpath -buildvcs=false -tags helper -ldflags '$(HELPER_LDFLAGS)' -o build/helper-$(1).new ./cmd/gpubench
	@if cmp -s build/helper-$(1).new build/helper-$(1) && [ -s cmd/gpubench/helper/$(1).gz ]; then \
		rm build/helper-$(1).new; \
	else \
		gzip -9n <build/helper-$(1).new >build/$(1).gz && mv build/$(1).gz cmd/gpubench/helper/$(1).gz && mv build/helper-$(1).new build/helper-$(1); \
	fi
	$(3) go build -trimpath -buildvcs=false -tags $(STATIC_TAGS) -ldflags '$(STAMP) -linkmode external -extldflags -static' -o $(2) ./cmd/gpubench
endef

build: ## build bin/gpubench, on Linux as one static program
ifeq ($(shell uname -s),Linux)
	$(call static,$(shell go env GOARCH),bin/gpubench,)
else
	@scripts/moltenvk.sh build/moltenvk
	go build -trimpath -buildvcs=false -ldflags '$(STAMP)' -o bin/gpubench ./cmd/gpubench
endif

run: setup build ## set up, build, and measure this machine
	bin/gpubench run

# On x86-64 the tests also run the arm64 program, where it can be built.
test: test-setup build check ## set up, check and test everything; skipped tests are listed with their reasons
ifeq ($(shell uname -sm),Linux x86_64)
	@if command -v aarch64-linux-gnu-gcc >/dev/null; then $(MAKE) --no-print-directory cross; else rm -f bin/gpubench-linux-arm64; fi
endif
	@$(MAKE) --no-print-directory test-images
	go run ./internal/testsum go test -timeout 30m -json ./...
	go run ./internal/testsum go test -C images/kubernetes -json ./...

check: fmt vet staticcheck targets workflows ## gofmt, go vet, staticcheck, actionlint, and whether all loads for every system

fmt:
	@wrong=$$("$$(go env GOROOT)/bin/gofmt" -l .) && [ -z "$$wrong" ] || { echo "not formatted by gofmt: $$wrong" >&2; exit 1; }

vet:
	go vet ./...

staticcheck:
	go run $(STATICCHECK) ./...

targets: # whether all packages load for every system, which asks no compiler of it
	@scripts/targets.sh

workflows: # what GitHub is to run
	go run $(ACTIONLINT) .github/workflows/*.yml

darwin-check: ## build, vet and link all for macOS without a Mac: SDK=DIR, an SDK of your own, and ARCH=arm64 or amd64 for one
	@scripts/darwin-check.sh "$(SDK)" $(ARCH)

kernels: ## remake the SPIR-V and all that is derived from it
	go run ./kernels/gen

bench: setup build ## the CPU beside BLAS, lavapipe, one core and lower instruction sets, as ratios: about 4 minutes
	go run ./internal/bench -json build/bench.json bin/gpubench

# 40 runs, in which other work comes and goes; `make aa AA=` is without.
AA := -beside 2
aa: build ## how often do equal arms come out different? 40 whole runs, search included: about half an hour
	go run ./internal/aa $(AA) bin/gpubench --size 256

gpu-check: ## on a machine with an NVIDIA GPU: measure it in all ways, and a verdict for each thing that must hold
	@scripts/gpu-check.sh

microbench: ## run the Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

results: setup build ## measure this machine for results/, and remake the report there: about 6 minutes on a quiet machine
	@scripts/results.sh

fuzz: ## run every fuzz target for 30 s
	@scripts/fuzz.sh 30s

cross: test-setup ## build bin/gpubench-linux-arm64, static, with a cross compiler
	@command -v aarch64-linux-gnu-gcc >/dev/null || { echo "cross: there is no aarch64-linux-gnu-gcc; \`PLATFORMS=arm64 IMAGES=cpu images/build.sh\` builds the program in a container" >&2; exit 1; }
	$(call static,arm64,bin/gpubench-linux-arm64,CGO_ENABLED=1 GOOS=linux GOARCH=arm64 CC=aarch64-linux-gnu-gcc)

mac-check: ## on a Mac: build, test, measure, and leave a document and a log to send
	@scripts/mac-check.sh

mac-test: # the tests of what touches the machine, part of mac-check
	@scripts/moltenvk.sh build/moltenvk
	go test -count 1 ./metal ./cpu/... ./vk ./kernels/... ./internal/host ./internal/backend ./internal/dynlib ./internal/msl ./internal/launch ./internal/worker

images: build ## build the test images with podman, buildah or docker, and archives of them in bin/images
	images/build.sh

# The tests need no registry, and go without images where none can be built.
test-images: build
	@rm -f bin/images/*-linux-$$(go env GOARCH).tar; [ "$$(id -u)" = 0 ] && BASE=debootstrap PLATFORMS=$$(go env GOARCH) IMAGES="cpu vulkan venushost" images/build.sh || \
		echo "test-images: not all images could be built (that needs root, podman and debootstrap); the tests that use them are skipped" >&2

clean: ## remove all that was built
	rm -rf bin build cmd/gpubench/helper
