#!/usr/bin/env bash
# Installs, builds, and runs all tests: lit by stage, unit tests, and whole
# models against ONNX Runtime; damaged models through sanitized tools.
# Where no file has changed since all of them passed, it says so and stops; --again runs them all the same.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/install-deps.sh
scripts/build.sh --quiet
export PATH="$PWD/build/bin:$PWD/.venv/bin:$PATH"

# Empty outside of a git checkout: then nothing is known of what has changed.
state=$(git rev-parse HEAD 2>/dev/null && git ls-files -co --exclude-standard -z | xargs -0 sha256sum 2>/dev/null | sha256sum || true)
passed=build/tests-passed
if [ "${1:-}" != --again ] && [ -n "$state" ] && [ "$(cat $passed 2>/dev/null)" = "$state" ]; then
  echo "All tests passed on $(date -r $passed '+%F %R'), and no file has changed since: scripts/test.sh --again runs them again"
  exit
fi
rm -f $passed

scripts/check-format.sh
scripts/generate-docs.sh --check
python scripts/check-tidy.py
ninja -C build --quiet check-secateur
python scripts/fetch-models.py
# The damaged models go through the sanitized tools alone.
python -m pytest -q -n 2 --dist worksteal --durations=10 --ignore test/Python/test_bad_input.py test
scripts/test-sanitized.sh
echo "$state" >$passed
