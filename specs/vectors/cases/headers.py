"""headers.json: 02."""

import model as m

from .common import noise, number, refused_as

COMPACTS = """01010000 01120000 017f0000 02008000 02123400 027fff00 03008000 03123456 037fffff 04008000 04123456 05009234
1b0404cb 1d00ffff 1e00ffff 1f00ffff 207fffff 2100ffff""".split()
INVALID_COMPACTS = [
    ("zero", 0x00000000),
    ("zero", 0x01000000),
    ("zero", 0x01003456),
    ("zero", 0x02000012),
    ("zero", 0x1D000000),
    ("zero", 0xFF000000),
    ("zero", 0x00123456),
    ("bit 23 is set", 0x01FEDCBA),
    ("bit 23 is set", 0x04923456),
    ("bit 23 is set", 0x1D80FFFF),
    ("bit 23 is set", 0x20FFFFFF),
    ("bit 23 is set", 0x20800000),
    ("2^256 or more", 0x21010000),
    ("2^256 or more", 0x217FFFFF),
    ("2^256 or more", 0x22000100),
    ("2^256 or more", 0x23000001),
    ("2^256 or more", 0xFF123456),
    ("not canonical", 0x03000001),
    ("not canonical", 0x03000080),
    ("not canonical", 0x01123456),
    ("not canonical", 0x02123456),
    ("not canonical", 0x04000012),
    ("not canonical", 0x1E0000FF),
    ("not canonical", 0x22000001),
]


def header(index, target, time, height, nonce):
    roots = {name: noise(name, index) for name in ("parent", "tx_root", "state_root", "history_root")}
    return {"version": 1, **roots, "time": time, "target": target, "height": height, "nonce": nonce}


def headers():
    mined = header(0, 0x207FFFFF, 1_767_225_602, 1, 0)
    while not m.meets_target(mined):
        mined["nonce"] += 1
    missed = dict(mined)
    while m.meets_target(missed):
        missed["nonce"] += 1
    harder = header(1, 0x2000FFFF, 1_767_225_700, 50, 0)
    while not m.meets_target(harder):
        harder["nonce"] += 1
    extreme = header(2, 0x01010000, 2**64 - 1, 2**64 - 1, 2**64 - 1)
    zero = {**header(3, 0x1E00FFFF, 0, 0, 0), "parent": m.ZERO}
    for item in (mined, missed, harder, extreme, zero, header(4, 0x1D00FFFF, 2**32, 2**53 + 1, 42)):
        encoding = m.HEADER.encode(item)
        assert len(encoding) == 160 and m.decode(m.HEADER, encoding, 160) == item
        yield {
            "header": item,
            "hex": encoding,
            "sealed_hex": encoding + m.SEAL.encode({"type": "OwnHash"}),
            "id": m.header_id(item),
            "meets_target": m.meets_target(item),
            "work": str(m.work_of(m.target_of(item["target"]))),
        }


def compact_entry(compact):
    target = m.target_of(compact)
    return {"compact": f"{compact:08x}", "target": m.be32(target), "work": str(m.work_of(target))}


def roundings():
    """Targets and the compact form that is rounded down to."""
    targets = [1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0x7FFFFF, 0x800000, 0xFFFFFF, 0x12345678, 2**64 - 1, 2**256 - 1]
    targets += [number("target", i, 256) >> 13 * i for i in range(18)]
    return [{"target": m.be32(t), "compact": f"{m.compact_of(t):08x}"} for t in targets]


def genesis(name):
    chain = m.chain_file(name)
    header, coinbase, system = m.genesis(chain)
    value = m.LEAF.encode(system)
    return {
        "chain": name,
        "parameters": m.PARAMETERS.encode(chain["consensus"]),
        "parameters_digest": m.parameters_digest(chain),
        "coinbase": m.COINBASE.encode(coinbase),
        "coinbase_txid": m.coinbase_txid(coinbase),
        "system": system,
        "system_value": value,
        "header": header,
        "hex": m.HEADER.encode(header),
        "id": m.header_id(header),
    }


def vectors():
    works = [4, 4, 65_537, 2**40, 2**63, 2**64 + 3, 2**100, 2**200, 1, number("work", 9, 240)]
    works += [2**255, 2**255, 2**256 - 1]  # sums that are held at 2^256 - 1
    leaves = [(noise("block id", i), work) for i, work in enumerate(works)]
    return {
        "headers": list(headers()),
        "compacts": [compact_entry(int(text, 16)) for text in COMPACTS],
        "invalid_compacts": [
            {"compact": f"{compact:08x}", "reason": refused_as(reason, m.target_of, compact)}
            for reason, compact in INVALID_COMPACTS
        ],
        "roundings": roundings(),
        "history": {
            "leaves": [{"id": block, "work": str(work)} for block, work in leaves],
            "roots": [m.history_root(leaves[:n]) for n in range(len(leaves) + 1)],
        },
        "genesis": [genesis(name) for name in ("dev", "tour")],
        "parameters_digests": [
            {"chain": name, "digest": m.parameters_digest(m.chain_file(name))}
            for name in ("main", "test", "dev", "tour")
        ],
    }
