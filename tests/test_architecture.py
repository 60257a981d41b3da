"""The structure that ARCHITECTURE.md describes is the one that the sources have."""

import ast
import functools
import importlib
import itertools
import os
import re
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
PAGE: Final = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

DOORS: Final = {"__init__", "__main__", "testing"}
"""Rooms at the top that show or start what the wings hold; no wing imports them, but for the version."""

MODULES: Final = {
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
"""The path of every module, by its name within the package."""

TOP: Final = {name for name in MODULES if "." not in name and not MODULES[name].stem.startswith("__init__")}
"""Rooms that are no wing: those that every wing may use, and the doors."""

PACKAGES: Final = {name for name, path in MODULES.items() if path.stem == "__init__" and name != "__init__"}
"""The wings and their folders: the docstring of each, and the door to those of its modules that few runs need."""

WINGS: Final = sorted({name.partition(".")[0] for name in MODULES} - TOP - {"__init__"})

EXTRAS: Final = {"consume", "engines", "produce", "serve"}
"""Wings that need an extra of the package."""

HEAVY: Final = {
    "asyncio",
    "concurrent",
    "fastapi",
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
    "uvicorn",
}
"""Modules that a run does not need, and that would cost start-up."""

OPTIONAL: Final = {"backports.zstd", "compression.zstd", "isal", "lz4"}
"""Modules that decompress, needed for compressed input only; click's help loads bz2 and lzma, too."""

UNUSUAL: Final = {"_blake2", "csv", "sqlite3", "tqdm", "traceback", "zlib", "zoneinfo"}
"""Modules that only some runs need. Each costs up to a millisecond of a start that is hardly longer than click's."""

AUTHORITY: Final = {"eventcli.folding.reference", "json", "orjson"}
"""What judges the lines that the Rust body hands back; orjson loads half of the standard library."""


def _table() -> dict[str, tuple[set[str], set[str]]]:
    """Return for each wing what it may import, and what of that only lazily, as the page says."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    for wings, text in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|]+) \|", PAGE, re.MULTILINE):
        eager, _, lazy = text.partition("lazily")
        may, late = set(re.findall(r"`(\w+)`", eager)), set(re.findall(r"`(\w+)`", lazy))
        for wing in re.findall(r"`(\w+)`", wings):
            found[wing] = (may | late, late)
    return found


TABLE: Final = _table()


@functools.cache
def tree_of(module: str) -> ast.Module:
    """Return the syntax tree of a module."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


def names_of(node: ast.AST) -> list[str]:
    """Return the full names that an import statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        assert not node.level, "a relative import"
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def imported(module: str) -> Iterator[str]:
    """Yield the full name of everything a module imports: lazily and for types, too, and through the door of a wing."""
    for node in ast.walk(tree_of(module)):
        yield from names_of(node)
        if isinstance(node, ast.Attribute) and (name := ast.unparse(node)).startswith("eventcli."):
            yield name


def imported_at_once(module: str) -> Iterator[str]:
    """Yield the full name of what a module imports when it is loaded."""
    for node in tree_of(module).body:
        yield from names_of(node)


def room_of(name: str) -> str | None:
    """Return the module of the package that a full name belongs to; None for names of other packages."""
    parts = name.split(".")
    if parts[0] != "eventcli":
        return None
    inner = parts[1:]
    while inner and ".".join(inner) not in MODULES:
        inner.pop()
    return ".".join(inner) or "__init__"


def rooms_imported(module: str, names: Iterator[str]) -> set[str]:
    """Return the modules of the package among names, but for the module itself, the version and the Rust body."""
    rooms = {
        room_of(name) for name in names if name != "eventcli.__version__" and not name.startswith("eventcli._kernel")
    }
    return {room for room in rooms if room is not None and room != module}


def behind_a_door() -> set[str]:
    """Return the modules that their packages load when they are first used."""
    return {
        f"{package}.{name}"
        for package in sorted(PACKAGES)
        for node in tree_of(package).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        for name in ast.literal_eval(node.value)
    }


def wing_of(room: str) -> str:
    """Return the wing of a module, or the module itself where it is at the top."""
    return room.partition(".")[0]


def test_the_table_names_every_wing_once() -> None:
    """Every wing of the tree has a row in the table, and every row a wing."""
    assert sorted(TABLE) == WINGS


@pytest.mark.parametrize("module", sorted(set(MODULES) - DOORS))
def test_a_wing_imports_only_what_the_table_allows(module: str) -> None:
    """A module imports its own wing, rooms at the top, and the wings of its row; lazy and type-only imports count."""
    wing = wing_of(module)
    shared = TOP - DOORS
    wings = {wing_of(room) for room in rooms_imported(module, imported(module))}
    if wing in TOP:
        assert wings <= shared
        return
    may, late = TABLE[wing]
    assert wings <= may | shared | {wing}
    assert not {wing_of(room) for room in rooms_imported(module, imported_at_once(module))} & late


@pytest.mark.parametrize("wing", WINGS)
def test_no_wing_has_a_circle(wing: str) -> None:
    """Within a wing, imports make no circle, lazy and type-only ones included."""
    rooms = [module for module in set(MODULES) - PACKAGES if wing_of(module) == wing]
    arrows = {room: rooms_imported(room, imported(room)) & set(rooms) for room in rooms}
    while free := [room for room, targets in arrows.items() if not targets & set(arrows)]:
        for room in free:
            del arrows[room]
    assert not arrows


def test_the_walk_names_files_that_exist() -> None:
    """Every file that ARCHITECTURE.md, or the text at the door of a wing, names is in the tree."""
    doors = [(PACKAGE / wing / "__init__.py").read_text(encoding="utf-8") for wing in WINGS]
    for name in re.findall(r"`([a-z_/]+\.(?:py|rs))`", "".join([PAGE, *doors])):
        places = [PACKAGE / name, ROOT / name, *(ROOT / "kernel" / "src").rglob(name)]
        assert any(place.exists() for place in places), name


def test_each_file_of_the_kernel_says_what_it_is_for() -> None:
    """Every file of the Rust body but tests begins with its job."""
    files = [path for path in (ROOT / "kernel" / "src").rglob("*.rs") if path.name != "tests.rs"]
    assert files
    assert not [path.name for path in files if not path.read_text(encoding="utf-8").startswith("//! ")]


def defined_in(path: Path) -> set[str]:
    """Return the names of all functions, classes and constants that a file defines, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign):
            names.add(ast.unparse(node.target))
    return names


def test_the_walk_finds_each_name_in_its_file() -> None:
    """What ARCHITECTURE.md names in parentheses after a file is defined in that file."""
    walk = PAGE.partition("## The path of a line")[2].partition("\n## ")[0]
    steps = re.findall(r"`([a-z_/]+\.py)`(?:,\s+|\s+\()((?:`\w+`(?:,\s+)?)+)", walk)
    assert len(steps) > 25
    for name, wanted in steps:
        assert set(re.findall(r"\w+", wanted)) <= defined_in(PACKAGE / name), name


def users_of(library: str) -> set[str]:
    """Return the modules that import a library."""
    return {module for module in MODULES if any(name.split(".")[0] == library for name in imported(module))}


def test_click_is_used_by_the_command_line_only() -> None:
    """No wing but `cli` knows of click."""
    assert {wing_of(module) for module in users_of("click")} == {"cli"}


def test_hypothesis_is_used_by_the_strategies_only() -> None:
    """No module but `testing` knows of hypothesis."""
    assert users_of("hypothesis") == {"testing"}


def test_sqlite_is_used_by_the_store_only() -> None:
    """Only the store of the ledger knows of SQLite."""
    assert all(module.startswith("ledger.store.") for module in users_of("sqlite3"))


def test_libraries_of_object_stores_are_used_by_one_room_only() -> None:
    """No room but `reading.remote` knows of fsspec and its kin, and no other room loads it with itself."""
    assert all(module.startswith("reading.remote.") for module in users_of("fsspec") | users_of("gcsfs"))
    for module in MODULES:
        if not module.startswith("reading.remote"):
            assert not {room for room in rooms_imported(module, imported_at_once(module)) if "remote" in room}, module


def test_each_client_of_a_broker_is_used_by_one_room_only() -> None:
    """No room but that of its broker knows the client of a broker, and no other wing loads one with itself."""
    assert users_of("redis") == {"consume.redis_client"}
    assert users_of("confluent_kafka") == {"consume.kafka"}
    assert users_of("boto3") == users_of("botocore") == {"consume.sqs"}
    for module in MODULES:
        if wing_of(module) not in ("consume", "produce"):
            rooms = rooms_imported(module, imported_at_once(module))
            assert not {room for room in rooms if wing_of(room) == "consume"}, module


def test_each_library_of_a_cluster_is_used_by_its_engine_only() -> None:
    """No room but those of its engine knows the library of a cluster, and no other room loads these with itself."""
    for kind, libraries in {"dask": ["distributed"], "spark": ["py4j", "pyarrow", "pyspark"]}.items():
        users = set[str]().union(*map(users_of, libraries))
        assert {module for module in users if not module.startswith(f"engines.{kind}")} == set()
        for module in MODULES:
            if not module.startswith(f"engines.{kind}"):
                rooms = rooms_imported(module, imported_at_once(module))
                assert not {room for room in rooms if room.startswith(f"engines.{kind}")}, module


def test_the_runtime_dependencies_are_the_declared_ones() -> None:
    """Besides the standard library, the package imports what pyproject.toml declares, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    required = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    declared = {re.match(r"[\w-]+", requirement)[0].replace("-", "_") for requirement in required}  # type: ignore[index]
    libraries = {name.split(".")[0] for module in MODULES for name in imported(module)}
    # pandas is loaded by PySpark, s3fs by fsspec, httptools and uvloop by uvicorn; tzdata is data, which zoneinfo of
    # the standard library reads where the system has none.
    # `compression` is part of the standard library from Python 3.14 on, and botocore comes with boto3.
    assert libraries - sys.stdlib_module_names - {"botocore", "eventcli", "compression"} == declared - {
        "fastapi_standalone_docs",
        "httptools",
        "pandas",
        "s3fs",
        "tzdata",
        "uvloop",
    }


def test_only_the_authority_parses() -> None:
    """Orjson's parser is used by the authority only: nobody else says what a line means."""
    users = {
        module
        for module in MODULES
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Attribute) and node.attr == "loads" and ast.unparse(node.value) == "orjson"
    }
    assert users == {"lines.grammar", "lines.parse", "folding.plain"}
    assert "orjson.loads" not in {name for module in MODULES for name in imported(module)}


def loaded_by(program: str, stdin: bytes = b"") -> set[str]:
    """Return the modules that are loaded in a new interpreter after it ran a program."""
    program += "\nimport sys\nprint(*sorted(sys.modules), file=sys.stderr)\n"
    result = subprocess.run([sys.executable, "-c", program], input=stdin, capture_output=True, check=True)
    return set(result.stderr.decode().split())


def command(arguments: list[str]) -> str:
    """Return a program that runs the command line."""
    return (
        f"import sys\nsys.argv = ['eventstats', *{arguments!r}]\nfrom eventcli.cli.process import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    )


def test_importing_the_package_loads_nothing_that_is_optional() -> None:
    """`import eventcli` loads neither hypothesis nor click nor heavy parts of the standard library."""
    loaded = loaded_by("import eventcli; eventcli.summarize")
    assert "eventcli.pipeline.run" in loaded
    assert not loaded & (HEAVY | OPTIONAL | {"click", "csv"})


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["summarize"], ["--format", "jsonl"]])
def test_the_command_line_loads_nothing_that_is_optional(arguments: list[str]) -> None:
    """A run of the command line loads neither hypothesis nor heavy parts of the standard library."""
    loaded = loaded_by(command(arguments), b'{"type":"a","value":0.5}\n')
    assert "eventcli.cli.commands" in loaded
    assert not loaded & (HEAVY | OPTIONAL | {"csv"})


@pytest.mark.parametrize("arguments", [["summarize"], ["--format", "jsonl"]])
def test_a_usual_run_loads_only_what_it_needs(body: str, arguments: list[str]) -> None:
    """A run over plain events loads neither what few runs need nor, with the Rust body, what judges odd lines."""
    loaded = loaded_by(command(arguments), b'{"type":"a","value":0.5}\n')
    assert not loaded & UNUSUAL
    assert bool(loaded & AUTHORITY) == (body == "python")


def test_a_usual_run_makes_few_classes_of_named_tuples(body: str) -> None:
    """The modules that a run over plain events loads use records: a class of named tuples takes ten times as long."""
    loaded = loaded_by(command(["summarize"]), b'{"type":"a","value":0.5}\n')
    modules = [module for module in MODULES if f"eventcli.{module}" in loaded and module != "record"]
    assert len(modules) > 50, body
    users = {module for module in modules if "typing.NamedTuple" in imported(module)}
    # One of these is made for each of very many lines, and a record takes longer to make.
    assert users == {"lines.event", "folding.fold"}


@pytest.mark.parametrize("arguments", [["summarize"], ["--format", "jsonl"]])
def test_a_usual_run_passes_no_door(body: str, arguments: list[str]) -> None:
    """A run over plain events loads no module behind a door, but with the Python body what judges lines."""
    loaded = loaded_by(command(arguments), b'{"type":"a","value":0.5}\n')
    doors = {f"eventcli.{name}" for name in behind_a_door()}
    assert "eventcli.summary.saved" in doors
    assert loaded & doors == ({"eventcli.folding.reference", "eventcli.lines.parse"} if body == "python" else set())


def test_only_doors_load_modules_late() -> None:
    """No function imports a module of a wing, but where an extra is used: there are doors for that."""
    found = {
        module
        for module in MODULES
        for function in ast.walk(tree_of(module))
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if any(wing_of(room_of(name) or "") in WINGS for name in names_of(node))
    }
    assert found <= {"__main__", "testing"} | {module for module in MODULES if wing_of(module) in EXTRAS} | {
        f"cli.{wing}" for wing in EXTRAS
    }


@pytest.mark.parametrize("name", eventcli.__all__)
def test_importing_the_package_loads_no_wing(name: str) -> None:
    """`import eventcli` is only a door; each public name is there, and is the same at each look."""
    assert not {module for module in loaded_by("import eventcli") if module.startswith("eventcli.")}
    assert name in dir(eventcli)
    assert getattr(eventcli, name) is getattr(eventcli, name)


def test_a_package_has_no_other_names() -> None:
    """A name that is neither a public one nor a module behind a door is an AttributeError, as for any module."""
    for package in ("eventcli", "eventcli.summary"):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            _ = importlib.import_module(package).nothing


def test_the_process_looks_for_garbage_after_its_start(tmp_path: Path) -> None:
    """The command line runs with the garbage collector on, and all that was loaded is left out of its searches."""
    (tmp_path / "sitecustomize.py").write_text(
        "import gc, os\n"
        "end = os._exit\n"
        "os._exit = lambda status: end(status if gc.isenabled() and gc.get_freeze_count() > 10_000 else 99)\n"
    )
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)}
    subprocess.run([sys.executable, "-m", "eventcli"], input=b"", env=environment, check=True)
