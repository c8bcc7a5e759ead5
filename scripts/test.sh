#!/usr/bin/env bash
# Installs, builds, and runs all tests: lit by stage, unit tests, and whole
# models against ONNX Runtime; damaged models through sanitized tools.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-deps.sh
scripts/build.sh --quiet
export PATH="$PWD/build/bin:$PWD/.venv/bin:$PATH"
scripts/check-format.sh
scripts/generate-docs.sh --check
python scripts/check-tidy.py
ninja -C build --quiet check-secateur
python scripts/fetch-models.py
python -m pytest -q -n 2 --dist worksteal --durations=10 test
scripts/test-sanitized.sh
