"""The rules of a Treadle job. Standard library only: no I/O, no clock, no chance of its own."""
