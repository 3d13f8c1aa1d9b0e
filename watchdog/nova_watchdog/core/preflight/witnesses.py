"""Who says that what must be the same everywhere is the same here.

Of three witnesses the first that speaks decides. Nova's own record knows host, cluster and node: it outlives
every holder. A holder that renews is next. A holder that is silent may be dead and its words old: they give
way where another controller that renews shares this one's value and none shares the holder's, or where the
message bus shows that this is the right one. So a dead holder's old words block nobody for ever, and the
death of the holder alone makes no wrong controller right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nova_watchdog.core.model import BusView, HostLoad, Observed, Pairing
from nova_watchdog.core.preflight.check import Check, Result
from nova_watchdog.core.setup import NovaSetup


@dataclass(frozen=True, slots=True)
class Others:
    """What the other controllers' records say of one pairing.

    me: this controller. holder: empty: nobody holds it. renews: the controllers whose record moves on.
    identities: by controller, the silent holder's too.
    """

    me: str
    holder: str = ""
    renews: frozenset[str] = frozenset()
    identities: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def live(self, name: str) -> Mapping[str, str]:
        """What the others that renew say, by controller; who does not tell is left out."""
        return {
            one: said[name]
            for one, said in self.identities.items()
            if one != self.me and one in self.renews and name in said
        }


@dataclass(frozen=True, slots=True)
class Here:
    """This controller's side. `node`: `<moid>.<vCenter instance uuid>`, empty: not told yet.

    hosts: what Nova has behind each nova-compute, as last read, None: never. version: nova's, empty: not
    known.
    """

    pairing: Pairing
    nova: NovaSetup
    node: str
    hosts: Mapping[str, HostLoad] | None
    bus: Observed[BusView]
    version: str = ""

    @property
    def load(self) -> HostLoad | None:
        """What Nova has behind the pairing's host, None: nothing, or it is not known."""
        return None if self.hosts is None else self.hosts.get(self.nova.host)


def unread(name: str, mine: str, here: Here, others: Others) -> Check | None:
    """What Nova would know is judged without its word only by a holder that renews, and tells its own."""
    told = others.holder in others.renews and name in others.identities.get(others.holder, {})
    if here.hosts is not None or told or others.holder == others.me:
        return None
    text = f"{mine}; Nova's hypervisors were not read yet, and no holder tells its own"
    return Check(name, Result.UNKNOWN, text, "see that Nova's API is reached, and wait for its next reading")


def by_nova(name: str, mine: str, known: tuple[str, ...], others: Others, remedy: str) -> Check:
    """Nova's record knows what it is: nobody else is asked."""
    if mine not in known:
        return Check(name, Result.FAIL, f"{mine} here; Nova's record says {', '.join(known)}", remedy)
    theirs = others.identities.get(others.holder, {}).get(name, mine)
    if theirs != mine:
        text = f"{mine}, as Nova's record says; the holder {others.holder} says {theirs}"
        return Check(name, Result.WARN, text, f"mend it on {others.holder}", hard=False)
    return Check(name, Result.PASS, f"{mine}, as Nova's record says")


def compared(name: str, mine: str, others: Others, *, confirmed: bool, remedy: str) -> Check:
    """As the holder says. `confirmed`: something beside it shows that this one is right."""
    if others.holder in ("", others.me):
        return _among_others(name, mine, others, confirmed=confirmed, remedy=remedy)
    theirs = others.identities.get(others.holder, {}).get(name)
    if theirs == mine:
        return Check(name, Result.PASS, f"{mine}, as on the holder {others.holder}")
    if theirs is None:
        text = f"{mine}; the holder {others.holder} does not tell its own"
        return Check(name, Result.PASS if confirmed else Result.UNKNOWN, text, "", hard=False)
    differs = f"{mine} here, {theirs} on the holder {others.holder}"
    if others.holder in others.renews:
        return Check(name, Result.FAIL, differs, remedy)
    live = others.live(name).values()
    if confirmed or (mine in live and theirs not in live):
        shown_by = "the message bus or Nova" if confirmed else "other controllers"
        text = f"{differs}, which is silent; {shown_by} confirm the one here"
        return Check(name, Result.WARN, text, f"mend it on {others.holder} when it is back", hard=False)
    return Check(name, Result.FAIL, f"{differs}, which is silent; nobody confirms the one here", remedy)


def _among_others(name: str, mine: str, others: Others, *, confirmed: bool, remedy: str) -> Check:
    """Nobody holds it, or this controller does: two others that agree outvote this one."""
    live = others.live(name)
    different = sorted(one for one, value in live.items() if value != mine)
    if others.holder == others.me or confirmed or not different:
        return Check(name, Result.PASS, mine)
    text = f"{mine} here, {live[different[0]]} on {', '.join(different)}"
    agreed = len(different) > 1 and len({live[one] for one in different}) == 1 and mine not in live.values()
    return Check(name, Result.FAIL if agreed else Result.WARN, text, remedy, hard=agreed)
