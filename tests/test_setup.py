"""`setup.py`, `MANIFEST.in` and the build of `pyproject.toml`: an installation tells the truth about its body."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from eventcli.body import kernel
from process import TOOL

ROOT: Final = Path(__file__).parent.parent
LITTER: Final = (
    ".hypothesis/unicode_data/15.0.0/charmap.json.gz",
    ".venv/lib/thing.py",
    "build/lib/eventcli/old.py",
    "kernel/fuzz/target/debug/build/host.rs",
    "kernel/target/release/build/target-lexicon-1/out/host.rs",
    "src/eventcli/__pycache__/body.cpython-311.pyc",
    "src/eventcli/_kernel.abi3.so",
    "src/eventcli/_unbuilt.txt",
    "tests/__pycache__/laws.cpython-311.pyc",
)
"""What tools leave in a tree."""

pytest.importorskip("setuptools", "77", reason="setuptools, which builds the package, is not installed here, or is old")
pytest.importorskip("setuptools_rust", reason="setuptools-rust, which builds the package, is not installed here")


def _tracked() -> set[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("no clone: git does not say what belongs to the project")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    return {name for name in listed.decode().split("\0") if name and (ROOT / name).exists()}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of what git tracks, with litter of tools."""
    folder = tmp_path / "tree"
    for name in _tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    for name in LITTER:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("litter\n")
    return folder


class Built(NamedTuple):
    """What came of a build: its status, the file that it made, and what it wrote to stderr."""

    status: int
    file: Path
    stderr: str


def _build(tree: Path, what: str, path: str | None = None, **variables: str) -> Built:
    """Build a `wheel`, an `editable` or an `sdist` of a tree as pip, uv and build do, with the programs on a PATH."""
    program = f"from setuptools import build_meta; print('made', build_meta.build_{what}({str(tree.parent)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tree,
        env={"PATH": path if path is not None else os.environ["PATH"], "HOME": str(tree.parent), **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    made = re.findall(r"^made (.*)$", done.stdout, re.MULTILINE)
    return Built(done.returncode, tree.parent / made[-1] if made else tree, done.stderr)


def _tools(tree: Path, **scripts: str) -> str:
    """Return a PATH on which nothing but these shell scripts are."""
    folder = tree.parent / "tools"
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return str(folder)


NEW_RUSTC: Final = "echo 'rustc 1.99.0 (0123456789 2026-01-01)'"
OBSTACLES: Final = {
    "no-cargo": ({}, "cargo not found"),
    "no-rustc": ({"cargo": "exit 0"}, "rustc not found"),
    "old": (
        {"cargo": "exit 0", "rustc": "echo 'rustc 1.63.0 (4b91a6ea7 2022-08-08) (built from a source tarball)'"},
        "rustc 1.63.0 is older than 1.89",
    ),
    "old-by-a-little": ({"cargo": "exit 0", "rustc": "echo 'rustc 1.88.9'"}, "rustc 1.88.9 is older than 1.89"),
    "no-toolchain": (
        {"cargo": "exit 1", "rustc": "echo 'error: rustup could not choose a version of rustc to run' >&2; exit 1"},
        "rustc --version failed: error: rustup could not choose a version of rustc to run",
    ),
    "compile-error": (
        {
            "cargo": "echo '   Compiling memchr' >&2; echo 'error[E0425]: cannot find value `x`' >&2; exit 101",
            "rustc": NEW_RUSTC,
        },
        "compilation failed: error[E0425]: cannot find value `x`",
    ),
}


def _members(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_source_distribution_holds_what_git_tracks(tree: Path) -> None:
    """The sdist has every tracked file, the Rust sources and tests among them, and nothing that tools left."""
    built = _build(tree, "sdist")
    assert built.status == 0, built.stderr
    with tarfile.open(built.file) as archive:
        files = {member.name.split("/", 1)[1] for member in archive if member.isfile()}
    made = {name for name in files if ".egg-info/" in name} | {"PKG-INFO", "setup.cfg"}
    assert files - made == _tracked()


@pytest.mark.skipif(shutil.which("cargo") is None, reason="no cargo, which judges whether the kernel is whole")
def test_source_distribution_holds_all_that_cargo_asks_for(tree: Path) -> None:
    """Cargo takes the kernel of an unpacked sdist: every target that its manifest names is there."""
    with tarfile.open(_build(tree, "sdist").file) as archive:
        archive.extractall(tree.parent / "unpacked", filter="data")
    (manifest,) = (tree.parent / "unpacked").glob("*/kernel/Cargo.toml")
    command = ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path", str(manifest)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (package,) = json.loads(done.stdout)["packages"]
    kinds = {kind for target in package["targets"] for kind in target["kind"]}
    assert kinds == {"cdylib", "rlib", "bench", "test"}


def test_image_is_built_from_all_that_a_build_needs(tree: Path) -> None:
    """What the Dockerfile copies, as .dockerignore lets it, makes the same wheel as the whole tree."""
    built = _build(tree, "wheel", _tools(tree))
    assert built.status == 0, built.stderr
    whole = _members(built.file)
    lines = (tree / ".dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    left_out = [line for line in lines if not line.startswith(("!", "#", "*")) and line]
    for path in tree.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in left_out:
        shutil.rmtree(tree / name)
    built = _build(tree, "wheel", str(tree.parent / "tools"))
    assert built.status == 0, built.stderr
    assert _members(built.file) == whole
    assert {name for name in _tracked() if re.match(r"kernel/(src|benches|Cargo)", name)} <= {
        str(path.relative_to(tree)) for path in tree.rglob("*")
    }


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_build_without_rust_body_says_why(obstacle: str, tree: Path) -> None:
    """Where the Rust body cannot be built, the wheel is pure, complete, and holds the reason instead."""
    scripts, reason = OBSTACLES[obstacle]
    built = _build(tree, "wheel", _tools(tree, **scripts))
    assert built.status == 0, built.stderr
    assert f"the Rust body is left out: {reason}" in built.stderr
    assert built.file.name.endswith("-py3-none-any.whl")
    package = {name.removeprefix("src/") for name in _tracked() if name.startswith("src/")}
    made = {name for name in _members(built.file) if ".dist-info/" not in name and ".data/scripts/" not in name}
    assert made == {*package, "eventcli/_unbuilt.txt"}
    with zipfile.ZipFile(built.file) as archive:
        assert archive.read("eventcli/_unbuilt.txt").decode() == reason + "\n"


@pytest.mark.parametrize("what", ["wheel", "editable"])
@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_required_rust_body_fails_the_build(obstacle: str, what: str, tree: Path) -> None:
    """With EVENTSTATS_REQUIRE_RUST=1 no wheel is made without the Rust body, and the last line says why."""
    scripts, reason = OBSTACLES[obstacle]
    built = _build(tree, what, _tools(tree, **scripts), EVENTSTATS_REQUIRE_RUST="1")
    assert built.status != 0
    assert not list(tree.parent.glob("*.whl"))
    last = built.stderr.splitlines()[-1]
    assert last.endswith(f"EVENTSTATS_REQUIRE_RUST is set, and the Rust body cannot be built: {reason}")


@pytest.mark.parametrize("value", ["", "0"])
def test_rust_body_that_is_not_required_may_be_absent(value: str, tree: Path) -> None:
    """EVENTSTATS_REQUIRE_RUST asks for nothing where it is empty or 0."""
    assert _build(tree, "wheel", _tools(tree), EVENTSTATS_REQUIRE_RUST=value).status == 0


def test_editable_installation_forgets_what_earlier_builds_left(tree: Path) -> None:
    """The extension of an earlier build does not outlive the sources it was made from; the reason is there instead."""
    package = tree / "src" / "eventcli"
    assert (package / "_kernel.abi3.so").exists()
    assert _build(tree, "editable", _tools(tree)).status == 0
    assert not (package / "_kernel.abi3.so").exists()
    assert (package / "_unbuilt.txt").read_text() == "cargo not found\n"


@pytest.mark.skipif(sys.platform != "linux", reason="there is a launcher on Linux only")
def test_the_launcher_goes_with_the_rust_body() -> None:
    """An installation with the Rust body has the launcher as its command, beside the script that it becomes."""
    command, script = Path(TOOL), Path(f"{TOOL}-python")
    assert script.exists() == (kernel is not None)
    assert command.read_bytes().startswith(b"#!" if kernel is None else b"\x7fELF")
    if kernel is not None:
        assert script.read_bytes().startswith(b"#!")


def test_cache_keys_name_all_sources_and_nothing_that_a_build_makes(tree: Path) -> None:
    """What uv looks at before it builds again is tracked by git, and holds all that is built or copied."""
    keys = tomllib.loads((tree / "pyproject.toml").read_text())["tool"]["uv"]["cache-keys"]
    seen = {str(path.relative_to(tree)) for key in keys if "file" in key for path in tree.glob(key["file"])}
    assert seen <= _tracked()
    made_of = r"bin/.*|pyproject\.toml|setup\.py|kernel/Cargo\.(toml|lock)|kernel/src/.*\.rs|kernel/build\.rs"
    assert seen == {name for name in _tracked() if re.fullmatch(made_of, name)}
    assert {"env": "EVENTSTATS_REQUIRE_RUST"} in keys
