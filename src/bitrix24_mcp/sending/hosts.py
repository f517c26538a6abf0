"""Which host is this machine itself."""

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """Whether requests to this host stay on this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
