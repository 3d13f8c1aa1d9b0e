"""What speed and memory cost, as numbers: `make bench`. Never a test: machines are shared."""
