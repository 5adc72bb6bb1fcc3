"""transactions.json: 05 §1, 02 §4."""

import model as m

from .common import GENESIS_HASH, IDS, SECRETS, dns_entry, noise, refused_as, some_records

RECORD = dns_entry(b"\0", 1, 300, bytes([192, 0, 2, 1]))
AUTHORITY = m.account_id(noise("rotated key", 0))


def action(kind, **fields):
    return {"type": kind, **fields}


def one(kind, **fields):
    return [action(kind, **fields)]


def action_lists():
    """(what it is, index of the sender's key, actions)"""
    salt, hidden = noise("salt", 1), m.commitment("alice", IDS[0], noise("salt", 1))
    long_name = "a-" + "b" * 61
    yield "transfer", 0, one("Transfer", to=IDS[1], amount=150_000_000)
    yield "two transfers, of nothing and of the supply", 0, [
        action("Transfer", to=IDS[1], amount=0),
        action("Transfer", to=IDS[0], amount=m.SUPPLY),
    ]
    yield "commit", 0, one("NameCommit", commitment=hidden)
    yield "reveal", 0, one("NameReveal", name="alice", salt=salt, years=1, max_price=100_000_000)
    yield "renew, longest name", 1, one("NameRenew", name=long_name, years=10, max_price=m.SUPPLY)
    yield "records: empty, one entry", 0, [action("RecordsSet", records=b""), action("RecordsSet", records=RECORD)]
    yield "records: 512 bytes", 0, one("RecordsSet", records=some_records(3, 512))
    yield "standing order set and removed", 1, [
        action("StandingOrderSet", max_price=2_000_000_000),
        action("StandingOrderSet", max_price=None),
    ]
    yield "name transfer", 0, [
        action("NameTransferStart", to=IDS[1], quick=False),
        action("NameTransferStart", to=IDS[1], quick=True),
        action("NameTransferFinish", name="a"),
    ]
    yield "release, close", 2, [action("NameReleaseStart"), action("AccountClose", to=IDS[3])]
    yield "limit", 2, [action("LimitSet", rate=m.SUPPLY, delay_days=30), action("LimitRemove")]
    yield "owner's safety", 3, [
        action("GuardianSet", guardian=IDS[4]),
        action("GuardianSet", guardian=None),
        action("AuthorityRotate", authority=AUTHORITY),
        action("PendingCancel"),
    ]
    yield "guardian's actions", 4, [
        action("GuardianVeto", account=IDS[3]),
        action("GuardianFreeze", account=IDS[3]),
        action("GuardianRecover", account=IDS[3], authority=AUTHORITY),
        action("GuardianCancel", account=IDS[3]),
    ]
    yield "sixteen actions", 5, [action("Transfer", to=noise("to", i), amount=i + 1) for i in range(16)]


def make(index, actions, nonce=0, valid_until=100, fee=10**6):
    body = {"sender": IDS[index], "nonce": nonce, "valid_until": valid_until, "fee": fee, "actions": actions}
    return m.sign_transaction(GENESIS_HASH, body, SECRETS[index])


def transactions():
    consensus = m.chain_file("main")["consensus"]
    seen = set()
    for i, (title, index, actions) in enumerate(action_lists()):
        draft = make(index, actions)
        fee = m.minimum_fee(consensus, draft) + (0, 1, 12_345)[i % 3]
        transaction = make(index, actions, nonce=i * 65_536 + i, valid_until=(100, 2**40, 2**64 - 1)[i % 3], fee=fee)
        encoding, body = m.TRANSACTION.encode(transaction), transaction["body"]
        assert m.decode(m.TRANSACTION, encoding, m.TRANSACTION_BOUND) == transaction
        assert m.signature_fits(GENESIS_HASH, transaction)
        seen |= {a["type"] for a in actions}
        yield {
            "title": title,
            "secret": SECRETS[index],
            "body": body,
            "body_hex": m.BODY.encode(body),
            "sighash": m.sighash(GENESIS_HASH, body),
            "authorization": transaction["authorization"],
            "hex": encoding,
            "txid": m.txid(transaction),
            "minimum_fee": m.minimum_fee(consensus, transaction),
        }
    assert seen == set(m.ACTION.variants)


def coinbases():
    for height, payee, extra in [
        (0, m.ZERO, b""),
        (1, IDS[0], b""),
        (2**32, IDS[1], b"sapwood"),
        (2**64 - 1, IDS[2], noise("extra", 0, 63)),
        (7, IDS[2], noise("extra", 1, 64)),
    ]:
        coinbase = {"height": height, "payee": payee, "extra": extra}
        yield {**coinbase, "hex": m.COINBASE.encode(coinbase), "txid": m.coinbase_txid(coinbase)}


HEAD = slice(0, 56)  # sender, nonce, valid_until, fee; the count of the actions follows


def invalid():
    """(reason, what it is, bytes): each is a valid transaction but for one thing."""
    good = m.TRANSACTION.encode(make(0, one("NameReleaseStart")))
    head, seal = good[HEAD], good[58:]
    assert good == head + b"\x04\x08" + seal and len(seal) == 97

    def with_actions(raw, count=b"\x04"):
        return head + count + raw + seal

    def with_name(raw):
        return with_actions(b"\x07" + raw)

    yield "truncated", "no bytes", b""
    yield "truncated", "last byte missing", good[:-1]
    yield "truncated", "ends after the body", good[:58]
    yield "truncated", "ends where the second action should be", head + b"\x08\x08"
    yield "left-over bytes", "a byte after the end", good + b"\0"
    yield "left-over bytes", "the transaction twice", good + good
    yield "compact length is not the shortest", "count of 1 in two bytes", with_actions(b"\x08", b"\x05\x00")
    yield "compact length is not the shortest", "count of 1 in four bytes", with_actions(b"\x08", b"\x06\0\0\0")
    yield "compact length is not the shortest", "records length of 0 in two bytes", with_actions(b"\x04\x01\x00")
    yield "length out of bounds", "count of 1 in the fourth mode", with_actions(b"\x08", b"\x03\x01\0\0\0")
    yield "length out of bounds", "no action", with_actions(b"", b"\0")
    yield "length out of bounds", "17 actions", with_actions(b"\x08" * 17, b"\x44")
    yield "length out of bounds", "2^30 - 1 actions announced", with_actions(b"\x08", b"\xfe\xff\xff\xff")
    yield "length out of bounds", "records of 513 bytes", with_actions(b"\x04" + m.Compact().encode(513) + some_records(4, 513))
    for reason, title, records in [
        ("truncated", "that end inside an entry", RECORD[:-1]),
        ("truncated", "with a byte after the last entry", RECORD + b"\0"),
        ("owner: label length", "with a label of 64 bytes", dns_entry(b"\x40" + b"a" * 64 + b"\0", 1, 300, b"")),
        ("owner: upper case", "with an owner in upper case", dns_entry(b"\x03WWW\0", 1, 300, b"")),
        ("owner: length", "with an owner of 129 bytes", dns_entry((b"\x3f" + b"a" * 63) * 2 + b"\0", 1, 300, b"")),
        ("ttl", "with a ttl of 2^31", dns_entry(b"\0", 1, 2**31, b"")),
        ("order", "with the same entry twice", RECORD + RECORD),
        ("order", "with falling types", dns_entry(b"\0", 28, 300, b"") + RECORD),
    ]:
        yield reason, f"records {title}", with_actions(b"\x04" + m.Compact().encode(len(records)) + records)
    above = (m.SUPPLY + 1).to_bytes(8, "little")
    yield "amount above the supply", "fee", head[:48] + above + b"\x04\x08" + seal
    yield "amount above the supply", "transfer", with_actions(b"\0" + IDS[1] + above)
    yield "amount above the supply", "transfer of 2^64 - 1", with_actions(b"\0" + IDS[1] + b"\xff" * 8)
    yield "amount above the supply", "max_price of a reveal", with_actions(b"\x02\x04a" + bytes(32) + b"\x01" + above)
    yield "amount above the supply", "max_price of a renewal", with_actions(b"\x03\x04a\x01" + above)
    yield "amount above the supply", "max_price of a standing order", with_actions(b"\x05\x01" + above)
    yield "amount above the supply", "rate of a limit", with_actions(b"\x09" + above + b"\x01")
    yield "unknown tag", "action 19", with_actions(b"\x13")
    yield "unknown tag", "action 255", with_actions(b"\xff")
    yield "unknown tag", "authorization 1", good[:58] + b"\x01" + seal[1:]
    yield "bool is neither 0 nor 1", "quick = 2", with_actions(b"\x06" + IDS[1] + b"\x02")
    yield "option is neither 0 nor 1", "max_price option 2", with_actions(b"\x05\x02" + bytes(8))
    yield "option is neither 0 nor 1", "guardian option 255", with_actions(b"\x0b\xff" + IDS[1])
    for reason, name in [
        ("name: length", b""),
        ("name: character", b"Alice"),
        ("name: character", b"a_b"),
        ("name: character", "é".encode()),
        ("name: character", b"a.b"),
        ("name: character", b"ab\0"),
        ("name: hyphen", b"-ab"),
        ("name: hyphen", b"ab-"),
        ("name: hyphen", b"xn--a"),
        ("name: all digits", b"2024"),
        ("name: long without hyphen", b"a" * 33),
        ("name: special use", b"localhost"),
    ]:
        yield reason, f"name {name.decode()!r}", with_name(m.Compact().encode(len(name)) + name)
    yield "length out of bounds", "name of 64 bytes", with_name(m.Compact().encode(64) + b"a-" + b"b" * 62)
    yield "longer than the bound", "16,385 bytes", good + bytes(16_385 - len(good))


def bad_signatures():
    """(what it is, bytes): well-formed, but the signature does not fit the given genesis."""
    transaction = make(0, one("Transfer", to=IDS[1], amount=5))
    good, proof = m.TRANSACTION.encode(transaction), transaction["authorization"]
    signature = proof["signature"]
    off_curve = next(m.be32(x) for x in range(1, 100) if m.lift_x(x) is None)
    s = int.from_bytes(signature[32:], "big")

    def with_proof(key=proof["key"], signature=signature):
        return m.TRANSACTION.encode({**transaction, "authorization": {"type": "Single", "key": key, "signature": signature}})

    assert with_proof() == good
    other = m.sign_transaction(noise("other genesis", 0), transaction["body"], SECRETS[0])
    yield "signed for another genesis", m.TRANSACTION.encode(other)
    yield "another nonce", m.TRANSACTION.encode({**transaction, "body": transaction["body"] | {"nonce": 1}})
    yield "signature of zeros", with_proof(signature=bytes(64))
    yield "one bit of r changed", with_proof(signature=bytes([signature[0] ^ 1]) + signature[1:])
    yield "one bit of s changed", with_proof(signature=signature[:-1] + bytes([signature[-1] ^ 1]))
    yield "s negated", with_proof(signature=signature[:32] + m.be32(m.N - s))
    yield "s = n", with_proof(signature=signature[:32] + m.be32(m.N))
    yield "r = p", with_proof(signature=m.be32(m.P) + signature[32:])
    yield "key of another account", with_proof(key=m.public_key(SECRETS[1]))
    yield "key that is no curve point", with_proof(key=off_curve)
    yield "key = p", with_proof(key=m.be32(m.P))


def vectors():
    ids = [noise("txid", i) for i in range(11)]
    for _, data in bad_signatures():
        assert not m.signature_fits(GENESIS_HASH, m.decode(m.TRANSACTION, data, m.TRANSACTION_BOUND))
    return {
        "genesis_hash": GENESIS_HASH,
        "base_fee": m.chain_file("main")["consensus"]["base_fee"],
        "byte_fee": m.chain_file("main")["consensus"]["byte_fee"],
        "transactions": list(transactions()),
        "coinbases": list(coinbases()),
        "tx_roots": [{"txids": ids[:n], "root": m.tx_root(ids[:n])} for n in (1, 2, 3, 4, 5, 6, 7, 11)],
        "invalid": [
            {"title": title, "hex": data, "reason": refused_as(why, m.decode, m.TRANSACTION, data, m.TRANSACTION_BOUND)}
            for why, title, data in invalid()
        ],
        "bad_signatures": [{"title": title, "hex": data} for title, data in bad_signatures()],
    }
