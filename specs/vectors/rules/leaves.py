"""The leaves of the account tree and their keys (04 §1, 05 §2, 06 §2.1, 06 §3.2)."""

from .encoding import B32, U8, U32, U64, U128, Amount, Enum, Opt, Struct, tagged_hash
from .names import NameText
from .records import Records

CHANGE = Enum(
    Limit=(0, Struct(rate=Amount, delay_days=U8)),
    LimitRemove=(1, Struct()),
    Authority=(2, Struct(authority=B32)),
    Guardian=(3, Struct(guardian=Opt(B32))),
    Transfer=(4, Struct(to=B32)),
    Release=(5, Struct()),
    Close=(6, Struct(to=B32)),
)
ACCOUNT = Struct(
    id=B32,
    nonce=U64,
    balance=Amount,
    authority=Opt(B32),
    records=Records(),
    name=Opt(NameText()),
    limit=Opt(Struct(rate=Amount, delay_days=U8, level=U64, exempt_level=U64, last=U64)),
    guardian=Opt(Struct(account=B32, frozen_until=U64)),
    owner_change=Opt(Struct(change=CHANGE, effective=U64)),
    guardian_change=Opt(Struct(authority=B32, effective=U64)),
    standing_order=Opt(Amount),
    holds=U32,
)
LEAF = Enum(
    System=(0, Struct(reserve=Amount, rent_base=U128, live_names=U64)),
    Account=(1, ACCOUNT),
    Name=(2, Struct(name=NameText(), owner=Opt(B32), paid_until=U64, last_price=Amount)),
    Commitment=(3, Struct(hash=B32, height=U64)),
    Coinbase=(4, Struct(height=U64, payee=B32, amount=Amount)),
)


def encode_account(account):
    return LEAF.encode({"type": "Account", **account})


def tree_key(kind, leaf_id):
    return tagged_hash(f"sapwood/key/{kind}", leaf_id)


def leaf_id(leaf):
    """The kind's name and the id's bytes (04 §1.1)."""
    return {
        "System": lambda: ("system", b""),
        "Account": lambda: ("account", leaf["id"]),
        "Name": lambda: ("name", leaf["name"].encode()),
        "Commitment": lambda: ("commitment", leaf["hash"]),
        "Coinbase": lambda: ("coinbase", U64.encode(leaf["height"])),
    }[leaf["type"]]()


def leaf_key(leaf):
    return tree_key(*leaf_id(leaf))


def coins(leaf):
    """04 §5."""
    return leaf.get({"System": "reserve", "Account": "balance", "Coinbase": "amount"}.get(leaf["type"]), 0)
