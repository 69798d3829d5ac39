"""Hypothesis here tries the same examples on every run, so that a red build means a change and not bad luck."""

from hypothesis import settings

settings.register_profile("treadle", derandomize=True, deadline=None, max_examples=40)
settings.load_profile("treadle")
