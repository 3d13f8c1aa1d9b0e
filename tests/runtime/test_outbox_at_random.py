"""Whatever happens in whatever order, a receiver is told a story that makes sense."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fakes.notifier import event
from nova_watchdog.core.events import Event, Severity
from nova_watchdog.runtime.outbox import Outbox, Terms

KEYS = "abcdef"
BOUND = 4

told = st.tuples(st.sampled_from(KEYS), st.sampled_from(Severity), st.booleans())
# What is told, how much later, and what the receiver does then: takes it, is away, or takes it late.
steps = st.lists(
    st.tuples(told, st.integers(0, 200), st.sampled_from(["takes", "away", "late"])), max_size=40
)
terms = st.builds(
    Terms,
    bound=st.just(BOUND),
    resend_s=st.sampled_from([None, 60.0]),
    least_firing_s=st.sampled_from([0.0, 90.0]),
)


@settings(max_examples=300, deadline=None)
@given(terms=terms, steps=steps)
def test_no_flood_and_no_outage_leaves_an_alert_ringing(terms: Terms, steps) -> None:
    """It stays bounded; and whatever the receiver saw begin and is over here, it is told of its end."""
    late: list[Event] = []
    outbox, now_s = Outbox(terms), 0.0
    rings: dict[str, bool] = {}
    truth: dict[str, bool] = {}

    def take(messages) -> None:
        outbox.delivered(messages, now_s)
        rings.update({one.key: one.firing for one in messages})

    for (key, severity, over), pause_s, receiver in steps:
        now_s += pause_s
        messages, late = late or outbox.due(now_s, 3), []
        truth[key] = not over
        outbox.take(event(key, severity, over=over), now_s)
        if receiver == "takes":
            take(messages)
        elif receiver == "late":
            late = messages
        assert len(outbox._entries) <= 2 * BOUND
    take(late)
    for _ in range(20):
        now_s += 100
        take(outbox.due(now_s, 3))
    assert not outbox.unsent(now_s, 99)
    assert [key for key, ringing in rings.items() if ringing and not truth[key]] == []
