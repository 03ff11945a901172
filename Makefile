# Two commands: `make demo` shows what the tool does, `make test` checks it. Each sets up what it needs.
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test fuzz simulate lint bench gate gate-rates carry-over linear-cost gpu lock clean

demo: .venv
	$(BIN)/uiebench run demo

test: .venv/dev
	$(MAKE) --no-print-directory lint
	OMP_NUM_THREADS=1 $(BIN)/pytest -rs --durations 15 --numprocesses 2 --dist loadfile --no-loadscope-reorder

# The fuzzing tests alone, with so many times as many inputs as `make test` has.
FUZZ ?= 25

fuzz: .venv/dev
	UIEBENCH_FUZZ=$(FUZZ) OMP_NUM_THREADS=1 $(BIN)/pytest tests/fuzz --numprocesses 2 --dist worksteal

# Made-up runs with the noise of the published ones: how often intervals hold the truth, and verdicts are false. The
# table goes into docs/statistics.md.
simulate: .venv/dev
	PYTHONPATH=tests OMP_NUM_THREADS=1 $(BIN)/python -m simulation

lint: .venv/dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/dev
	$(BIN)/pytest tests/bench --benchmark-enable --benchmark-only

gate: .venv
	$(BIN)/uiebench gate --rules reports/baselines/ci.toml --against reports/baselines/ci.jsonl

gate-rates: .venv
	PYTHONPATH=tests $(BIN)/python tests/bench/gate_rates.py

# Whether requests in turns and whole passes give the same ratios (docs/run.md).
carry-over: .venv
	$(BIN)/python tests/bench/carry_over.py

# Whether a text costs the same in a file of 1,000, 10,000 and 100,000.
linear-cost: .venv
	$(BIN)/python tests/bench/linear_cost.py $(OPTIONS)

# What a GPU has to show, in slices (docs/gpu.md). It sets nothing up and downloads nothing: any Python of 3.11 or newer
# that has what pyproject.toml names will do.
GPU_PYTHON ?= python3
SLICE ?= 9m
DEVICE ?= cuda
OPTIONS ?=

gpu:
	PYTHONPATH="tests$${PYTHONPATH:+:$$PYTHONPATH}" $(GPU_PYTHON) -m gpu --slice $(SLICE) --device $(DEVICE) $(OPTIONS)

.venv: .venv/installed

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/dev: .venv/installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.lock
	@touch $@

# Writes both locks again from the newest releases that pyproject.toml allows; torch stays where it is put here.
lock:
	rm -rf .lock
	$(PYTHON) -m venv .lock
	.lock/bin/pip install --quiet torch==2.13.0 .
	.lock/bin/pip freeze --exclude uiebench | sed 's/+cpu$$//' > requirements.lock
	.lock/bin/pip install --quiet '.[dev]'
	.lock/bin/pip freeze --exclude uiebench | sed 's/+cpu$$//' > requirements-dev.lock
	rm -rf .lock

clean:
	rm -rf .venv runs build dist .mypy_cache .ruff_cache .hypothesis .benchmarks
