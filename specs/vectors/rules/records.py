"""07 §1: the envelope of an account's records."""

from itertools import pairwise

from .encoding import Bytes, Reader, big, require


def check_records(records):
    """07 §1.1, §1.2: the envelope; returns the entries as (owner, type, ttl, rdata)."""
    require(len(records) <= 512, "records: length")
    reader, entries = Reader(records), []
    while reader.at < len(records):
        owner, size = b"", None
        while size != 0:
            size = reader.take(1)[0]
            require(size <= 63, "owner: label length")
            label = reader.take(size)
            require(label == label.lower(), "owner: upper case")
            owner += bytes([size]) + label
        require(len(owner) <= 128, "owner: length")
        kind, ttl = big(reader.take(2)), big(reader.take(4))
        require(ttl < 2**31, "ttl")
        entries.append((owner, kind, ttl, reader.take(big(reader.take(2)))))
    order = [(owner, kind, rdata) for owner, kind, _, rdata in entries]
    require(all(a < b for a, b in pairwise(order)), "order")
    return entries


class Records:
    """Records inside a value; bytes with a bad envelope are not a value of the type (07 §1.2)."""

    def encode(self, records):
        check_records(records)
        return Bytes(512).encode(records)

    def read(self, reader):
        records = Bytes(512).read(reader)
        check_records(records)
        return records
