"""snapshots.json: 10. A value is its key and a filling, so that states of more than a chunk are written in short."""

import model as m

from .common import noise, refused_as
from .tree import BASE, flip, random_keys

GENESIS, BLOCK, HEIGHT = noise("genesis", 0), noise("block", 0), 2**40 + 1_440
FILLING = b"\xab"


def filled(key, length):
    return key + FILLING * (length - len(key))


def key_of(value):
    return value[:32] if len(value) >= 32 else None


def ground(count):
    """Keys that share 240 bits."""
    return [BASE[:30] + i.to_bytes(2, "big") for i in range(count)]


LONG = m.VALUE_MOST
STATES = {
    "empty": [],
    "one": [(key, 40) for key in random_keys(1)],
    "two": [(key, length) for key, length in zip(random_keys(2), (63, 64))],
    "shortest and longest": [(key, length) for key, length in zip(random_keys(3), (32, LONG, 33))],
    "a full chunk": [(key, LONG - 1) for key in random_keys(64)],
    "a byte more than a chunk": [(key, LONG - 1 + (i == 0)) for i, key in enumerate(random_keys(64))],
    "several chunks": [(key, 9_000 + 49 * i) for i, key in enumerate(random_keys(150))],
    "ground keys": [(key, LONG) for key in ground(130)],
    "a lone leaf beside them": [(key, LONG) for key in ground(70)] + [(flip(BASE, 3), 50), (flip(BASE, 0), 80)],
}


def leaves_of(state):
    return {key: filled(key, length) for key, length in state}


def state_entry(name):
    leaves = leaves_of(STATES[name])
    manifest, chunks = m.make_snapshot(GENESIS, BLOCK, HEIGHT, leaves)
    root = m.tree_root(leaves)
    read = m.read_manifest(manifest, key_of)
    assert read[:4] == (GENESIS, BLOCK, HEIGHT, root)
    assert read[4] == [chunk[:3] for chunk in chunks]
    found = dict(read[5])
    for path, depth, hashed, rows in chunks:
        found |= m.check_chunk(path, depth, hashed, rows, key_of)
    assert found == leaves
    return {
        "state": name,
        "rows": [{"key": key, "length": length} for key, length in sorted(STATES[name])],
        "root": root,
        "manifest": manifest,
        "chunks": [
            {"path": path, "depth": depth, "hash": hashed, "length": len(rows), "sha256": m.sha256(rows)}
            for path, depth, hashed, rows in chunks
        ],
    }


def invalid_manifests():
    """(reason, what it is, tree of the manifest)"""
    low, high = (m.row(filled(key, 40)) for key in (b"\x10" * 32, b"\x90" * 32))
    hashed = noise("chunk", 0)
    yield "truncated", "no tree", b""
    yield "truncated", "a chunk without its hash", b"\x80" + hashed[:-1]
    yield "left-over bytes", "a byte more", b"\x80" + hashed + b"\0"
    yield "padding bit set", "the empty state", b"\1"
    yield "hash of zeros", "a chunk of nothing", b"\x80" + m.ZERO
    yield "split of fewer than two leaves", "nothing twice", b"\xc0"
    yield "split of fewer than two leaves", "a leaf and nothing", b"\xd0" + low
    yield "split of what fits into a chunk", "two rows", b"\xd4" + low + high
    yield "split of what fits into a chunk", "a chunk and nothing", b"\xe0" + hashed
    yield "leaf off the path", "two rows exchanged", b"\xd4" + high + low
    yield "no leaf", "a value that is too short", b"\x40" + m.row(b"short")
    yield "empty value", "an empty row", b"\x40\0"
    yield "length of a row", "a compact length of four bytes", b"\x40" + (40 << 2 | 2).to_bytes(4, "little") + filled(BASE, 40)
    yield "compact length is not the shortest", "a length of 40 in two bytes", b"\x40" + (40 << 2 | 1).to_bytes(2, "little") + filled(BASE, 40)
    yield "mark at the wrong depth", "splits without end", b"\xff" * 65


def manifest_entry(reason, title, tree, version=1):
    manifest = bytes([version]) + GENESIS + BLOCK + HEIGHT.to_bytes(8, "little") + tree
    reason = refused_as(reason, m.read_manifest, manifest, key_of)
    return {"title": title, "manifest": manifest, "reason": reason}


def invalid_chunks():
    """(reason, what it is, chunk, rows)"""
    leaves = {bytes([byte]) * 32: filled(bytes([byte]) * 32, length) for byte, length in ((16, 40), (32, 80), (48, 50))}
    chunk = (m.ZERO, 2, m.tree_root(leaves, 2))
    one, two, three = rows = [m.row(value) for value in leaves.values()]
    whole = b"".join(rows)
    m.check_chunk(*chunk, whole, key_of)
    yield "fewer than two rows", "no bytes", chunk, b""
    yield "fewer than two rows", "one row", (m.ZERO, 2, m.tree_root({b"\x10" * 32: leaves[b"\x10" * 32]})), one
    yield "truncated", "last byte missing", chunk, whole[:-1]
    yield "truncated", "half a length", chunk, whole + b"\1"
    yield "empty value", "an empty row", chunk, whole + b"\0"
    yield "no leaf", "a value that is too short", chunk, whole + m.row(b"short")
    yield "length of a row", "a compact length of four bytes", chunk, whole + b"\2\0\1\0" + bytes(70)
    yield "rows do not rise", "two rows exchanged", chunk, one + three + two
    yield "rows do not rise", "a row twice", chunk, one + one + two + three
    yield "row of another chunk", "a row beyond the prefix", chunk, whole + m.row(filled(b"\x40" * 32, 40))
    yield "row of another chunk", "the right rows under another path", (b"\x40" + bytes(31), 2, chunk[2]), whole
    yield "hash differs", "a row missing", chunk, one + two
    yield "hash differs", "a bit changed", chunk, flip(whole, 8 * len(whole) - 1)
    yield "hash differs", "the right rows at another depth", (m.ZERO, 1, chunk[2]), whole


def chunk_entry(reason, title, chunk, rows):
    path, depth, hashed = chunk
    reason = refused_as(reason, m.check_chunk, path, depth, hashed, rows, key_of)
    return {"title": title, "path": path, "depth": depth, "hash": hashed, "rows": rows, "reason": reason}


def vectors():
    manifests = [manifest_entry(*case) for case in invalid_manifests()]
    manifests.append(manifest_entry("unknown version", "version 2", b"\0", 2))
    return {
        "genesis": GENESIS,
        "block": BLOCK,
        "height": HEIGHT,
        "filling": FILLING,
        "states": [state_entry(name) for name in STATES],
        "invalid_manifests": manifests,
        "invalid_chunks": [chunk_entry(*case) for case in invalid_chunks()],
    }
