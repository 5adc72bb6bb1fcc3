"""hashes.json: 01 and the commitment of 06 §3."""

import model as m

from .common import GENESIS_HASH, IDS, KEYS, SECRETS, noise, refused_as


def address_text(prefix, data, constant=m.BECH32M):
    return m.bech32_encode(prefix, m.to_groups(data), constant)


def invalid_addresses():
    good = m.encode_address("sap", IDS[0])
    payload = b"\0" + IDS[0]
    groups = m.to_groups(payload)
    swapped = good[:20] + ("q" if good[20] != "q" else "p") + good[21:]
    yield "mixed case", "sap", good[:-1] + good[-1].upper()
    yield "mixed case", "sap", "Sap" + good[3:]
    yield "address of main", "tsap", good
    yield "address of main", "dsap", good
    yield "address of test", "sap", m.encode_address("tsap", IDS[0])
    yield "address of dev and tour", "sap", m.encode_address("dsap", IDS[0])
    yield "address of no network known", "sap", m.encode_address("bc", IDS[0])
    yield "version", "sap", address_text("sap", b"\1" + IDS[0])
    yield "version", "sap", address_text("sap", b"\xff" + IDS[0])
    yield "length", "sap", address_text("sap", payload[:-1])
    yield "length", "sap", address_text("sap", payload + b"\0")
    yield "length", "sap", address_text("sap", b"\0")
    yield "length", "sap", address_text("sap", b"")
    yield "checksum", "sap", swapped
    yield "checksum", "sap", "tsap" + good[3:]
    yield "checksum", "sap", address_text("sap", payload, m.BECH32)
    yield "padding", "sap", m.bech32_encode("sap", groups[:-1] + [groups[-1] | 1])
    yield "padding", "sap", m.bech32_encode("sap", groups + [0])
    yield "not a bech32 character", "sap", good[:20] + "b" + good[21:]
    yield "character out of range", "sap", good + " "
    yield "no prefix or no checksum", "sap", good[4:].replace("1", "q")
    yield "no prefix or no checksum", "sap", ""
    yield "too long", "sap", address_text("sap", bytes(60))


def vectors():
    inputs = [b"", b"\0", noise("hash", 0), noise("hash", 1, 100)]
    blocks = [bytes(64), noise("block", 0, 64)]
    salt = noise("salt", 0)
    upper = m.encode_address("sap", IDS[0]).upper()
    assert m.decode_address("sap", upper) == IDS[0]
    return {
        "compact_lengths": [
            {"value": value, "hex": m.Compact().encode(value)}
            for value in (0, 1, 16, 63, 64, 511, 512, 16_383, 16_384, 262_144, 2**30 - 1)
        ],
        "tagged": [{"tag": tag, "data": x, "hash": m.tagged_hash(tag, x)} for tag in m.TAGS for x in inputs],
        "compress": [
            {"tag": tag, "block": block, "hash": m.compress(tag, block)}
            for tag in ("sapwood/tree/leaf", "sapwood/tree/node")
            for block in blocks
        ],
        "accounts": [
            {
                "secret": secret,
                "public_key": key,
                "authority": m.AUTHORITY.encode({"type": "Single", "key": key}),
                "account_id": account,
                "addresses": {prefix: m.encode_address(prefix, account) for prefix in m.PREFIXES},
            }
            for secret, key, account in zip(SECRETS, KEYS, IDS)
        ],
        "signatures": [
            {"secret": secret, "message": GENESIS_HASH, "signature": m.schnorr_sign(secret, GENESIS_HASH)}
            for secret in SECRETS[:3]
        ],
        "upper_case_addresses": [{"prefix": "sap", "text": upper, "account_id": IDS[0]}],
        "invalid_addresses": [
            {"prefix": prefix, "text": text, "reason": refused_as(reason, m.decode_address, prefix, text)}
            for reason, prefix, text in invalid_addresses()
        ],
        "commitments": [
            {"name": name, "account_id": account, "salt": salt, "commitment": m.commitment(name, account, salt)}
            for name in ("a", "alice", "a" * 32, "a-" + "b" * 61)
            for account in IDS[:2]
        ],
    }
