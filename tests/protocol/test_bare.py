from pathlib import Path

import pytest

from protocol import page
from protocol.bare import OVERLAP, Protocol
from protocol.mutations import MUTATIONS, SEARCHES, SMALL, Mutation, Search
from protocol.rules import Rules
from protocol.search import search

PAGE = Path(__file__).parents[2] / "docs" / "safety-check.md"


@pytest.mark.parametrize("one", [s for s in SEARCHES if s.quick], ids=lambda s: s.words)
def test_nothing_breaks_in_any_state_and_the_page_says_how_many_there_are(one: Search) -> None:
    """The small searches, to their end; the large ones are run when the page is made."""
    assert page.search_row(one) in PAGE.read_text().splitlines()


@pytest.mark.parametrize("one", [m for m in MUTATIONS if m.quick], ids=lambda m: m.words)
def test_without_a_rule_it_breaks_after_as_many_steps_as_the_page_says(one: Mutation) -> None:
    """Those that are found quickly; what the page says of the others is from when it was made."""
    row = page.mutation_row(one)
    assert "never" not in row
    assert row in PAGE.read_text().splitlines()


def test_what_happens_in_the_search_is_on_the_page() -> None:
    """Takeovers, releases and restarts are reached: it is not safe for lack of them."""
    rows = page.reached_rows()
    assert any("did not change for W" in row for row in rows)
    assert set(rows) <= set(PAGE.read_text().splitlines())


def test_the_example_on_the_page_is_the_shortest_one() -> None:
    """Word for word."""
    assert "\n".join(page.example()) in PAGE.read_text()


def test_every_mutation_has_a_row() -> None:
    """Also those that the tests do not run again."""
    text = PAGE.read_text()
    assert [m.words for m in MUTATIONS if f"| {m.words} | {m.world} |" not in text] == []


def test_a_search_that_reaches_its_limit_says_so() -> None:
    """It must not look like one that saw everything."""
    found = search(Protocol(Rules(), SMALL), only=OVERLAP, limit=1000)
    assert not found.complete
    assert found.broken is None
