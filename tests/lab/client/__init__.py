"""What tests use: attach to the running lab, break something, and judge by what the observer saw."""

from lab.client.client import Lab

__all__ = ["Lab"]
