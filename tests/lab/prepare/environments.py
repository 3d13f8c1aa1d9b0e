"""Virtual environments, made with uv from lock files by the machine's own Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.prepare.hashing import digest, remove_older, use

if TYPE_CHECKING:
    from pathlib import Path

    from lab.paths import Paths
    from lab.steps import Steps

SYSTEM_PYTHON = "/usr/bin/python3"
"""Readable by every user of a controller, which a Python in somebody's home is not."""


def find_uv(paths: Paths, steps: Steps) -> str:
    """The uv of the repository's own setup, or on the PATH; where there is none, one that pip installs."""
    own = paths.repository / ".cache/uv/bin/uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found:
        return found
    venv = paths.cache / "uv"
    program = venv / "bin" / "uv"
    if not program.exists():
        with steps.step("uv, with pip"):
            run([SYSTEM_PYTHON, "-m", "venv", "--clear", str(venv)])
            lock = str(paths.repository / "requirements/bootstrap.lock")
            run([str(venv / "bin/pip"), "install", "--quiet", "--require-hashes", "--requirement", lock])
    return str(program)


def openstack(paths: Paths, uv: str, steps: Steps) -> Path:
    """The environment with Nova, Keystone and Placement."""
    lock = paths.repository / "tests" / "lab" / "openstack.lock"
    return locked(paths.cache, "openstack", lock.read_text(), uv, steps)


def locked(cache: Path, name: str, requirements: str, uv: str, steps: Steps) -> Path:
    """An environment of exactly these requirements, in bytecode since it is read-only in use."""
    venv = cache / f"{name}-{digest(requirements.encode(), _python_version().encode())}"
    if (venv / "complete").exists():
        return use(venv)
    with steps.step(f"environment {venv.name}"):
        make(uv, venv)
        file = venv / "requirements.txt"
        file.write_text(requirements)
        install(uv, venv, "--require-hashes", "--requirements", str(file))
        (venv / "complete").touch()
        remove_older(cache, f"{name}-*")
    return venv


def make(uv: str, venv: Path) -> None:
    """Make an empty environment, in place of what may be there."""
    run([uv, "venv", "--quiet", "--clear", "--python", SYSTEM_PYTHON, str(venv)])


def install(uv: str, venv: Path, *arguments: str) -> None:
    """Install into an environment."""
    options = [
        "--quiet",
        "--compile-bytecode",
        "--link-mode",
        "copy",
        "--python",
        str(venv / "bin" / "python"),
    ]
    run([uv, "pip", "install", *options, *arguments])


def run(command: list[str], directory: Path | None = None) -> str:
    """Run a tool of the preparation; its output, or LabError with the end of it."""
    environment = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")}
    result = subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LabError(f"{' '.join(command[:4])} ... failed:\n{(result.stdout + result.stderr)[-2000:]}")
    return result.stdout


def _python_version() -> str:
    return run([SYSTEM_PYTHON, "--version"]).strip()
