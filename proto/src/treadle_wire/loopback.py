"""Addresses that only this machine can reach."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """A name counts as reachable by others, but for localhost."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"
