"""What the lab raises for its user: one line each, without a traceback."""


class LabError(Exception):
    """Something the person or test using the lab must know: what failed, and what is allowed."""
