"""What is told to one receiver, in which order, and what goes when there is no room."""

from __future__ import annotations

import pytest

from fakes.notifier import event
from nova_watchdog.core.events import Event, Severity
from nova_watchdog.runtime.outbox import Outbox, Terms

INFO, WARNING, CRITICAL = Severity.INFO, Severity.WARNING, Severity.CRITICAL


def names(events: list[Event]) -> list[str]:
    return [("+" if one.firing else "-") + one.key for one in events]


def deliver(outbox: Outbox, now_s: float) -> list[str]:
    """Everything that is due, taken by the receiver at once."""
    told: list[str] = []
    while messages := outbox.due(now_s, 100):
        outbox.delivered(messages, now_s)
        told += names(messages)
    return told


def filled(keys: str, severity: Severity = WARNING, **terms) -> Outbox:
    outbox = Outbox(Terms(**terms))
    for key in keys:
        outbox.take(event(key, severity), 0)
    return outbox


def test_a_beginning_is_told_once_and_then_its_end():
    """Where a receiver remembers by itself, nothing is told twice."""
    outbox = filled("a")
    assert deliver(outbox, 0) == ["+a"]
    assert deliver(outbox, 1e6) == []
    outbox.take(event("a", over=True), 1e6)
    assert deliver(outbox, 1e6) == ["-a"]
    assert (deliver(outbox, 2e6), outbox.waiting, outbox.dropped) == ([], 0, 0)


def test_the_same_event_told_again_is_the_same_one():
    """Deduplicated by key, whatever its words are by now."""
    outbox = filled("aaa")
    outbox.take(event("a", summary="other words"), 1)
    assert deliver(outbox, 1) == ["+a"]
    outbox.take(event("a", over=True), 2)
    outbox.take(event("a", over=True), 3)
    assert deliver(outbox, 3) == ["-a"]


def test_what_is_told_again_has_the_last_words():
    """A second action for the same trouble is the same event, with another summary."""
    outbox = filled("a", resend_s=60)
    deliver(outbox, 0)
    outbox.take(event("a", summary="restarted again"), 1)
    assert outbox.due(59, 1) == []
    (message,) = outbox.due(60, 1)
    assert message.summary == "restarted again"


def test_the_most_severe_comes_first_then_the_oldest():
    """A page does not wait behind notes."""
    outbox = Outbox(Terms())
    for key, severity in (("a", INFO), ("b", CRITICAL), ("c", WARNING), ("d", CRITICAL)):
        outbox.take(event(key, severity), 0)
    assert names(outbox.due(0, 3)) == ["+b", "+d", "+c"]


def test_what_is_over_before_it_was_told_is_told_as_beginning_and_end_in_this_order():
    """A restart of two seconds is news all the same."""
    outbox = filled("a")
    outbox.take(event("a", over=True), 2)
    assert outbox.waiting == 1
    assert deliver(outbox, 3) == ["+a", "-a"]


def test_an_end_that_comes_while_its_beginning_is_on_the_way_follows_it():
    """The receiver takes the beginning after the end was told here."""
    outbox = filled("a")
    on_the_way = outbox.due(0, 1)
    outbox.take(event("a", over=True), 1)
    outbox.delivered(on_the_way, 2)
    assert deliver(outbox, 2) == ["-a"]


def test_an_end_without_a_known_beginning_is_told_as_an_end():
    """The daemon that ran before told the beginning; a pager would ring for ever otherwise."""
    outbox = Outbox(Terms(least_firing_s=60))
    outbox.take(event("a", over=True), 0)
    assert deliver(outbox, 0) == ["-a"]


def test_what_was_over_for_long_before_it_could_be_told_is_dropped():
    """Nobody is woken for what ended a quarter of an hour ago."""
    outbox = filled("ab")
    outbox.take(event("a", over=True), 10)
    outbox.take(event("b", over=True), 11)
    outbox.take(event("a", over=True), 900)
    assert (deliver(outbox, 911), outbox.dropped) == (["+b", "-b"], 1)


def test_of_what_may_have_arrived_the_end_is_told_in_any_case():
    """No answer came in time: the pager may ring all the same."""
    outbox = filled("a")
    outbox.due(0, 1)
    outbox.take(event("a", over=True), 10)
    assert (deliver(outbox, 911), outbox.dropped) == (["-a"], 1)
    outbox = filled("a", bound=1)
    outbox.due(0, 1)
    outbox.take(event("a", over=True), 1)
    outbox.take(event("b", CRITICAL), 2)
    assert (deliver(outbox, 3), outbox.dropped) == (["+a", "-a"], 1)


def test_news_come_before_what_is_told_again():
    """A slow receiver with much to be told again hears of what is new first."""
    outbox = filled("ab", CRITICAL, resend_s=60)
    deliver(outbox, 0)
    outbox.take(event("c"), 60)
    assert names(outbox.due(60, 2)) == ["+c", "+a"]


def test_what_lasts_is_told_again_and_its_end_a_few_times():
    """Alertmanager forgets, and may restart just when the end comes."""
    outbox = filled("a", resend_s=60, resolves=3)
    told = {at_s: deliver(outbox, at_s) for at_s in (0, 59, 60, 119, 120)}
    assert told == {0: ["+a"], 59: [], 60: ["+a"], 119: [], 120: ["+a"]}
    outbox.take(event("a", over=True), 121)
    told = {at_s: deliver(outbox, at_s) for at_s in (121, 180, 181, 240, 241, 999)}
    assert told == {121: ["-a"], 180: [], 181: ["-a"], 240: [], 241: ["-a"], 999: []}


def test_an_end_is_held_back_until_the_beginning_was_seen_for_long_enough():
    """What begins and ends within group_wait Alertmanager tells nobody."""
    outbox = filled("a", resend_s=60, least_firing_s=90)
    deliver(outbox, 1000)
    outbox.take(event("a", over=True), 1005)
    told = {at_s: deliver(outbox, at_s) for at_s in (1059, 1060, 1089, 1090)}
    assert told == {1059: [], 1060: ["+a"], 1089: [], 1090: ["-a"]}


def test_only_news_counts_as_delivered():
    """Tellings again would make the counter grow by themselves."""
    outbox = filled("a", resend_s=60, resolves=2)
    assert outbox.delivered(outbox.due(0, 1), 0) == 1
    assert outbox.delivered(outbox.due(60, 1), 60) == 0
    outbox.take(event("a", over=True), 61)
    assert outbox.delivered(outbox.due(61, 1), 61) == 1
    assert outbox.delivered(outbox.due(121, 1), 121) == 0


def test_what_becomes_more_severe_is_told_at_once():
    """A warning that turned critical has to wake somebody."""
    outbox = filled("a")
    deliver(outbox, 0)
    outbox.take(event("a", CRITICAL), 1)
    (message,) = outbox.due(1, 9)
    assert message.severity is CRITICAL


def test_an_end_carries_the_severity_that_was_told():
    """Alertmanager tells alerts apart by their labels: another severity would end another alert."""
    outbox = filled("a", CRITICAL)
    deliver(outbox, 0)
    outbox.take(event("a", INFO, over=True, summary="it is over"), 1)
    (message,) = outbox.due(1, 9)
    assert (message.severity, message.summary, message.firing) == (CRITICAL, "it is over", False)


def test_what_begins_again_is_told_again():
    """Also when its end was on the way, or told once of three times."""
    outbox = filled("a", resend_s=60, resolves=3)
    deliver(outbox, 0)
    outbox.take(event("a", over=True), 1)
    on_the_way = outbox.due(1, 9)
    outbox.take(event("a"), 2)
    outbox.delivered(on_the_way, 3)
    assert deliver(outbox, 3) == ["+a"]
    outbox.take(event("a", over=True), 4)
    assert deliver(outbox, 4) == ["-a"]
    outbox.take(event("a"), 5)
    assert deliver(outbox, 5) == ["+a"]


def test_what_begins_again_before_its_end_was_told_is_still_the_first_one():
    """The receiver believes that it lasts, and it does."""
    outbox = filled("a")
    deliver(outbox, 0)
    outbox.take(event("a", over=True), 1)
    outbox.take(event("a"), 2)
    assert deliver(outbox, 2) == []


@pytest.mark.parametrize(("least", "told"), [(INFO, "iwc"), (WARNING, "wc"), (CRITICAL, "c")])
def test_what_is_less_severe_than_wanted_is_not_told(least: Severity, told: str):
    """Neither its beginning nor its end."""
    outbox = Outbox(Terms(min_severity=least))
    for key, severity in (("i", INFO), ("w", WARNING), ("c", CRITICAL)):
        outbox.take(event(key, severity), 0)
    assert sorted(deliver(outbox, 0)) == sorted(f"+{key}" for key in told)
    for key, severity in (("i", INFO), ("w", WARNING), ("c", CRITICAL)):
        outbox.take(event(key, severity, over=True), 1)
    assert sorted(deliver(outbox, 1)) == sorted(f"-{key}" for key in told)


def test_without_room_the_oldest_note_goes_first_then_the_oldest():
    """A flood of notes costs no page."""
    outbox = Outbox(Terms(bound=3))
    for key, severity in (("a", WARNING), ("b", INFO), ("c", INFO), ("d", CRITICAL), ("e", CRITICAL)):
        outbox.take(event(key, severity), 0)
    assert deliver(outbox, 0) == ["+d", "+e", "+a"]
    assert outbox.dropped == 2
    outbox = filled("abcd", bound=3)
    assert deliver(outbox, 0) == ["+b", "+c", "+d"]


def test_a_note_that_finds_no_room_among_pages_is_itself_what_goes():
    """The newest note is the oldest one."""
    outbox = filled("abc", CRITICAL, bound=3)
    outbox.take(event("d", INFO), 1)
    assert (deliver(outbox, 1), outbox.dropped) == (["+a", "+b", "+c"], 1)


def test_an_end_whose_beginning_was_told_is_never_dropped():
    """Not by any flood: without it the receiver would believe for ever that it lasts."""
    outbox = filled("abc", bound=3)
    deliver(outbox, 0)
    for key in "abc":
        outbox.take(event(key, over=True), 1)
    for number in range(50):
        outbox.take(event(f"x{number}", CRITICAL), 2)
    assert outbox.waiting == 3
    assert deliver(outbox, 3) == ["-a", "-b", "-c"]
    assert outbox.dropped == 50


def test_what_was_told_in_full_makes_room_without_a_loss():
    """Telling the end for the third time is the least of all."""
    outbox = filled("ab", bound=2, resend_s=60, resolves=3)
    deliver(outbox, 0)
    outbox.take(event("a", over=True), 1)
    deliver(outbox, 1)
    outbox.take(event("c"), 2)
    assert (deliver(outbox, 2), outbox.dropped) == (["+c"], 0)
    assert sorted(deliver(outbox, 70)) == ["+b", "+c"]


def test_ends_get_as_much_room_again():
    """Where only ends are left, an end alone is told too; a beginning is not."""
    outbox = filled("ab", bound=2)
    deliver(outbox, 0)
    for key in "abcdef":
        outbox.take(event(key, over=True), 1)
    outbox.take(event("g", CRITICAL), 1)
    assert deliver(outbox, 2) == ["-a", "-b", "-c", "-d"]
    assert outbox.dropped == 3


def test_what_lasts_and_was_told_makes_room_and_its_end_is_told_all_the_same():
    """Events that never end must not keep the next page from being told."""
    outbox = filled("a", CRITICAL, bound=2)
    outbox.take(event("b"), 0)
    deliver(outbox, 0)
    outbox.take(event("c"), 1)
    assert (deliver(outbox, 1), outbox.dropped) == (["+c"], 0)
    for key in "ab":
        outbox.take(event(key, over=True), 2)
    assert deliver(outbox, 2) == ["-a", "-b"]


def test_a_beginning_goes_before_an_end_alone():
    """The end may be the one that a pager waits for."""
    outbox = Outbox(Terms(bound=1))
    outbox.take(event("a", over=True), 0)
    outbox.take(event("b"), 0)
    assert deliver(outbox, 0) == ["-a"]


def test_a_refused_event_is_dropped_and_counted():
    """Repeating would not heal it."""
    outbox = filled("ab")
    outbox.refuse(outbox.due(0, 1)[0])
    assert (deliver(outbox, 0), outbox.dropped) == (["+b"], 1)


def test_a_receiver_without_state_is_told_no_end_whose_beginning_it_never_heard() -> None:
    """People would read that something is over of which they know nothing."""
    over = event("a", over=True)
    stateless, other = Outbox(Terms(lone_ends=False)), Outbox(Terms())
    for outbox in (stateless, other):
        outbox.take(over, 0.0)
    assert stateless.due(0.0, 10) == []
    assert len(other.due(0.0, 10)) == 1


def test_what_rings_and_was_forgotten_and_began_again_is_told_of_its_end() -> None:
    """Two floods: the first one took what was known of it, the second one took its end."""
    outbox = Outbox(Terms(bound=1))
    outbox.take(event("e", Severity.CRITICAL), 0.0)
    outbox.delivered(outbox.due(0.0, 9), 0.0)
    outbox.take(event("f", Severity.CRITICAL), 1.0)
    outbox.take(event("e", Severity.CRITICAL), 2.0)
    outbox.take(event("e", Severity.CRITICAL, over=True), 3.0)
    outbox.take(event("g", Severity.CRITICAL), 4.0)
    told = []
    for now_s in (5.0, 6.0):
        messages = outbox.due(now_s, 9)
        told += [(one.key, one.firing) for one in messages]
        outbox.delivered(messages, now_s)
    assert told[-1] == ("e", False), told
