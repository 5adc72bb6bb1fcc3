"""records.json: the envelope of 07 §1."""

import model as m

from .common import dns_entry as entry
from .common import refused_as


def owner(*labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


SELF = owner()
A1, A2 = entry(SELF, 1, 300, bytes([192, 0, 2, 1])), entry(SELF, 1, 300, bytes([192, 0, 2, 2]))
WWW = entry(owner(b"www"), 28, 60, bytes(16))
LONGEST = owner(b"a" * 63, b"b" * 62)
VALID = [
    ("none", b""),
    ("one address", A1),
    ("two addresses in order", A1 + A2),
    ("name itself, then www", A1 + WWW),
    ("owner of 128 bytes", entry(LONGEST, 1, 0, bytes(4))),
    ("wildcard, byte 255", entry(owner(b"*"), 1, 1, b"") + entry(owner(b"\xff"), 1, 1, b"")),
    ("owners by bytes, shorter labels first", entry(owner(b"z"), 1, 1, b"") + entry(owner(b"_tcp"), 33, 1, b"")),
    ("unknown type, largest ttl", entry(SELF, 65_535, 2**31 - 1, b"x")),
    ("type 0, no data", entry(SELF, 0, 0, b"")),
    ("rdata that does not fit its type", entry(SELF, 1, 60, b"abc")),
    ("rdata in order by length", entry(SELF, 16, 60, b"a") + entry(SELF, 16, 60, b"ab")),
    ("same rdata, types rising", entry(SELF, 1, 60, b"z") + entry(SELF, 2, 60, b"a")),
    ("ttls may differ and fall", entry(SELF, 1, 60, b"a") + entry(SELF, 1, 30, b"b")),
    ("512 bytes", entry(SELF, 65_281, 60, bytes(503))),
]
INVALID = [
    ("records: length", "513 bytes", entry(SELF, 65_281, 60, bytes(504))),
    ("truncated", "owner alone", SELF),
    ("truncated", "no data length", A1[:7]),
    ("truncated", "data shorter than its length", A1[:-1]),
    ("truncated", "data length past the end", entry(SELF, 1, 60, b"", 65_535)),
    ("truncated", "a byte after the last entry", A1 + b"\0"),
    ("truncated", "owner without an end", b"\x03www"),
    ("owner: label length", "label of 64 bytes", entry(b"\x40" + b"a" * 64 + b"\0", 1, 60, b"")),
    ("owner: label length", "compression pointer", entry(b"\xc0\x0c", 1, 60, b"")),
    ("owner: upper case", "WWW", entry(owner(b"WWW"), 1, 60, b"")),
    ("owner: upper case", "one letter", entry(owner(b"a", b"bZ"), 1, 60, b"")),
    ("owner: length", "owner of 129 bytes", entry(owner(b"a" * 63, b"b" * 63), 1, 60, b"")),
    ("ttl", "2^31", entry(SELF, 1, 2**31, bytes(4))),
    ("ttl", "2^32 - 1", entry(SELF, 1, 2**32 - 1, bytes(4))),
    ("order", "the same entry twice", A1 + A1),
    ("order", "the same but for the ttl", entry(SELF, 1, 60, b"a") + entry(SELF, 1, 61, b"a")),
    ("order", "rdata falls", A2 + A1),
    ("order", "owner falls", WWW + A1),
    ("order", "type falls", entry(SELF, 28, 60, b"a") + entry(SELF, 1, 60, b"b")),
    ("order", "longer rdata before its prefix", entry(SELF, 16, 60, b"ab") + entry(SELF, 16, 60, b"a")),
]


def vectors():
    def fields(records):
        names = ("owner", "type", "ttl", "rdata")
        return [dict(zip(names, found)) for found in m.check_records(records)]

    return {
        "valid": [{"title": title, "hex": records, "entries": fields(records)} for title, records in VALID],
        "invalid": [
            {"title": title, "hex": records, "reason": refused_as(reason, m.check_records, records)}
            for reason, title, records in INVALID
        ],
    }
