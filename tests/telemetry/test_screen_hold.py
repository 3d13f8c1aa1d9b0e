from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from nova_watchdog.core.hold.claims import Claim
from nova_watchdog.core.model import Mode
from nova_watchdog.core.snapshot import FleetSnapshot, StandbySnapshot
from nova_watchdog.core.store_size import StoreSize
from nova_watchdog.telemetry import screen, screen_explain
from nova_watchdog.telemetry.explain import explanation
from nova_watchdog.telemetry.view import document
from telemetry import pictures, shared
from telemetry.pictures import Story
from telemetry.story import SESSION

MIB = 1024 * 1024


def shown(snapshot: FleetSnapshot, *, columns: int = 100, colour: bool = False) -> str:
    found = document(snapshot, now_s=snapshot.now_s, wall_s=snapshot.wall_s)
    return screen.render(found, columns=columns, colour=colour)


def quiet(snapshot: FleetSnapshot) -> FleetSnapshot:
    return replace(snapshot, probes=(), receivers=())


def explained(snapshot: FleetSnapshot, *, columns: int = 100) -> str:
    found = explanation(
        snapshot, "cluster-a", now_s=snapshot.now_s, wall_s=snapshot.wall_s, stale_after_s=20.0
    )
    return screen_explain.render(found, columns=columns)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_held_pairing_shows_its_holder_its_standbys_and_the_deadline() -> None:
    """The whole screen of a healthy holder, word for word."""
    assert shown(quiet(shared.fleet(pictures.healthy())), columns=120) == (
        "nova-watchdog 1.2.3 on ctl1, up 30s: 1 of 1 pairings healthy\n"
        "etcd: renewed 2s ago, deadline in 13s\n"
        "\n"
        "PAIRING    STATE    SINCE  HOLDER  STANDBY  DEADLINE  UNIT         VCENTER  BUS  BEAT  SERVICE  "
        "PHASE     BUDGET  VMS\n"
        "cluster-a  healthy  20s    ctl1    1/2      13s       active 4242  ok       ok   0s    enabled  "
        "watching  3/3     12\n"
    )


def test_a_standby_says_of_whom_and_is_well() -> None:
    """Nobody is sent to a controller that is as it should be, and the exit code says so too."""
    snapshot = quiet(shared.standby_fleet())
    text = shown(snapshot)
    assert "0 of 1 pairings healthy, 1 standby\n" in text
    assert re.search(r"^cluster-a +standby of ctl2 +\S+ +ctl2 +1/1 +- ", text, re.MULTILINE)
    assert len(text.splitlines()) == 5
    assert "\x1b[32mstandby of ctl2\x1b[0m" in shown(snapshot, colour=True)
    found = document(snapshot, now_s=snapshot.now_s, wall_s=snapshot.wall_s)
    assert (found["healthy"], found["pairings"][0]["healthy"]) == (True, True)


def test_a_standby_that_could_not_take_it_over_says_why() -> None:
    """On its own controller; the others are named with theirs."""
    here = StandbySnapshot("ctl1", renews=True, ready=False, reason="vCenter or the cluster is not reached")
    third = StandbySnapshot("ctl3", renews=True, ready=True)
    text = shown(quiet(shared.standby_fleet(here, third)))
    assert "cluster-a: standby of ctl2, and this controller could not take it over\n" in text
    assert "  hold      held by ctl2, epoch 3, 2 moves left\n" in text
    assert "  standby   ctl1: NOT READY: vCenter or the cluster is not reached\n" in text
    assert "  standby   ctl3: ready\n" in text


def test_a_healthy_pairing_without_a_standby_is_told_with_what_each_one_lacks() -> None:
    """It works; the next fault would end that."""
    lacking = shared.hold(standbys=shared.NONE_READY)
    text = shown(shared.fleet(pictures.healthy(), cluster_a=lacking))
    assert "cluster-a: healthy, and NO STANDBY IS READY\n" in text
    assert "  standby   ctl2: NOT READY: compute_id is missing in /var/lib/nova\n" in text
    alone = shown(shared.fleet(pictures.healthy(), cluster_a=shared.hold(standbys=shared.ALL_READY[:1])))
    assert "  standby   none: no other controller is in the store\n" in alone
    assert "NO STANDBY" not in shown(shared.fleet(pictures.healthy()))


@pytest.mark.parametrize(
    ("claim", "cell", "says"),
    [
        (Claim.UNREAD, "?", "not known: the store does not tell"),
        (Claim.NOBODY, "NOBODY", "nobody's as yet"),
        (Claim.RESERVED, "NOBODY", "released for another controller"),
        (Claim.STOPPED, "NOBODY", "nobody's: a human stopped it"),
        (Claim.FREE, "NOBODY", "nobody's: its holder's registration has ended"),
        (Claim.OFFERED, "NOBODY", "nobody's: released for this controller"),
        (Claim.SILENT, "NOBODY", "nobody's: ctl2 does not renew any more"),
    ],
)
def test_a_pairing_that_nobody_holds_says_so_by_rule_and_remedy(claim: Claim, cell: str, says: str) -> None:
    """In the table and in the explanation, with the row of the table of holding."""
    hold = shared.hold(claim, "ctl2")
    text = shown(shared.fleet(pictures.not_held(), cluster_a=hold), columns=200)
    row = text.splitlines()[4]
    assert f" {cell} " in row
    assert says in text
    assert f"            {hold.rule}: {hold.why}\n" in text
    assert (f"            remedy: {hold.remedy}\n" in text) is bool(hold.remedy)


def test_every_claim_has_its_words() -> None:
    """None is shown as the bare word of the code."""
    for claim in Claim:
        hold = shared.hold(claim, "ctl2")
        text = shown(shared.fleet(pictures.not_held(), cluster_a=hold), columns=200)
        assert f"  hold      {claim.value}," not in text


def test_a_hold_without_an_armed_deadline_is_told() -> None:
    """Nothing may be started there."""
    hold = replace(shared.hold(), until_s=None)
    text = shown(shared.fleet(pictures.killed(), cluster_a=hold))
    assert "  hold      held here (ctl1), no deadline armed: nothing is done, epoch 3" in text


def test_a_humans_stop_is_told() -> None:
    """Whoever comes after respects it."""
    hold = shared.hold(stopped=True)
    assert "            a human stopped it on purpose\n" in shown(
        shared.fleet(pictures.stopped(), cluster_a=hold)
    )


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"problem": "no answer within 3 s"},
            "etcd: renewed 2s ago, deadline in 13s, RENEWAL FAILS: no answer within 3 s",
        ),
        (
            {"registered": False, "renewed_at_s": None, "until_s": None, "problem": "connection refused"},
            "etcd: NOT REGISTERED, nothing is held here: connection refused",
        ),
        (
            {"registered": False, "renewed_at_s": None, "until_s": None},
            "etcd: NOT REGISTERED, nothing is held here: not tried yet",
        ),
        ({"renewed_at_s": None, "until_s": None}, "etcd: never renewed, no deadline armed"),
    ],
)
def test_the_line_about_the_store(changed: dict[str, object], line: str) -> None:
    """How it is, or what is wrong: then the controller is not well, whatever its pairings are."""
    snapshot = shared.with_keeper(shared.fleet(pictures.healthy()), **changed)
    assert shown(snapshot).splitlines()[1] == line
    found = document(snapshot, now_s=snapshot.now_s, wall_s=snapshot.wall_s)
    is_renewing = not changed.get("problem") and changed.get("registered", True)
    assert found["healthy"] is is_renewing


@pytest.mark.parametrize(
    ("size", "line"),
    [
        (
            StoreSize(1700 * MIB, 1600 * MIB),
            (
                "etcd: FILLING, at its quota it refuses every write: its database has 1700 MiB of a quota "
                "that is not told (2048 MiB by default), 1600 MiB in use"
            ),
        ),
        (
            StoreSize(100 * MIB, 40 * MIB, 100 * MIB, ("NOSPACE",)),
            "etcd: ALARM NOSPACE: it refuses every write; its database has 100 MiB of 100 MiB, 40 MiB in use",
        ),
    ],
)
def test_a_store_that_fills_is_told(size: StoreSize, line: str) -> None:
    """On the screen and in the explanation; one that has room, or does not tell, takes no line."""
    snapshot = shared.with_keeper(shared.fleet(pictures.healthy()), size=size)
    assert line in shown(snapshot, columns=200).splitlines()
    assert line in flat(explained(snapshot))
    assert max(len(one) for one in shown(snapshot).splitlines()) <= 100
    for quiet_size in (None, StoreSize(MIB, MIB)):
        quiet_one = shared.with_keeper(snapshot, size=quiet_size)
        assert "MiB" not in shown(quiet_one) + explained(quiet_one)


def test_a_daemon_that_is_alone_shows_nothing_of_holds() -> None:
    """No line, no column, no entry."""
    text = shown(pictures.fleet(pictures.killed())) + explained(pictures.fleet(pictures.killed()))
    for word in ("etcd", "HOLDER", "STANDBY", "\n  hold ", "single-active"):
        assert word not in text


def test_an_observed_pairing_has_empty_cells() -> None:
    """Nobody holds it."""
    text = shown(shared.fleet(pictures.healthy(mode=Mode.OBSERVE)))
    assert re.search(r"^cluster-a +healthy +\S+ +- +- +- ", text, re.MULTILINE)


@pytest.mark.parametrize("story", pictures.EVERY, ids=lambda s: s.__name__)
def test_it_fits_into_100_columns(story: Callable[[], Story]) -> None:
    """Whatever is wrong, and with long names of controllers."""
    long = "controller-1.rack-7.region-north.example.com"
    hold = shared.hold(Claim.HELD, long, standbys=shared.NONE_READY)
    snapshot = shared.fleet(story(), pictures.healthy("cluster-b"), cluster_a=hold)
    for text in (shown(snapshot), explained(snapshot)):
        assert max(len(line) for line in text.splitlines()) <= 100


def test_the_explanation_says_what_is_seen_of_the_process_under_this_hold() -> None:
    """Each witness; nothing where it does not run, or not here."""
    line = "\n  verified  heartbeat, one consumer, ping, session from 192.0.2.7\n"
    assert line in explained(shared.fleet(pictures.healthy()))
    for snapshot in (
        shared.fleet(pictures.killed()),
        shared.standby_fleet(),
        pictures.fleet(pictures.healthy()),
    ):
        assert "verified" not in explained(snapshot)


def test_the_explanation_says_which_witness_does_not_see_it() -> None:
    """Another controller's session is not this one's."""
    story = pictures.healthy()
    story.sessions = (replace(SESSION, ip_address="192.0.2.8"),)
    story.inventory_unknown = "no answer"
    assert "ping; not known: session\n" in explained(shared.fleet(story.tick(35.0)))
    story.inventory_unknown = ""
    assert "ping; NOT session from 192.0.2.7\n" in explained(shared.fleet(story.tick(40.0)))


def test_the_explanation_says_what_single_active_is_worth() -> None:
    """Bounded, with the wait that it is bounded by."""
    text = explained(shared.fleet(pictures.healthy()))
    assert "  hold      held here (ctl1), deadline in 13s, epoch 3, 2 moves left\n" in text
    assert (
        "active single-active: bounded. A virtual controller that was paused for longer than 17.93 s may run "
        "on after it resumes, until its first renewal fails"
    ) in flat(text)


def test_texts_from_the_store_cannot_move_the_cursor() -> None:
    """Another controller's reason and name are shown, not obeyed."""
    evil = StandbySnapshot("ctl\x1b[2J", renews=True, ready=False, reason="bad\r\n\x1b[2J")
    hold = shared.hold(Claim.HELD, "ctl\x1b[1m", standbys=(evil,))
    snapshot = shared.with_keeper(shared.fleet(pictures.standby(), cluster_a=hold), problem="\x1b[2J")
    for text in (shown(snapshot), explained(snapshot)):
        assert re.sub(r"[\n\x20-\x7e]", "", text) == ""
