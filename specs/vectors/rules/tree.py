"""04 §2 to §4: the hashes, shape and proofs of the account tree."""

from .encoding import ZERO, Reader, big, require, sha256, tagged_hash

PRIMES = [n for n in range(2, 312) if all(n % d for d in range(2, n))]


def root_fraction(number, degree):
    """The first 32 bits of the fraction of a square or cube root, by bisection on integers (FIPS 180-4 §4.2.2)."""
    low, high, goal = 0, 1 << 48, number << 32 * degree
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**degree <= goal else (low, middle)
    return low & 0xFFFFFFFF


SHA256_START = [root_fraction(p, 2) for p in PRIMES[:8]]
SHA256_ROUNDS = [root_fraction(p, 3) for p in PRIMES]


def rotate(word, count):
    return word >> count | word << 32 - count & 0xFFFFFFFF


def sha256_block(state, block):
    """One SHA-256 compression, FIPS 180-4 §6.2.2."""
    w = [big(block[i : i + 4]) for i in range(0, 64, 4)]
    for t in range(16, 64):
        s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3
        s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append(w[t - 16] + s0 + w[t - 7] + s1 & 0xFFFFFFFF)
    a, b, c, d, e, f, g, h = state
    for constant, word in zip(SHA256_ROUNDS, w):
        one = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + (e & f ^ ~e & g) + constant + word
        two = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = one + two & 0xFFFFFFFF, a, b, c, d + one & 0xFFFFFFFF, e, f, g
    return [x + y & 0xFFFFFFFF for x, y in zip(state, (a, b, c, d, e, f, g, h))]


def compress(tag, block):
    state = sha256_block(sha256_block(SHA256_START, sha256(tag.encode()) * 2), block)
    return b"".join(word.to_bytes(4, "big") for word in state)


def value_hash(value):
    return tagged_hash("sapwood/tree/value", value)


def leaf_hash(key, hashed_value):
    return compress("sapwood/tree/leaf", key + hashed_value)


def node_hash(left, right):
    return compress("sapwood/tree/node", left + right)


def key_bit(key, index):
    return key[index // 8] >> 7 - index % 8 & 1


def split(leaves, depth):
    """The leaves of the left and the right subtree of a node at `depth`."""
    sides = {}, {}
    for key, value in leaves.items():
        sides[key_bit(key, depth)][key] = value
    return sides


def tree_root(leaves, depth=0):
    """04 §3; `leaves` maps keys to values and holds what is below the node at `depth`."""
    if not leaves:
        return ZERO
    if len(leaves) == 1:
        key, value = next(iter(leaves.items()))
        return leaf_hash(key, value_hash(value))
    return node_hash(*(tree_root(side, depth + 1) for side in split(leaves, depth)))


def prove(leaves, key):
    """04 §4.1: the proof bytes of presence or absence of `key`. A key can meet 256 bits of another only by collision."""
    depth, siblings = 0, []
    while len(leaves) > 1:
        sides = split(leaves, depth)
        siblings.append(tree_root(sides[1 - key_bit(key, depth)], depth + 1))
        leaves, depth = sides[key_bit(key, depth)], depth + 1
    form = 1 if not leaves else 0 if key in leaves else 2
    tail = b""
    if form == 2:
        neighbour, value = next(iter(leaves.items()))
        tail = neighbour[depth // 8 :] + value_hash(value)
    return encode_proof(form, depth, siblings, tail)


def encode_proof(form, depth, siblings, tail=b""):
    bitmap = bytearray((depth + 7) // 8)
    for i, sibling in enumerate(siblings):
        if sibling != ZERO:
            bitmap[i // 8] |= 0x80 >> i % 8
    return bytes([form, depth]) + bytes(bitmap) + b"".join(s for s in siblings if s != ZERO) + tail


def verify_proof(root, key, value, proof):
    """04 §4.4, §4.5: True for presence of `value`, False for absence. Forms 1 and 2 do not look at `value`."""
    reader = Reader(proof)
    form, depth = reader.take(2)
    require(form <= 2, "unknown form")
    bitmap = reader.take((depth + 7) // 8)
    bits = [bitmap[i // 8] >> 7 - i % 8 & 1 for i in range(len(bitmap) * 8)]
    require(not any(bits[depth:]), "bit set past the depth")
    require(depth == 0 or bits[depth - 1], "last sibling is empty")
    siblings = [reader.take(32) if bit else ZERO for bit in bits[:depth]]
    require(all(sibling != ZERO for sibling, bit in zip(siblings, bits) if bit), "sibling of zeros")
    node = ZERO
    if form == 0:
        require(value, "empty value")
        node = leaf_hash(key, value_hash(value))
    if form == 2:
        neighbour = key[: depth // 8] + reader.take(32 - depth // 8)
        require(all(key_bit(neighbour, i) == key_bit(key, i) for i in range(depth)), "neighbour off the path")
        require(neighbour != key, "neighbour is the key")
        node = leaf_hash(neighbour, reader.take(32))
    require(reader.at == len(proof), "left-over bytes")
    for i in reversed(range(depth)):
        node = node_hash(siblings[i], node) if key_bit(key, i) else node_hash(node, siblings[i])
    require(node == root, "root differs")
    return form == 0
