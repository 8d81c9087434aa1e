# make demo    a page with 3D poses of a real person, by the released models: half a minute after the first set-up
# make repro   the whole pipeline, on the data set and at the size that params.yaml names; SAME_EVERYWHERE=1 has any
#              x86-64 processor compute as the oldest would, slowly, for the same bytes (docs/reliability.md)
# make test    lint, types and tests
# make quick   lint and the tests that start no process and take no seconds
# make bench   how fast this machine trains, lifts, renders and scores: a table, and benchmarks/results/speed.json
# make torture campaigns that try to break what docs/reliability.md guarantees, and its table: some hours
# make readers has OpenSim, Blender, three.js and others open the files that pose3d writes: 1.5 GB of programs, not kept
# make sbom    sbom.json, a bill of materials of all packages and files, and the table of docs/files.md
# Each creates .venv from requirements.lock when it is missing or older. (--no-compile saves half of that: Python compiles
# what is imported when it is, which is little of what is installed.)

PYTHON ?= python3
VENV := .venv
# dvc.yaml calls `python`: the one of .venv must come first.
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
# With --no-compile, every process would compile all that it imports anew: a stage would take twice as long to start.
unexport PYTHONDONTWRITEBYTECODE

# Libraries choose their instructions when they load: what tells them must be there before.
ifdef SAME_EVERYWHERE
include checks/same_everywhere.env
export $(shell sed -n 's/^\([A-Z0-9_]*\)=.*/\1/p' checks/same_everywhere.env)
endif

# One thread in each process: as many as cores in each would wait for one another. The files' order is tests/conftest.py's.
ON_ALL_CORES := OMP_NUM_THREADS=1 python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

DEMO := pose3d predict demo/walk.mp4 --camera demo/walk.json --models models --out demo --show

.PHONY: demo repro test quick bench torture readers sbom setup browser

demo: setup
	@started=$$(date +%s) && pose3d sample-video --out demo && echo "$(DEMO)" && $(DEMO) && \
	echo "$$(($$(date +%s) - started)) s. Open the page in a browser: $(CURDIR)/demo/player.html"

repro: setup
	python -m pose3d.config.check
	python -m checks.dvc_files
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

readers: setup
	python -m checks.open_elsewhere

sbom: setup
	python -m checks.sbom

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
	@echo "installing the packages of requirements.lock into $(VENV)"
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement requirements.lock \
	  >$(VENV)/pip.log 2>&1 || { echo "error: the packages cannot be installed ($$(tail -n 1 $(VENV)/pip.log)):" \
	  "check the network and pip's index, then run again" >&2; exit 1; }
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
