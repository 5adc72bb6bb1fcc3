//! Methods of the RPC (specs/09 §4), their parameters and results, shared by server and clients.

mod answers;
mod params;

pub use answers::*;
pub use params::*;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// A method: its name, what goes in, what comes out.
pub trait Method {
    /// Name on the wire.
    const NAME: &'static str;
    /// Parameters, by name.
    type Params: Serialize + DeserializeOwned + Send + 'static;
    /// Result.
    type Answer: Serialize + DeserializeOwned + Clone + Send + 'static;
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:literal $method:ident($params:ty) -> $answer:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug)]
            pub struct $method;
            impl Method for $method {
                const NAME: &'static str = $name;
                type Params = $params;
                type Answer = $answer;
            }
        )*
        /// Names of all methods.
        pub const METHODS: &[&str] = &[$($name),*];
    };
}

methods! {
    /// The one overview of a node.
    "node_status" NodeStatus(NoParams) -> Status;
    /// The tip.
    "chain_head" ChainHead(NoParams) -> Head;
    /// One header.
    "chain_header" ChainHeader(BlockRef) -> HeaderAnswer;
    /// Many headers of the main chain.
    "chain_headers" ChainHeaders(HeadersParams) -> Headers;
    /// One block of the window.
    "chain_block" ChainBlock(BlockRef) -> BlockAnswer;
    /// The tip, once it is another one.
    "chain_awaitHead" ChainAwaitHead(AwaitParams) -> Head;
    /// An account's fields.
    "account_get" AccountGet(AccountParams) -> AccountAnswer;
    /// An account's leaf and its proof.
    "account_proof" AccountProof(AccountProofParams) -> Proven;
    /// A name's life.
    "name_show" NameShow(NameParams) -> NameAnswer;
    /// A name's records at the trusted depth.
    "name_resolve" NameResolve(ResolveParams) -> Resolved;
    /// A name's leaf and its owner's, proven.
    "name_proof" NameProof(NameProofParams) -> NameProven;
    /// Names in order.
    "name_list" NameList(ListParams) -> Names;
    /// What a name costs now.
    "name_price" NamePrice(PriceParams) -> Price;
    /// Many leaves with one proof.
    "state_multiproof" StateMultiproof(MultiproofParams) -> Multiproof;
    /// The nodes at one depth of a state's tree.
    "state_anchor" StateAnchor(AnchorParams) -> AnchorAnswer;
    /// Begins to write a snapshot.
    "snapshot_write" SnapshotWrite(SnapshotParams) -> SnapshotState;
    /// How far the last snapshot is.
    "snapshot_status" SnapshotStatus(NoParams) -> SnapshotState;
    /// Hands in a transaction.
    "tx_submit" TxSubmit(TxParams) -> Submitted;
    /// Where a transaction is.
    "tx_status" TxStatus(TxIdParams) -> TxState;
    /// A transaction as JSON.
    "tx_decode" TxDecode(TxParams) -> serde_json::Value;
    /// The mempool.
    "mempool_info" MempoolInfo(NoParams) -> Mempool;
    /// A block to search a nonce for.
    "mining_template" MiningTemplate(TemplateParams) -> Template;
    /// Hands in a mined block.
    "mining_submit" MiningSubmit(BlockParams) -> BlockSubmitted;
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
