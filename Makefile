# What a person types; everything it needs is brought along. `make help` lists it.
.PHONY: help run test test-production test-long faults soak bench bench-fleet check audit format screenshots setup setup-dev lock clean
.NOTPARALLEL:

BIN := .venv/bin
# Tests that run at once, file by file: each has databases, homes, ports and mounts of its own. They wait more than
# they compute, so that there may be more of them than processors.
JOBS ?= 3
# Tests take a real PostgreSQL away, so whoever tests has its driver.
DEV := runtime dev postgres

help: ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

run: ## start DLStack here (Ctrl-C ends it); DLSTACK_HOME, DLSTACK_ROOT and PORT choose where
	@requirements/system.sh
	@requirements/install.sh runtime
	@exec $(BIN)/dlstack up

test: ## run every test, three files at once; ARGS="tests/engine -k links" narrows it
	@requirements/system.sh test
	@requirements/install.sh $(DEV)
	$(BIN)/pytest -n $(JOBS) --dist loadfile $(ARGS)

test-production: ## the tests of pages, operations and access again, on PostgreSQL and Redis instead of SQLite and Valkey
	@requirements/system.sh test
	@requirements/install.sh $(DEV)
	$(BIN)/python -m tests.production -n $(JOBS) --dist loadfile $(ARGS)

test-long: ## every page in four worlds under axe, payloads on all of them, weights, a small fleet (fifteen minutes)
	@requirements/system.sh test
	@requirements/install.sh $(DEV)
	$(BIN)/pytest -n $(JOBS) --dist load -m long $(ARGS)

faults: ## kill, starve and attack it for up to an hour, and print the figures; ARGS narrows it
	@requirements/system.sh test
	@requirements/install.sh $(DEV)
	$(BIN)/python -m tests.faults $(ARGS)

soak: ## the part of faults that kills workers, broker and database under 3,000 operations; SOAK_SEED repeats one
	@requirements/system.sh test
	@requirements/install.sh $(DEV)
	$(BIN)/python -m tests.faults tests/faults/delivery/test_soak.py $(ARGS)

bench: ## measure it beside what is done today (a quarter of an hour); ARGS="--quick", "--compare", names of benches
	@requirements/system.sh test
	@requirements/install.sh $(DEV)
	$(BIN)/python -m bench $(ARGS)

bench-fleet: ## how many machines one PostgreSQL and one Redis carry, and what each costs (eight minutes)
	@requirements/system.sh test
	@requirements/install.sh $(DEV)
	$(BIN)/python -m bench.fleet.report $(ARGS)

# Two scratch homes: checking leaves nothing behind in var/, and production settings are checked as such.
check: ## lint, types, imports, templates, migrations, production settings
	@requirements/install.sh $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/djlint --lint templates --quiet
	@set -eu; home=$$(mktemp -d); trap 'rm -rf "$$home"' EXIT; export DLSTACK_HOME="$$home"; set -x; \
	$(BIN)/mypy .; \
	$(BIN)/dlstack makemigrations --check --dry-run; \
	DLSTACK_PRODUCTION=1 DLSTACK_ALLOWED_HOSTS=stacks.example.org $(BIN)/dlstack check --deploy --fail-level WARNING

# Asks a service of vulnerabilities: it needs the internet, and says of each package that it could not ask about.
audit: ## look for known vulnerabilities in the locked packages
	@requirements/install.sh $(DEV)
	@for set in runtime dev postgres; do \
		$(BIN)/uv run --quiet --no-project --isolated --with-requirements requirements/audit.txt \
			pip-audit --strict --disable-pip --require-hashes --progress-spinner off -r requirements/$$set.txt || exit; \
	done

format: ## put code into its usual form
	@requirements/install.sh $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

screenshots: ## take the pictures of the README anew, into docs/pictures/ (needs Chromium)
	@requirements/install.sh $(DEV)
	$(BIN)/python -m bench.pictures

setup: ## make .venv with .venv/bin/dlstack, and nothing else
	@requirements/install.sh runtime

setup-dev: ## the same with the tools for tests and checks
	@requirements/install.sh $(DEV)

lock: ## lock the newest packages that requirements/*.in allow
	@requirements/lock.sh --upgrade

clean: ## remove .venv and caches; var/ stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
