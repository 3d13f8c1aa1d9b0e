"""The pure core: readings in, decisions out. No clock, no IO, no logging, no randomness."""
