"""names.json: 06."""

import model as m

from .common import IDS, refused_as

VALID = ["a", "z", "0a", "a1", "alice", "x-1", "1-2", "a--b", "-".join("ab" * 8), "a" * 32, "a" * 16 + "-" + "b" * 16]
VALID += ["a-" + "b" * 61, "tests", "examples", "local-host", "9a9", "abc--d", "a-b-c", "0" * 31 + "a"]
INVALID = [
    ("name: length", ""),
    ("name: length", "a-" + "b" * 62),
    ("name: length", "a" * 64),
    ("name: character", "Alice"),
    ("name: character", "a_b"),
    ("name: character", "a.b"),
    ("name: character", "a b"),
    ("name: character", "alice\u0000"),
    ("name: character", "\u00e9t\u00e9"),
    ("name: character", "\u0663"),
    ("name: hyphen", "-"),
    ("name: hyphen", "--"),
    ("name: hyphen", "-a"),
    ("name: hyphen", "a-"),
    ("name: hyphen", "xn--a"),
    ("name: hyphen", "ab--"),
    ("name: all digits", "0"),
    ("name: all digits", "2024"),
    ("name: all digits", "1" * 32),
    ("name: all digits", "1" * 63),
    ("name: long without hyphen", "a" * 33),
    ("name: long without hyphen", "a" * 63),
] + [("name: special use", name) for name in m.SPECIAL_USE]

START = 100_000_000 << 32
BASES = [START, 1_000_000 << 32, 1, 2**32 - 1, START * 3 // 7, m.SUPPLY << 32, 12_345 << 20]


def phases(name, owner, paid_until):
    consensus = m.chain_file(name)["consensus"]
    steps = consensus["premium_step"] * consensus["premium_steps"]
    edges = [paid_until, paid_until + consensus["suspension"], paid_until + steps, paid_until + consensus["suspension"] + steps]
    heights = sorted({0, 2**63, *(edge + off for edge in edges for off in (-1, 0, 1))})
    found = [{"height": height, "phase": m.phase(consensus, owner, paid_until, height)} for height in heights]
    return {"chain": name, "owner": owner, "paid_until": paid_until, "heights": found}


def premiums(name):
    consensus = m.chain_file(name)["consensus"]
    release, step = 1_000_000, consensus["premium_step"]
    whole = step * consensus["premium_steps"]
    offsets = sorted({0, 1, step - 1, step, step + 1, 2 * step, whole // 2, whole - step, whole - 1, whole, whole + 1})
    for base, text in [(START, "alice"), (START, "a"), (1, "alice"), (START * 3 // 7, "abcd"), (m.SUPPLY << 32, "ab")]:
        year = m.rent(base, text)
        prices = [{"offset": k, "premium": m.premium(consensus, year, release, release + k)} for k in offsets]
        yield {"chain": name, "rent_base": base, "name": text, "rent": year, "paid_until": release, "after_release": prices}


def movements():
    """Runs of (blocks, registrations in each, live names)"""
    quiet = [(1, 0, 0), (10, 0, 0), (1_429, 0, 0)]
    yield "no registration for a day", START, quiet
    yield "one registration", START, [(1, 1, 1)]
    yield "a full block", START, [(1, 50, 50), (1, 0, 50)]
    yield "full blocks for a day", START, [(100, 50, 5_000), (1_340, 50, 72_000)]
    yield "the target of a day, first in 20 full blocks", START, [(20, 50, 1_000), (1_420, 0, 1_000)]
    yield "the target grows with the live names", START, [
        (1, 50, 200_000),
        (1, 50, 200_199),
        (1, 50, 200_200),
        (1, 50, 10_000_000),
    ]
    yield "held at the floor", (1_000_000 << 32) + 5_000, [(1, 0, 0), (1, 1, 1), (5, 0, 1)]
    yield "held at the supply", (m.SUPPLY << 32) - 1, [(1, 50, 50), (1, 0, 50), (2, 50, 100)]
    yield "uneven", START * 3 // 7 + 12_345, [(1, i % 51, 1_000 * i) for i in range(0, 400, 13)]


def movement(title, rent_base, runs):
    consensus, steps, base = m.chain_file("main")["consensus"], [], rent_base
    for blocks, registrations, live_names in runs:
        for _ in range(blocks):
            base = m.next_rent_base(consensus, base, registrations, live_names)
        steps.append({"blocks": blocks, "registrations": registrations, "live_names": live_names, "rent_base": base})
    return {"title": title, "rent_base": rent_base, "runs": steps}


def renewals():
    consensus = m.chain_file("main")["consensus"]
    year, suspension = consensus["year"], consensus["suspension"]
    for paid_until, years, height in [
        (year, 1, 10),
        (year, 9, 0),
        (year, 10, year),
        (year, 10, year - 1),
        (year, 9, 10),
        (year, 0, 10),
        (year, 1, year),
        (year, 10, year + suspension - 1),
        (year, 1, year + suspension),
        (year, 255, year),
    ]:
        entry = {"paid_until": paid_until, "years": years, "height": height}
        try:
            yield entry | {"renewed_until": m.renewed_until(consensus, paid_until, years, height)}
        except m.Refused as refused:
            yield entry | {"refused": str(refused)}


def vectors():
    for name in VALID:
        m.check_name(name)
    prices = [(100, 100), (100, 50), (100, 49), (101, 50), (10**8, 1), (1, 10**8), (2**70, 2**64 - 1), (5, 0)]
    return {
        "valid": VALID,
        "invalid": [{"name": name, "reason": refused_as(reason, m.check_name, name)} for reason, name in INVALID],
        "phases": [
            phases(chain, owner, paid_until)
            for chain, paid_until in (("main", 525_610), ("main", 2**40), ("dev", 10_900), ("tour", 50))
            for owner in (IDS[0], None)
        ],
        "rents": [
            {"rent_base": base, "name": name, "rent": m.rent(base, name)}
            for base in BASES
            for name in ("a", "ab", "abc", "abcd", "abcde", "a-" + "b" * 61)
        ],
        "premiums": [entry for name in ("main", "tour") for entry in premiums(name)],
        "renewal_prices": [
            {"rent": rent, "last_price": last, "price": m.renewal_price(rent, last)} for rent, last in prices
        ],
        "renewals": list(renewals()),
        "rent_base": [movement(*case) for case in movements()],
    }
