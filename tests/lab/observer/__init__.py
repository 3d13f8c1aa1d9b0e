"""The observer: writes down what happens in the lab, from outside the daemon. Tests judge by its record."""
