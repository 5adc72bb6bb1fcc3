"""01 §1: the byte form of every value, and 01 §2: tagged hashes.

A codec has `encode(value) -> bytes` and `read(reader) -> value`. Structures are dicts, enum values are dicts with a "type"
entry, byte strings are bytes, names are str, an absent option is None.
"""

import hashlib

SUPPLY = 84_000_000 * 100_000_000  # 01 §5.1, drops


class Refused(ValueError):
    """An input that the specification refuses; the text is the reason."""


def require(condition, reason):
    if not condition:
        raise Refused(reason)


class Reader:
    """A cursor over a whole input."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        require(self.at + count <= len(self.data), "truncated")
        self.at += count
        return self.data[self.at - count : self.at]


class Uint:
    """Fixed-width little-endian integer."""

    def __init__(self, bits):
        self.size = bits // 8

    def encode(self, value):
        return value.to_bytes(self.size, "little")

    def read(self, reader):
        return int.from_bytes(reader.take(self.size), "little")


class AmountNumber(Uint):
    """01 §5.1: drops; more than the supply is no amount."""

    def encode(self, value):
        require(value <= SUPPLY, "amount above the supply")
        return super().encode(value)

    def read(self, reader):
        value = super().read(reader)
        require(value <= SUPPLY, "amount above the supply")
        return value


class Bool:
    def encode(self, value):
        return bytes([value])

    def read(self, reader):
        byte = reader.take(1)[0]
        require(byte <= 1, "bool is neither 0 nor 1")
        return byte == 1


class Fixed:
    """A byte array of fixed length, without a prefix."""

    def __init__(self, size):
        self.size = size

    def encode(self, value):
        require(len(value) == self.size, "wrong length")
        return value

    def read(self, reader):
        return reader.take(self.size)


class Compact:
    """The compact length, the only variable-width integer. No bounded vector is long enough for its fourth mode."""

    def encode(self, value):
        if value < 1 << 6:
            return (value << 2).to_bytes(1, "little")
        if value < 1 << 14:
            return (value << 2 | 1).to_bytes(2, "little")
        return (value << 2 | 2).to_bytes(4, "little")

    def read(self, reader):
        first = reader.take(1)
        mode = first[0] & 3
        require(mode != 3, "length out of bounds")
        value = int.from_bytes(first + reader.take((0, 1, 3)[mode]), "little") >> 2
        require(len(self.encode(value)) == (1, 2, 4)[mode], "compact length is not the shortest")
        return value


class Vec:
    """Between `least` and `most` items after their compact count."""

    def __init__(self, item, least, most):
        self.item, self.least, self.most = item, least, most

    def encode(self, items):
        require(self.least <= len(items) <= self.most, "length out of bounds")
        return Compact().encode(len(items)) + b"".join(map(self.item.encode, items))

    def read(self, reader):
        count = Compact().read(reader)
        require(self.least <= count <= self.most, "length out of bounds")
        return [self.item.read(reader) for _ in range(count)]


class Bytes:
    """At most `most` bytes after their compact count."""

    def __init__(self, most):
        self.most = most

    def encode(self, value):
        require(len(value) <= self.most, "length out of bounds")
        return Compact().encode(len(value)) + value

    def read(self, reader):
        count = Compact().read(reader)
        require(count <= self.most, "length out of bounds")
        return reader.take(count)


class Opt:
    def __init__(self, inner):
        self.inner = inner

    def encode(self, value):
        return b"\0" if value is None else b"\1" + self.inner.encode(value)

    def read(self, reader):
        byte = reader.take(1)[0]
        require(byte <= 1, "option is neither 0 nor 1")
        return self.inner.read(reader) if byte else None


class Struct:
    def __init__(self, **fields):
        self.fields = fields

    def encode(self, value):
        return b"".join(codec.encode(value[name]) for name, codec in self.fields.items())

    def read(self, reader):
        return {name: codec.read(reader) for name, codec in self.fields.items()}


class Enum:
    """One tag byte and the fields of the variant."""

    def __init__(self, **variants):
        self.variants = variants  # name -> (tag, Struct)

    def encode(self, value):
        tag, fields = self.variants[value["type"]]
        return bytes([tag]) + fields.encode(value)

    def read(self, reader):
        byte = reader.take(1)[0]
        for name, (tag, fields) in self.variants.items():
            if tag == byte:
                return {"type": name, **fields.read(reader)}
        raise Refused("unknown tag")


def decode(codec, data, bound):
    """01 §1.2: one value from a whole input."""
    require(len(data) <= bound, "longer than the bound")
    reader = Reader(data)
    value = codec.read(reader)
    require(reader.at == len(data), "left-over bytes")
    require(codec.encode(value) == data, "does not encode back to the same bytes")
    return value


U8, U32, U64, U128 = Uint(8), Uint(32), Uint(64), Uint(128)
Amount = AmountNumber(64)
B32 = Fixed(32)

TAGS = [
    f"sapwood/{name}"
    for name in """authority tx txid coinbase tx-root tx-root/leaf tx-root/node history commitment parameters key/system
    key/account key/name key/commitment key/coinbase key/pool key/lane tree/value""".split()
]
ZERO = bytes(32)


def big(data):
    return int.from_bytes(data, "big")


def sha256(data):
    return hashlib.sha256(data).digest()


def tagged_hash(tag, data):
    return sha256(sha256(tag.encode()) * 2 + data)
