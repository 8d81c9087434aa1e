# make repro   the whole pipeline, on the data set and at the size that params.yaml names
# make test    lint, types and tests
# make quick   lint and the tests that start no process and take no seconds
# make bench   how fast this machine trains, lifts, renders and scores: a table, and benchmarks/results/speed.json
# make torture campaigns that try to break what docs/reliability.md guarantees, and its table: some hours
# Each creates .venv from requirements.lock when it is missing or older. (--no-compile saves half of that: Python compiles
# what is imported when it is, which is little of what is installed.)

PYTHON ?= python3
VENV := .venv
# dvc.yaml calls `python`: the one of .venv must come first.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# With --no-compile, every process would compile all that it imports anew: a stage would take twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

# One thread in each process: as many as cores in each would wait for one another. The files' order is tests/conftest.py's.
ON_ALL_CORES := OMP_NUM_THREADS=1 python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

.PHONY: repro test quick bench torture setup browser

repro: setup
	python -m pose3d.config.check
	dvc repro

test: setup browser
	ruff check .
	ruff format --check .
	mypy
	$(ON_ALL_CORES)

quick: setup
	ruff check .
	ruff format --check .
	$(ON_ALL_CORES) --quick

bench: setup
	python -m benchmarks.speed

torture: setup
	python -m torture

setup: $(VENV)/ready

# The player's browser test needs a browser. Where apt cannot install one, the test is skipped and nothing fails.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit; done; \
	[ "$$(id -u)" = 0 ] || as_root="sudo -n"; \
	{ $$as_root apt-get update -qq && \
	  $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --yes --no-install-recommends chromium; \
	} >/dev/null 2>&1 || echo "Chromium cannot be installed here: the player's browser test will be skipped"

$(VENV)/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
