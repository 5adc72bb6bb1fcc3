"""The model against vectors that others published (`public/`)."""

import csv
import json
from pathlib import Path

import model as m

from .common import refusal

PUBLIC = Path(__file__).resolve().parents[1] / "public"


def check_bip340():
    rows = list(csv.DictReader((PUBLIC / "bip340.csv").open()))
    for row in rows:
        key, message, signature = (bytes.fromhex(row[name]) for name in ("public key", "message", "signature"))
        if row["secret key"]:
            secret = bytes.fromhex(row["secret key"])
            assert m.public_key(secret) == key, row
            assert m.schnorr_sign(secret, message, bytes.fromhex(row["aux_rand"])) == signature, row
        assert m.schnorr_verify(key, message, signature) == (row["verification result"] == "TRUE"), row
    return len(rows)


def check_bip350():
    vectors = json.loads((PUBLIC / "bip350.json").read_text())
    for text in vectors["valid"]:
        assert m.bech32_encode(*m.bech32_decode(text)) == text.lower(), text
    for case in vectors["invalid"]:
        refusal(m.bech32_decode, case["text"])
    return len(vectors["valid"]) + len(vectors["invalid"])


def check_asert():
    vectors = json.loads((PUBLIC / "aserti3-2d.json").read_text())
    limit, rows = m.target_of(int(vectors["pow_limit_bits"], 16)), 0
    for run in vectors["runs"]:
        anchor = m.target_of(int(run["anchor_bits"], 16)), run["anchor_parent_time"]
        for height, time, bits in run["rows"]:
            heights = height - run["anchor_height"]
            target = m.asert_target(*anchor, heights, time, vectors["block_time"], vectors["half_life"], limit)
            assert m.compact_of(target) == int(bits, 16), (run["name"], height)
            rows += 1
    return rows


def check_sha256():
    """The compression of 04 §2.1 against the library's whole hash, for one and two blocks."""
    for size in (0, 1, 55, 56, 64, 119):
        padded = bytes(size) + b"\x80" + bytes(-(size + 9) % 64) + (8 * size).to_bytes(8, "big")
        state = m.SHA256_START
        for i in range(0, len(padded), 64):
            state = m.sha256_block(state, padded[i : i + 64])
        assert b"".join(word.to_bytes(4, "big") for word in state) == m.sha256(bytes(size)), size
    return 6


def check():
    """One line for each source that the model agrees with; raises at the first difference."""
    checks = {"BIP 340": check_bip340, "BIP 350": check_bip350, "aserti3-2d": check_asert, "SHA-256": check_sha256}
    for name, function in checks.items():
        yield f"{name}: {function()} cases agree"
