"""What a fault is: a name, its arguments, a sentence on what will happen, and how to cause and undo it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.cloud import Cloud

Arguments = dict[str, str]
"""Names and values as given, after checks and defaults."""


@dataclass(frozen=True)
class Parameter:
    """An argument: what kind of value it takes; without a default it must be given."""

    name: str
    kind: str
    default: str | None = None
    choices: tuple[str, ...] = ()


PAIRING = Parameter("pairing", "pairing")
CONTROLLER = Parameter("controller", "controller")
VCENTER = Parameter("vcenter", "vcenter", "vcenter1")


@dataclass(frozen=True)
class Fault:
    """One entry of the registry.

    `inject` returns what takes the fault back, or None if there is nothing to take back (a kill).
    `sentence` may name parameters in braces.
    """

    name: str
    sentence: str
    inject: Callable[[Cloud, Arguments], Callable[[], None] | None] = field(repr=False)
    parameters: tuple[Parameter, ...] = ()
    one_shot: bool = False

    def arguments(self, cloud: Cloud, given: Arguments) -> Arguments:
        """Checked arguments with defaults; LabError says what is allowed."""
        allowed = {p.name for p in self.parameters}
        unknown = sorted(set(given) - allowed)
        if unknown:
            listed = ", ".join(f"{p.name}=..." for p in self.parameters) or "no argument"
            raise LabError(f"fault {self.name}: unknown argument {unknown[0]!r}: allowed is {listed}")
        complete: Arguments = {}
        for parameter in self.parameters:
            value = given.get(parameter.name, parameter.default)
            if value is None:
                raise LabError(f"fault {self.name} needs {parameter.name}=...: {_allowed(cloud, parameter)}")
            _check(cloud, self.name, parameter, value)
            complete[parameter.name] = value
        return complete

    def explain(self, arguments: Arguments) -> str:
        """The sentence with its arguments filled in."""
        return self.sentence.format(**arguments)


def _check(cloud: Cloud, fault: str, parameter: Parameter, value: str) -> None:
    topology = cloud.site.topology
    if parameter.kind == "pairing":
        topology.pairing(value)
    elif parameter.kind == "vcenter":
        topology.vcenter(value)
    elif parameter.kind == "controller":
        topology.controller(value)
    elif parameter.kind == "member":
        topology.etcd_member(value)
    elif parameter.kind == "choice":
        if value not in parameter.choices:
            raise LabError(
                f"fault {fault}: {parameter.name} = {value!r}: allowed is {', '.join(parameter.choices)}"
            )
    elif not _is_number(value):
        raise LabError(f"fault {fault}: {parameter.name} = {value!r}: allowed is a positive number")


def _is_number(value: str) -> bool:
    try:
        return 0 < float(value) < math.inf
    except ValueError:
        return False


def _allowed(cloud: Cloud, parameter: Parameter) -> str:
    topology = cloud.site.topology
    lists = {
        "pairing": [p.name for p in topology.pairings],
        "vcenter": [v.name for v in topology.vcenter_list],
        "controller": [c.name for c in topology.controller_list],
        "member": [m.name for m in topology.etcd_list],
        "choice": list(parameter.choices),
    }
    return "allowed is " + ", ".join(lists.get(parameter.kind, ["a positive number"]))
