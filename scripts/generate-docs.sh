#!/usr/bin/env bash
# Writes docs/reference/: the dialects' operations and the passes, from their .td
# files. With --check, fails where what is committed is not up to date.
set -euo pipefail
cd "$(dirname "$0")/.."
target=docs/reference
[ "${1:-}" = --check ] && target=$(mktemp -d)
mkdir -p "$target"
tblgen=(/usr/lib/llvm-22/bin/mlir-tblgen -I . -I include -I /usr/lib/llvm-22/include)
for dialect in NN:nn Kern:kern Prune:prune; do
  folder=${dialect%%:*} name=${dialect##*:}
  "${tblgen[@]}" -gen-dialect-doc -dialect "$name" "dialects/$folder/IR/${folder}Ops.td" >"$target/$name.md"
done
{
  echo "# Passes"
  for file in include/secateur/*/Passes.td include/secateur/*/*/Passes.td; do
    echo
    echo "## $(basename "$(dirname "$file")")"
    "${tblgen[@]}" -gen-pass-doc "$file" | sed 's/^### /### /'
  done
} >"$target/passes.md"
# Trailing blank lines and spaces are the generator's.
sed -i -e 's/[[:space:]]*$//' -e '/^<!--/d' "$target"/*.md
if [ "$target" != docs/reference ]; then
  diff -r "$target" docs/reference >/dev/null || { echo "docs/reference is out of date: run scripts/generate-docs.sh"; exit 1; }
fi
