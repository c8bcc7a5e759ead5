#!/bin/sh
# Builds the Python package's wheel into dist/, from the tools in build/.
# usage: scripts/build-wheel.sh [PYTHON]
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}
[ -x .venv/bin/python ] && [ $# -eq 0 ] && python=.venv/bin/python
[ -x build/bin/compile-model ] || { echo "build first: scripts/build.sh" >&2; exit 1; }
mkdir -p dist
"$python" - <<'PY'
import os, sys
sys.path.insert(0, "python-bindings")
import backend
print("dist/" + backend.build_wheel("dist"))
PY
