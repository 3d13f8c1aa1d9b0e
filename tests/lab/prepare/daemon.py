"""The daemon as an operator gets it: the repository's wheel in an environment of the locked versions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lab.prepare import environments
from lab.prepare.hashing import digest, digest_of_files, remove_older, use

if TYPE_CHECKING:
    from pathlib import Path

    from lab.paths import Paths
    from lab.steps import Steps


def install(paths: Paths, uv: str, steps: Steps) -> Path:
    """An environment with the daemon in it, a new one whenever its sources or its dependencies change.

    The dependencies lie in an environment of their own that it refers to: they change rarely, sources often,
    and a lab that runs keeps what it started with.
    """
    lock = (paths.repository / "requirements" / "run.lock").read_text()
    dependencies = environments.locked(paths.cache, "dependencies", lock, uv, steps)
    sources = digest_of_files(_sources(paths.repository), paths.repository)
    venv = paths.cache / f"daemon-{digest(sources.encode(), dependencies.name.encode())}"
    if (venv / "complete").exists():
        return use(venv)
    with steps.step(f"environment {venv.name}, from the repository's wheel"):
        environments.make(uv, venv)
        (site_packages,) = venv.glob("lib/python*/site-packages")
        (dependency_packages,) = dependencies.glob("lib/python*/site-packages")
        (site_packages / "dependencies.pth").write_text(f"{dependency_packages}\n")
        environments.install(uv, venv, "--no-deps", str(_build(paths, uv, venv / "wheel")))
        (venv / "complete").touch()
        remove_older(paths.cache, "daemon-*")
    return venv


def _build(paths: Paths, uv: str, directory: Path) -> Path:
    """The wheel. Its build backend is one of the locked packages of the environment that runs the lab."""
    command = [uv, "build", "--quiet", "--wheel", "--no-build-isolation", "--python", sys.executable]
    environments.run([*command, "--out-dir", str(directory)], paths.repository)
    (wheel,) = directory.glob("*.whl")
    return wheel


def _sources(repository: Path) -> list[Path]:
    package = [
        p for p in (repository / "watchdog").rglob("*") if p.is_file() and "__pycache__" not in p.parts
    ]
    return [repository / "pyproject.toml", *package]
