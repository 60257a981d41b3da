#!/usr/bin/env bash
# All tests of the Rust body at all levels with AddressSanitizer, overflow checks and debug assertions: some minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
# Sanitizers are unstable flags; they work with a stable compiler that is told to take them.
export RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address -Coverflow-checks=on -Cdebug-assertions=on"
export CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/sanitize"
# Where memory runs out, which a test provokes, an allocation fails as it does without the sanitizer.
export ASAN_OPTIONS=allocator_may_return_null=1
exec cargo test --release --target "$(rustc --print host-tuple)" "$@"
