//! What goes into the methods. Parameters go by name; what is not known or null is refused (specs/09 §1.5).

use super::Hex;
use sapwood_primitives::chain::MAX_YEARS;
use sapwood_primitives::{BlockId, Height, Name, TxId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Refuses an explicit null: an optional parameter is left out instead (specs/09 §1.5).
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    input: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(input).map(Some)
}

/// Most headers of one answer.
pub const MAX_HEADERS: u32 = 2_000;

/// Longest wait for another head, in milliseconds.
pub const MAX_WAIT: u64 = 30_000;

/// Most names of a page.
pub const MAX_PAGE: u32 = 1_000;

/// Names of a page if nothing is said.
pub const PAGE: u32 = 100;

/// The greatest depth of an anchor that fits into an answer.
pub const MAX_ANCHOR: u8 = 14;

/// No parameters.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

/// Which state answers (specs/09 §3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// After the tip.
    #[default]
    Head,
    /// After the block at the trusted depth (specs/07 §2.2).
    Trusted,
    /// After this block, one of the last few dozen.
    Block(BlockId),
}

impl Serialize for At {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Head => out.serialize_str("head"),
            Self::Trusted => out.serialize_str("trusted"),
            Self::Block(id) => id.serialize(out),
        }
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(input)?;
        match &*text {
            "head" => Ok(Self::Head),
            "trusted" => Ok(Self::Trusted),
            id => id.parse().map(Self::Block).map_err(|_| {
                serde::de::Error::custom(
                    "give `head`, `trusted`, or the id of one of the last blocks",
                )
            }),
        }
    }
}

impl JsonSchema for At {
    fn schema_name() -> Cow<'static, str> {
        "At".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^(head|trusted|[0-9a-f]{64})$",
            "description": "Which state: `head`, `trusted` (specs/07 §2.2), or the id of one of the last 64 blocks."
        })
    }
}

/// A block by height on the main chain, or by id; exactly one.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockRef {
    /// Height on the main chain.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Height")]
    pub height: Option<Height>,
    /// Block id.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "BlockId")]
    pub block: Option<BlockId>,
}

/// A run of headers.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadersParams {
    /// First height.
    pub from: Height,
    /// At most 2,000.
    #[schemars(range(min = 1, max = MAX_HEADERS))]
    pub count: u32,
}

/// Until when to wait.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwaitParams {
    /// The head that is known already.
    pub after: BlockId,
    /// At most 30,000.
    #[schemars(range(max = MAX_WAIT))]
    pub timeout_ms: u64,
}

/// An account and what is wanted of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountParams {
    /// Address.
    pub account: String,
    /// Which state.
    #[serde(default)]
    pub at: At,
    /// Whether to prove it.
    #[serde(default)]
    pub proof: bool,
}

/// An account to prove.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountProofParams {
    /// Address.
    pub account: String,
    /// Which state.
    #[serde(default)]
    pub at: At,
    /// The depth of the anchor that the caller holds for this state; the proof then begins there.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "u8", range(max = MAX_ANCHOR))]
    pub anchor: Option<u8>,
}

/// Accounts and names to prove together: at least one, at most 1,000.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MultiproofParams {
    /// Addresses.
    #[serde(default)]
    pub accounts: Vec<String>,
    /// Names, bare.
    #[serde(default)]
    pub names: Vec<Name>,
    /// Which state.
    #[serde(default)]
    pub at: At,
}

/// The depth at which a tree is cut.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnchorParams {
    /// At most 14.
    #[schemars(range(max = MAX_ANCHOR))]
    pub depth: u8,
    /// Which state.
    #[serde(default)]
    pub at: At,
}

/// Where a snapshot is to be written.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotParams {
    /// An absolute path on the node's machine, of a directory that does not exist yet.
    pub dir: String,
}

/// A name and what is wanted of it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameParams {
    /// The name, bare.
    pub name: Name,
    /// Which state.
    #[serde(default)]
    pub at: At,
    /// Whether to prove it.
    #[serde(default)]
    pub proof: bool,
}

/// A name to prove.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NameProofParams {
    /// The name, bare.
    pub name: Name,
    /// Which state.
    #[serde(default)]
    pub at: At,
    /// The depth of the anchor that the caller holds for this state; the proofs then begin there.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "u8", range(max = MAX_ANCHOR))]
    pub anchor: Option<u8>,
}

/// A name to resolve.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolveParams {
    /// The name, bare.
    pub name: Name,
    /// Only records of this type, e.g. `AAAA` or `TYPE65281`.
    #[serde(
        default,
        rename = "type",
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "String")]
    pub rtype: Option<String>,
    /// Whether to prove it.
    #[serde(default)]
    pub proof: bool,
}

/// A page of names.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListParams {
    /// The last name of the page before.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Name")]
    pub after: Option<Name>,
    /// At most 1,000; 100 if left out.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "u32", range(min = 1, max = MAX_PAGE))]
    pub limit: Option<u32>,
    /// Only this account's name.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "String")]
    pub owner: Option<String>,
}

/// What to price.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceParams {
    /// The name, bare.
    pub name: Name,
    /// 1 to 10.
    #[schemars(range(min = 1, max = MAX_YEARS))]
    pub years: u8,
    /// Whether to prove what the price follows from.
    #[serde(default)]
    pub proof: bool,
}

/// An encoded transaction.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TxParams {
    /// SCALE bytes (specs/05 §1).
    pub tx: Hex,
}

/// A transaction's id.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TxIdParams {
    /// The id.
    pub txid: TxId,
}

/// Who is to be paid for a block.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateParams {
    /// Address.
    pub payee: String,
    /// At most 64 bytes for the coinbase.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Hex")]
    pub extra: Option<Hex>,
}

/// An encoded block.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BlockParams {
    /// SCALE bytes (specs/02 §4).
    pub block: Hex,
}
