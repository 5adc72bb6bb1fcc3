"""The inputs of the vectors, one module a file, and the command that writes or compares the files."""

import json
import sys
from pathlib import Path

from . import anchors, asert, hashes, headers, limit, multiproofs, names, public, records, snapshots, transactions, tree

FOLDER = Path(__file__).resolve().parents[1]
FILES = {
    "hashes.json": hashes,
    "transactions.json": transactions,
    "headers.json": headers,
    "tree.json": tree,
    "multiproofs.json": multiproofs,
    "anchors.json": anchors,
    "snapshots.json": snapshots,
    "asert.json": asert,
    "names.json": names,
    "records.json": records,
    "limit.json": limit,
}
SIZE_BOUND = 400_000  # a file that is longer is no longer looked at by anybody


def plain(value):
    """A value as JSON has it: bytes as hex, numbers above 2^53 as decimal strings."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, int) and abs(value) > 2**53 else value


def layout(value, depth=0):
    """JSON text with one line for each vector: only the two outer levels are broken."""
    if depth == 2 or not isinstance(value, (dict, list)) or not value:
        return json.dumps(value, ensure_ascii=True)
    pad = "  " * (depth + 1)
    if isinstance(value, dict):
        lines = [f"{pad}{json.dumps(key)}: {layout(item, depth + 1)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + "\n" + pad[2:] + "}"
    return "[\n" + ",\n".join(pad + layout(item, depth + 1) for item in value) + "\n" + pad[2:] + "]"


def main():
    if sys.argv[1:] not in (["--check"], ["--write"]):
        print("usage: model.py --check | --write")
        return 2
    for line in public.check():
        print(line)
    failed = False
    for name, module in FILES.items():
        text = layout(plain(module.vectors())) + "\n"
        assert len(text) < SIZE_BOUND, name
        path = FOLDER / name
        if sys.argv[1] == "--write":
            path.write_text(text)
            print(f"wrote {name}, {len(text)} bytes")
            continue
        same = path.exists() and path.read_text() == text
        failed |= not same
        print(f"{name}: {'same' if same else 'DIFFERS from the model'}")
    return int(failed)
