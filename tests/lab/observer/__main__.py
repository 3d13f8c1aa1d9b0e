"""`python -m lab.observer`: runs inside the lab until it is ended, one thread for each thing it looks at."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lab.observer.bus import watch_consumers
from lab.observer.journal import JournalFollower
from lab.observer.nova import watch_services
from lab.observer.processes import ProcessWatcher
from lab.observer.resources import watch_daemon
from lab.observer.vcenter import watch_sessions
from lab.records import Recorder
from lab.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Watch everything; the calling thread watches the processes."""
    site = Site.load()
    recorder = Recorder(site.paths.events)
    watchers: list[Callable[[], None]] = [
        lambda: watch_services(recorder),
        lambda: watch_consumers(site, recorder),
        lambda: watch_sessions(site, recorder),
        lambda: watch_daemon(site, recorder),
        *(
            JournalFollower(site, controller.name, recorder).run
            for controller in site.topology.controller_list
        ),
    ]
    for watcher in watchers:
        threading.Thread(target=watcher, daemon=True).start()
    ProcessWatcher(site, recorder).run()


if __name__ == "__main__":
    main()
