"""What this daemon leaves under /run, so that the next one can go on with its holds."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from nova_watchdog.core.hold import resume
from nova_watchdog.core.hold.resume import Handover
from nova_watchdog.core.kv import kv
from nova_watchdog.ports import ActionRefusedError, RunFile
from nova_watchdog.runtime.hold_state import HoldState

_log = logging.getLogger("nova_watchdog.hold")


class HandoverFile:
    """The file, read once and written with each confirmed renewal and each change of what it says."""

    def __init__(self, state: HoldState, run_file: RunFile) -> None:
        self._state = state
        self._run_file = run_file
        self._saved_seq = 0
        self._problem = ""

    def load(self) -> Handover | None:
        """What the daemon before left, None: nothing that could be read."""
        return resume.from_json(self._run_file.load())

    def save_progress(self) -> None:
        """Leave each confirmed renewal to the next daemon: it must not go on with what a restore undid."""
        registration = self._state.registrar.registration
        if registration is not None and registration.seq != self._saved_seq:
            self.save(registration.incarnation)

    def save_now(self) -> bool:
        """Leave what is wanted and being done, if there is a registration to go on with. Whether it is."""
        registration = self._state.registrar.registration
        return registration is not None and self.save(registration.incarnation)

    def forget(self) -> None:
        """Nothing goes on: what is killed for that is not to be taken for what a human stopped."""
        self._written({})

    def save(self, incarnation: str) -> bool:
        """Leave all, for a daemon that goes on with this registration. A file that is not written is told."""
        state, registration = self._state, self._state.registrar.registration
        self._saved_seq = registration.seq if registration else 0
        handover = Handover(
            state.clock.boot_id(),
            incarnation,
            state.registrar.longest_deadline_s,
            state.terms,
            self._saved_seq,
            state.gives,
            tuple(sorted(state.stopping)),
        )
        problem = self._written(resume.to_json(handover))
        if problem and problem != self._problem:
            # The next daemon will begin anew, which stops what it finds: safe, and worth a line.
            _log.warning(kv("run-file-not-written", controller=state.me, reason=problem))
        self._problem = problem
        return not problem

    def _written(self, value: Mapping[str, object]) -> str:
        """Why it was not, empty: it was."""
        try:
            self._run_file.save(value)
        except ActionRefusedError as error:
            return str(error)
        return ""
