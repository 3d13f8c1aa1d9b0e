"""What operators do to a nova-compute's service record, through the real API."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.api.http import HttpError
from lab.api.nova import NovaApi
from lab.errors import LabError
from lab.faults.model import PAIRING, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud
    from lab.faults.model import Arguments

OPERATORS_REASON = "maintenance of the lab"


def _disable(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    host = cloud.site.topology.pairing(arguments["pairing"]).host
    _do(lambda nova: nova.disable(host, OPERATORS_REASON))
    return functools.partial(_do, lambda nova: nova.enable(host))


def _force_down(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    host = cloud.site.topology.pairing(arguments["pairing"]).host
    _do(lambda nova: nova.force_down(host, forced=True))
    return functools.partial(_do, lambda nova: nova.force_down(host, forced=False))


def _do(change: Callable[[NovaApi], None]) -> None:
    try:
        change(NovaApi())
    except HttpError as error:
        raise LabError(str(error)) from error


FAULTS = (
    Fault(
        "service-disabled",
        "An operator disables the service of {pairing}, with a reason: it goes on and gets no new instances.",
        _disable,
        (PAIRING,),
    ),
    Fault(
        "forced-down",
        "An operator forces the service of {pairing} down: Nova treats it as dead, its process goes on.",
        _force_down,
        (PAIRING,),
    ),
)
