"""limit.json: the two buckets of 08 §1 and the change of a rate (08 §2.1, §2.2)."""

import model as m

SAP = 100_000_000


def spend(height, amount, exempt=False):
    return {"op": "spend", "height": height, "amount": amount, "exempt": exempt}


def change(height, rate):
    return {"op": "change", "height": height, "rate": rate}


def sequences():
    """(title, chain, rate, height at which the limit is set, steps)"""
    for chain in ("main", "dev", "tour"):
        day = m.chain_file(chain)["consensus"]["limit_day"]
        rate = 10 * SAP
        yield "two rates within a day", chain, rate, 100, [
            spend(100, rate),
            spend(100, 1),
            spend(100 + day - 1, rate),
            spend(100 + day, rate),
            spend(100 + day, 1),
            spend(100 + 2 * day, rate + 1),
            spend(100 + 2 * day, rate),
        ]
        yield "refill by parts, over a long time", chain, rate, 7, [
            spend(7, rate - 1),
            spend(7, 1),
            spend(8, rate // day),
            spend(8, 1),
            spend(10, rate * 2 // day),
            spend(10, 1),
            spend(10 + day // 2, rate // 2),
            spend(10 + day // 2, 1),
            spend(2**40, rate + 1),
            spend(2**40, rate),
            spend(2**63, rate),
        ]
        yield "a rate that the day does not divide", chain, 1_000_003, 0, [
            spend(0, 1_000_003),
            *(spend(height, 1_000_003 // day) for height in range(1, 6)),
            spend(6, 1_000_003 // day + 1),
            spend(7, 1_000_003 // day + 1),
            spend(7, 1_000_003),
        ]
        yield "rate 0", chain, 0, 50, [
            spend(50, 0),
            spend(51, 1),
            spend(51 + 5 * day, 1),
            spend(51 + 5 * day, 10_000, True),
            spend(51 + 5 * day, 0, True),
            spend(2**62, 1),
        ]
        yield "rate of the supply", chain, m.SUPPLY, 50, [
            spend(50, m.SUPPLY),
            spend(50, 1),
            spend(51, m.SUPPLY // day),
            spend(51 + day, m.SUPPLY),
            spend(51 + day + day // 2, m.SUPPLY),
            spend(51 + 3 * day, m.SUPPLY),
            spend(51 + 3 * day, m.SUPPLY + 1),
        ]
        yield "a spend of 0 leaves the last height", chain, rate, 10, [
            spend(10, rate),
            spend(12, 0),
            spend(12, 0, True),
            spend(13, rate),
            spend(14, 1),
            spend(15, 0),
        ]
        yield "exempt fees fall back to the limit", chain, 2_000_000, 10, [
            spend(10, 600_000, True),
            spend(10, 500_000, True),
            spend(10, 400_000, True),
            spend(10, 1, True),
            spend(10, 1_499_999),
            spend(10, 1, True),
            spend(10 + day, 1_000_001, True),
            spend(10 + day, 1_000_000, True),
        ]
        yield "a spend on either brings both to h", chain, 2_000_000, 10, [
            spend(10, 1_000_000, True),
            spend(10, 2_000_000),
            spend(10 + day // 4, 500_000),
            spend(10 + day // 2, 500_000, True),
            spend(10 + day // 2, 500_000),
            spend(10 + day // 2, 1, True),
        ]
        yield "the rate changes", chain, rate, 100, [
            spend(100, rate),
            change(100 + day // 2, 2 * rate),
            spend(100 + day // 2, rate // 2 + 1),
            spend(100 + day // 2, rate // 2),
            spend(100 + day, rate),
            change(100 + 5 * day, rate // 10),
            spend(100 + 5 * day, rate // 10 + 1),
            spend(100 + 5 * day, rate // 10),
            change(100 + 6 * day, 0),
            spend(100 + 9 * day, 1),
            change(100 + 9 * day, rate),
            spend(100 + 9 * day, 1),
            spend(100 + 9 * day + 1, rate // day),
        ]
        yield "lowered while both buckets fill", chain, rate, 100, [
            spend(100, rate),
            spend(100, 1_000_000, True),
            change(100 + day // 4, rate // 2),
            spend(100 + day // 4, rate // 4 + 1),
            spend(100 + day // 4, 250_001, True),
            spend(100 + day // 2, rate // 4 + rate // 8),
            spend(100 + day // 2, 1),
            change(100 + day, rate // 8),
            spend(100 + day, rate // 8 + 1),
            spend(100 + day, rate // 8),
        ]


def run(title, chain, rate, height, steps):
    consensus = m.chain_file(chain)["consensus"]
    limit = m.new_limit(consensus, rate, 1, height)
    first = {"height": height, **levels(limit)}
    done = []
    for step in steps:
        if step["op"] == "change":
            limit, result = m.change_limit(consensus, limit, step["height"], step["rate"], 1), "changed"
        else:
            limit, result = attempt(consensus, limit, step)
        done.append({**step, "result": result, **levels(limit)})
    names = {"day": consensus["limit_day"], "exempt_fees": consensus["exempt_fees"], "rate": rate}
    return {"title": title, "chain": chain, **names, "start": first, "steps": done}


def attempt(consensus, limit, step):
    try:
        return m.bucket_spend(consensus, limit, step["height"], step["amount"], step["exempt"])
    except m.Refused:
        return limit, "refused"


def levels(limit):
    return {name: limit[name] for name in ("level", "exempt_level", "last")}


def vectors():
    return {"sequences": [run(*case) for case in sequences()]}
