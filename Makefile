# `make` alone lists the targets. The .venv is a stamp on the pinned requirements.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/made-from-requirements
QUICK := $(addprefix tests/,house plan/test_split.py plan/test_rest.py plan/test_algorithm.py record pool/test_lines.py pool/test_needs.py pool/test_pools.py docs/test_names.py run)

.DEFAULT_GOAL := help
.PHONY: help demo quick test soak lint format pictures bench exe clean check-python node mounts browser readers shells wheel slurm release

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 16

check-python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo 'shareout needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 ...' >&2; exit 2; }

$(STAMP): packaging/requirements.txt pyproject.toml | check-python
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r packaging/requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

lint: $(STAMP)  ## check style and types; repairs nothing
	$(BIN)/ruff check src tests bench packaging
	$(BIN)/ruff format --check src tests bench packaging
	$(BIN)/mypy

format: $(STAMP)  ## repair what lint can repair
	$(BIN)/ruff check --fix src tests bench packaging
	$(BIN)/ruff format src tests bench packaging

quick: lint  ## lint and the pure tests: what to run after each change
	$(BIN)/python -m pytest --numprocesses 2 --quiet $(QUICK)

test: lint node mounts browser readers shells slurm  ## lint, then all tests, on the module and on the built executable
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

node:
	@command -v node >/dev/null || { echo 'the second implementation of the algorithm needs node: installing it' && \
	  apt-get update -qq && apt-get install --yes -qq nodejs >/dev/null; } || true

# What systemd brings shuts /root, where others may have to read a Python that lies there.
mounts:
	@test "$$(id -u)" != 0 || { command -v sshfs && command -v ip && PATH="$$PATH:/usr/sbin" command -v sshd && \
	  command -v systemd-run && ls /usr/lib/*/security/pam_systemd.so; } >/dev/null || { \
	  echo 'far hosts and shared folders are tested with ssh, sshfs and systemd: installing them' && \
	  kept=$$(stat -c %a /root) && apt-get update -qq && apt-get install --yes -qq \
	  sshfs openssh-server iproute2 systemd dbus libpam-systemd dbus-user-session >/dev/null; chmod "$$kept" /root; } || true

browser:
	@test "$$(id -u)" != 0 || command -v chromium >/dev/null || command -v chromium-browser >/dev/null || { \
	  echo 'the page is tested in a real browser: installing it' && \
	  apt-get update -qq && apt-get install --yes -qq --no-install-recommends chromium >/dev/null; } || true

# Far larger than all that the tests need otherwise: in a folder of their own, made once, and only where it may be.
readers: build/readers/made
	@test "$$(id -u)" != 0 || { command -v mlr && command -v parallel; } >/dev/null || { \
	  echo 'tables are read with Miller, calls compared with GNU parallel: installing them' && \
	  apt-get update -qq && apt-get install --yes -qq miller parallel >/dev/null; } || true

build/readers/made: packaging/readers.txt | $(STAMP)
	@echo 'tables are read with pandas, polars, DuckDB and pyarrow: installing them' && rm -rf build/readers && \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --target build/readers -r $< && touch $@ || true

shells:
	@test "$$(id -u)" != 0 || { command -v zsh && command -v fish && command -v groff; } >/dev/null || { \
	  echo 'what Tab completes is tested in the shells themselves, the man page by groff: installing them' && \
	  apt-get update -qq && apt-get install --yes -qq zsh fish groff-base >/dev/null; } || true

slurm:
	@test "$$(id -u)" != 0 || PATH="$$PATH:/usr/sbin" command -v slurmctld slurmd munged sbatch >/dev/null || { \
	  echo 'arrays are tested on a Slurm of our own: installing it' && \
	  apt-get update -qq && apt-get install --yes -qq slurmctld slurmd slurm-client munge >/dev/null; } || true

soak: $(STAMP)  ## the long hunts: rounds of signals and kills, a million seeds, all planted bugs, all crash states
	$(BIN)/python -m pytest -m soak

demo: $(STAMP)  ## build an executable, run it as four machines, merge, show the result
	$(BIN)/python packaging/demo.py

pictures: $(STAMP) browser  ## the pictures of the page, of a real run by a real browser
	$(BIN)/python packaging/pictures.py

bench: $(STAMP)  ## measure against the tools that a user would pick instead; prints ratios
	$(BIN)/python bench/all.py

exe: $(STAMP)  ## one file: make exe ENTRY=main.py [NAME= DATA=src:dest WITH="numpy" SMALL=1 DIR=1 NETWORK=1]
	@$(BIN)/shareout freeze $(ENTRY) $(if $(NAME),--name $(NAME)) $(foreach one,$(DATA),--data $(one)) \
	  $(foreach one,$(WITH),--with $(one)) $(if $(SMALL),--small) $(if $(NETWORK),--network) $(if $(DIR)$(ONEDIR),--dir)

wheel: $(STAMP)  ## dist/: what pip and uvx install, and SHA256SUMS
	rm -rf dist build/lib build/bdist.*
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	cd dist && sha256sum *.whl > SHA256SUMS

release:  ## dist/: one file for glibc 2.31 and newer, the wheel, SHA256SUMS; as root, with debootstrap
	@packaging/release.sh

clean:  ## remove what was made here; never fails
	-rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis src/*.egg-info
	-find . -name __pycache__ -type d -prune -exec rm -rf {} +
