"""anchors.json: 04 §8 and §9, over the sets of tree.json."""

import model as m

from .common import noise, refused_as
from .tree import BASE, SETS, flip, joined, lone, questions

DEPTHS = {"empty": (0, 3), "one": (0, 3), "two": (0, 1, 4), "three": (0, 2, 16), "seventeen": (0, 2, 3, 6)}
DEPTHS |= {"two hundred": (6,), "keys of zeros and of ones": (0, 1), "first bits differ": (3, 9, 16)}
DEPTHS |= {"16 bits shared": (0, 8, 16), "comb": (0, 7, 9, 16), "254 bits shared": (5, 16), "254 bits shared, right": (1, 2)}
DEPTHS |= {"255 bits shared": (0, 12)}


def anchors():
    for name, depths in DEPTHS.items():
        for k in depths:
            root, anchor = m.tree_root(SETS[name]), m.make_anchor(SETS[name], k)
            m.read_anchor(root, k, anchor)
            yield {"set": name, "root": root, "k": k, "anchor": anchor}


def proof_entry(name, key, k):
    root, value = m.tree_root(SETS[name]), SETS[name].get(key)
    proof = m.cut_proof(m.prove(SETS[name], key), k)
    shown = m.verify_anchored(root, k, m.make_anchor(SETS[name], k), key, value, proof)
    assert shown == (value is not None)
    return {"set": name, "k": k, "key": key, "value": value, "proof": proof}


def invalid_anchors():
    """(reason, what it is, root, k, anchor)"""
    leaves = SETS["seventeen"]
    root, anchor = m.tree_root(leaves), m.make_anchor(leaves, 2)
    hashed, value = noise("node", 0), m.value_hash(b"\1")
    low, high = m.ZERO, b"\x80" + bytes(31)
    sunk, nothing = m.node_hash(m.leaf_hash(low, value), m.ZERO), m.node_hash(m.ZERO, m.ZERO)
    yield "truncated", "no bytes", root, 2, b""
    yield "truncated", "last byte missing", root, 2, anchor[:-1]
    yield "left-over bytes", "a byte more", root, 2, anchor + b"\0"
    yield "padding bit set", "the stub of the root", hashed, 0, b"\x81" + hashed
    yield "mark at the wrong depth", "a stub above depth k", hashed, 1, b"\x80" + hashed
    yield "mark at the wrong depth", "a split at depth k", root, 0, b"\xc0" + anchor[1:]
    yield "mark at the wrong depth", "the anchor of another depth", root, 3, anchor
    yield "hash of zeros", "a stub of nothing", m.ZERO, 0, b"\x80" + m.ZERO
    yield "split of fewer than two leaves", "a leaf and nothing", sunk, 1, b"\xd0" + low + value
    yield "split of fewer than two leaves", "nothing and a leaf", m.node_hash(m.ZERO, m.leaf_hash(high, value)), 1, b"\xc4" + high + value
    yield "split of fewer than two leaves", "nothing twice", nothing, 1, b"\xc0"
    yield "leaf off the path", "two leaves exchanged", hashed, 1, b"\xd4" + high + value + low + value
    yield "root differs", "another root", flip(root, 9), 2, anchor
    yield "root differs", "a bit of the last hash changed", root, 2, flip(anchor, 8 * len(anchor) - 1)


def invalid_proofs():
    """(reason, what it is, root, k, anchor, key, value, proof)"""
    comb, k = SETS["comb"], 6
    root, anchor, value = m.tree_root(comb), m.make_anchor(comb, k), comb[BASE]
    proof = m.cut_proof(m.prove(comb, BASE), k)
    beside = flip(flip(BASE, 100), 255)
    other = m.cut_proof(m.prove(comb, beside), k)
    held = next(key for key in comb if m.key_bit(key, 0) != m.key_bit(BASE, 0))
    assert proof[0] == 0 and other[0] == 2 and m.cut_proof(m.prove(comb, held), k) == b""

    def case(reason, title, proof, key=BASE, value=value):
        return reason, title, root, k, anchor, key, value, proof

    yield case("truncated", "no bytes where the anchor has a stub", b"")
    yield case("truncated", "last byte missing", proof[:-1])
    yield case("left-over bytes", "a byte more", proof + b"\0")
    yield case("left-over bytes", "a proof where the anchor has the leaf", b"\0\1\x80" + noise("sibling", 0), held, comb[held])
    yield case("unknown form", "form 3", b"\3" + proof[1:])
    yield case("depth within the anchor", "depth k", bytes([0, k]) + proof[2:])
    yield case("depth within the anchor", "depth 0", b"\0\0")
    yield case("empty value", "form 0", proof, BASE, b"")
    yield case("the opposite of the claim", "presence shown, absence claimed", proof, BASE, None)
    yield case("the opposite of the claim", "absence shown, presence claimed", other, beside, b"\1")
    yield case("the anchor shows something else", "another value than the anchor's leaf", b"", held, b"another")
    yield case("the anchor shows something else", "the anchor's leaf is absent", b"", held, None)
    yield case("the anchor shows something else", "beside the anchor's leaf", b"", flip(held, 255), comb[held])
    past = proof[1] - k
    assert past % 8
    at = 2 + past // 8
    yield case("bit set past the depth", "last bit of the bitmap", proof[:at] + bytes([proof[at] | 1]) + proof[at + 1 :])
    own = b"\2" + proof[1:] + BASE[proof[1] // 8 :] + m.value_hash(value)
    yield case("neighbour is the key", "a present leaf as its own neighbour", own, BASE, None)
    yield case("node differs", "another value", proof, BASE, b"another")
    yield case("node differs", "a bit of the last sibling changed", flip(proof, 8 * len(proof) - 1))
    yield case("node differs", "another key", proof, flip(BASE, 255))

    # Under roots that a tree would have if it did not move lone leaves up: a stub at depth 1 beside another.
    low, beside = m.ZERO, noise("node", 1)

    def sunk(reason, title, siblings, key, value, start, proof):
        stub = joined_below(key, start, siblings)
        anchor = b"\xe8" + stub + beside
        return reason, title, m.node_hash(stub, beside), 1, anchor, key, value, proof

    leaf = lone(low, b"\1")
    yield sunk("last sibling is empty", "depth 2", [m.ZERO], low, b"\1", leaf, b"\0\2\0")
    written = b"\0\3\xc0" + m.ZERO + beside
    yield sunk("sibling of zeros", "depth 3", [m.ZERO, beside], low, b"\1", leaf, written)
    stray = b"\x40" + bytes(31)
    tail = stray + m.value_hash(b"\1")
    yield sunk("neighbour off the path", "bit 1, depth 2", [beside], low, None, lone(stray, b"\1"), b"\2\2\x80" + beside + tail)


def joined_below(key, node, siblings):
    """The node at depth 1 above one on the path of a key of zeros, beside the given siblings."""
    assert not any(key)
    return joined(key, node, siblings)


def anchor_entry(reason, title, root, k, anchor):
    reason = refused_as(reason, m.read_anchor, root, k, anchor)
    return {"title": title, "root": root, "k": k, "anchor": anchor, "reason": reason}


def invalid_entry(reason, title, root, k, anchor, key, value, proof):
    reason = refused_as(reason, m.verify_anchored, root, k, anchor, key, value, proof)
    return {"title": title, "root": root, "k": k, "anchor": anchor, "key": key, "value": value, "proof": proof, "reason": reason}


def vectors():
    asked = [(name, key) for name, key in questions() if name in DEPTHS]
    return {
        "anchors": list(anchors()),
        "proofs": [proof_entry(name, key, k) for name, key in asked for k in DEPTHS[name][-1:]],
        "invalid_anchors": [anchor_entry(*case) for case in invalid_anchors()],
        "invalid_proofs": [invalid_entry(*case) for case in invalid_proofs()],
    }
