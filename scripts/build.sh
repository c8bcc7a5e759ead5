#!/usr/bin/env bash
# Configures and builds Secateur in build/. Extra arguments go to ninja.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
# A precompiled header is cached only with these.
export CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
if [ ! -f build/build.ninja ]; then
  cmake --preset release -DSECATEUR_WERROR=ON >build-configure.log 2>&1 || { cat build-configure.log; exit 1; }
  rm -f build-configure.log
fi
ninja -C build "$@"
