"""03: the target of the next header."""

from .headers import compact_of, target_of


def asert_target(anchor_target, anchor_parent_time, heights, parent_time, block_time, half_life, limit):
    """03 §2; `heights` is how many blocks the parent stands above the anchor."""
    numerator = (parent_time - anchor_parent_time - block_time * (heights + 1)) * 65_536
    exponent = abs(numerator) // half_life * (-1 if numerator < 0 else 1)
    shifts = exponent // 65_536
    frac = exponent - shifts * 65_536
    factor = 65_536 + ((195_766_423_245_049 * frac + 971_821_376 * frac**2 + 5_127 * frac**3 + 2**47) >> 48)
    if shifts > 300:  # far beyond any limit; a shift by an unbounded count would only take memory
        return limit
    product = anchor_target * factor
    target = product << shifts - 16 if shifts >= 16 else product >> 16 - shifts
    return min(max(target, 1), limit)


def next_target(consensus, genesis_time, genesis_target, parent_height, parent_time):
    """03: the compact target of the header after the given parent; targets are compact."""
    limit = target_of(consensus["target_limit"])
    if not consensus["retarget"]:
        return compact_of(limit)
    block_time = consensus["block_time"]
    anchor = target_of(genesis_target), genesis_time - block_time
    return compact_of(asert_target(*anchor, parent_height, parent_time, block_time, consensus["half_life"], limit))
