"""02 §1 to §5: headers, compact targets, work, the roots over transactions and headers."""

from .encoding import B32, U32, U64, ZERO, Bytes, Enum, Struct, big, require, sha256, tagged_hash

HEADER = Struct(
    version=U32, parent=B32, tx_root=B32, state_root=B32, history_root=B32, time=U64, target=U32, height=U64, nonce=U64
)
SEAL = Enum(OwnHash=(0, Struct()))
COINBASE = Struct(height=U64, payee=B32, extra=Bytes(64))


def header_id(header):
    return sha256(sha256(HEADER.encode(header)))


def compact_of(target):
    """02 §2.2: the compact form of a number, rounded down to its mantissa."""
    exponent = (target.bit_length() + 7) // 8
    mantissa = target << 8 * (3 - exponent) if exponent <= 3 else target >> 8 * (exponent - 3)
    if mantissa & 0x800000:
        mantissa, exponent = mantissa >> 8, exponent + 1
    return exponent << 24 | mantissa


def target_of(compact):
    exponent, mantissa = compact >> 24, compact & 0x7FFFFF
    require(not compact & 0x800000, "bit 23 is set")
    target = mantissa << 8 * (exponent - 3) if exponent >= 3 else mantissa >> 8 * (3 - exponent)
    require(target, "zero")
    require(target < 2**256, "2^256 or more")
    require(compact_of(target) == compact, "not canonical")
    return target


def work_of(target):
    return 2**256 // (target + 1)


def meets_target(header):
    return big(header_id(header)) <= target_of(header["target"])


def coinbase_txid(coinbase):
    return tagged_hash("sapwood/coinbase", COINBASE.encode(coinbase))


def tx_root(txids):
    level = [tagged_hash("sapwood/tx-root/leaf", txid) for txid in txids]
    while len(level) > 1:
        pairs = [tagged_hash("sapwood/tx-root/node", a + b) for a, b in zip(level[::2], level[1::2])]
        level = pairs + level[len(pairs) * 2 :]
    return tagged_hash("sapwood/tx-root", U32.encode(len(txids)) + level[0])


def history_join(left, right):
    works = left[1].to_bytes(32, "little") + right[1].to_bytes(32, "little")
    return tagged_hash("sapwood/history", left[0] + right[0] + works), min(left[1] + right[1], 2**256 - 1)


def history_root(leaves):
    """02 §5, over (block id, work) of each header so far."""
    peaks = []  # (leaves below, node), from left to right
    for leaf in leaves:
        size, node = 1, leaf
        while peaks and peaks[-1][0] == size:
            node, size = history_join(peaks.pop()[1], node), size * 2
        peaks.append((size, node))
    if not peaks:
        return ZERO
    node = peaks.pop()[1]
    while peaks:
        node = history_join(peaks.pop()[1], node)
    return node[0]
