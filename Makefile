# make demo    create the environment if needed and start the page on http://127.0.0.1:7860
# make test    create the environment if needed, then ruff, mypy and all tests
# make quick   ruff and the tests that need neither a browser nor much time
# make bench   speed and pictures beside those of other packages, as ratios (tests/bench.py)
# make space SPACE=user/name    upload what a Hugging Face Space needs (demo/space.py)
# make soak    what strangers send, by the thousand (tests/soak)
# make lock    write requirements.lock again from requirements.txt (needs uv)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check -q
ARGS ?=
# Three processes, each with whole files, on two cores, as many tests wait: about 2 GB each, and as much
# again for what the tests start.
# In the order that tests/conftest.py gives them.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

# On Linux, PyPI's torch brings 4 GB of CUDA libraries that the page never uses. Where PyTorch's own index
# is reached within seconds, its build for CPUs is taken instead; TORCH=default takes PyPI's.
TORCH ?= cpu
CPU_INDEX ?= https://download.pytorch.org/whl/cpu
REACHED = timeout 8 $(BIN)/python -c "import urllib.request as u; u.urlopen('$(CPU_INDEX)/torch/', timeout=4)" 2>/dev/null

.PHONY: demo test quick bench soak space lock clean

demo: $(VENV)/.ready
	$(BIN)/python app.py $(ARGS)

test: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST)

quick: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(PYTEST) -m "not browser and not slow and not artifacts"

bench: $(VENV)/.ready-bench
	$(BIN)/python -m tests.bench

space: $(VENV)/.ready
	@[ -n "$(SPACE)" ] || { echo "say which: make space SPACE=user/name"; exit 2; }
	$(BIN)/python -m demo.space $(SPACE)

soak: $(VENV)/.ready-dev
	$(BIN)/python -m tests.soak $(ARGS)

lock:
	uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header requirements.txt -o requirements.lock
	sed -i.bak '1i # All that requirements.txt needs in turn, on Python 3.11 to 3.14. Written by make lock.' requirements.lock
	rm requirements.lock.bak

clean:
	rm -rf $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.ready: requirements.txt requirements.lock | $(BIN)/python
	if [ "$(TORCH)" = cpu ] && [ "$$(uname -s)" = Linux ] && $(REACHED); then \
		$(PIP) --no-deps -c requirements.lock --index-url $(CPU_INDEX) torch torchvision || true; \
	fi
	$(PIP) -r requirements.txt -c requirements.lock
	touch $@

$(VENV)/.ready-dev: tests/requirements.txt $(VENV)/.ready
	$(PIP) -r tests/requirements.txt -c requirements.lock
	touch $@

$(VENV)/.ready-bench: tests/requirements-bench.txt $(VENV)/.ready
	$(PIP) -r tests/requirements-bench.txt -c requirements.lock
	touch $@
