"""A cell that Nova's API cannot reach, while everything in the cell goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.faults.model import Fault
from lab.parts import endpoints, mariadb

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments
    from lab.processes import Service

_CELL = "cell1"
_DEAD_PORT = 9  # nobody listens there
# As if the database had gone away under a running API: a connection that fails is not tried ten times over
# more than a minute, which oslo.db does for the first one of a process.
_NO_RETRIES = {"OS_DATABASE__MAX_RETRIES": "0"}


def _cell_down(cloud: Cloud, _: Arguments) -> Callable[[], None]:
    api = cloud.services["nova-api"]
    if api.pid is None:
        raise LabError("nova-api is not running")
    known = mariadb.url("nova")
    environment = api.environment

    def restore() -> None:
        _map_cell(known)
        api.environment = environment
        if api.pid is not None:
            _restart(api)

    _map_cell(known.replace(f":{endpoints.MARIADB_PORT}/", f":{_DEAD_PORT}/"))
    api.environment = {**environment, **_NO_RETRIES}
    _restart(api)
    return restore


def _map_cell(url: str) -> None:
    """Set where Nova's API and scheduler look for the cell's database; both read it once, when they start."""
    with mariadb.connect("nova_api") as connection, connection.cursor() as cursor:
        cursor.execute("UPDATE cell_mappings SET database_connection = %s WHERE name = %s", (url, _CELL))


def _restart(service: Service) -> None:
    service.stop()
    service.run()


FAULTS = (
    Fault(
        "cell-down",
        "Nova's API cannot reach the cell's database: it cannot tell how the nova-computes are.",
        _cell_down,
    ),
)
