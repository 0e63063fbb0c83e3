# Every target works alone on a fresh clone: `setup` builds .venv first and is a no-op when it is up to date.
# ARGS goes to the program: make test ARGS="-m 'not slow' -x"
SHELL := /bin/bash
BIN := .venv/bin
ARGS ?=
# torch's idle OpenMP workers spin and take the cores from the rasteriser's threads (10-20 % of an iteration).
export OMP_WAIT_POLICY := PASSIVE
# Compiled modules are kept, whatever the environment says: the tests start many processes, and each would compile anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench docs web clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

setup: ## create .venv and install the pinned packages
	@scripts/setup.sh

demo: setup ## train a small scene on this machine and show what came out
	$(BIN)/python -m csgaussian_ns.ns.demo $(ARGS)

test: setup ## run the tests, two files at a time (ARGS="-n 0" for one)
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

check: setup ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports --no-logo

bench: setup ## measure speed, quality, rate and objects (hours; each script of benchmarks/ runs alone); results in benchmarks/results
	@set -e; for f in benchmarks/*.py; do $(BIN)/python $$f $(ARGS); done

docs: setup ## rewrite method_configs.md and the picture of imports from the code, and build the site of docs/ into build/site
	$(BIN)/python scripts/method_configs.py
	$(BIN)/python scripts/architecture.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

web: ## build and test the decoder for browsers in web/, and the page of csg view (needs node 20 or newer, and npm)
	cd web && npm ci --no-audit --no-fund && npm run build && npm run page && npm test

clean: ## remove the environment and caches
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache build *.egg-info web/node_modules web/build web/dist web/src/embedded.ts web/LICENSE web/page/dist csgaussian_ns/page
