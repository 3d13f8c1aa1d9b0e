"""Debian packages the lab is made of."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.steps import Steps

PACKAGES = (
    "dbus",
    "etcd-client",
    "etcd-server",
    "golang-github-vmware-govmomi-dev",
    "golang-go",
    "iproute2",
    "mariadb-client-core",
    "mariadb-server-core",  # the programs alone: no service on the machine
    "nftables",
    "patch",
    "polkitd",
    "prometheus",
    "prometheus-alertmanager",
    "python3-venv",
    "rabbitmq-server",
    "systemd-container",
    "systemd-sysv",
)
_POLICY = Path("/usr/sbin/policy-rc.d")
_SERVICES_OF_PACKAGES = {
    "etcd-server": ("etcd.service",),
    "nftables": ("nftables.service",),
    "prometheus": ("prometheus.service",),
    "prometheus-alertmanager": ("prometheus-alertmanager.service",),
    "rabbitmq-server": ("rabbitmq-server.service", "epmd.service", "epmd.socket"),
}


def missing() -> list[str]:
    """Packages that are not installed."""
    return [name for name in PACKAGES if not version(name)]


def version(package: str) -> str:
    """Its installed version, or an empty string."""
    query = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Version}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return query.stdout[3:] if query.stdout.startswith("ii ") else ""


def install(steps: Steps) -> None:
    """Install what is missing, without letting any of it start a service on the machine."""
    wanted = missing()
    if not wanted:
        return
    with steps.step(f"Debian packages: {' '.join(wanted)}"), _no_services_started():
        _apt("update", "-qq")
        _apt("install", "--yes", "-qq", "--no-install-recommends", *wanted)
    for package in wanted:
        for unit in _SERVICES_OF_PACKAGES.get(package, ()):  # not every version has all of them
            subprocess.run(["systemctl", "disable", "--quiet", unit], capture_output=True, check=False)


def _apt(*arguments: str) -> None:
    result = subprocess.run(
        ["apt-get", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise LabError(f"apt-get {arguments[0]} failed:\n{(result.stdout + result.stderr)[-2000:]}")


@contextmanager
def _no_services_started() -> Iterator[None]:
    """Debian's own switch: a policy-rc.d that answers 101 forbids package scripts to start services."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()
