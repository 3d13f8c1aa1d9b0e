"""The parts of the simulated world: machines, systemd, network, store, Nova, vCenter and the message bus.

Every part lives in true time (`simulation.timeline`), does nothing between two due events, and draws all
chance from the one generator that it is given.
"""
