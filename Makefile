.DEFAULT_GOAL := help
.PHONY: help run test lint ci engines fuzz benchmark clean

help: ## list what there is to run
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: ## the main job on the sample data
	uv run eventstats summarize sample_data/events.jsonl

test: ## all tests, with the short profile of the properties
	uv run pytest

lint: ## style and types
	uv run ruff format --check .
	uv run ruff check .
	uv run mypy

ci: ## what the build server runs
	bash .ci/run

engines: ## the whole suite of engines also on Spark, which takes long
	EVENTSTATS_SPARK=whole uv run pytest tests/engines

fuzz: ## the properties with a hundred times the examples, and the Rust body with AddressSanitizer
	HYPOTHESIS_PROFILE=long uv run pytest

benchmark: ## the Python body against a bare loop over orjson
	uv run python benchmarks/python_body.py

clean: ## remove what tools made
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist src/*.egg-info
