"""Honest little worlds behind the ports, for tests and simulation.

Each passes the same contract suite as the real adapter (tests/contracts), so what a test learns from
a fake holds for the real part. What the simulation needs of them too is in `nova_watchdog.simulation.parts`.
"""
