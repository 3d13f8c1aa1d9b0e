"""What the tests of the simulator do as clients of a vCenter."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

from pyVmomi import vim

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lab.vcsim.process import VCenter


def clusters(content: Any) -> dict[str, Any]:
    """The clusters that a client sees, by name."""
    view = content.viewManager.CreateContainerView(
        content.rootFolder, [vim.ClusterComputeResource], recursive=True
    )
    try:
        return {cluster.name: cluster for cluster in view.view}
    finally:
        view.Destroy()


@contextlib.contextmanager
def unchanged(vcenter: VCenter, cluster: str) -> Iterator[None]:
    """Nothing about a cluster changes within the block, as the simulator tells it."""

    def told() -> Any:
        return next(c for c in vcenter.state()["clusters"] if c["name"] == cluster)

    before = told()
    yield
    assert told() == before


class Held:
    """A call in a thread of its own, to see that it does not return."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self._thread = threading.Thread(target=self._run, args=(call,), daemon=True)
        self._thread.start()

    def _run(self, call: Callable[[], Any]) -> None:
        self.result = call()

    def returned_within(self, timeout_s: float) -> bool:
        """Whether the call has returned after at most that long."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()
