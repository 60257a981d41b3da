"""The structure that ARCHITECTURE.md describes is the one that the sources have."""

import ast
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import eventcli

ROOT: Final = Path(__file__).parent.parent
PACKAGE: Final = ROOT / "src" / "eventcli"
KERNEL: Final = ROOT / "kernel" / "Cargo.toml"

TABLE: Final = re.findall(r"^\| `(\w+)` \|", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"), re.MULTILINE)
"""The modules in the order of the table, from top to bottom."""

FACE: Final = "__init__"
"""The face of the package, which shows names of other modules; `eventcli.__version__` is its own."""

ENTRY: Final = "__main__"
"""What `python -m eventcli` runs: above all others, with or without a row."""

MODULES: Final = {path.stem: path for suffix in ("py", "pyi") for path in PACKAGE.glob(f"*.{suffix}")}

HEAVY: Final = {
    "asyncio",
    "concurrent",
    "fsspec",
    "http",
    "hypothesis",
    "multiprocessing",
    "random",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "tomllib",
    "unittest",
    "urllib.request",
}
"""Modules that a run does not need, and that would cost start-up."""

OPTIONAL: Final = {"backports.zstd", "compression.zstd", "isal", "lz4"}
"""Modules that decompress, needed for compressed input only; click's help loads bz2 and lzma, too."""

UNUSUAL: Final = {"_blake2", "csv", "signal", "sqlite3", "tqdm", "traceback", "zlib", "zoneinfo"}
"""Modules that only some runs need. Each costs up to a millisecond of a start that is hardly longer than click's."""

AUTHORITY: Final = {"eventcli.reference", "json", "orjson"}
"""What judges the lines that the Rust body hands back; orjson loads half of the standard library."""


def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def imported(module: str) -> Iterator[str]:
    """Yield the full name of everything a module imports, wherever the import stands."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports by a relative name"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(module: str) -> set[str]:
    """Return the modules of the package that a module imports."""
    names = [name.split(".")[1] for name in imported(module) if name.startswith("eventcli.")]
    return {name if name in MODULES or name in TABLE else FACE for name in names}


def test_every_module_has_a_row_and_every_row_a_module() -> None:
    """The table of modules is complete, without repetitions; the Rust body has a row though it may be absent."""
    assert len(TABLE) == len(set(TABLE))
    assert set(TABLE) - {"_kernel", ENTRY} == set(MODULES) - {"_kernel", ENTRY, FACE}


@pytest.mark.parametrize("module", sorted(set(MODULES) - {FACE}))
def test_imports_point_downwards(module: str) -> None:
    """A module imports only modules that stand below it in the table."""
    below = set(TABLE if module == ENTRY else TABLE[TABLE.index(module) + 1 :])
    imports = own_imports(module)
    if FACE in imports:
        # The face imports what it shows, so who imports the face must stand above all of that.
        imports |= own_imports(FACE)
    assert imports - {FACE} <= below


def test_the_face_does_not_import_what_imports_it() -> None:
    """What the package shows does not import the package itself, so there is no circle."""
    reached: set[str] = set()
    found = own_imports(FACE)
    while found - reached:
        reached |= found
        found = set().union(*(own_imports(module) for module in reached if module in MODULES))
    assert FACE not in reached


def users_of(library: str) -> set[str]:
    """Return the modules that import a library."""
    return {module for module in MODULES if any(name.split(".")[0] == library for name in imported(module))}


def test_click_is_used_by_the_command_line_only() -> None:
    """No module but the command line and what its commands share knows of click."""
    assert users_of("click") == {"cli", "cli_ledger", "options"}


def test_hypothesis_is_used_by_the_strategies_only() -> None:
    """No module but `testing` knows of hypothesis."""
    assert users_of("hypothesis") == {"testing"}


def test_libraries_of_object_stores_are_used_by_one_module_only() -> None:
    """No module but `remote` knows of fsspec and its kin, and only `source` asks for `remote`."""
    assert users_of("fsspec") | users_of("gcsfs") == {"remote"}
    assert {module for module in MODULES if "remote" in own_imports(module)} == {"source"}


def test_the_runtime_dependencies_are_the_declared_ones() -> None:
    """Besides the standard library, the package imports what pyproject.toml declares, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    declared = {re.match(r"\w+", requirement)[0] for requirement in required}  # type: ignore[index]
    libraries = {name.split(".")[0] for module in MODULES for name in imported(module)}
    # s3fs is loaded by fsspec; tzdata is data, which zoneinfo of the standard library reads where the system has none.
    # `compression` is part of the standard library from Python 3.14 on.
    assert libraries - sys.stdlib_module_names - {"eventcli", "compression"} == declared - {"s3fs", "tzdata"}


def test_only_the_authority_parses() -> None:
    """Orjson's parser is used by `parse`, its `grammar`, and `reference` only: nobody else says what a line means."""
    users = {
        module
        for module in MODULES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Attribute) and node.attr == "loads" and ast.unparse(node.value) == "orjson"
    }
    assert users == {"grammar", "parse", "reference"}
    assert "orjson.loads" not in {name for module in MODULES for name in imported(module)}


def loaded_by(program: str, stdin: bytes = b"") -> set[str]:
    """Return the modules that are loaded in a new interpreter after it ran a program."""
    program += "\nimport sys\nprint(*sorted(sys.modules), file=sys.stderr)\n"
    result = subprocess.run([sys.executable, "-c", program], input=stdin, capture_output=True, check=True)
    return set(result.stderr.decode().split())


def command(arguments: list[str]) -> str:
    """Return a program that runs the command line."""
    return (
        f"import sys\nsys.argv = ['eventstats', *{arguments!r}]\nfrom eventcli.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )


def test_importing_the_package_loads_nothing_that_is_optional() -> None:
    """`import eventcli` loads neither hypothesis nor click nor heavy parts of the standard library."""
    loaded = loaded_by("import eventcli")
    assert "eventcli.pipeline" in loaded
    assert not loaded & (HEAVY | OPTIONAL | {"click", "csv"})


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["summarize"], ["--format", "jsonl"]])
def test_the_command_line_loads_nothing_that_is_optional(arguments: list[str]) -> None:
    """A run of the command line loads neither hypothesis nor heavy parts of the standard library."""
    loaded = loaded_by(command(arguments), b'{"type":"a","value":0.5}\n')
    assert "eventcli.cli" in loaded
    assert not loaded & (HEAVY | OPTIONAL | {"csv"})


@pytest.mark.parametrize("arguments", [["summarize"], ["--format", "jsonl"]])
def test_a_usual_run_loads_only_what_it_needs(body: str, arguments: list[str]) -> None:
    """A run over plain events loads neither what few runs need nor, with the Rust body, what judges odd lines."""
    loaded = loaded_by(command(arguments), b'{"type":"a","value":0.5}\n')
    assert not loaded & UNUSUAL
    assert bool(loaded & AUTHORITY) == (body == "python")


def test_the_process_looks_for_garbage_after_its_start(tmp_path: Path) -> None:
    """The command line runs with the garbage collector on, and all that was loaded is left out of its searches."""
    (tmp_path / "sitecustomize.py").write_text(
        "import gc, os\n"
        "end = os._exit\n"
        "os._exit = lambda status: end(status if gc.isenabled() and gc.get_freeze_count() > 10_000 else 99)\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "eventcli"], input=b"", env=environment, check=True)


def test_versions_agree() -> None:
    """The Rust body has the version of the package."""
    if not KERNEL.exists():
        pytest.skip("a source distribution without the Rust body")
    assert tomllib.loads(KERNEL.read_text(encoding="utf-8"))["package"]["version"] == eventcli.__version__


SOURCES: Final = sorted((KERNEL.parent / "src").rglob("*.rs"))

UNSAFE: Final = {"lib.rs", "avx2.rs", "avx512.rs", "lanes.rs", "sixteen.rs", "ssse3.rs"}
"""The files of the kernel that may have unsafe code: the binding, and what needs instructions of the processor."""


def test_files_of_the_kernel_are_short() -> None:
    """No file of the kernel has more than 500 lines."""
    assert {path.name: lines for path in SOURCES if (lines := len(path.read_text().splitlines())) > 500} == {}


def test_files_of_the_kernel_form_no_circle() -> None:
    """No file or folder of the kernel needs one that needs it, but for tests."""
    uses: dict[str, set[str]] = {}
    for path in SOURCES:
        module = path.relative_to(KERNEL.parent / "src").parts[0].removesuffix(".rs")
        if path.stem not in {"lib", "tests"}:
            code = path.read_text().partition("#[cfg(test)]")[0]
            uses.setdefault(module, set()).update(set(re.findall(r"\bcrate::(\w+)", code)) - {module})
    while free := {module for module, used in uses.items() if not used & uses.keys()}:
        uses = {module: used for module, used in uses.items() if module not in free}
    assert uses == {}


def test_unsafe_code_is_where_it_must_be() -> None:
    """Unsafe code is refused by the compiler but in a few files, and each block there says why it is sound."""
    assert "#![deny(unsafe_code)]" in (KERNEL.parent / "src" / "lib.rs").read_text()
    for path in SOURCES:
        code = path.read_text()
        assert path.name in UNSAFE or not re.search(r"^[^/\n]*\bunsafe\b", code, re.MULTILINE), path
        allowed = code.count("#[allow(unsafe_code)]")
        assert allowed == (2 if path.name == "lib.rs" else 0), path


_INSTRUCTION: Final = r"\S*core_arch\S*?\d(?:_mm\d*|_pdep|_pext)_\w+"
_METHOD: Final = r"\S*4wide\S*(?<!detect)(?<!all)(?<!run)(?<!apart)(?<!fastest)(?<!name)17h\w+"
CALL: Final = re.compile(rf"\bcall\b.*<(?:{_INSTRUCTION}|{_METHOD})>")
"""A call of an instruction, or of a method of a level that should have become a part of its caller."""


def test_no_instruction_is_called_as_a_function() -> None:
    """In the built library nothing is compiled without the instructions that it uses: it would call each of them."""
    line = "  call   50380 <_ZN4core9core_arch3x864avx220_mm256_movemask_epi817h32e12ecdd0a781d8E>"
    assert CALL.search(line), "the pattern finds what it looks for"
    library = PACKAGE / "_kernel.abi3.so"
    if not library.exists() or not (objdump := shutil.which("objdump")):
        pytest.skip("no Rust body here, or no objdump")
    listed = subprocess.run([objdump, "-d", "--no-show-raw-insn", library], check=True, capture_output=True, text=True)
    assert listed.stdout.count("17eventstats_kernel4fold") > 10, "the library has names"
    assert [line for line in listed.stdout.splitlines() if CALL.search(line)] == []
