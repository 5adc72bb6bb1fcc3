"""What the cases share: repeatable noise, test keys, and the reason of a refusal."""

import model as m

GENESIS_HASH = m.sha256(b"sapwood vector genesis")
SECRETS = [m.sha256(b"sapwood vector key %d" % i) for i in range(6)]
KEYS = [m.public_key(secret) for secret in SECRETS]
IDS = [m.account_id(key) for key in KEYS]


def noise(label, index, size=32):
    """Bytes that look random and are the same in every run."""
    blocks = (m.sha256(f"{label} {index} {i}".encode()) for i in range(size // 32 + 1))
    return b"".join(blocks)[:size]


def number(label, index, bits):
    return int.from_bytes(noise(label, index), "big") >> 256 - bits


def dns_entry(owner, kind, ttl, rdata, length=None):
    """An entry of records as bytes (07 §1.1), with another data length than the true one if given."""
    length = len(rdata) if length is None else length
    return owner + kind.to_bytes(2, "big") + ttl.to_bytes(4, "big") + length.to_bytes(2, "big") + rdata


def some_records(index, size):
    """A valid envelope of `size` bytes, nine of which are not noise."""
    return dns_entry(b"\0", 65_281, 3_600, noise("records", index, size - 9))


def refusal(function, *arguments):
    """Why the model refuses; a vector that it accepts is a mistake in the cases."""
    try:
        function(*arguments)
    except m.Refused as refused:
        return str(refused)
    raise AssertionError(f"accepted: {arguments}")


def refused_as(expected, function, *arguments):
    reason = refusal(function, *arguments)
    assert reason == expected, f"refused as {reason}, not as {expected}"
    return reason
