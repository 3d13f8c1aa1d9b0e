"""The times of the hold protocol and the inequality between them (docs/safety.md, "The timeline")."""

from __future__ import annotations

from dataclasses import dataclass

from nova_watchdog.core.hold.records import MAX_DEADLINE_S, MAX_KILL_S

# How much two monotonic clocks may differ in rate from real time (docs/safety.md, A1).
CLOCK_RATE = 0.001
# For what takes time on the way from a decision to a process.
_LEAST_MARGIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Timing:
    """Read when the daemon starts, never reloaded.

    renew_s: how often a controller renews its record; up to 300.
    timeout_s: how long a request to the store may take before its result counts as unknown; up to 300.
    deadline_s: D, how long after a renewal was sent its units must be dead unless another was confirmed; more
        than 3 renew_s + timeout_s, up to 300.
    kill_s: how long systemd may take from the deadline until the last process is dead; up to 60.
    margin_s: what a takeover waits beyond what the inequality asks for; 0.1 to 300.
    """

    renew_s: float = 3.0
    timeout_s: float = 3.0
    deadline_s: float = 15.0
    kill_s: float = 2.0
    margin_s: float = 0.9

    @property
    def takeover_wait_s(self) -> float:
        """W against a controller with these very times."""
        return takeover_wait_s(self.deadline_s, self.kill_s, self.margin_s)

    def problems(self) -> list[tuple[str, str, str]]:
        """Every broken bound as (key, what is wrong, what is allowed)."""
        allowed = {
            "renew_s": MAX_DEADLINE_S,
            "timeout_s": MAX_DEADLINE_S,
            "deadline_s": MAX_DEADLINE_S,
            "kill_s": MAX_KILL_S,
        }
        found = [
            (name, f"is {getattr(self, name):g}", f"more than 0, at most {most_s:g}")
            for name, most_s in allowed.items()
            if not 0 < getattr(self, name) <= most_s
        ]
        if not _LEAST_MARGIN_S <= self.margin_s <= MAX_DEADLINE_S:
            found.append(("margin_s", f"is {self.margin_s:g}", f"{_LEAST_MARGIN_S:g} to {MAX_DEADLINE_S:g}"))
        needed_s = 3 * self.renew_s + self.timeout_s
        if not self.deadline_s > needed_s:
            found.append(
                (
                    "deadline_s",
                    f"is {self.deadline_s:g}",
                    f"more than 3 renew_s + timeout_s ({needed_s:g}): one lost request must cost nothing",
                )
            )
        return found


def takeover_wait_s(deadline_s: float, kill_s: float, margin_s: float) -> float:
    """W: for how long a controller's record must have been seen unchanged before its pairings are taken.

    `deadline_s` and `kill_s` are those in that controller's record: it may run another configuration.
    """
    return (deadline_s * (1 + CLOCK_RATE) + kill_s) / (1 - CLOCK_RATE) + margin_s


def deadline_after(sent_s: float, answered_s: float, deadline_s: float) -> float:
    """When the units must be dead, after a renewal that was sent and confirmed at these local times.

    It counts from before the request was sent: the store may have written it at once and the answer may
    have taken long, and a standby counts from the write.
    """
    del answered_s  # never: that is the point
    return sent_s + deadline_s


def is_armed(elapses_at_s: float | None, at_s: float, *, serving: bool) -> bool:
    """Whether systemd shows that the deadline fires no later than `at_s`.

    A timer that does not wait, or whose service runs just now (its elapse would be swallowed), is none.
    """
    return elapses_at_s is not None and elapses_at_s <= at_s and not serving
