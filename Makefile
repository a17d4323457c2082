# Samtale. `make run` starts everything on this machine, `make test` runs every test.

GO         ?= go
GOFLAGS    ?=
export GOTOOLCHAIN ?= local

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.7.0
GOFUMPT     = mvdan.cc/gofumpt@v0.9.2
CDXGEN      = @cyclonedx/cdxgen@12.8.4
WORKFLOWCHECK = go.temporal.io/sdk/contrib/tools/workflowcheck@v0.4.0

WEB = services/portal/internal/web/dist
OLLAMA = $(CURDIR)/bin/ollama-test

.PHONY: run build web test chaos check bench eval sbom fmt clean tools ollama

run: build
	@exec bin/standalone

build: web
	@echo "Builds bin/samtale …"
	@$(GO) build -o bin/samtale ./services/samtale
	@echo "Builds bin/standalone (embeds Temporal: the first time takes some minutes) …"
	@cd services/standalone && $(GO) build -o ../../bin/standalone .

# The design system comes from npm at build time; nothing of it is committed.
web: $(WEB)/.stamp
$(WEB)/.stamp: package-lock.json services/portal/assets/build.mjs
	@echo "Fetches the design system (npm) …"
	@npm ci --no-audit --no-fund --ignore-scripts --loglevel=error
	@node services/portal/assets/build.mjs
	@touch $@

tools:
	@deploy/scripts/install-tools.sh

# A real Ollama server for the tests of its adapter. Where it cannot be built these
# tests are skipped, or fail when every integration is required.
ollama: tools
	@deploy/scripts/build-ollama.sh $(OLLAMA) || test "$$REQUIRE_INTEGRATION" != 1

# All three parts run even if one fails, so that one run tells everything.
test: tools build ollama
	@cd services/standalone && $(GO) build -o ../../bin/temporal-dev ./cmd/temporal-dev
	@failed=0; \
	SAMTALE_TEST_OLLAMA="$$(ls $(OLLAMA) 2>/dev/null)" SAMTALE_TEST_TEMPORAL=$(CURDIR)/bin/temporal-dev deploy/scripts/with-postgres.sh \
		$(GO) test -count=1 -timeout 30m $$($(GO) list ./... | grep -v deploy/e2e) || failed=1; \
	(cd services/standalone && $(GO) test -count=1 -timeout 30m ./...) || failed=1; \
	deploy/scripts/with-postgres.sh $(GO) test -timeout 60m -count=1 ./deploy/e2e || failed=1; \
	exit $$failed

check: web
	@test -z "$$($(GO) run $(GOFUMPT) -l services workflows media models deploy)" || \
		{ $(GO) run $(GOFUMPT) -l services workflows media models deploy; echo "make fmt formats these"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(WORKFLOWCHECK) ./workflows/...
	$(GO) test ./deploy/archtest

fmt:
	$(GO) run $(GOFUMPT) -w services workflows media models deploy

# Tests with random waits in HTTP servers, NATS callbacks, SQL and activities: what a test asserts without having waited for
# it fails here, not on somebody else's machine. ARGS="-run TestDesk -count 10 ./services/portal"
chaos: web
	@deploy/scripts/chaos.sh -shuffle=on $(or $(ARGS),./services/... ./workflows/...)

bench: build
	$(GO) run ./deploy/bench

# Measures the assistant on the gold questions. ARGS="-llm ollama=http://127.0.0.1:11434" asks a language model as well;
# ARGS="-list bad" lists what it gets wrong.
eval:
	$(GO) run ./deploy/eval $(ARGS)

sbom:
	@mkdir -p bin
	npm exec --yes --ignore-scripts -- $(CDXGEN) -t go -t js --no-install-deps --exclude '**/sfubench/livekit/**' --exclude 'bin/**' -o bin/sbom.json .

clean:
	rm -rf bin node_modules $(WEB)/.stamp
