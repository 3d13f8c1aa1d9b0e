"""The real core and runtime on a world in virtual time, broken on purpose."""
