"""05 §1: transactions, their hashes, signatures and least fee."""

from .accounts import AUTHORIZATION
from .curve import public_key, schnorr_sign, schnorr_verify
from .encoding import B32, U8, U64, Amount, Bool, Enum, Opt, Struct, Vec, tagged_hash
from .names import NameText
from .records import Records

ACTION = Enum(
    Transfer=(0, Struct(to=B32, amount=Amount)),
    NameCommit=(1, Struct(commitment=B32)),
    NameReveal=(2, Struct(name=NameText(), salt=B32, years=U8, max_price=Amount)),
    NameRenew=(3, Struct(name=NameText(), years=U8, max_price=Amount)),
    RecordsSet=(4, Struct(records=Records())),
    StandingOrderSet=(5, Struct(max_price=Opt(Amount))),
    NameTransferStart=(6, Struct(to=B32, quick=Bool())),
    NameTransferFinish=(7, Struct(name=NameText())),
    NameReleaseStart=(8, Struct()),
    LimitSet=(9, Struct(rate=Amount, delay_days=U8)),
    LimitRemove=(10, Struct()),
    GuardianSet=(11, Struct(guardian=Opt(B32))),
    AuthorityRotate=(12, Struct(authority=B32)),
    AccountClose=(13, Struct(to=B32)),
    PendingCancel=(14, Struct()),
    GuardianVeto=(15, Struct(account=B32)),
    GuardianFreeze=(16, Struct(account=B32)),
    GuardianRecover=(17, Struct(account=B32, authority=B32)),
    GuardianCancel=(18, Struct(account=B32)),
)
BODY = Struct(sender=B32, nonce=U64, valid_until=U64, fee=Amount, actions=Vec(ACTION, 1, 16))
TRANSACTION = Struct(body=BODY, authorization=AUTHORIZATION)
TRANSACTION_BOUND = 16_384


def sighash(genesis_hash, body):
    return tagged_hash("sapwood/tx", genesis_hash + BODY.encode(body))


def sign_transaction(genesis_hash, body, secret):
    signature = schnorr_sign(secret, sighash(genesis_hash, body))
    return {"body": body, "authorization": {"type": "Single", "key": public_key(secret), "signature": signature}}


def signature_fits(genesis_hash, transaction):
    proof = transaction["authorization"]
    return schnorr_verify(proof["key"], sighash(genesis_hash, transaction["body"]), proof["signature"])


def txid(transaction):
    return tagged_hash("sapwood/txid", TRANSACTION.encode(transaction))


def minimum_fee(consensus, transaction):
    return consensus["base_fee"] + consensus["byte_fee"] * len(TRANSACTION.encode(transaction))
