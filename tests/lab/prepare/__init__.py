"""Everything that is made once and kept in the cache: environments, the simulator, certificates.

Each result lies in a directory named by a hash of what it was made from, so a change makes a new one and an
unchanged lab starts at once. The cache is readable by everyone: unprivileged users run programs from it.
"""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.prepare import certificates, daemon, environments, packages, simulator
from lab.prepare.hashing import digest, remove_older, use
from lab.site import Tools

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lab.paths import Paths
    from lab.steps import Steps
    from lab.topology import Topology


def prepare(paths: Paths, topology: Topology, steps: Steps) -> Tools:
    """Make what is missing for this lab; where everything is there, only look."""
    if os.geteuid() != 0:
        raise LabError("the lab needs root: it makes namespaces, containers and a bridge")
    with _locked(paths.cache):
        _check_readable(paths.cache)
        packages.install(steps)
        uv = environments.find_uv(paths, steps)
        authority = certificates.make(paths.cache / "certificates", topology, steps)
        with ThreadPoolExecutor(max_workers=2) as beside:  # one waits for downloads while the other compiles
            simulator_parts = beside.submit(simulator.build, paths, steps)
            openstack_venv = beside.submit(environments.openstack, paths, uv, steps)
            daemon_venv = daemon.install(paths, uv, steps) if topology.daemon else None
            vcsim, wsdl = simulator_parts.result()
            openstack = openstack_venv.result()
        return Tools(openstack, daemon_venv, vcsim, wsdl, authority, _seed(paths, openstack))


def _seed(paths: Paths, openstack: Path) -> Path:
    """Where the databases' archive lies or will lie: it depends on the programs that make it."""
    made_by = [openstack.name.encode(), packages.version("mariadb-server-core").encode()]
    parts = paths.repository / "tests" / "lab" / "parts"
    made_by += [(parts / name).read_bytes() for name in ("seed.py", "mariadb.py", "endpoints.py")]
    made_by.append((paths.repository / "tests" / "lab" / "accounts.py").read_bytes())
    seed = paths.cache / f"seed-{digest(*made_by)}.tar"
    remove_older(paths.cache, "seed-*.tar")
    return use(seed) if seed.exists() else seed


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """Let one process at a time fill the cache."""
    cache.mkdir(parents=True, exist_ok=True)
    cache.chmod(0o755)
    descriptor = os.open(cache, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _check_readable(cache: Path) -> None:
    for directory in (cache, *cache.parents):
        if directory.stat().st_mode & 0o005 != 0o005:
            raise LabError(f"LAB_CACHE = {cache}: {directory} must be readable by everyone (mode 0755)")
