"""Why the local stack does not start, or did not go on."""


class LaunchError(Exception):
    """Its text is written for the person at the terminal: what is wrong and what to do about it."""
