"""The rules of the protocol as switches, and how far the search goes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    """Each is a sentence of docs/safety.md, or one that it needs; False takes it away."""

    # The deadline.
    deadline: bool = True  # when the deadline passes the unit is killed
    counted_from_sent: bool = (
        True  # the deadline counts from before the request was sent, not from its answer
    )
    own_write_only: bool = True  # a read confirms the write that it shows, not the last one that was sent
    arms_a_moment: bool = True  # arming late arms for the same moment: not for a length of time from then on
    arming_keeps_old: bool = True  # an arming that fails leaves the earlier deadline armed
    passed_registers: bool = True  # whose deadline passed registers a new incarnation
    # The token.
    starts_when_armed: bool = True  # no token before a registration or renewal is confirmed and armed
    token_has_moment: bool = True  # the token says until when it is valid
    deadline_takes_token: bool = True
    release_takes_token: bool = True
    cleaning_takes_token: bool = (
        True  # a daemon that will register anew takes it before it looks at its units
    )
    # Takeover.
    wait_lacks: int = 0  # ticks by which W is shorter than D + kill
    own_observation: bool = True  # W counts from this daemon's own first sight of the revision
    compares_record: bool = True  # a takeover compares the holder's record
    sets_fenced: bool = True  # a takeover fences the holder
    incarnation_of_own: bool = True  # a daemon does not believe a hold of a former incarnation of its own
    incarnation_of_other: bool = True  # a hold of a former incarnation of the other is free at once
    registered_wait: bool = True  # who takes was registered for W itself
    registered_from_answer: bool = True  # that W counts from the answer, not from the request
    # Release and registration.
    release_after_dead: bool = True
    release_compares_record: bool = True  # a release compares the holder's own record, too
    kills_before_registering: bool = True
    registration_compares: bool = True  # a registration compares the record that it replaces
    # A daemon that goes on, or whose release got no answer, believes only a hold read after an own renewal.
    renews_before_believing: bool = True
    renewal_after_doubt: bool = True  # that renewal was sent after what made the daemon doubt
    notices_backwards: bool = True  # whose record went backwards registers anew


@dataclass(frozen=True)
class Bounds:
    """What the world may do, and the durations in ticks."""

    deadline_ticks: int = 2
    kill_ticks: int = 1
    time: bool = True  # the clock goes on
    crashes: bool = True  # daemons crash and controllers lose power
    whims: bool = True  # a daemon may give its hold up and register anew at any time, not only when it has to
    earlier: bool = True  # a request that nobody waits for stays on its way beside the next one
    fences: bool = True  # takeovers of other pairings fence a controller
    unanswered: bool = True  # a change of hands gets no answer and the daemon goes on
    early_timer: bool = False  # the timer may fire a tick before the token runs out
    restores: bool = False  # a backup is taken and restored, once
    restore_after_ticks: int = 0  # a backup that is restored is at least that old
