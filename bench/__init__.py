"""Treadle's own benchmark: `make bench SCENARIO=smoke`."""
