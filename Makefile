# make demo   create the environment if needed and start the page on http://127.0.0.1:7860
# make test   create the environment if needed, then ruff, mypy and the tests

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: demo test bench clean

demo: $(VENV)/.ready
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest

bench: $(VENV)/.ready-bench
	$(BIN)/python -m tests.bench

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --disable-pip-version-check -q -r requirements.txt
	touch $@

$(VENV)/.ready-dev: tests/requirements.txt $(VENV)/.ready
	$(BIN)/python -m pip install --disable-pip-version-check -q -r tests/requirements.txt
	touch $@

$(VENV)/.ready-bench: tests/requirements-bench.txt $(VENV)/.ready
	$(BIN)/python -m pip install --disable-pip-version-check -q -r tests/requirements-bench.txt
	touch $@
