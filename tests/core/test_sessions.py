"""The session of this controller's nova-compute at its vCenter, out of all that share its account."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.builders import PAIRING, POLICY, RUNNING, Bench, killed, observation, reading
from core.session_bench import AT_S, HERE, SESSION, STARTED_S, THERE, seen
from nova_watchdog.core.decide import decide
from nova_watchdog.core.memory import Memory
from nova_watchdog.core.model import InventoryView, Observation, Reading, Unknown
from nova_watchdog.core.permission import Permission
from nova_watchdog.core.sessions import NovaSession, session_of, still_starts
from nova_watchdog.core.state import PairingState

MEMORY = Memory(0.0, process_started_at_s=STARTED_S, process_lives=True)


def judged(observed: Observation, now_s: float = AT_S) -> NovaSession:
    """At that time."""
    return session_of(observed, MEMORY, POLICY, now_s)


def test_a_session_from_here_that_began_with_the_process_and_makes_calls_is_active():
    """Whatever else the account does elsewhere."""
    assert judged(seen(SESSION)) is NovaSession.ACTIVE
    assert judged(seen(replace(SESSION, ip_address=THERE), SESSION)) is NovaSession.ACTIVE


@pytest.mark.parametrize(
    "changed", [{"ip_address": THERE}, {"ip_address": ""}, {"user_agent": "pyvmomi"}, {"age_s": 52.5}]
)
def test_a_session_of_somebody_else_is_not_its_own(changed):
    """From another address, of another program, or of the process that ran here before."""
    assert judged(seen(replace(SESSION, **changed))) is NovaSession.MISSING
    assert judged(seen()) is NovaSession.MISSING


def test_the_age_of_a_session_is_compared_with_that_of_the_process_when_the_reading_ended():
    """The list is what it asks for last, and two clocks tell: two seconds are nobody's fault."""
    young, old = replace(SESSION, age_s=56.9), replace(SESSION, age_s=57.1)
    for session, word in ((young, NovaSession.ACTIVE), (old, NovaSession.MISSING)):
        view = InventoryView("uuid", {}, None, (session,), HERE)
        slow = replace(observation(AT_S), inventory=Reading(view, AT_S, AT_S + 5.0))
        assert judged(slow, AT_S + 5.0) is word


def test_a_session_without_a_call_for_long_is_quiet_and_the_latest_call_counts():
    """As of now: what was read a while ago may have been silent since."""
    quiet = replace(SESSION, idle_s=POLICY.vcenter_idle_s - 20.0)
    assert judged(seen(quiet), AT_S + 20.0) is NovaSession.ACTIVE
    assert judged(seen(quiet), AT_S + 20.1) is NovaSession.QUIET
    assert judged(seen(quiet, SESSION), AT_S + 20.1) is NovaSession.ACTIVE


@pytest.mark.parametrize(
    "observed",
    [
        seen(SESSION, sessions=None),
        seen(SESSION, own_address=""),
        seen(SESSION, at_s=STARTED_S - 0.1),
        replace(seen(SESSION), unit=reading(killed(120.0), AT_S)),
        replace(seen(SESSION), unit=Unknown("no answer", AT_S)),
        replace(seen(SESSION), inventory=Unknown("no session yet", AT_S)),
    ],
    ids=["no privilege", "no address", "before the process", "no process", "unit unknown", "not read"],
)
def test_what_cannot_be_told_is_unknown_and_never_missing(observed):
    """A reading that began before the process says nothing of it."""
    assert judged(observed) is NovaSession.UNKNOWN


def test_an_old_inventory_is_as_good_as_none():
    """As everywhere."""
    assert judged(seen(SESSION), AT_S + POLICY.inventory_max_age_s + 0.1) is NovaSession.UNKNOWN


def test_a_start_without_a_report_goes_on_as_long_as_it_makes_calls_but_not_for_ever():
    """Twice as long as a start may take without a word."""
    end_s = STARTED_S + 2 * POLICY.start_cap_s
    assert still_starts(NovaSession.ACTIVE, MEMORY, POLICY, end_s - 0.1)
    assert not still_starts(NovaSession.ACTIVE, MEMORY, POLICY, end_s)
    assert not still_starts(NovaSession.ACTIVE, replace(MEMORY, heartbeat_at_s=120.0), POLICY, AT_S)
    for word in (NovaSession.QUIET, NovaSession.MISSING, NovaSession.UNKNOWN):
        assert not still_starts(word, MEMORY, POLICY, AT_S)


def test_a_session_that_may_be_another_pairing_s_keeps_nothing_from_a_hung_start():
    """Two that share the account cannot be told apart."""
    memory = replace(Bench().memory, process_started_at_s=STARTED_S, process_lives=True)
    for own_account in (True, False):
        decision = decide(
            PAIRING,
            PairingState(),
            seen(SESSION),
            memory,
            POLICY,
            AT_S,
            permission=Permission.PROTECT,
            own_account=own_account,
        )
        assert (decision.session, decision.still_starts) == (NovaSession.ACTIVE, own_account)


def test_a_decision_carries_both():
    """So that what is shown is what was used."""
    bench = Bench()
    decision = bench.see(seen(SESSION), AT_S)
    assert bench.memory.process_started_at_s == RUNNING.started_at_s
    assert (decision.session, decision.still_starts) == (NovaSession.ACTIVE, True)
    decision = bench.see(seen(sessions=None), AT_S + 1)
    assert (decision.session, decision.still_starts) == (NovaSession.UNKNOWN, False)
