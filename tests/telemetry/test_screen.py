from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from nova_watchdog.core.model import VCenterOutcome, VCenterView
from nova_watchdog.core.snapshot import FleetSnapshot
from nova_watchdog.telemetry.screen import render
from nova_watchdog.telemetry.text import age
from nova_watchdog.telemetry.view import document
from telemetry import pictures
from telemetry.pictures import Story


def screen(snapshot: FleetSnapshot, *, columns: int = 100, colour: bool = False, later_s: float = 0.0) -> str:
    shown = document(snapshot, now_s=snapshot.now_s + later_s, wall_s=snapshot.wall_s + later_s)
    return render(shown, columns=columns, colour=colour)


def test_a_healthy_fleet_is_a_table_and_nothing_more() -> None:
    """Who is well needs no explanation."""
    snapshot = replace(
        pictures.fleet(pictures.healthy(), pictures.healthy("cluster-b")), probes=(), receivers=()
    )
    assert screen(snapshot, later_s=2.0) == (
        "nova-watchdog 1.2.3 on ctl1, up 32s: 2 of 2 pairings healthy\n"
        "\n"
        "PAIRING    STATE    SINCE  UNIT         VCENTER  BUS  BEAT  SERVICE  PHASE     BUDGET  VMS\n"
        "cluster-a  healthy  22s    active 4242  ok       ok   2s    enabled  watching  3/3     12\n"
        "cluster-b  healthy  22s    active 4242  ok       ok   2s    enabled  watching  3/3     12\n"
    )


def test_a_spent_budget_says_why_what_shows_it_and_what_to_do() -> None:
    """The whole explanation, word for word."""
    snapshot = replace(pictures.fleet(pictures.given_up()), probes=(), receivers=())
    assert screen(snapshot) == (
        "nova-watchdog 1.2.3 on ctl1, up 7m11s: 0 of 1 pairings healthy\n"
        "\n"
        "PAIRING    STATE         SINCE  UNIT    VCENTER  BUS  BEAT   SERVICE  PHASE     BUDGET  VMS\n"
        "cluster-a  process-down  6m40s  failed  ok       ok   6m41s  enabled  given-up  0/3     12\n"
        "\n"
        "cluster-a: process-down since 2026-01-02T03:04:36.000Z\n"
        "  shown by  no process (D10)\n"
        "  unit      nova-compute@cluster-a.service failed (failed), exit-code=1\n"
        "  vcenter   vc1.example.com:443/nova@vsphere.local ok, read 0s ago\n"
        "  nova      compute-cluster-a up, enabled, heartbeat 6m41s ago, conductors up 1 of 1, read 0s ago\n"
        "  bus       rabbit://mq.example.com:5672/nova ok, conductor answered, ping unanswered, "
        "0 consumers,\n"
        "            0 queued, read 0s ago\n"
        "  rule      R13: the restart budget is spent: only a human may act\n"
        "  next      nothing is done until the unit is started by a human\n"
        "  remedy    read 'journalctl -u nova-compute@cluster-a.service', mend the cause, then 'systemctl\n"
        "            start nova-compute@cluster-a.service'\n"
        "  last act  start: done\n"
        "  lately    0s ago process-down, given-up (R13)\n"
        "            1m40s ago process-down, given-up (R38)\n"
        "            6m40s ago process-down, recovering (R39): start\n"
    )


@pytest.mark.parametrize("story", pictures.EVERY, ids=lambda s: s.__name__)
def test_two_pairings_fit_into_100_columns(story: Callable[[], Story]) -> None:
    """Whatever is wrong with one of them."""
    text = screen(pictures.fleet(story(), pictures.healthy("cluster-b")))
    assert max(len(line) for line in text.splitlines()) <= 100


NOT_HEALTHY = [story for story in pictures.EVERY if story not in (pictures.healthy, pictures.standby)]


@pytest.mark.parametrize("story", NOT_HEALTHY, ids=lambda s: s.__name__)
def test_every_pairing_that_is_not_healthy_is_explained(story: Callable[[], Story]) -> None:
    """Its rule and its readings are named, and its remedy where there is one."""
    told = story()
    text = " ".join(screen(pictures.fleet(told), columns=10_000).split())
    assert told.decision is not None
    rule = told.decision.rule
    assert f"rule {rule.number}: {rule.why}" in text
    assert told.decision.diagnosis.shown_by in text
    assert ("remedy" in text) is bool(rule.remedy)
    for label in ("unit", "vcenter", "nova", "bus"):
        assert f" {label} " in text


def test_a_pairing_that_is_not_watched_is_told_with_every_mistake() -> None:
    """In the headline, as a row, and below with file, key, what is wrong and what is allowed."""
    snapshot = replace(pictures.fleet(pictures.healthy(), unwatched=["cluster-x"]), probes=(), receivers=())
    assert screen(snapshot) == (
        "nova-watchdog 1.2.3 on ctl1, up 30s: 1 of 2 pairings healthy, 1 NOT WATCHED\n"
        "\n"
        "PAIRING    STATE        SINCE  UNIT         VCENTER  BUS  BEAT  SERVICE  PHASE     BUDGET  VMS\n"
        "cluster-a  healthy      20s    active 4242  ok       ok   0s    enabled  watching  3/3     12\n"
        "cluster-x  NOT WATCHED  -      -            -        -    -     -        -         -       -\n"
        "\n"
        "cluster-x: NOT WATCHED, nobody would bring it back\n"
        "  why       /etc/nova/x.conf: [vmware] host_ip: is empty; allowed: a host name or an address\n"
        "  remedy    mend that; 'nova-watchdog config check' tells when all is well\n"
    )
    assert "\x1b[31mNOT WATCHED\x1b[0m" in screen(snapshot, colour=True)


def test_a_daemon_that_watches_nothing_yet_tells_what_it_never_will() -> None:
    """Before the first look too."""
    text = screen(pictures.fleet(unwatched=["cluster-x"]))
    assert "no pairing was looked at yet, 1 NOT WATCHED" in text
    assert "cluster-x: NOT WATCHED" in text


def test_a_record_that_cannot_be_written_is_told_even_of_a_healthy_pairing() -> None:
    """What comes next is honest: nothing."""
    text = screen(pictures.fleet(pictures.record_unwritable()))
    assert "0 of 1 pairings healthy" in text
    assert "record    its record cannot be written: nothing is done: store.json: No space left on" in text
    assert "next      nothing is done until its record can be written" in text
    assert "\x1b[33mhealthy" in screen(pictures.fleet(pictures.record_unwritable()), colour=True)


def test_a_long_name_is_cut_so_that_the_table_fits() -> None:
    """The widest cells of all still fit into 100 columns; the name gives way."""
    story = pictures.login_refused()
    story.pairing = pictures.pairing("a-very-long-name-of-a-pairing-somewhere")
    story.unit = replace(pictures.RUNNING, main_pid=4194304, started_at_s=2.0)
    text = screen(pictures.fleet(story.tick(36.0)))
    row = text.splitlines()[3]
    assert len(row) <= 100
    assert re.match(r"a-very-long-[a-z-]*~ ", row)


def test_columns_give_way_before_names_are_cut() -> None:
    """On 80 columns the verdicts stay, the numbers go."""
    text = screen(pictures.fleet(pictures.login_refused()), columns=80)
    header, row = text.splitlines()[2:4]
    assert len(row) <= 80
    assert header.split() == ["PAIRING", "STATE", "SINCE", "UNIT", "VCENTER", "BUS", "SERVICE", "PHASE"]
    assert (
        " ".join(row.split()) == "cluster-a vcenter-login-refused 0s active 4242 refused ok enabled watching"
    )


@pytest.mark.parametrize(
    ("story", "cell"),
    [
        (pictures.healthy, "ok"),
        (pictures.bus_down, "down"),
        (pictures.bus_blocked, "stuck"),
        (pictures.conductor_silent, "mute"),
        (pictures.hung, "mute"),
        (pictures.given_up, "ok"),
        (pictures.unread, "?"),
    ],
)
def test_the_bus_column_says_who_does_not_answer(story: Callable[[], Story], cell: str) -> None:
    """The bus itself first; a dead process that does not answer is no news."""
    header, row = screen(pictures.fleet(story())).splitlines()[2:4]
    assert row[header.index("BUS") :].split()[0] == cell


def test_concerns_are_told_with_their_numbers() -> None:
    """One line each."""
    text = screen(pictures.fleet(pictures.cluster_degraded()))
    assert "concern   2 of 3 hosts are connected (host-disconnected)\n" in text
    assert "concern   DRS is partiallyAutomated, not fullyAutomated (drs-not-fully-automated)\n" in text


def test_a_pause_is_told_of_healthy_pairings_too() -> None:
    """Who, until when, why; and not any more when it is over."""
    snapshot = pictures.fleet(pictures.healthy().paused(until_s=3630.0))
    told = (
        "cluster-a: healthy, and left alone\n"
        "  paused    by alice until 2026-01-02T04:04:35.000Z (59m58s left): storage upgrade\n"
    )
    assert told in screen(snapshot, later_s=2.0)
    assert "paused" not in screen(snapshot, later_s=3600.0)
    assert "R31: down; the pairing is paused" in screen(pictures.fleet(pictures.paused()))


def test_an_open_maintenance_window_is_told() -> None:
    """By its name."""
    text = screen(pictures.fleet(pictures.maintenance()))
    assert "window    maintenance window storage is open: nothing is done\n" in text


def test_a_refused_reload_is_told_with_every_mistake() -> None:
    """In the headline and below, until a reload is taken."""
    snapshot = replace(pictures.fleet(pictures.healthy()), reload_mistakes=(pictures.MISTAKE,))
    text = screen(snapshot)
    assert "1 of 1 pairings healthy, RELOAD REFUSED\n" in text
    assert "RELOAD REFUSED: the daemon goes on with the old configuration\n  why       /etc/nova" in text
    assert "RELOAD" not in screen(pictures.fleet(pictures.healthy()))


def test_a_hanging_loop_is_told_in_the_table_and_below() -> None:
    """An old picture never looks like a fresh one."""
    text = screen(pictures.fleet(pictures.healthy()), later_s=60.0)
    assert "healthy (old)" in text
    assert "last looked at 1m00s ago: the loop hangs" in text
    assert "0 of 1 pairings healthy" in text


def test_a_fleet_without_a_picture_says_so() -> None:
    """Right after the start there is nothing to show yet."""
    assert "no pairing was looked at yet" in screen(pictures.fleet())


def test_a_failing_probe_is_told_with_its_last_success() -> None:
    """Below everything else."""
    text = screen(pictures.fleet(pictures.healthy()))
    assert "probe     nova watchdog: not run yet (never succeeded)" in text
    assert "probe     vcenter" not in text


def test_the_coming_decision_is_announced() -> None:
    """When time alone changes it, and when only a reading does."""
    assert "decides again in 10s, or as soon as a reading changes" in screen(
        pictures.fleet(pictures.stuck_disabled())
    )
    assert "decides again as soon as a reading changes" in screen(pictures.fleet(pictures.vcenter_down()))
    assert "does now: start" in screen(pictures.fleet(pictures.killed()))


@pytest.mark.parametrize(
    ("story", "code"),
    [(pictures.healthy, "32"), (pictures.starting, "33"), (pictures.given_up, "31")],
)
def test_colour_paints_the_state_alone(story: Callable[[], Story], code: str) -> None:
    """Green, yellow, red; without the codes the text is the same."""
    snapshot = pictures.fleet(story())
    coloured = screen(snapshot, colour=True)
    assert f"\x1b[{code}m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == screen(snapshot)


def test_an_old_healthy_state_is_not_green() -> None:
    """Colour must not say more than the text."""
    assert "\x1b[33m" in screen(pictures.fleet(pictures.healthy()), colour=True, later_s=60.0)


def test_texts_from_outside_cannot_move_the_cursor() -> None:
    """A disable reason or a server's answer is shown, not obeyed."""
    story = pictures.disabled("\x1b[2J\x1b]0;owned\x07")
    story.vcenter = VCenterView(VCenterOutcome.UNREACHABLE, "bad\r\nanswer")
    text = screen(pictures.fleet(story.tick(41.0)))
    assert re.sub(r"[\n\x20-\x7e]", "", text) == ""
    assert "\\x1b[2J" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0s"),
        (59.9, "59s"),
        (60.0, "1m00s"),
        (3599.0, "59m59s"),
        (3600.0, "1h00m"),
        (86399.0, "23h59m"),
        (86400.0, "1d00h"),
        (99 * 86400.0, "99d00h"),
    ],
)
def test_an_age_is_short(seconds: float | None, text: str) -> None:
    """At most six characters."""
    assert age(seconds) == text


def test_a_receiver_that_takes_nothing_is_told() -> None:
    """Whoever waits for a page looks here; one that took its last event is not mentioned."""
    lines = screen(pictures.fleet(pictures.healthy())).splitlines()
    assert lines[-1] == "  receiver  pager: HTTP 429 (3 events waiting, 1 never told)"
    assert not any("alertmanager" in line for line in lines)
