# make demo   installs into .venv and labels the example video (VIDEO=path for your own)
# make test   installs and runs the whole suite
# make check  ruff, mypy, import-linter

PYTHON ?= python3
VIDEO ?= examples/camera.mp4
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: demo test check clean

demo: $(VENV)/.base
	@echo
	@$(BIN)/falvideo label -- "$(VIDEO)"
	@echo
	@echo "Next:"
	@echo "  make demo VIDEO=path/to/your.mp4                     your own video"
	@echo "  $(BIN)/falvideo label FOLDER -o out -f json,vtt   a folder, results as files"
	@echo "  $(BIN)/falvideo models                            other models that -m takes"
	@echo "  $(BIN)/falvideo label --help                      everything else"

test: $(VENV)/.dev
	$(BIN)/python -m pytest

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null || { \
	  echo "falvideo needs Python 3.10 to 3.13 as $(PYTHON); name another with: make PYTHON=python3.12" >&2; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "$(PYTHON) lacks the venv module; on Debian or Ubuntu: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing falvideo into $(VENV) (about a minute)"
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	@echo "Installing falvideo and its tests into $(VENV) (about a minute)"
	$(PIP) install -c constraints.txt -e ".[dev]"
	@touch $@ $(VENV)/.base

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
