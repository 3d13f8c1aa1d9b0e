"""The lab's outermost process: makes the PID namespace, waits for its end however it comes, and cleans up.

It is the only process of the lab outside that namespace. If it is killed, the kernel kills the namespace's
init, and with it everything; what then stays (a directory and empty control groups) goes at the next `up` or
`down`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from pathlib import Path

from lab import cgroups, init, kernel
from lab.paths import Paths

_CLEANUP_TIMEOUT_S = 10.0


def lock_state(state: Path) -> int | None:
    """An open descriptor that holds the lab's lock, or None if a running lab has it."""
    descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def start_time(pid: int) -> int:
    """When a process was started, in clock ticks after boot; tells it from a later one with the same id."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def remove_leftovers(paths: Paths, *, keep_logs: bool) -> None:
    """Remove control groups and the state directory of a lab whose processes are gone."""
    deadline = time.monotonic() + _CLEANUP_TIMEOUT_S
    while True:
        try:
            cgroups.remove(paths.state.name)
            break
        except OSError:  # the kernel is still taking the last processes away
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    if keep_logs and paths.logs.exists():
        kept = paths.cache / "crash-logs"
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(paths.logs, kept)
    shutil.rmtree(paths.state, ignore_errors=False)


def main() -> int:
    """Run one lab from start to end."""
    paths = Paths.from_environment()
    # the lock on the state directory comes from `up` as an open file, so there is no moment without it
    os.set_inheritable(int(os.environ.pop("LAB_LOCK")), False)  # noqa: FBT003  the function has no keyword
    kernel.unshare(kernel.NEW_PID_NAMESPACE)
    child = os.fork()
    if child == 0:
        init.run(paths)
    processes = (("keeper", os.getpid()), ("init", child))
    identity = {name: {"pid": pid, "start": start_time(pid)} for name, pid in processes}
    paths.keeper.write_text(json.dumps(identity))
    _, status = os.waitpid(child, 0)
    remove_leftovers(paths, keep_logs=status != 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main())
