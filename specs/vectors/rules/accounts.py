"""01 §3: authorities and account ids, 01 §4: addresses (BIP 350)."""

from .encoding import B32, Enum, Fixed, Struct, big, require, tagged_hash

AUTHORITY = Enum(Single=(0, Struct(key=B32)))
AUTHORIZATION = Enum(Single=(0, Struct(key=B32, signature=Fixed(64))))


def authority_hash(authority):
    return tagged_hash("sapwood/authority", AUTHORITY.encode(authority))


def account_id(key):
    """The id of the account whose first authority is this single key."""
    return authority_hash({"type": "Single", "key": key})


CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
BECH32M, BECH32 = 0x2BC830A3, 1
PREFIXES = {"sap": "main", "tsap": "test", "dsap": "dev and tour"}


def bech32_polymod(values):
    checksum = 1
    for value in values:
        top, checksum = checksum >> 25, (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            checksum ^= generator if top >> bit & 1 else 0
    return checksum


def bech32_expand(prefix):
    return [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]


def bech32_encode(prefix, data, constant=BECH32M):
    checksum = bech32_polymod(bech32_expand(prefix) + data + [0] * 6) ^ constant
    return prefix + "1" + "".join(CHARSET[v] for v in data + [checksum >> 5 * (5 - i) & 31 for i in range(6)])


def bech32_decode(text, constant=BECH32M):
    require(len(text) <= 90, "too long")
    require(all(33 <= ord(c) <= 126 for c in text), "character out of range")
    require(text in (text.lower(), text.upper()), "mixed case")
    prefix, separator, data = text.lower().rpartition("1")
    require(separator and prefix and len(data) >= 6, "no prefix or no checksum")
    require(all(c in CHARSET for c in data), "not a bech32 character")
    values = [CHARSET.index(c) for c in data]
    require(bech32_polymod(bech32_expand(prefix) + values) == constant, "checksum")
    return prefix, values[:-6]


def to_groups(data):
    """Bytes as groups of five bits, the last one filled up with zeros."""
    fill = -len(data) * 8 % 5
    number = big(data) << fill
    count = (len(data) * 8 + fill) // 5
    return [number >> 5 * (count - 1 - i) & 31 for i in range(count)]


def from_groups(groups):
    fill = len(groups) * 5 % 8
    number = 0
    for group in groups:
        number = number << 5 | group
    require(fill < 5 and number & (1 << fill) - 1 == 0, "padding")
    return (number >> fill).to_bytes(len(groups) * 5 // 8, "big")


def encode_address(prefix, account):
    return bech32_encode(prefix, to_groups(b"\0" + account))


def decode_address(prefix, text):
    found, groups = bech32_decode(text)
    require(found == prefix, f"address of {PREFIXES.get(found, 'no network known')}")
    data = from_groups(groups)
    require(data, "length")
    require(data[0] == 0, "version")
    require(len(data) == 33, "length")
    return data[1:]
