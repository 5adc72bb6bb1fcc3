"""Chain files and the genesis that they fix (02 §6)."""

import tomllib
from pathlib import Path

from .encoding import SUPPLY, U32, U64, ZERO, Bool, Bytes, Struct, tagged_hash
from .headers import coinbase_txid, tx_root
from .leaves import LEAF, leaf_key
from .tree import tree_root

CHAINS = Path(__file__).resolve().parents[2] / "chains"

PARAMETERS = Struct(
    **{
        name: {"target_limit": U32, "retarget": Bool()}.get(name, U64)
        for name in """block_time min_spacing target_limit retarget half_life ramp base_fee byte_fee existential_deposit
        creation_burn validity delay limit_day exempt_fees quick_transfer commit_min commit_max year suspension premium_step
        premium_steps rent_start rent_floor rent_fall target_registrations reorg_cap kept joiner_depth
        snapshot_interval""".split()
    }
)


def chain_file(name):
    chain = tomllib.loads((CHAINS / f"{name}.toml").read_text())
    chain["consensus"]["target_limit"] = int(chain["consensus"]["target_limit"], 16)
    return chain


def parameters_digest(chain):
    """02 §6.1: of the chain's name and its consensus parameters."""
    name = Bytes(63).encode(chain["name"].encode())
    return tagged_hash("sapwood/parameters", name + PARAMETERS.encode(chain["consensus"]))


def genesis(chain):
    """The genesis header, coinbase and only leaf of a chain file."""
    consensus, start = chain["consensus"], chain["genesis"]
    quote = bytes.fromhex(start.get("quote", "00" * 32))
    coinbase = {"height": 0, "payee": ZERO, "extra": parameters_digest(chain) + quote}
    system = {"type": "System", "reserve": SUPPLY, "rent_base": consensus["rent_start"] << 32, "live_names": 0}
    header = {
        "version": 1,
        "parent": ZERO,
        "tx_root": tx_root([coinbase_txid(coinbase)]),
        "state_root": tree_root({leaf_key(system): LEAF.encode(system)}),
        "history_root": ZERO,
        "time": start["time"],
        "target": int(start["target"], 16) if "target" in start else consensus["target_limit"],
        "height": 0,
        "nonce": 0,
    }
    return header, coinbase, system
