"""The lab: a small OpenStack cloud of real parts with a simulated vCenter, for tests and for `make run`."""
