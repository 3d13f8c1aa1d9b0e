"""Keystone, Placement and Nova's API, conductor and scheduler, as installed from their releases."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lab.parts import bus, endpoints, ini, mariadb, rabbitmq
from lab.processes import Service, accepts
from lab.topology import SERVERS_ADDRESS

if TYPE_CHECKING:
    from lab.site import Site

_WSGI_RUNNER = Path(__file__).with_name("wsgi_runner.py")
_OWN_PACKAGES_ONLY = {"PYTHONPATH": ""}
NOVA_HOST = "control"
"""Nova's `host` of conductor, scheduler and API."""


def nova_common() -> ini.Sections:
    """Sections that every Nova service of the cloud shares, on controllers too."""
    account = ini.service_account()
    return {
        "DEFAULT": {"transport_url": rabbitmq.TRANSPORT_URL},
        "keystone_authtoken": {"www_authenticate_uri": endpoints.KEYSTONE, **account},
        "service_user": {"send_service_user_token": "true", **account},
        "placement": account,
        "neutron": {"endpoint_override": endpoints.NETWORKS, **account},
        "glance": {"endpoint_override": endpoints.IMAGES},
    }


def write_configuration(site: Site) -> None:
    """Write what the services of this module read."""
    account = ini.service_account()
    state = site.private("nova")
    nova = nova_common()
    nova["DEFAULT"] |= {"host": NOVA_HOST, "my_ip": SERVERS_ADDRESS, "state_path": str(state)}
    nova |= {
        "api_database": {"connection": mariadb.url("nova_api")},
        "database": {"connection": mariadb.url("nova")},
        "conductor": {"workers": "1"},
        # a broker that starts beside them, or comes back after a fault, is found at once
        "oslo_messaging_rabbit": {"rabbit_retry_interval": "1", "rabbit_retry_backoff": "0"},
        "scheduler": {"workers": "1", "discover_hosts_in_cells_interval": "20"},
        "oslo_concurrency": {"lock_path": str(state / "lock")},
    }
    configuration = site.private("etc", "nova")
    (configuration / "nova.conf").write_text(ini.render(nova))
    shutil.copy(site.tools.openstack_venv / "etc/nova/api-paste.ini", configuration)
    keystone = {
        "database": {"connection": mariadb.url("keystone")},
        "token": {"expiration": "86400"},
        "fernet_tokens": {"key_repository": str(keystone_keys(site) / "fernet")},
        "credential": {"key_repository": str(keystone_keys(site) / "credential")},
    }
    (site.private("etc", "keystone") / "keystone.conf").write_text(ini.render(keystone))
    placement = {
        "api": {"auth_strategy": "keystone"},
        "placement_database": {"connection": mariadb.url("placement")},
        "keystone_authtoken": {"www_authenticate_uri": endpoints.KEYSTONE, **account},
    }
    (site.private("etc", "placement") / "placement.conf").write_text(ini.render(placement))


def keystone_keys(site: Site) -> Path:
    """Keystone's token and credential keys; they belong to the contents of its database."""
    return site.private("keystone-keys")


def configuration_file(site: Site, project: str) -> str:
    """The file `write_configuration` wrote for nova, keystone or placement."""
    return str(site.private("etc", project) / f"{project}.conf")


def keystone(site: Site) -> Service:
    """The identity API."""
    environment = {"OS_KEYSTONE_CONFIG_DIR": str(site.private("etc", "keystone"))}
    return _web(site, "keystone", "keystone.wsgi.api", endpoints.KEYSTONE_PORT, environment)


def placement(site: Site) -> Service:
    """The placement API."""
    environment = {"OS_PLACEMENT_CONFIG_DIR": str(site.private("etc", "placement"))}
    return _web(site, "placement", "placement.wsgi.api", endpoints.PLACEMENT_PORT, environment)


def nova_api(site: Site) -> Service:
    """The compute API."""
    environment = {"OS_NOVA_CONFIG_DIR": str(site.private("etc", "nova"))}
    return _web(site, "nova-api", "nova.wsgi.osapi_compute", endpoints.NOVA_PORT, environment)


def nova_worker(site: Site, name: str) -> Service:
    """nova-conductor or nova-scheduler; it serves when its queue has a consumer."""
    return Service(
        name,
        [site.openstack(name), "--config-file", configuration_file(site, "nova")],
        site.log(name),
        lambda: bus.has_consumer(name.removeprefix("nova-")),
        _OWN_PACKAGES_ONLY,
        poll_s=0.3,
        grace_s=1.0,  # a graceful stop takes minutes while its peers are gone, and a fault must come at once
    )


def images(site: Site) -> Service:
    """The stand-in for Glance and Neutron: one small image, no networks."""
    ports = (endpoints.IMAGES_PORT, endpoints.NETWORKS_PORT)
    return Service(
        "images",
        [sys.executable, "-m", "lab.parts.image_server", SERVERS_ADDRESS, *map(str, ports)],
        site.log("images"),
        lambda: all(accepts(SERVERS_ADDRESS, port) for port in ports),
    )


def _web(site: Site, name: str, module: str, port: int, environment: dict[str, str]) -> Service:
    return Service(
        name,
        [site.openstack("python"), "-P", str(_WSGI_RUNNER), module, SERVERS_ADDRESS, str(port)],
        site.log(name),
        lambda: accepts(SERVERS_ADDRESS, port),
        {**_OWN_PACKAGES_ONLY, **environment},
        grace_s=2.0,
    )
