# Two commands for a newcomer: `make demo` and `make test`. `make help` lists the rest.
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV := .venv
BIN := $(VENV)/bin
OUT ?= out/demo
PIP := $(BIN)/python -m pip --disable-pip-version-check
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test check bench bench-hotspots bench-allocator soak serve format lock sbom clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed (looked for '$(PYTHON)'). On Debian: apt-get install python3.11 python3.11-venv; elsewhere: make PYTHON=/path/to/python3.11 …"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "'$(PYTHON)' is not Python 3.11: make PYTHON=/path/to/python3.11 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(BIN)/python
	@echo "Installing the pinned dependencies (about a minute) …"
	$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements/runtime.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --no-index --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt $(VENV)/.runtime
	@echo "Installing what the checks and tests need …"
	$(PIP) install --quiet --require-hashes --only-binary :all: -r requirements/test.txt
	@touch $@

demo: $(VENV)/.runtime ## the whole week on the bundled sample, offline, into out/demo
	$(BIN)/arv demo --out $(OUT)

serve: $(VENV)/.runtime ## start the service on this machine only
	$(BIN)/arv serve

check: $(VENV)/.test ## formatting, lint, types, import contracts, links, security, dependencies
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/check_links.py
	$(BIN)/python .ci/check_security.py
	$(BIN)/python .ci/check_dependencies.py

sbom: $(VENV)/.runtime ## bill of materials of what is installed to run, CycloneDX, into out/sbom.json
	$(BIN)/python .ci/sbom.py out/sbom.json

test: $(VENV)/.test ## install what the tests need, then run them (what takes a minute by itself runs in soak)
	sh .ci/system-packages
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not slow'

bench: $(VENV)/.test ## measure against peers and baselines (slow)
	$(BIN)/python -m benchmarks

bench-hotspots: $(VENV)/.test ## scores and forecasts beside baselines and peers, false alarms, speed, scale
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks nyc london_wards patterns kernel_speed scale

bench-allocator: $(VENV)/.test ## placement: proof and time, re-plans, drive times, queue, simulation, TPU, location models
	$(BIN)/python -m benchmarks allocator_plan allocator_losses allocator_requests \
		allocator_growth allocator_travel allocator_simulation allocator_hypercube allocator_failures \
		allocator_busy_fraction allocator_tpu allocator_mclp allocator_p_median

soak: $(VENV)/.test ## the service and its record under load, kill -9, full disks, tampering and abuse (about an hour; exit 1 for a miss)
	sh .ci/system-packages
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m benchmarks.soak

format: $(VENV)/.test ## format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(VENV)/.test ## pin the dependencies anew, with hashes
	sh requirements/lock

clean: ## remove the environment and everything generated
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
