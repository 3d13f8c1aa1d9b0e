"""Build the vCenter simulator and its WSDL: `python -m lab.vcsim.build OUT_DIR WORK_DIR`.

The simulator is govmomi's, as Debian ships its source, with `govmomi.patch` applied and the program in
`server/` around it. Needs the Debian packages `DEBIAN_PACKAGES`, and no network.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyVmomi

from lab.vcsim import wsdl

if TYPE_CHECKING:
    from collections.abc import Iterator

BINARY_NAME = "vcsim"
WSDL_NAME = "vimService.wsdl"
DEBIAN_PACKAGES = ("golang-go", "golang-github-vmware-govmomi-dev", "patch")

_HERE = Path(__file__).resolve().parent
_DEBIAN_GOPATH = Path("/usr/share/gocode")
_GOVMOMI = Path("src/github.com/vmware/govmomi")
_HASH_NAME = "vcsim.sha256"


class BuildError(Exception):
    """A step of the build failed; the message holds the tool's own output."""


def build(out_dir: Path, work_dir: Path) -> Path:
    """Build into `out_dir` and return the path of the binary; the WSDL lies beside it as `WSDL_NAME`.

    Does nothing where `out_dir` holds the result of the same sources. `work_dir` keeps the patched govmomi
    and Go's build cache, and may be deleted afterwards. Raises BuildError.
    """
    out_dir.mkdir(parents=True, exist_ok=True)
    work_dir.mkdir(parents=True, exist_ok=True)
    with _locked(out_dir / "vcsim.lock"):
        return _build_if_needed(out_dir, work_dir)


def _build_if_needed(out_dir: Path, work_dir: Path) -> Path:
    wanted = _sources_hash()
    binary, hash_file = out_dir / BINARY_NAME, out_dir / _HASH_NAME
    if (
        binary.exists()
        and (out_dir / WSDL_NAME).exists()
        and hash_file.exists()
        and hash_file.read_text() == wanted
    ):
        return binary
    hash_file.unlink(missing_ok=True)
    with _step("govmomi copied and patched"):
        gopath = _patched_gopath(work_dir)
    with _step("vcsim compiled"):
        _compile(gopath, work_dir, binary)
    with _step("WSDL written"):
        _replace(out_dir / WSDL_NAME, wsdl.generate())
    _replace(hash_file, wanted)
    return binary


def _sources_hash() -> str:
    """A hash of everything that the result is made of."""
    digest = hashlib.sha256()
    for path in sorted([*_HERE.glob("server/*.go"), _HERE / "govmomi.patch", _HERE / "wsdl.py"]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(pyVmomi.version_info_str.encode())
    digest.update(_run(["go", "version"]).encode())
    digest.update(_run(["dpkg-query", "-W", "golang-github-vmware-govmomi-dev"]).encode())
    return digest.hexdigest()


def _patched_gopath(work_dir: Path) -> Path:
    source = _DEBIAN_GOPATH / _GOVMOMI
    if not source.is_dir():
        raise BuildError(f"{source} is missing: install {DEBIAN_PACKAGES[1]}")
    gopath = work_dir / "gopath"
    shutil.rmtree(gopath, ignore_errors=True)
    shutil.copytree(source, gopath / _GOVMOMI)
    patch = _HERE / "govmomi.patch"
    _run(["patch", "--silent", "--strip=1", "--input", str(patch)], cwd=(gopath / _GOVMOMI).parent)
    return gopath


def _compile(gopath: Path, work_dir: Path, binary: Path) -> None:
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "GOPATH": f"{gopath}:{_DEBIAN_GOPATH}",
        "GOCACHE": str(work_dir / "go-cache"),
        "CGO_ENABLED": "0",  # one static file, whatever machine it is copied to
    }
    unfinished = binary.with_suffix(".new")
    _run(["go", "build", "-o", str(unfinished), "."], cwd=_HERE / "server", environment=environment)
    unfinished.chmod(0o755)
    unfinished.replace(binary)


def _run(command: list[str], cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, check=True, capture_output=True, text=True, timeout=600
        )
    except FileNotFoundError as error:
        raise BuildError(f"{command[0]} is missing: install {', '.join(DEBIAN_PACKAGES)}") from error
    except subprocess.CalledProcessError as error:
        raise BuildError(f"{' '.join(command)}: {error.stdout}{error.stderr}") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(f"{' '.join(command)}: took longer than {error.timeout} s") from error
    return done.stdout


def _replace(path: Path, text: str) -> None:
    """Write a file so that it is seen whole or not at all."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.chmod(0o644)
    unfinished.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One build at a time, also between processes; the kernel ends the lock with its holder."""
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _step(name: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    print(f"  {time.monotonic() - start:5.1f} s  {name}", flush=True)


def main() -> int:
    """Build into the two directories given on the command line."""
    if len(sys.argv) != 3:
        print("usage: python -m lab.vcsim.build OUT_DIR WORK_DIR", file=sys.stderr)
        return 2
    try:
        print(build(Path(sys.argv[1]), Path(sys.argv[2])))
    except BuildError as error:
        print(f"vcsim: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
