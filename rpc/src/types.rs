//! Methods of the RPC (specs/09 §4), their parameters and results, shared by server and clients.

mod answers;
mod decoded;
mod params;

pub use crate::openrpc::Document;
pub use answers::*;
pub use decoded::*;
pub use params::*;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// A method: its name, what goes in, what comes out.
pub trait Method {
    /// Name on the wire.
    const NAME: &'static str;
    /// Parameters, by name.
    type Params: Serialize + DeserializeOwned + JsonSchema + Send + 'static;
    /// Result.
    type Answer: Serialize + DeserializeOwned + JsonSchema + Clone + Send + 'static;
}

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Everybody who reaches the public listener; it only reads, or takes signed transactions.
    Public,
    /// Who has the node's cookie.
    Private,
}

/// Which errors a method has beside those that every call can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raises {
    /// What was asked for is not there.
    NotFound,
    /// The node is behind.
    Syncing,
    /// A transaction was refused, by a rule or by the mempool.
    Transaction,
    /// A block was refused.
    Block,
}

/// A method as the server answers it and the document describes it.
#[derive(Clone, Copy, Debug)]
pub struct MethodEntry {
    /// Name on the wire.
    pub name: &'static str,
    /// What it answers, in one line. It begins with a space where it is raw from the source; use [`MethodEntry::summary`].
    doc: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Its own errors.
    pub raises: &'static [Raises],
    /// Schema of its parameters.
    pub params: fn(&mut SchemaGenerator) -> Schema,
    /// Schema of its answer.
    pub answer: fn(&mut SchemaGenerator) -> Schema,
    /// Name of the answer's type.
    pub answer_name: fn() -> Cow<'static, str>,
}

impl MethodEntry {
    /// What it does, in one line.
    pub fn summary(&self) -> &'static str {
        self.doc.trim()
    }
}

/// The methods that a listener with this access answers, in their order.
pub fn methods(access: Access) -> impl Iterator<Item = &'static MethodEntry> {
    METHODS.iter().filter(move |entry| entry.access <= access)
}

macro_rules! methods {
    ($(#[doc = $doc:literal] $name:literal $method:ident($params:ty) -> $answer:ty: $access:ident $(, $raises:ident)*;)*) => {
        $(
            #[doc = $doc]
            #[derive(Clone, Copy, Debug)]
            pub struct $method;
            impl Method for $method {
                const NAME: &'static str = $name;
                type Params = $params;
                type Answer = $answer;
            }
        )*
        /// The table of all methods: what the server answers, what `rpc.discover` lists, and what `sapwood rpc --list` prints.
        pub const METHODS: &[MethodEntry] = &[$(MethodEntry {
            name: $name,
            doc: $doc,
            access: Access::$access,
            raises: &[$(Raises::$raises),*],
            params: |schemas| <$params>::json_schema(schemas),
            answer: |schemas| schemas.subschema_for::<$answer>(),
            answer_name: <$answer>::schema_name,
        }),*];
    };
}

methods! {
    /// This document.
    "rpc.discover" RpcDiscover(NoParams) -> Document: Public;
    /// The one overview of a node.
    "node_status" NodeStatus(NoParams) -> Status: Public;
    /// The tip.
    "chain_head" ChainHead(NoParams) -> Head: Public;
    /// One header of the main chain.
    "chain_header" ChainHeader(BlockRef) -> HeaderAnswer: Public, NotFound;
    /// Many headers of the main chain.
    "chain_headers" ChainHeaders(HeadersParams) -> Headers: Public;
    /// One block of the window.
    "chain_block" ChainBlock(BlockRef) -> BlockAnswer: Public, NotFound;
    /// The tip, once it is another one, or when the time is over.
    "chain_awaitHead" ChainAwaitHead(AwaitParams) -> Head: Public;
    /// An account's fields.
    "account_get" AccountGet(AccountParams) -> AccountAnswer: Public, NotFound;
    /// An account's leaf and its proof.
    "account_proof" AccountProof(AccountProofParams) -> Proven: Public, NotFound;
    /// A name's life.
    "name_show" NameShow(NameParams) -> NameAnswer: Public, NotFound;
    /// A name's records at the trusted depth.
    "name_resolve" NameResolve(ResolveParams) -> Resolved: Public;
    /// A name's leaf and its owner's, proven.
    "name_proof" NameProof(NameProofParams) -> NameProven: Public, NotFound;
    /// Names in order.
    "name_list" NameList(ListParams) -> Names: Public;
    /// What a name costs now.
    "name_price" NamePrice(PriceParams) -> Price: Public;
    /// Many leaves with one proof.
    "state_multiproof" StateMultiproof(MultiproofParams) -> Multiproof: Public, NotFound;
    /// The nodes at one depth of a state's tree.
    "state_anchor" StateAnchor(AnchorParams) -> AnchorAnswer: Public, NotFound;
    /// Begins to write a snapshot into a directory of the node's machine.
    "snapshot_write" SnapshotWrite(SnapshotParams) -> SnapshotState: Private;
    /// How far the last snapshot is.
    "snapshot_status" SnapshotStatus(NoParams) -> SnapshotState: Private;
    /// Hands in a transaction.
    "tx_submit" TxSubmit(TxParams) -> Submitted: Public, Syncing, Transaction;
    /// Where a transaction is.
    "tx_status" TxStatus(TxIdParams) -> TxState: Public;
    /// A transaction as JSON, without looking at state.
    "tx_decode" TxDecode(TxParams) -> Decoded: Public;
    /// The mempool's counts and bounds.
    "mempool_info" MempoolInfo(NoParams) -> Mempool: Public;
    /// A block to search a nonce for.
    "mining_template" MiningTemplate(TemplateParams) -> Template: Private;
    /// Hands in a mined block.
    "mining_submit" MiningSubmit(BlockParams) -> BlockSubmitted: Private, Block;
}

/// Bytes as lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Hex(pub Vec<u8>);

impl Serialize for Hex {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&hex::encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(input)?;
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(serde::de::Error::custom("hex is lower case"));
        }
        hex::decode(text.as_bytes())
            .map(Self)
            .map_err(|_| serde::de::Error::custom("not an even number of hex digits"))
    }
}

impl JsonSchema for Hex {
    fn schema_name() -> Cow<'static, str> {
        "Hex".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": "^([0-9a-f]{2})*$",
            "description": "Bytes, two lower-case hex digits each."
        })
    }
}
