"""04 §6 to §9 and 10: streams of bits and bytes, multiproofs, anchors, anchored proofs, snapshots."""

from .encoding import ZERO, Compact, Reader, require
from .tree import key_bit, leaf_hash, node_hash, split, tree_root, value_hash

KEYS_MOST, ANCHOR_MOST = 4_096, 16
EMPTY, LEAF_MARK, STUB, SPLIT = range(4)
VALUE_MOST, CHUNK_MOST, MANIFEST_MOST, SNAPSHOT_VERSION = 16_383, 1 << 20, 16 << 20, 1


# --- 04 §6 ---


class BitWriter:
    def __init__(self):
        self.bytes, self.at, self.count = bytearray(), 0, 0

    def bit(self, bit):
        if self.count % 8 == 0:
            self.at = len(self.bytes)
            self.bytes.append(0)
        self.bytes[self.at] |= bit << 7 - self.count % 8
        self.count += 1

    def mark(self, mark):
        self.bit(mark >> 1)
        self.bit(mark & 1)

    def put(self, data):
        self.bytes += data


class BitReader(Reader):
    def __init__(self, data):
        super().__init__(data)
        self.bits = []

    def bit(self):
        if not self.bits:
            byte = self.take(1)[0]
            self.bits = [byte >> 7 - i & 1 for i in range(8)]
        return self.bits.pop(0)

    def mark(self):
        return self.bit() << 1 | self.bit()

    def hash(self):
        found = self.take(32)
        require(found != ZERO, "hash of zeros")
        return found

    def finish(self):
        require(not any(self.bits), "padding bit set")
        require(self.at == len(self.data), "left-over bytes")


def begins_with(key, path, depth):
    return all(key_bit(key, i) == key_bit(path, i) for i in range(depth))


def stepped(path, depth, bit):
    """The path one bit further; the bits after it are zeros."""
    changed = bytearray(path)
    changed[depth // 8] |= bit << 7 - depth % 8
    return bytes(changed)


def joined_halves(left, right):
    """A node from (is a leaf, hash) of its halves (§6.4)."""
    small = [hashed == ZERO or is_leaf for is_leaf, hashed in (left, right)]
    require(ZERO not in (left[1], right[1]) or not all(small), "split of fewer than two leaves")
    return False, node_hash(left[1], right[1])


# --- 04 §7 ---


def sides(keys, depth):
    return [[key for key in keys if key_bit(key, depth) == bit] for bit in (0, 1)]


def prove_many(leaves, keys):
    require(1 <= len(keys) <= KEYS_MOST, "too few or too many keys")
    require(all(a < b for a, b in zip(keys, keys[1:])), "keys do not rise")
    writer = BitWriter()

    def write(leaves, keys, depth):
        writer.bit(len(leaves) > 1)
        if len(leaves) > 1:
            halves = list(zip(split(leaves, depth), sides(keys, depth)))
            for below, asked in halves:
                if not asked:
                    writer.bit(bool(below))
                    writer.put(tree_root(below, depth + 1) if below else b"")
            for below, asked in halves:
                if asked:
                    write(below, asked, depth + 1)
        elif not any(key in leaves for key in keys):
            writer.bit(bool(leaves))
            for neighbour, value in leaves.items():
                writer.put(neighbour[depth // 8 :] + value_hash(value))

    write(leaves, keys, 0)
    return bytes(writer.bytes)


def verify_many(root, claims, proof):
    """`claims` are pairs of a key and a value, None for absence."""
    require(1 <= len(claims) <= KEYS_MOST, "too few or too many keys")
    require(all(a[0] < b[0] for a, b in zip(claims, claims[1:])), "keys do not rise")
    require(all(value != b"" for _, value in claims), "empty value")
    values, reader = dict(claims), BitReader(proof)

    def read(keys, depth):
        if reader.bit():
            require(depth < 256, "split at depth 256")
            halves = sides(keys, depth)
            beside = [None if keys else ((False, reader.hash()) if reader.bit() else (False, ZERO)) for keys in halves]
            return joined_halves(*(seen or read(keys, depth + 1) for seen, keys in zip(beside, halves)))
        present = [key for key in keys if values[key] is not None]
        require(len(present) <= 1, "two leaves at one place")
        if present:
            return True, leaf_hash(present[0], value_hash(values[present[0]]))
        if not reader.bit():
            return False, ZERO
        neighbour = keys[0][: depth // 8] + reader.take(32 - depth // 8)
        hashed = reader.take(32)
        require(begins_with(neighbour, keys[0], depth), "leaf off the path")
        require(neighbour not in values, "neighbour is a key")
        return True, leaf_hash(neighbour, hashed)

    _, reached = read([key for key, _ in claims], 0)
    reader.finish()
    require(reached == root, "root differs")


# --- 04 §8 ---


def make_anchor(leaves, k):
    writer = BitWriter()

    def write(leaves, depth):
        if len(leaves) > 1 and depth < k:
            writer.mark(SPLIT)
            for half in split(leaves, depth):
                write(half, depth + 1)
            return
        writer.mark((EMPTY, LEAF_MARK, STUB)[min(len(leaves), 2)])
        if len(leaves) > 1:
            writer.put(tree_root(leaves, depth))
        for key, value in leaves.items() if len(leaves) == 1 else ():
            writer.put(key + value_hash(value))

    write(leaves, 0)
    return bytes(writer.bytes)


def read_anchor(root, k, data):
    """The ends of the anchor from left to right: (path, depth, mark, what follows it)."""
    assert 0 <= k <= ANCHOR_MOST
    reader, ends = BitReader(data), []

    def read(path, depth):
        mark = reader.mark()
        require(mark not in (STUB, SPLIT) or (depth == k) == (mark == STUB), "mark at the wrong depth")
        if mark == SPLIT:
            return joined_halves(*(read(stepped(path, depth, bit), depth + 1) for bit in (0, 1)))
        if mark == EMPTY:
            seen, follows = (False, ZERO), None
        elif mark == STUB:
            follows = reader.hash()
            seen = False, follows
        else:
            follows = reader.take(32), reader.take(32)
            require(begins_with(follows[0], path, depth), "leaf off the path")
            seen = True, leaf_hash(*follows)
        ends.append((path, depth, mark, follows))
        return seen

    _, reached = read(ZERO, 0)
    reader.finish()
    require(reached == root, "root differs")
    return ends


# --- 04 §9 ---


def cut_proof(proof, k):
    """The anchored form of a single proof: without its first k levels."""
    form, depth = proof[:2]
    if depth <= k:
        return b""
    size = (depth + 7) // 8
    bits = [proof[2 + i // 8] >> 7 - i % 8 & 1 for i in range(depth)]
    bitmap = bytearray((depth - k + 7) // 8)
    for i, bit in enumerate(bits[k:]):
        bitmap[i // 8] |= bit << 7 - i % 8
    return bytes([form, depth]) + bytes(bitmap) + proof[2 + size + 32 * sum(bits[:k]) :]


def verify_anchored(root, k, anchor, key, value, proof):
    """04 §9: True for presence of `value`, False for absence; `value` is None where absence is claimed."""
    require(value != b"", "empty value")
    path, depth, mark, follows = next(end for end in read_anchor(root, k, anchor) if begins_with(key, *end[:2]))
    claimed = None if value is None else value_hash(value)
    if mark != STUB:
        require(proof == b"", "left-over bytes")
        held = follows[1] if mark == LEAF_MARK and follows[0] == key else None
        require(held == claimed, "the anchor shows something else")
        return value is not None
    reader = Reader(proof)
    form, depth = reader.take(2)
    require(form <= 2, "unknown form")
    require(depth > k, "depth within the anchor")
    bitmap = reader.take((depth - k + 7) // 8)
    bits = [bitmap[i // 8] >> 7 - i % 8 & 1 for i in range(len(bitmap) * 8)]
    require(not any(bits[depth - k :]), "bit set past the depth")
    require(bits[depth - k - 1], "last sibling is empty")
    siblings = [reader.take(32) if bit else ZERO for bit in bits[: depth - k]]
    require(all(sibling != ZERO for sibling, bit in zip(siblings, bits) if bit), "sibling of zeros")
    tail = reader.take(64 - depth // 8) if form == 2 else b""
    require(reader.at == len(proof), "left-over bytes")
    require((form == 0) == (value is not None), "the opposite of the claim")
    node = ZERO
    if form == 0:
        node = leaf_hash(key, claimed)
    if form == 2:
        neighbour = key[: depth // 8] + tail[:-32]
        require(neighbour != key, "neighbour is the key")
        require(begins_with(neighbour, key, depth), "neighbour off the path")
        node = leaf_hash(neighbour, tail[-32:])
    for i in reversed(range(k, depth)):
        node = node_hash(siblings[i - k], node) if key_bit(key, i) else node_hash(node, siblings[i - k])
    require(node == follows, "node differs")
    return form == 0


# --- 10 ---


def row(value):
    require(1 <= len(value) <= VALUE_MOST, "value empty or too long")
    return Compact().encode(len(value)) + value


def read_row(reader):
    require(reader.data[reader.at : reader.at + 1] == b"" or reader.data[reader.at] & 3 < 2, "length of a row")
    length = Compact().read(reader)
    require(length > 0, "empty value")
    return reader.take(length)


def make_snapshot(genesis, block, height, leaves):
    """The manifest and the chunks: (path, depth, hash, bytes)."""
    writer, chunks = BitWriter(), []
    writer.put(bytes([SNAPSHOT_VERSION]) + genesis + block + height.to_bytes(8, "little"))

    def write(leaves, path, depth):
        rows = b"".join(row(leaves[key]) for key in sorted(leaves))
        if len(leaves) > 1 and len(rows) > CHUNK_MOST:
            writer.mark(SPLIT)
            for bit, half in enumerate(split(leaves, depth)):
                write(half, stepped(path, depth, bit), depth + 1)
            return
        writer.mark((EMPTY, LEAF_MARK, STUB)[min(len(leaves), 2)])
        if len(leaves) > 1:
            chunks.append((path, depth, tree_root(leaves, depth), rows))
            rows = chunks[-1][2]
        writer.put(rows)

    write(leaves, ZERO, 0)
    require(len(writer.bytes) <= MANIFEST_MOST, "manifest too long")
    return bytes(writer.bytes), chunks


def read_manifest(data, key_of):
    """genesis, block, height, root, chunks as (path, depth, hash), and the leaves that stand in the manifest."""
    require(len(data) <= MANIFEST_MOST, "manifest too long")
    reader, chunks, leaves = BitReader(data), [], {}
    require(reader.take(1)[0] == SNAPSHOT_VERSION, "unknown version")
    genesis, block, height = reader.take(32), reader.take(32), int.from_bytes(reader.take(8), "little")

    def read(path, depth):
        """What is seen, and the length of its rows: a number, "chunk" for that of the chunk which it is, or None."""
        mark = reader.mark()
        if mark == EMPTY:
            return (False, ZERO), 0
        if mark == LEAF_MARK:
            begin = reader.at
            value = read_row(reader)
            key = key_of(value)
            require(key is not None, "no leaf")
            require(begins_with(key, path, depth), "leaf off the path")
            leaves[key] = value
            return (True, leaf_hash(key, value_hash(value))), reader.at - begin
        if mark == STUB:
            chunk = path, depth, reader.hash()
            require(depth < 256, "mark at the wrong depth")
            chunks.append(chunk)
            return (False, chunk[2]), "chunk"
        require(depth < 256, "mark at the wrong depth")
        (left, left_size), (right, right_size) = (read(stepped(path, depth, bit), depth + 1) for bit in (0, 1))
        seen = joined_halves(left, right)
        require({left_size, right_size} != {0, "chunk"}, "split of what fits into a chunk")
        if not (isinstance(left_size, int) and isinstance(right_size, int)):
            return seen, None
        require(left_size + right_size > CHUNK_MOST, "split of what fits into a chunk")
        return seen, left_size + right_size

    (_, root), _ = read(ZERO, 0)
    reader.finish()
    return genesis, block, height, root, chunks, leaves


def check_chunk(path, depth, hashed, data, key_of):
    """10 §3.2: the leaves of a chunk."""
    require(len(data) <= CHUNK_MOST, "chunk too long")
    reader, values = Reader(data), []
    while reader.at < len(data):
        values.append(read_row(reader))
    require(len(values) > 1, "fewer than two rows")
    keys = [key_of(value) for value in values]
    for i, key in enumerate(keys):
        require(key is not None, "no leaf")
        require(begins_with(key, path, depth), "row of another chunk")
        require(i == 0 or keys[i - 1] < key, "rows do not rise")
    leaves = dict(zip(keys, values))
    require(tree_root(leaves, depth) == hashed, "hash differs")
    return leaves
