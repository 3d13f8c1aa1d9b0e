"""Every fault that the lab knows: its diagnosis in time, no wrong one, exactly its page, its resolution."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.cases import ROUNDS, Case
from acceptance.conftest import wait_until_healthy
from acceptance.judge import Judge
from figures import Report
from lab.api.http import HttpError
from lab.client import Lab
from lab.errors import LabError
from lab.faults.registry import FAULTS, OF_SEVERAL_CONTROLLERS

pytestmark = [pytest.mark.lab, pytest.mark.pager]

# The stated times are goals, reported by the run; a busy machine gets this much more before it fails.
SLACK = 4
PAGED_WITHIN_S = 240.0
HEALTHY_WITHIN_S = 300.0
ROWS = Path(".lab/faults.jsonl")


@pytest.fixture(scope="module")
def rows() -> Iterator[list[dict[str, Any]]]:
    """What the run found, for the table in docs/."""
    found: list[dict[str, Any]] = []
    yield found
    ROWS.parent.mkdir(exist_ok=True)
    ROWS.write_text("".join(json.dumps(row) + "\n" for row in found))


def test_every_fault_of_the_lab_is_among_the_cases():
    """Whoever adds a fault says here what it must be called, or breaks several controllers with it."""
    assert {case.fault for cases in ROUNDS for case in cases} == set(FAULTS) - OF_SEVERAL_CONTROLLERS


@pytest.mark.parametrize("cases", ROUNDS, ids=lambda cases: "+".join(case.fault for case in cases))
def test_a_fault_is_called_by_its_name_and_pages_once(
    judges: tuple[Judge, ...], cases: tuple[Case, ...], report: Report, rows: list[dict[str, Any]]
):
    """The faults of a round are there together, so two at a time are judged as well."""
    lab, pager = judges[0].lab, judges[0].lab.pager()
    pager.settle()
    since = lab.now()
    injected = [inject(lab, judge, case) for judge, case in zip(judges, cases, strict=False)]
    told = [diagnosed(judges, index, case, injected[index]) for index, case in enumerate(cases)]
    time.sleep(max([case.lasts_s for case in cases if not case.says], default=0.0))
    expected = frozenset[str]().union(*(case.pages for case in cases))
    for name in expected:
        pager.wait_for_page(name, since=since, timeout_s=PAGED_WITHIN_S)
    shown = [nova_shows(lab, judges[index].pairing.host, injected[index]) for index, _ in enumerate(cases)]
    for judge, case in zip(judges, cases, strict=False):
        clear(lab, judge, case)
    cleared = lab.now()
    restart_where_a_login_was_refused(lab, judges)
    for judge in judges:
        healthy_again(judge, cleared)
    pager.settle(HEALTHY_WITHIN_S)

    for index, case in enumerate(cases):
        told_s = told[index]
        took_s = None if told_s is None else told_s - injected[index]
        rows.append(
            {
                "fault": case.fault,
                "says": case.says or "healthy",
                "took_s": took_s,
                "goal_s": case.within_s if case.says else None,
                "nova": shown[index],
                "pages": sorted(case.pages),
            }
        )
        if took_s is not None:
            report(f"{case.fault}: {case.says} after {took_s:.1f} s (goal {case.within_s:g} s)")
    assert_words(judges, cases, since)
    assert_pages(lab, cases, since)
    assert_actions(judges, cases, since)


def inject(lab: Lab, judge: Judge, case: Case) -> float:
    """Cause it; returns when."""
    arguments = dict(case.arguments)
    if case.of_pairing:
        arguments["pairing"] = judge.pairing.name
    return float(lab.inject(case.fault, **arguments)["t"])


def clear(lab: Lab, judge: Judge, case: Case) -> None:
    """Take it back, where there is something to take back."""
    if not FAULTS[case.fault].one_shot:
        arguments = {"pairing": judge.pairing.name} if case.of_pairing else {}
        lab.clear(case.fault, **arguments)


def diagnosed(judges: tuple[Judge, ...], index: int, case: Case, since: float) -> float | None:
    """When the last pairing concerned was called by the right word."""
    if not case.says:
        return None
    concerned = judges if case.shared else judges[index : index + 1]
    timeout_s = SLACK * case.within_s + 30.0
    return max(float(j.wait_for_edge(since, timeout_s, diagnosis=case.says)["t"]) for j in concerned)


def nova_shows(lab: Lab, host: str, since: float) -> str:
    """What `openstack compute service list` says now, and how long after the fault that is."""
    after_s = lab.now() - since
    try:
        record = lab.nova.service(host)
    except LabError as error:
        lost = "no record" if "knows no nova-compute" in str(error) else "no answer"
        return f"{lost} after {after_s:.0f} s"
    except (HttpError, OSError):
        return f"no answer after {after_s:.0f} s"
    forced = ", forced down" if record["forced_down"] else ""
    return f"{record['state']}, {record['status']}{forced} after {after_s:.0f} s"


def restart_where_a_login_was_refused(lab: Lab, judges: tuple[Judge, ...]) -> None:
    """A refused login is remembered for half an hour, by design: as an operator would, begin anew."""
    if any(judge.word() == "vcenter-login-refused" for judge in judges):
        lab.heal()


def healthy_again(judge: Judge, cleared: float) -> None:
    """By the daemon's own word, with nobody's help."""
    deadline = judge.lab.now() + HEALTHY_WITHIN_S
    while judge.word() != "healthy":
        assert judge.lab.now() < deadline, f"{judge.pairing.name}: {judge.word()} since {cleared:.0f}"
        time.sleep(0.5)


def assert_words(judges: tuple[Judge, ...], cases: tuple[Case, ...], since: float) -> None:
    """No wrong diagnosis on the way."""
    for index, judge in enumerate(judges):
        concerned = [case for i, case in enumerate(cases) if case.shared or i == index]
        allowed = {"healthy"}.union(*({case.says} | case.passing for case in concerned))
        wrong = [edge for edge in judge.edges(since) if edge["diagnosis"] not in allowed]
        assert not wrong, f"{judge.pairing.name}: {judge.diagnoses(since)}"


def assert_pages(lab: Lab, cases: tuple[Case, ...], since: float) -> None:
    """Each expected alert fired once and was resolved; nothing else paged."""
    pages = lab.pager().pages(since)
    expected = frozenset[str]().union(*(case.pages for case in cases))
    optional = frozenset[str]().union(*(case.may_page for case in cases))
    fired = Counter(
        (page["labels"]["alertname"], page["labels"].get("pairing", ""), page["receiver"])
        for page in pages
        if page["status"] == "firing"
    )
    names = {name for name, _, _ in fired}
    assert names - optional == expected - optional, fired
    assert {count for (name, _, _), count in fired.items() if name not in optional} <= {1}, fired
    resolved = {page["labels"]["alertname"] for page in pages if page["status"] == "resolved"}
    assert expected <= resolved


def assert_actions(judges: tuple[Judge, ...], cases: tuple[Case, ...], since: float) -> None:
    """What was done was allowed, by the rule that says so."""
    for index, judge in enumerate(judges):
        concerned = [case for i, case in enumerate(cases) if case.shared or i == index]
        # The driver's own disable after an outage may be ended for it.
        allowed = {"R64"}.union(*(case.acts for case in concerned))
        assert {line["rule"] for line in judge.lines(since, "action")} <= allowed


def test_everything_is_healthy_at_the_end(judges: tuple[Judge, ...]):
    """Nothing was left broken by all that."""
    wait_until_healthy(judges)
