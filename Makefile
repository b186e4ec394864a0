# altis-local: `make help` says what there is. Everything here is short; the work is in scripts/ and in the package.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help up down prepare venv engine images format check unit contract stack parts slow drills test bench clean

BIN := .venv/bin
PLAN ?=
ONLY ?=
AGAIN ?=
RUNS ?=
# Unit tests are told apart from the others by folder; warnings are errors in all of them (pyproject.toml).
PYTEST := $(BIN)/pytest
ENGINE := ALTIS_REQUIRE_ENGINE=1 $(PYTEST)
# Much of a stack test is waiting: two at a time, grouped by what they share (tests/conftest.py). On two cores a third
# one makes all of them slower.
SIDE_BY_SIDE := -n 2 --dist loadgroup --no-loadscope-reorder

help: ## Show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  altis-local's own commands: $(BIN)/altis-local --help"

up: prepare ## Start the default environment (PLAN=production-ha for another shape)
	@$(BIN)/altis-local start $(if $(PLAN),--plan $(PLAN))

down: venv ## Stop the default environment; its data stays
	@$(BIN)/altis-local stop

prepare: engine venv

venv: ## Make .venv with altis-local in it, if it is not there
	@scripts/venv

engine: ## Install and start a container engine, where none answers
	@scripts/engine

images: prepare ## Build every image that is missing
	@$(BIN)/altis-local build

format: venv ## Format and sort imports
	@$(BIN)/ruff format -q . && $(BIN)/ruff check -q --fix .

check: venv ## Format, lint, types, layers, unit tests; no engine, under a minute
	@$(BIN)/ruff format --check -q . || { echo "make format puts that right" >&2; exit 1; }
	@$(BIN)/ruff check -q .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports >.import-linter.log || { cat .import-linter.log; exit 1; }
	@rm -f .import-linter.log
	@$(MAKE) --no-print-directory unit

unit: venv
	@$(PYTEST) tests/unit benchmarks/tests -n auto -q -o console_output_style=none

contract: images ## Tests of each image and client against the real thing
	@$(ENGINE) tests/contract $(SIDE_BY_SIDE) --durations=10

stack: images ## Tests of whole environments
	@$(ENGINE) tests/stack -m "not slow" $(SIDE_BY_SIDE) --durations=15

parts: images
	@$(ENGINE) tests/contract tests/stack -m "not slow" $(SIDE_BY_SIDE) --durations=25

slow: images ## Tests of whole environments that take most of a minute each: the wheel, four at once, Compose's own file
	@$(ENGINE) tests/stack -m slow --durations=15

drills: images ## Tests of the drills and their broken twins
	@$(ENGINE) tests/drills --durations=10

test: check images ## Everything CI runs: check, contract and stack tests beside each other, then drills alone
	@code=0; for part in parts drills; do $(MAKE) --no-print-directory $$part || code=1; done; exit $$code

bench: prepare ## Measure what is missing in benchmarks/RESULTS.md (ONLY=start,wp: some of it; AGAIN=1: start over)
	@$(BIN)/python -m benchmarks $(ONLY) $(if $(AGAIN),--again) $(if $(RUNS),--runs $(RUNS))

clean: ## Remove caches, .venv and the images that nothing uses
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	@docker image prune --all --force --filter label=altis-local.image >/dev/null 2>&1 || true
