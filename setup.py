"""The build of the Rust body: made where it can be, demanded where it must be, and accounted for where it is missing.

Everything else about the package is in `pyproject.toml`. Without the Rust body the package is complete, only slower, so
an installation goes on without it; but it writes down why, for `eventstats --version`, and the wheel says that it is
pure Python. With EVENTSTATS_REQUIRE_RUST=1 the installation fails instead.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from typing import Final

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.errors import PlatformError
from setuptools_rust.build import build_rust

# setuptools brings distutils along, where Python has none.
from distutils.command.build_scripts import build_scripts  # isort: skip

REQUIRED: Final = os.environ.get("EVENTSTATS_REQUIRE_RUST", "") not in ("", "0")
REASON: Final = "_unbuilt.txt"
"""The file beside `eventcli/body.py` that says why there is no Rust body. Where there is one, the file is absent."""

# pyo3 is compiled again for each path of an interpreter, and builds in isolation have a new path each time. The stable
# interface that the body is built for is the same in all of them: a second build takes 1 s instead of 20 s.
os.environ.setdefault("SETUPTOOLS_RUST_PEP517_USE_BASE_PYTHON", "1")


def obstacle() -> str | None:
    """Return why cargo need not even be tried, or None."""
    cargo = os.environ.get("CARGO") or "cargo"
    for tool in (cargo, "rustc"):
        if shutil.which(tool) is None:
            return f"{tool} not found"
    asked = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)  # noqa: S607  # as cargo finds it
    version = re.match(r"rustc (\d+)\.(\d+)", asked.stdout)
    if asked.returncode or version is None:
        return f"rustc --version failed: {first_error(asked.stderr)}"
    with open("kernel/Cargo.toml", "rb") as file:
        oldest = tomllib.load(file)["package"]["rust-version"]
    if tuple(map(int, version.groups())) < tuple(map(int, oldest.split(".")[:2])):
        return f"rustc {asked.stdout.split()[1]} is older than {oldest}"
    return None


def first_error(text: str) -> str:
    """Return the line of a tool's output that says what went wrong, short enough for a line about it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("error")), (lines or ["it does not say why"])[0])[:200]


class BuildRust(build_rust):
    """Builds the Rust body, or leaves behind why there is none."""

    def run(self) -> None:
        """Build it; fail only if it is required."""
        (extension,) = self.extensions
        extension.optional = False
        extension.quiet = True  # cargo's words are part of the error then, where they can be read
        self.get_finalized_command("build_ext").inplace = self.inplace
        path = self.get_dylib_ext_path(extension, extension.name)
        reason = os.path.join(os.path.dirname(path), REASON)
        # An earlier build may have left either of them. A body of other sources is worse than none.
        for left in (path, reason):
            with suppress(FileNotFoundError):
                os.remove(left)
        why = obstacle()
        if why is None:
            try:
                super().run()
            except Exception as error:  # noqa: BLE001  # whatever it is, the Python body does without
                self.warn(str(error))
                why = f"compilation failed: {first_error(str(error))}"
        if why is None and not os.path.exists(path):
            why = f"compilation made no {os.path.basename(path)}"
        if why is None:
            return
        if REQUIRED:
            raise PlatformError(f"EVENTSTATS_REQUIRE_RUST is set, and the Rust body cannot be built: {why}")
        self.warn(f"the Rust body is left out: {why}")
        with open(reason, "w", encoding="utf-8") as file:
            file.write(why + "\n")
        self.distribution.has_ext_modules = lambda: False


class BuildScripts(build_scripts):
    """Puts the launcher in the place of the script that it becomes, where there is a Rust body: `bin/launcher.rs`."""

    def run(self) -> None:
        """Build scripts, and then the launcher; without it the script is the command, as it is without Rust."""
        super().run()
        script = os.path.join(self.build_dir, "eventstats")
        started = script + "-python"
        with suppress(FileNotFoundError):
            os.remove(started)
        if self.distribution.has_ext_modules() and sys.platform == "linux" and obstacle() is None:
            launcher = os.path.join(self.build_dir, "launcher")
            flags = ["-Copt-level=s", "-Cpanic=abort", "-Cstrip=symbols", "--edition=2021", "-o", launcher]
            # Without shared libraries it takes half as long.
            for more in (["-Ctarget-feature=+crt-static"], []):
                done = subprocess.run(  # noqa: S603  # no argument comes from outside
                    ["rustc", "bin/launcher.rs", *flags, *more],  # noqa: S607  # as cargo finds it
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if not done.returncode:
                    os.replace(script, started)
                    os.replace(launcher, script)
                    return
            self.warn(f"the launcher is left out: {first_error(done.stderr)}")


class BdistWheel(bdist_wheel):
    """A wheel without the Rust body runs everywhere, and its name says so."""

    def run(self) -> None:
        """Build first: only then it is known what kind of wheel it is."""
        self.run_command("build")
        self.root_is_pure = not self.distribution.has_ext_modules()
        super().run()


setup(cmdclass={"build_rust": BuildRust, "build_scripts": BuildScripts, "bdist_wheel": BdistWheel})
