"""Who may run a pairing: the hold protocol of docs/safety.md, as pure functions and one table."""
