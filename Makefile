# `make` alone lists the commands.

CARGO_TARGET_DIR ?= target
export CARGO_TARGET_DIR

# One version, so that formatting is the same for everybody.
PRETTIER := prettier@3.10.1

.DEFAULT_GOAL := help

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 18

run: build ## start Masker with everything embedded
	$(CARGO_TARGET_DIR)/release/masker serve

build: release-plugins ## build the release binaries, the plugins embedded: masker and masker-voice
	cargo build --locked --release -p masker -p masker-voice --features masker/embed-plugins

dist: release-plugins ## build the production binary, target/dist/masker: twice the build time, faster responses
	cargo build --locked --release -p masker-bench
	host/dist.sh

# Not a second copy of the same: the tool is built with the profile of the binary.
release-plugins:
	MASKER_TOOLS_PROFILE=release plugins/build.sh plugins

plugins: ## build the embedded plugins from source to components
	plugins/build.sh plugins

guests: ## build the tests' misbehaving plugins
	plugins/build.sh guests

test: plugins guests ## run all tests: unit, service, sandbox, official-client API contract, documentation and portal
	cargo test --locked --workspace --features masker/embed-plugins
	@# The tests have built both programs with the same features; another selection of packages would recompile them.
	MASKER=$(CARGO_TARGET_DIR)/debug/masker FAKE_UPSTREAM=$(CARGO_TARGET_DIR)/debug/masker-fake-upstream tests/clients/run.sh
	MASKER=$(CARGO_TARGET_DIR)/debug/masker tests/nginx/run.sh
	MASKER=$(CARGO_TARGET_DIR)/debug/masker tests/schemathesis/run.sh
	MASKER=$(CARGO_TARGET_DIR)/debug/masker tests/plugins/run.sh
	MASKER=$(CARGO_TARGET_DIR)/debug/masker tests/docs/run.sh
	MASKER=$(CARGO_TARGET_DIR)/debug/masker tests/portal/run.sh

docs: ## build the book of docs/ into target/book
	tests/docs/run.sh book $(CARGO_TARGET_DIR)/book

screenshots: plugins guests ## take screenshots for docs/portal.md, and of every other page, into target/screenshots
	cargo build --locked --workspace --bins --features masker/embed-plugins
	MASKER=$(CARGO_TARGET_DIR)/debug/masker tests/portal/run.sh screenshots $(CARGO_TARGET_DIR)/screenshots

check: ## formatting, lints with warnings denied, licences of dependencies
	cargo fmt --all --check
	tests/licences.sh
	npx --yes $(PRETTIER) --check 'host/portal/**/*.{js,css}'
	cargo clippy --locked --workspace --all-targets -- -D warnings

format: ## format Rust and the portal
	cargo fmt --all
	npx --yes $(PRETTIER) --write 'host/portal/**/*.{js,css}'

bench: dist ## measure the proxy against a bare one (BENCH=--quick for the short form)
	cargo build --locked --release -p masker-bench -p masker-tests --bins
	$(CARGO_TARGET_DIR)/release/masker-bench --masker $(CARGO_TARGET_DIR)/dist/masker --sandbox $(CARGO_TARGET_DIR)/release/sandbox_cost $(BENCH)

bench-store: guests ## measure lists and stats over a million sessions and five million events (SESSIONS=40000 for fewer)
	cargo build --locked --release -p masker-tests --bins
	$(CARGO_TARGET_DIR)/release/store_bench $(SESSIONS)

bench-journal: ## measure the journal's cost per request, and verification of a million events (EVENTS=100000 for fewer)
	cargo build --locked --release -p masker-tests --bins
	$(CARGO_TARGET_DIR)/release/journal_bench $(EVENTS)

bench-plugins: build guests ## measure what failing or changing plugins cost other calls (TRAPS=1000 for fewer)
	python3 tests/plugins/bench.py $(CARGO_TARGET_DIR)/release/masker $(TRAPS)

bench-limits: build guests ## measure the worst request, connection, plugin and policy (ROWS="memo leaves" for some)
	python3 tests/limits/limits.py $(CARGO_TARGET_DIR)/release/masker $(ROWS)

bench-growth: build ## measure growth with an install of 10,000 and 300,000 turns (TURNS="1000 5000" for others)
	python3 tests/limits/growth.py $(CARGO_TARGET_DIR)/release/masker $(TURNS)

soak: build guests ## check that memory stays flat over 16 minutes of calls, edits, reports and hang-ups (MINUTES=60 for more)
	python3 tests/limits/soak.py $(CARGO_TARGET_DIR)/release/masker $(MINUTES)

.PHONY: help run build dist release-plugins plugins guests test docs screenshots check format bench bench-store bench-journal bench-plugins bench-limits bench-growth soak
