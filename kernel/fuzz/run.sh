#!/usr/bin/env bash
# Fuzz the Rust body: kernel/fuzz/run.sh [SECONDS, default 600] [TARGET, default bodies] [LEVEL, default the fastest]
# `bodies` compares its fold with the Python body, `framing` what it makes of streams that are not lines; `oracle` compares
# it with the slow fold of its own tests. Levels: portable, ssse3, avx2, avx512.
# Needs cargo-fuzz (cargo install cargo-fuzz), a C++ compiler and the project's environment (uv sync).
set -euo pipefail
cd "$(dirname "$0")"
python() { uv run --quiet --project ../.. python "$@"; }
PYO3_PYTHON=$(python -c 'import sys; print(sys._base_executable)')
PYTHONPATH=$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
LD_LIBRARY_PATH=$(python -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
# cargo-fuzz asks for unstable flags even where, as here, no sanitizer is wanted: Python is not built with one.
export PYO3_PYTHON PYTHONPATH LD_LIBRARY_PATH RUSTC_BOOTSTRAP=1 EVENTSTATS_KERNEL="rust${3:+-$3}"
target=${2:-bodies}
seeds=seeds
[ "$target" != framing ] || seeds=streams
mkdir -p "corpus/$target"
cargo fuzz run --sanitizer none --fuzz-dir . "$target" "corpus/$target" "$seeds" -- \
    -max_total_time="${1:-600}" -max_len=6000 -dict=json.dict -timeout=20
