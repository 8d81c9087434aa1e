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

# One thread in each process: as many as cores in each would wait for one another.
ON_ALL_CORES := OMP_NUM_THREADS=1 python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: repro test quick bench torture setup

repro: setup
	python -m pose3d.config.check
	dvc repro

test: setup
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

$(VENV)/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.lock
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
