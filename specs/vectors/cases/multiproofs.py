"""multiproofs.json: 04 §6 and §7, over the sets of tree.json."""

import model as m

from .common import noise, refused_as
from .tree import BASE, SETS, flip, lone, random_keys


def questions():
    """(set, keys asked for)"""
    absent = [noise("absent", i) for i in range(3)]
    for name in ("empty", "one", "two", "three", "seventeen", "two hundred"):
        yield name, absent[:1]
        yield name, absent
        yield name, list(SETS[name])[:9] + absent
    yield "one", random_keys(1)
    yield "seventeen", random_keys(17)
    yield "two hundred", random_keys(200)[::7]
    yield "keys of zeros and of ones", [m.ZERO, BASE, b"\xff" * 32]
    yield "first bits differ", [BASE, flip(BASE, 9), flip(BASE, 10), flip(BASE, 255)]
    yield "16 bits shared", [flip(BASE, bit) for bit in (0, 1, 7, 8, 9, 15, 16, 17, 255)]
    yield "16 bits shared", [flip(BASE, 8)]
    yield "comb", [BASE] + [flip(BASE, bit) for bit in (1, 7, 101, 199, 200, 253, 255)]
    yield "254 bits shared", [flip(BASE, 255), flip(BASE, 254)]
    yield "255 bits shared", [BASE]
    yield "255 bits shared", [BASE, flip(BASE, 255)]
    yield "255 bits shared", [flip(BASE, 254)]


def claims_of(name, keys):
    return [(key, SETS[name].get(key)) for key in sorted(keys)]


def plain_claims(claims):
    return [{"key": key, "value": value} for key, value in claims]


def proof_entry(name, keys):
    root, claims = m.tree_root(SETS[name]), claims_of(name, keys)
    proof = m.prove_many(SETS[name], sorted(keys))
    m.verify_many(root, claims, proof)
    return {"set": name, "root": root, "claims": plain_claims(claims), "proof": proof}


def invalid():
    """(reason, what it is, root, claims, proof)"""
    name = "seventeen"
    leaves, keys = SETS[name], sorted(random_keys(17))
    root = m.tree_root(leaves)
    claims = claims_of(name, keys[::5] + [noise("absent", 0)])
    proof = m.prove_many(leaves, [key for key, _ in claims])
    present = next(i for i, (_, value) in enumerate(claims) if value)

    def with_claim(index, value):
        return [(key, value if i == index else old) for i, (key, old) in enumerate(claims)]

    yield "too few or too many keys", "no claim", root, [], proof
    yield "keys do not rise", "a claim twice", root, [claims[0]] + claims, proof
    yield "keys do not rise", "two claims exchanged", root, [claims[1], claims[0]] + claims[2:], proof
    yield "empty value", "an empty value", root, with_claim(present, b""), proof
    yield "truncated", "no bytes", root, claims, b""
    yield "truncated", "last byte missing", root, claims, proof[:-1]
    yield "left-over bytes", "a byte more", root, claims, proof + b"\0"
    yield "left-over bytes", "an end, and a byte of bits that is not needed", m.ZERO, [(BASE, None)], b"\0\0"
    yield "padding bit set", "an end in the empty tree", m.ZERO, [(BASE, None)], b"\x01"
    yield "root differs", "another value", root, with_claim(present, b"another"), proof
    yield "root differs", "another root", flip(root, 0), claims, proof
    yield "root differs", "a bit of the last hash changed", root, claims, flip(proof, 8 * len(proof) - 1)
    yield "root differs", "an empty tree claimed", root, [(BASE, None)], b"\0"

    low, high, value = m.ZERO, b"\x80" + bytes(31), b"\1"
    leaf, sibling = lone(low, value), noise("sibling", 0)
    sunk, nothing = m.node_hash(leaf, m.ZERO), m.node_hash(m.ZERO, m.ZERO)
    both = [(low, value), (high, None)]
    yield "split of fewer than two leaves", "a leaf beside an empty half off the paths", sunk, both[:1], b"\x80"
    yield "split of fewer than two leaves", "a leaf beside an empty end", sunk, both, b"\x80"
    yield "split of fewer than two leaves", "an empty end beside an empty half", nothing, [(low, None)], b"\x80"
    yield "split of fewer than two leaves", "two empty ends", nothing, [(low, None), (high, None)], b"\x80"
    yield "hash of zeros", "an empty half written out", sunk, both[:1], b"\xc0" + m.ZERO
    near = bytes(31) + b"\1"
    yield "two leaves at one place", "two present keys at one end", leaf, [(low, value), (near, value)], b"\0"
    yield "neighbour is a key", "a present leaf as its own neighbour", leaf, [(low, None)], b"\x40" + low + m.value_hash(value)
    both_absent = [(near, None), (high, None)]
    stray = b"\x40" + high + m.value_hash(value)
    yield "neighbour is a key", "the second key as the neighbour", lone(high, value), both_absent, stray
    off = m.node_hash(lone(high, value), sibling)
    yield "leaf off the path", "bit 0, depth 1", off, [(low, None)], b"\xd0" + sibling + high + m.value_hash(value)
    yield "split at depth 256", "splits beside nothing", sunk, both[:1], b"\xaa" * 65


def invalid_entry(reason, title, root, claims, proof):
    reason = refused_as(reason, m.verify_many, root, claims, proof)
    return {"title": title, "root": root, "claims": plain_claims(claims), "proof": proof, "reason": reason}


def vectors():
    return {
        "proofs": [proof_entry(name, keys) for name, keys in questions()],
        "invalid": [invalid_entry(*case) for case in invalid()],
    }
