"""tree.json: 04 and the leaves of 05 §2 and 06."""

import model as m

from .common import IDS, noise, refused_as, some_records

# --- leaves ---


def accounts():
    bare = {
        "type": "Account",
        "id": IDS[0],
        "nonce": 65_536,
        "balance": 1_000_000,
        "authority": None,
        "records": b"",
        "name": None,
        "limit": None,
        "guardian": None,
        "owner_change": None,
        "guardian_change": None,
        "standing_order": None,
        "holds": 0,
    }
    limit = {"rate": 10**10, "delay_days": 7, "level": 10**13, "exempt_level": 1_440_000_000, "last": 7_000}
    options = {
        "authority": IDS[1],
        "name": "alice",
        "limit": limit,
        "guardian": {"account": IDS[2], "frozen_until": 0},
        "guardian_change": {"authority": IDS[3], "effective": 9_000},
        "standing_order": 200_000_000,
    }
    changes = [
        {"type": "Limit", "rate": 5, "delay_days": 30},
        {"type": "LimitRemove"},
        {"type": "Authority", "authority": IDS[3]},
        {"type": "Guardian", "guardian": IDS[2]},
        {"type": "Guardian", "guardian": None},
        {"type": "Transfer", "to": IDS[4]},
        {"type": "Release"},
        {"type": "Close", "to": IDS[5]},
    ]
    pending = [{"change": change, "effective": 8_640 + i} for i, change in enumerate(changes)]
    yield bare
    for name, value in options.items():
        yield bare | {name: value}
    for change in pending:
        yield bare | {"owner_change": change}
    yield bare | {"records": some_records(0, 63)}
    yield bare | {"records": some_records(1, 64)}
    yield bare | options | {"owner_change": pending[0], "records": some_records(2, 512), "holds": 3}
    yield bare | {"id": IDS[1], "nonce": 2**64 - 1, "balance": m.SUPPLY, "holds": 2**32 - 1}


def leaves():
    yield {"type": "System", "reserve": m.SUPPLY, "rent_base": 100_000_000 << 32, "live_names": 0}
    yield {"type": "System", "reserve": 0, "rent_base": m.SUPPLY << 32, "live_names": 2**64 - 1}
    yield from accounts()
    yield {"type": "Name", "name": "alice", "owner": IDS[0], "paid_until": 525_600, "last_price": 100_000_000}
    yield {"type": "Name", "name": "a", "owner": None, "paid_until": 1, "last_price": 1}
    yield {"type": "Name", "name": "a-" + "b" * 61, "owner": IDS[1], "paid_until": 2**64 - 1, "last_price": m.SUPPLY}
    yield {"type": "Commitment", "hash": noise("commitment", 0), "height": 12}
    yield {"type": "Coinbase", "height": 0, "payee": m.ZERO, "amount": 0}
    yield {"type": "Coinbase", "height": 2**40 + 5, "payee": IDS[0], "amount": 2_002_716_064}


def leaf_entry(leaf):
    value, key = m.LEAF.encode(leaf), m.leaf_key(leaf)
    assert m.decode(m.LEAF, value, 4_096) == leaf
    kind, leaf_id = m.leaf_id(leaf)
    hashed = m.value_hash(value)
    return {
        "kind": kind,
        "leaf": leaf,
        "id": leaf_id,
        "key": key,
        "value": value,
        "value_hash": hashed,
        "leaf_hash": m.leaf_hash(key, hashed),
        "coins": m.coins(leaf),
    }


# --- sets of leaves ---


def flip(key, bit):
    changed = bytearray(key)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


def values(keys):
    return {key: noise("value", i, 1 + 7 * i % 50) for i, key in enumerate(keys)}


def random_keys(count):
    return [m.sha256(i.to_bytes(8, "little")) for i in range(count)]


BASE = noise("base key", 0)
SETS = {
    "empty": {},
    "one": values(random_keys(1)),
    "two": values(random_keys(2)),
    "three": values(random_keys(3)),
    "seventeen": values(random_keys(17)),
    "two hundred": values(random_keys(200)),
    "keys of zeros and of ones": values([m.ZERO, b"\xff" * 32]),
    "first bits differ": values([BASE] + [flip(BASE, bit) for bit in range(10)]),
    "16 bits shared": values([BASE, flip(BASE, 16)]),
    "comb": values([BASE] + [flip(BASE, bit) for bit in (0, 7, 8, 9, 100, 200, 254)]),
    "254 bits shared": values([BASE, flip(BASE, 254)]),
    "254 bits shared, right": values([flip(BASE, 0), flip(flip(BASE, 0), 254), noise("far", 0)]),
    "255 bits shared": values([BASE, flip(BASE, 255)]),
}


def set_entry(name):
    pairs = [{"key": key, "value": value} for key, value in SETS[name].items()]
    return {"set": name, "leaves": pairs, "root": m.tree_root(SETS[name])}


# --- proofs ---


def questions():
    """(set, key asked for)"""
    for name in ("one", "two", "three"):
        yield from ((name, key) for key in SETS[name])
    for name in ("empty", "one", "two", "three", "seventeen", "two hundred"):
        yield from ((name, noise("absent", i)) for i in range(3))
    yield from (("seventeen", key) for key in random_keys(17)[::4])
    yield from (("two hundred", key) for key in random_keys(200)[::40])
    yield from (("keys of zeros and of ones", key) for key in (m.ZERO, b"\xff" * 32, BASE))
    yield from (("first bits differ", key) for key in (BASE, flip(BASE, 9), flip(BASE, 10), flip(BASE, 255)))
    yield from (("16 bits shared", flip(BASE, bit)) for bit in (0, 1, 7, 8, 9, 15, 16, 17, 255))
    yield from (("comb", key) for key in (BASE, flip(BASE, 7), flip(BASE, 200), flip(BASE, 254)))
    yield from (("comb", flip(BASE, bit)) for bit in (1, 101, 199, 201, 253, 255))
    yield from (("254 bits shared", flip(BASE, bit)) for bit in (254, 255, 253, 0, 128))
    yield from (("254 bits shared", flip(flip(BASE, 254), bit)) for bit in (254, 255))
    yield from (("254 bits shared, right", flip(BASE, 0)[:31] + bytes([last])) for last in range(4))


def proof_entry(name, key):
    root, value, proof = m.tree_root(SETS[name]), SETS[name].get(key), m.prove(SETS[name], key)
    assert m.verify_proof(root, key, value, proof) == (value is not None)
    return {"set": name, "root": root, "key": key, "value": value, "proof": proof}


def parts(proof):
    """form, depth, bitmap and the rest"""
    size = (proof[1] + 7) // 8
    return proof[0], proof[1], proof[2 : 2 + size], proof[2 + size :]


def lone(key, value):
    return m.leaf_hash(key, m.value_hash(value))


def joined(key, node, siblings):
    """The root above a node on the path of `key`, beside the given siblings."""
    for i in reversed(range(len(siblings))):
        node = m.node_hash(*((siblings[i], node) if m.key_bit(key, i) else (node, siblings[i])))
    return node


def invalid():
    """(reason, what it is, root, key, value, proof). Where it can be, the hashes do lead to the root: the form alone is wrong."""
    comb = SETS["comb"]
    root, value = m.tree_root(comb), comb[BASE]
    present = m.prove(comb, BASE)
    form, depth, bitmap, rest = parts(present)
    beside = flip(flip(BASE, 100), 255)
    other = m.prove(comb, beside)
    pair = SETS["16 bits shared"]
    pair_root, hole = m.tree_root(pair), flip(BASE, 8)
    empty_spot = m.prove(pair, hole)
    assert present[0] == 0 and other[0] == 2 and empty_spot[0] == 1

    yield "unknown form", "form 3", root, BASE, value, b"\x03" + present[1:]
    yield "unknown form", "form 255", root, BASE, value, b"\xff" + present[1:]
    yield "truncated", "no bytes", root, BASE, value, b""
    yield "truncated", "form alone", root, BASE, value, present[:1]
    yield "truncated", "within the bitmap", root, BASE, value, present[:5]
    yield "truncated", "last byte of the siblings missing", root, BASE, value, present[:-1]
    yield "truncated", "last sibling missing", root, BASE, value, present[:-32]
    yield "truncated", "last byte of the neighbour's value hash missing", root, beside, None, other[:-1]
    yield "truncated", "no neighbour", root, beside, None, present.replace(present[:1], b"\x02", 1)
    yield "left-over bytes", "form 0 and a byte", root, BASE, value, present + b"\0"
    yield "left-over bytes", "form 0 and a sibling", root, BASE, value, present + noise("sibling", 0)
    yield "left-over bytes", "form 1 and a byte", pair_root, hole, None, empty_spot + b"\0"
    yield "left-over bytes", "form 1 of depth 0 and a byte", m.ZERO, BASE, None, b"\x01\x00\x00"
    yield "left-over bytes", "form 2 and a byte", root, beside, None, other + b"\0"
    assert depth % 8 and empty_spot[1] == 9
    past = bitmap[:-1] + bytes([bitmap[-1] | 1])
    yield "bit set past the depth", "last bit of the bitmap", root, BASE, value, bytes([form, depth]) + past + rest
    yield "bit set past the depth", "first bit past the depth", pair_root, hole, None, b"\x01\x09\x00\xc0" + empty_spot[4:]
    zeros = bytes([form, depth, bitmap[0] | 0x40]) + bitmap[1:] + rest[:32] + m.ZERO + rest[32:]
    yield "sibling of zeros", "an empty sibling written out", root, BASE, value, zeros
    yield "sibling of zeros", "in form 1", m.ZERO, BASE, None, b"\x01\x01\x80" + m.ZERO

    # Subtrees that would have moved up, under roots that such a tree would have if it did not move them.
    sibling, node = noise("sibling", 1), lone(BASE, value)
    sunk = m.encode_proof(0, 2, [sibling, m.ZERO])
    yield "last sibling is empty", "form 0, depth 2", joined(BASE, node, [sibling, m.ZERO]), BASE, value, sunk
    yield "last sibling is empty", "form 0, depth 1", joined(BASE, node, [m.ZERO]), BASE, value, b"\x00\x01\x00"
    yield "last sibling is empty", "form 1, depth 1", joined(BASE, m.ZERO, [m.ZERO]), BASE, None, b"\x01\x01\x00"
    far = flip(BASE, 200)
    tail = far[1:] + m.value_hash(value)
    sunk_root = joined(BASE, lone(far, value), [sibling] + [m.ZERO] * 8)
    yield "last sibling is empty", "form 2, depth 9", sunk_root, BASE, None, m.encode_proof(2, 9, [sibling] + [m.ZERO] * 8, tail)

    nothing = lone(BASE, b"")
    yield "empty value", "form 0, depth 0", nothing, BASE, b"", b"\x00\x00"
    yield "empty value", "form 0, depth 1", joined(BASE, nothing, [sibling]), BASE, b"", m.encode_proof(0, 1, [sibling])
    same = BASE[depth // 8 :] + m.value_hash(value)
    yield "neighbour is the key", "a present leaf as its own neighbour", root, BASE, None, b"\x02" + present[1:] + same
    alone = b"\x02\x00" + BASE + m.value_hash(value)
    yield "neighbour is the key", "in a tree of one leaf", lone(BASE, value), BASE, None, alone
    for bit in (0, 2):
        stray = flip(flip(BASE, bit), 77)
        stray_root = joined(BASE, lone(stray, value), [sibling] * 3)
        proof = m.encode_proof(2, 3, [sibling] * 3, stray + m.value_hash(value))
        yield "neighbour off the path", f"bit {bit}, depth 3", stray_root, BASE, None, proof
    stray = flip(BASE, 8)
    stray_root = joined(BASE, lone(stray, value), [sibling] * 9)
    proof = m.encode_proof(2, 9, [sibling] * 9, stray[1:] + m.value_hash(value))
    yield "neighbour off the path", "bit 8, depth 9", stray_root, BASE, None, proof

    yield "root differs", "another value", root, BASE, value + b"\0", present
    yield "root differs", "another key", root, flip(BASE, 255), value, present
    yield "root differs", "another root", flip(root, 0), BASE, value, present
    yield "root differs", "root of zeros", m.ZERO, BASE, value, present
    yield "root differs", "a bit of the last sibling changed", root, BASE, value, flip(present, 8 * len(present) - 1)
    yield "root differs", "empty tree claimed", root, BASE, None, b"\x01\x00"
    yield "root differs", "presence shown as absence by form 1", root, BASE, None, b"\x01" + present[1:]
    yield "root differs", "absence shown as presence", pair_root, hole, b"\1", b"\x00" + empty_spot[1:]
    yield "root differs", "another neighbour", root, beside, None, flip(other, 8 * (len(other) - 33) + 6)
    yield "root differs", "another value hash of the neighbour", root, beside, None, flip(other, 8 * len(other) - 1)


def invalid_entry(reason, title, root, key, value, proof):
    reason = refused_as(reason, m.verify_proof, root, key, value, proof)
    return {"title": title, "root": root, "key": key, "value": value, "proof": proof, "reason": reason}


def keys():
    ids = [("system", b""), ("account", IDS[0]), ("name", b"alice"), ("commitment", noise("commitment", 0))]
    ids += [("coinbase", (2**40 + 5).to_bytes(8, "little")), ("pool", IDS[0]), ("lane", IDS[0])]
    return [{"kind": kind, "id": leaf_id, "key": m.tree_key(kind, leaf_id)} for kind, leaf_id in ids]


def vectors():
    proofs = [proof_entry(name, key) for name, key in questions()]
    assert {proof["proof"][0] for proof in proofs} == {0, 1, 2}
    return {
        "keys": keys(),
        "leaves": [leaf_entry(leaf) for leaf in leaves()],
        "sets": [set_entry(name) for name in SETS],
        "proofs": proofs,
        "invalid": [invalid_entry(*case) for case in invalid()],
    }
