from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_watchdog.core.kv import escaped, kv, printable, quoted
from nova_watchdog.core.model import Mode


def test_plain_words_stay_bare() -> None:
    """What needs no quotes gets none: the line is for people too."""
    line = kv("edge", pairing="cluster-a", unit="nova-compute@cluster-a.service", rule="R39", count=3)
    assert line == "event=edge pairing=cluster-a unit=nova-compute@cluster-a.service rule=R39 count=3"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", '""'),
        ("two words", '"two words"'),
        ('say "no"', '"say \\"no\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("line\nbreak\r\t", '"line\\nbreak\\r\\t"'),
        ("a=b", '"a=b"'),
        ("\x1b[31mred", '"\\x1b[31mred"'),
        ("\u2028", '"\\u2028"'),
        ("\U000e0001", '"\\U000e0001"'),
        ("Zürich", '"Zürich"'),
        (True, "true"),
        (False, "false"),
        (1.5, "1.5"),
        (2.0, "2"),
        (0.12345, "0.123"),
        (7, "7"),
        (Mode.PROTECT, "protect"),
    ],
)
def test_each_value_has_one_form(value: object, text: str) -> None:
    """Strings are quoted where they must be, floats keep three decimals, enums show their value."""
    assert kv("e", key=value) == f"event=e key={text}"


def test_none_is_left_out() -> None:
    """A field without a value is no field."""
    assert kv("e", a=None, b=1) == "event=e b=1"


def test_an_event_with_spaces_is_quoted_too() -> None:
    """Nothing is trusted to be one word."""
    assert kv("two words") == 'event="two words"'


def test_printable_keeps_quotes_for_people() -> None:
    """On a screen only what the terminal would obey is escaped."""
    assert printable('set mode = "protect" \\ \x1b[2J') == 'set mode = "protect" \\ \\x1b[2J'


@given(st.text())
def test_no_value_can_forge_a_line_or_a_field(value: str) -> None:
    """Whatever the value: one line, printable, and exactly the two fields that were written."""
    line = kv("e", a=value, b=1)
    assert line.isprintable()
    assert [part.partition("=")[0] for part in shlex.split(line)] == ["event", "a", "b"]


@given(st.text())
def test_quoting_loses_nothing(value: str) -> None:
    """The escapes lead back to the value."""
    back = escaped(value).encode("ascii", "backslashreplace").decode("unicode_escape")
    assert back == value
    assert quoted(value) in (value, f'"{escaped(value)}"')
