# Selfsame. `make help` lists what there is to do.

GO      ?= go
# Without the directory in what is compiled, clones share what the compiler did.
export GOFLAGS ?= -trimpath
BIN     := bin/selfsame
DATA    ?= ./selfsame-data
CONFIG  ?= examples/selfsame.yaml
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/selfsame
	@$(GO) build -ldflags '-X github.com/selfsame-id/selfsame/internal/cli.version=$(VERSION)' -o $(BIN) ./cmd/selfsame

# What the console is built from, and what is built.
UI      := internal/console/ui
UI_APP  := $(UI)/dist/app/index.html
UI_SRC   = $(shell find $(UI) \( -name node_modules -o -name dist -o -name schema.d.ts \) -prune -o -type f -print) internal/httpapi/openapi/openapi.yaml

.PHONY: console
console: $(UI_APP) ## Build the web console, which the next build has in it (needs Node 20)

$(UI)/node_modules/.package-lock.json: $(UI)/package-lock.json $(UI)/package.json
	@cd $(UI) && npm ci --no-fund --no-audit
	@touch $@

$(UI_APP): $(UI)/node_modules/.package-lock.json $(UI_SRC)
	@cd $(UI) && npm run --silent build
	@touch $@

.PHONY: console-if-npm
console-if-npm:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory console; else echo "npm is not installed: the web console is left out"; fi

.PHONY: run
run: console-if-npm build ## Build, load the example data, and serve on http://127.0.0.1:8080
	@$(GO) build -o bin/inbox ./examples/inbox
	@./$(BIN) import --config $(CONFIG) --data $(DATA) --space dev --source segkicks examples/jane.ndjson
	@./$(BIN) apply --config $(CONFIG) --data $(DATA) --space dev -f examples/segkicks.yaml --yes
	@cat examples/where-to-look.txt
	@./bin/inbox & trap "kill $$! 2>/dev/null" EXIT; ./$(BIN) serve --config $(CONFIG) --data $(DATA)

.PHONY: lint
lint: ## go vet, formatting, and the rules of the house (internal/archtest)
	@$(GO) vet ./...
	@$(GO) test -vet=off ./internal/archtest

.PHONY: check
check: lint ## Lint, then what two minutes allow: no race detector, PostgreSQL or browser
	@$(GO) test -vet=off -short -timeout 5m ./...

# Packages without concurrency, which the race detector would only slow down.
# internal/archtest looks that none of them has any.
PLAIN := internal/event internal/identity internal/profile test/population

E2E    := test/e2e
MODULE := github.com/selfsame-id/selfsame

# Two at a time, the longest first; each shows its output when it is done. The
# servers of test-e2e are built before, so that no two suites compile the same.
SUITES := test-e2e test-raced test-plain
SYNC   := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

.PHONY: test
test: lint console-if-npm ## Lint, then every test; what this machine cannot run is listed at the end
	@work=$$(mktemp -d) || exit 1; trap 'rm -rf "$$work"' EXIT; \
	skipped="$$work/skipped"; export SELFSAME_SKIPPED="$$skipped" SELFSAME_BINARIES="$$work"; \
	$(GO) build -ldflags=-w -o "$$work/plain/" ./cmd/selfsame && \
	$(GO) build -race -ldflags=-w -o "$$work/race/" ./cmd/selfsame && \
	$(MAKE) --no-print-directory --keep-going --jobs=2 $(SYNC) $(SUITES); \
	code=$$?; \
	if [ -s "$$skipped" ]; then \
	  echo; echo "NOT TESTED, for this machine lacks what it takes:"; sort -u "$$skipped" | sed 's/^/  /'; \
	  if [ "$$CI" = true ]; then code=1; fi; \
	fi; exit $$code

# Most of these tests wait for servers and timers, so four go on at once. The
# servers are built with the race detector where a test is about races.
.PHONY: test-e2e
test-e2e:
	@$(GO) test -vet=off -timeout 15m -parallel 4 ./$(E2E)

.PHONY: test-raced
test-raced:
	@$(GO) test -race -vet=off -timeout 15m $(filter-out $(PLAIN:%=$(MODULE)/%) $(MODULE)/$(E2E) $(MODULE)/internal/archtest,$(shell $(GO) list ./...))

# Random worlds, of which the race detector sees a sixth.
WORLDS := 'Equal|RulesChangeWhile|IsolateOfVeryMany|VersionsMove|StoredValuesFollow|SuggestionsAreThose|FindIsAScan'

.PHONY: test-plain
test-plain:
	@$(GO) test -vet=off -timeout 15m $(PLAIN:%=./%)
	@$(GO) test -vet=off -timeout 15m -run $(WORLDS) $(addprefix ./internal/space/,. computed duplicates search)

# More flags, for example BENCH='-into docs/performance.md#bench'.
BENCH :=

.PHONY: bench
bench: ## Measure everything beside three yardsticks, three rounds in turn (ten minutes)
	@$(GO) run ./test/bench $(BENCH)

.PHONY: bench-quick $(BENCH)
bench-quick: ## The same, small: whether it works, not how fast it is (a minute)
	@$(GO) run ./test/bench -quick $(BENCH)

.PHONY: bench-scale
bench-scale: ## Measure from 100,000 to 5 million profiles (about an hour, 20 GB of disk)
	@$(GO) run ./test/bench -run scale -rounds 1 -warm 3s -time 10s $(BENCH)

.PHONY: clean
clean: ## Remove what was built (never the data)
	@rm -rf bin .bench
