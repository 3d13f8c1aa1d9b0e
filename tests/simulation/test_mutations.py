"""The simulation's invariants bite: each rule that is taken out of the real code is missed, and soon."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import islice

import pytest

from figures import Report
from nova_watchdog.simulation.scenario import to_json
from simulation.mutation import Covered, Mutation
from simulation.mutation_search import caught, first_wrong
from simulation.mutations import CAUGHT, COVERED
from simulation.write_mutations import PAGE, written


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    """A daemon without one of its rules has much to complain about."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("mutation", CAUGHT, ids=lambda one: one.name)
def test_a_missing_rule_is_caught(mutation: Mutation, report: Report) -> None:
    """Within the number of schedules that its row states, each of which the whole code passes."""
    _is_caught(mutation, report)


@pytest.mark.parametrize("covered", COVERED, ids=lambda one: one.both.name)
def test_a_rule_behind_another_is_caught_with_it(covered: Covered, report: Report) -> None:
    """What shows that both are missing passes while one of them is there."""
    _is_caught(covered.both, report)
    alone = caught(covered.alone, [covered.both.base()])
    assert alone is None, f"{covered.both.name}: caught without {covered.by} too: list it by itself"


def test_the_page_has_the_list() -> None:
    """`python -m simulation.write_mutations` makes it anew."""
    assert written(PAGE.read_text()) == PAGE.read_text()


def _is_caught(mutation: Mutation, report: Report) -> None:
    found = caught(mutation.rule, islice(mutation.schedules(), mutation.within))
    assert found is not None, f"{mutation.name}: not caught within {mutation.within} schedules"
    report(f"{mutation.name}: {found.invariant} after {found.number} of at most {mutation.within} schedules")
    assert found.invariant == mutation.invariant, f"caught otherwise: {to_json(found.scenario)}"
    assert first_wrong(found.scenario) == "", f"the whole code fails too: {to_json(found.scenario)}"
