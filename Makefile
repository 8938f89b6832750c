# Everything is made from python3 (>= 3.11) and make. uv is used from the PATH, or installed into .uv/.
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin/
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help env demo up down servers test test-core soak check bench clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.uv/bin/uv:
	$(PYTHON) -c 'import sys; sys.exit("python3 >= 3.11 is needed, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .uv
	.uv/bin/pip install --quiet --disable-pip-version-check uv

.venv/.ready: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	$(UV) sync --quiet --locked
	@touch $@

env: .venv/.ready ## make .venv with everything in it

demo: env ## a simulated district (ARGS="--seconds 60 --seed 7 --assets 2000 --json out.json")
	$(RUN)citybrain demo $(ARGS)

up: ## start the cluster with Docker, and say where everything is (.env: what an operator chooses)
	docker compose up --detach --build --wait
	@echo
	@echo "API         http://$$(docker compose port console 8080)/docs    token: $$(docker compose exec -T prometheus cat /run/secrets/api_token)"
	@echo "Grafana     http://$$(docker compose port grafana 3000)    user admin, password $$(docker compose exec -T grafana cat /run/secrets/admin)"
	@echo "Prometheus  http://$$(docker compose port prometheus 9090)"
	@echo "MQTT        $$(docker compose port mosquitto 1884 || docker compose port mosquitto 8883)    logins: docs/how-to/run-a-cluster.md"
	@echo "terminal    docker compose exec console citybrain watch"

down: ## stop the cluster; its data stays
	docker compose --profile "*" down

servers: env ## the servers that tests start, as far as they are missing; as root from Debian
	@$(RUN)python -m tests.servers

test: servers ## all tests: core, live servers, kill tests
	$(RUN)python -m pytest -m "not soak" $(ARGS)

test-core: env ## the tests that need nothing but the wheels and no server
	$(RUN)python -m pytest -m "not live and not soak" $(ARGS)

soak: servers ## long runs
	$(RUN)python -m pytest -m soak $(ARGS)

check: env ## ruff, mypy --strict, import-linter
	$(RUN)ruff check .
	$(RUN)ruff format --check .
	$(RUN)mypy
	$(RUN)mypy --strict ops/grafana
	$(RUN)lint-imports
	$(RUN)citybrain check-config

bench: env ## the figures of the README
	$(RUN)citybrain bench all $(ARGS)

clean: ## remove what env made
	rm -rf .venv .uv .servers .mypy_cache .ruff_cache .pytest_cache .hypothesis
