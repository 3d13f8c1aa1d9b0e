"""The databases as a new cloud has them: schemas, accounts and the service catalogue.

Made once by the programs of Keystone, Placement and Nova themselves, then kept in the cache as an archive of
the database's files; every start of the lab unpacks it, so that each one begins with an empty cloud.
"""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lab import accounts
from lab.api.http import HttpError, json_request
from lab.api.nova import authenticate
from lab.errors import LabError
from lab.parts import endpoints, mariadb, openstack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.site import Site

_TIMEOUT_S = 300.0


def install(site: Site, report: Callable[[str], None]) -> None:
    """Put the seed in place; make it first if the cache has none."""
    archive = site.tools.seed
    if not archive.exists():
        report("database schemas are made (once; the cache keeps them)")
        make(site, archive)
        return
    subprocess.run(["tar", "--extract", f"--file={archive}", f"--directory={site.paths.private}"], check=True)


def make(site: Site, archive: Path) -> None:
    """Make the databases in place, and an archive of them. MariaDB is stopped again at the end."""
    mariadb.initialise(site)
    database = mariadb.service(site)
    database.run()
    try:
        _synchronise(site)
        keystone = openstack.keystone(site)
        keystone.run()
        try:
            _register_endpoints()
        finally:
            keystone.stop()
    finally:
        database.stop()
    unfinished = archive.with_suffix(f".{site.paths.state.name}")
    contents = [path.name for path in (mariadb.data_directory(site), openstack.keystone_keys(site))]
    pack = ["tar", "--create", f"--file={unfinished}", f"--directory={site.paths.private}", *contents]
    subprocess.run(pack, check=True)
    unfinished.chmod(0o600)
    unfinished.replace(archive)


def _synchronise(site: Site) -> None:
    nova = [site.openstack("nova-manage"), "--config-file", openstack.configuration_file(site, "nova")]
    placement = [
        site.openstack("placement-manage"),
        "--config-file",
        openstack.configuration_file(site, "placement"),
    ]
    keystone = [
        site.openstack("keystone-manage"),
        "--config-file",
        openstack.configuration_file(site, "keystone"),
    ]
    keys = ("--keystone-user", "root", "--keystone-group", "root")
    for directory in ("fernet", "credential"):
        (openstack.keystone_keys(site) / directory).mkdir(exist_ok=True)
    nova_commands = [
        [*nova, "api_db", "sync"],
        [*nova, "cell_v2", "map_cell0", "--database_connection", mariadb.url("nova_cell0")],
        [*nova, "db", "sync"],
        [*nova, "cell_v2", "create_cell", "--name", "cell1"],
    ]
    keystone_commands = [
        [*placement, "db", "sync"],
        [*keystone, "db_sync"],
        [*keystone, "fernet_setup", *keys],
        [*keystone, "credential_setup", *keys],
    ]
    bootstrap = [*keystone, "bootstrap", "--bootstrap-region-id", "RegionOne"]
    urls = ["--bootstrap-public-url", endpoints.KEYSTONE, "--bootstrap-internal-url", endpoints.KEYSTONE]
    service_user = ["--bootstrap-username", accounts.NOVA_USER, "--bootstrap-project-name", "service"]
    with ThreadPoolExecutor(max_workers=1) as beside:
        of_nova = beside.submit(_run_all, site, nova_commands)
        _run_all(site, keystone_commands)
        _run(site, [*bootstrap, *urls], OS_BOOTSTRAP_PASSWORD=accounts.ADMIN_PASSWORD)
        _run(site, [*bootstrap, *service_user], OS_BOOTSTRAP_PASSWORD=accounts.NOVA_PASSWORD)
        of_nova.result()


def _run_all(site: Site, commands: list[list[str]]) -> None:
    for command in commands:
        _run(site, command)


def _run(site: Site, command: list[str], **environment: str) -> None:
    log = site.log("seed")
    with log.open("ab") as stream:
        result = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": "", **environment},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            timeout=_TIMEOUT_S,
            check=False,
        )
    if result.returncode != 0:
        raise LabError(f"{' '.join(command[3:])} ended with {result.returncode}; its output is in {log.name}")


def _register_endpoints() -> None:
    """Add Nova, Placement and the image server to the catalogue."""
    token = _token()

    def create(kind: str, content: dict[str, Any]) -> dict[str, Any]:
        answer = json_request(
            "POST", f"{endpoints.KEYSTONE}/{kind}s", {kind: content}, {"X-Auth-Token": token}
        )
        created: dict[str, Any] = answer.content[kind]
        return created

    for kind, name, url in (
        ("compute", "nova", endpoints.NOVA),
        ("placement", "placement", endpoints.PLACEMENT),
        ("image", "glance", endpoints.IMAGES),
        ("network", "neutron", endpoints.NETWORKS),
    ):
        service = create("service", {"type": kind, "name": name})
        for interface in ("public", "internal"):
            place = {
                "service_id": service["id"],
                "interface": interface,
                "url": url,
                "region_id": "RegionOne",
            }
            create("endpoint", place)


def _token() -> str:
    try:
        return authenticate(accounts.ADMIN_USER, accounts.ADMIN_PASSWORD, "admin")
    except HttpError as error:
        raise LabError(f"Keystone refuses the account it was bootstrapped with: {error}") from error
