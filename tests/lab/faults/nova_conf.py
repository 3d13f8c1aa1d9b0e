"""A configuration that nova-compute cannot read."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from lab.controllers import nova_compute
from lab.faults.model import PAIRING, Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lab.cloud import Cloud
    from lab.faults.model import Arguments

_BROKEN = "\nthis line is no option and no section\n"


def _break(cloud: Cloud, arguments: Arguments) -> Callable[[], None]:
    name = nova_compute.pairing_file(cloud.site.topology.pairing(arguments["pairing"])).lstrip("/")
    originals = {
        machine.root / name: (machine.root / name).read_text() for machine in cloud.machines.values()
    }
    for path, text in originals.items():
        path.write_text(text + _BROKEN)  # in place: owner and mode stay
    return functools.partial(_restore, originals)


def _restore(originals: dict[Path, str]) -> None:
    for path, text in originals.items():
        path.write_text(text)


FAULTS = (
    Fault(
        "nova-conf-broken",
        "The configuration of {pairing} is broken: nova-compute runs on, but cannot be started again.",
        _break,
        (PAIRING,),
    ),
)
