"""A service manager that remembers what it was told."""

from __future__ import annotations


class FakeManager:
    """`ports.Manager`. `told` lists (what, status) in order."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def ready(self, status: str) -> None:
        self.told.append(("ready", status))

    def alive(self, status: str) -> None:
        self.told.append(("alive", status))

    def reloading(self) -> None:
        self.told.append(("reloading", ""))

    def stopping(self) -> None:
        self.told.append(("stopping", ""))
