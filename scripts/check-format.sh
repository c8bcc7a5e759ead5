#!/usr/bin/env bash
# Checks that the C++ sources are formatted (clang-format 22). With --fix, formats them.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=(--dry-run --Werror)
if [ "${1:-}" = --fix ]; then mode=(-i); fi
git ls-files '*.cpp' '*.h' '*.c' ':!test/Inputs' | xargs -r clang-format-22 "${mode[@]}"
