"""What each witness says of a nova-compute that was started, and when that is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.builders import PAIRING as WITHOUT_BUS
from core.builders import RECORD, RUNNING, Bench, killed, observation, reading
from core.session_bench import AT_S, HERE, SESSION, STARTED_S, seen
from nova_watchdog.core.model import (
    Answer,
    BusOutcome,
    BusView,
    ComputeOnBus,
    Observation,
    Unknown,
    VCenterSession,
)
from nova_watchdog.core.verification import Verification, is_complete, verification_of, words_of

PAIRING = replace(WITHOUT_BUS, bus="rabbit://mq:5672/")
GOOD = ComputeOnBus(Answer.ANSWERED, 0.01, consumers=1, queued=0)
ALL = Verification(heartbeat=True, consumer=True, ping=True, session=True)
ELSEWHERE = replace(SESSION, ip_address="192.0.2.11")


def look(
    compute: ComputeOnBus | None = GOOD,
    *sessions: VCenterSession,
    bus_at_s: float = AT_S,
    outcome: BusOutcome = BusOutcome.OK,
    **inventory: Any,
) -> Observation:
    """Everything is read at 150 s, of a process that runs since 100 s."""
    computes = {} if compute is None else {PAIRING.host: compute}
    view = BusView(outcome, "", Answer.ANSWERED, computes)
    record = replace(RECORD, updated_at="its own")
    found = seen(*(sessions or (SESSION,)), **inventory)
    services = observation(AT_S, record=record).services
    return replace(found, services=services, bus=reading(view, bus_at_s))


def verified(observed: Observation, *, reported: bool = True) -> Verification:
    """After a first look at 101 s; `reported`: its heartbeat came since."""
    bench = Bench(pairing=PAIRING)
    if reported:
        bench.see(observation(STARTED_S + 1), STARTED_S + 1)
    decision = bench.see(observed, AT_S)
    return verification_of(decision, observed, PAIRING, bench.memory)


def test_a_nova_compute_that_every_witness_saw_is_verified():
    """It reports, it alone hears, it answers, and vCenter sees it come from here."""
    assert verified(look()) == ALL
    assert is_complete(ALL, look(), PAIRING)


@pytest.mark.parametrize(
    ("observed", "changed"),
    [
        (look(replace(GOOD, ping=Answer.UNANSWERED)), {"ping": False}),
        (look(replace(GOOD, ping=Answer.UNASKED)), {"ping": None}),
        (look(replace(GOOD, consumers=2)), {"consumer": False}),
        (look(replace(GOOD, consumers=None)), {"consumer": False}),
        (look(None), {"ping": None, "consumer": None}),
        (look(outcome=BusOutcome.UNREACHABLE), {"ping": None, "consumer": None}),
        (look(bus_at_s=STARTED_S - 0.1), {"ping": None, "consumer": None}),  # too old besides
        (replace(look(), bus=Unknown("no answer", AT_S)), {"ping": None, "consumer": None}),
        (look(GOOD, ELSEWHERE), {"session": False}),
        (look(at_s=STARTED_S - 0.1), {"session": None}),
    ],
)
def test_what_is_seen_bad_or_not_known_is_told_apart_and_is_not_enough(observed, changed):
    """Only what was asked after the process began speaks of it."""
    found = verified(observed)
    assert found == replace(ALL, **changed)
    assert not is_complete(found, observed, PAIRING)


def test_an_answer_to_a_ping_of_before_the_start_is_another_process_s():
    """However young it is: the bus is looked at every ten seconds."""
    unit = reading(replace(RUNNING, started_at_s=120.0), AT_S)
    assert verified(replace(look(bus_at_s=120.0), unit=unit)).ping is True
    found = verified(replace(look(bus_at_s=119.9), unit=unit))
    assert (found.ping, found.consumer) == (None, None)


def test_a_session_that_is_quiet_is_there():
    """Whether calls go on is what the concern asks."""
    assert verified(look(GOOD, replace(SESSION, idle_s=140.0))).session is True


def test_without_a_heartbeat_of_its_own_nothing_else_is_enough():
    """It is the one proof that Nova can use it; as long as it may still come it is not bad."""
    found = verified(look(), reported=False)
    assert found == replace(ALL, heartbeat=None)
    assert not is_complete(found, look(), PAIRING)
    assert not is_complete(replace(ALL, heartbeat=False), look(), PAIRING)


def test_without_a_process_nothing_is_known():
    """Whatever its queue and vCenter still show."""
    assert verified(replace(look(), unit=reading(killed(120.0), AT_S))) == Verification()


@pytest.mark.parametrize("hidden", [{"sessions": None}, {"own_address": ""}])
def test_where_vcenter_does_not_tell_the_session_is_not_waited_for(hidden):
    """The privilege is more than an account for watching should have."""
    observed = look(**hidden)
    found = verified(observed)
    assert found == replace(ALL, session=None)
    assert is_complete(found, observed, PAIRING)


def test_a_vcenter_that_may_still_tell_is_waited_for():
    """Its inventory is read once a minute."""
    observed = replace(look(), inventory=Unknown("not read yet", AT_S))
    found = verified(observed)
    assert found.session is None
    assert not is_complete(found, observed, PAIRING)


def test_where_no_bus_is_asked_its_word_is_not_waited_for():
    """Nova's transport_url names none that could be."""
    without = replace(ALL, consumer=None, ping=None)
    assert is_complete(without, look(), WITHOUT_BUS)
    assert not is_complete(without, look(), PAIRING)
    assert not is_complete(replace(without, session=False), look(), WITHOUT_BUS)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (ALL, "heartbeat, one consumer, ping, session from 192.0.2.12"),
        (replace(ALL, session=None), "heartbeat, one consumer, ping; not known: session from 192.0.2.12"),
        (
            replace(ALL, consumer=False, session=False),
            "heartbeat, ping; NOT one consumer, session from 192.0.2.12",
        ),
        (Verification(), "not known: heartbeat, one consumer, ping, session from 192.0.2.12"),
    ],
)
def test_the_words_say_what_was_seen_what_is_bad_and_what_is_not_known(found, words):
    """In this order, nothing that is empty."""
    assert words_of(found, HERE) == words


def test_without_an_address_there_is_none_in_the_words():
    """vCenter does not tell it."""
    assert words_of(replace(ALL, session=None), "") == "heartbeat, one consumer, ping; not known: session"
