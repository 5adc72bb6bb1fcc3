"""08 §1, §2: withdrawal limits."""

from .encoding import Refused


def new_limit(consensus, rate, delay_days, height):
    """08 §1.5: both buckets full."""
    day = consensus["limit_day"]
    exempt = consensus["exempt_fees"] * day
    return {"rate": rate, "delay_days": delay_days, "level": rate * day, "exempt_level": exempt, "last": height}


def bucket_level(rate, day, level, passed):
    return min(rate * day, level + rate * passed)


def settle(consensus, limit, height):
    """Both buckets brought to `height`."""
    day, passed = consensus["limit_day"], height - limit["last"]
    level = bucket_level(limit["rate"], day, limit["level"], passed)
    exempt = bucket_level(consensus["exempt_fees"], day, limit["exempt_level"], passed)
    return limit | {"level": level, "exempt_level": exempt, "last": height}


def bucket_spend(consensus, limit, height, amount, exempt=False):
    """08 §1: the limit after a spend and the bucket that covered it, "none" for a spend of 0."""
    if amount == 0:
        return limit, "none"
    limit, cost = settle(consensus, limit, height), amount * consensus["limit_day"]
    for bucket in ["exempt_level"] * exempt + ["level"]:
        if cost <= limit[bucket]:
            return limit | {bucket: limit[bucket] - cost}, bucket
    raise Refused("limit")


def change_limit(consensus, limit, height, rate, delay_days):
    """08 §2.1, §2.2, of a change at once and of a due one: settled under the old rate, then cut to the new cap."""
    limit = settle(consensus, limit, height)
    level = min(limit["level"], rate * consensus["limit_day"])
    return limit | {"rate": rate, "delay_days": delay_days, "level": level}
