//! The account tree: one hash that commits to every leaf of the state, and proofs that a leaf is in it or is not.
//!
//! - [`Tree`] keeps the hashes of a state in memory, over rows that the caller stores. A batch of changes is planned, which
//!   gives the new root and changes nothing, and then committed.
//! - [`Past`] is the tree as it was before some commits: proofs at recent roots come from it.
//! - [`Proof`] is the parsed form of a proof. [`prove_many`] proves many leaves at once. Who holds the top of a tree, an
//!   [`Anchor`], needs only what lies below it: [`prove_below`]. All are made over whatever answers [`Shape`].
//! - [`verify`] checks the bytes of a proof against a [`Root`]. It allocates nothing and uses nothing of the tree, so that
//!   it runs in a wallet, a resolver or a browser. [`verify_many`] and [`Anchor::verify`] are its kin.
//! - [`snapshot`] is the form of a whole state in chunks that are checked one by one.
//! - [`NaiveTree`] is all of it straight from the definition, for small states.
//!
//! Without the feature `tree`, which is on by default, there is no [`Tree`], and the crate needs neither `std` nor threads.
//!
//! Everything here follows specs/04 §2–§4 and §6–§9, and specs/10. What a leaf contains, how its key comes from its kind and id (§1), and where
//! values are stored is left to others: this crate sees 32-byte keys, hashes, and values only as bytes to be hashed.
//!
//! ```
//! # #[cfg(feature = "tree")] {
//! use std::collections::BTreeMap;
//!
//! use sapwood_account_tree::{Change, Claim, Key, Mode, Tree, hash::value_hash, verify};
//!
//! let (here, elsewhere) = (Key([1; 32]), Key([2; 32]));
//! let mut rows = BTreeMap::new();
//! let mut tree = Tree::new(Mode::Fast);
//! let new = Some(value_hash(b"a leaf"));
//! let plan = tree.plan(&[Change { key: here, existed: false, new }], &rows)?;
//! tree.commit(plan);
//! rows.extend([(here, value_hash(b"a leaf"))]);
//!
//! let proof = tree.prove(&here, &rows)?.to_bytes();
//! verify(&tree.root(), &here, Claim::Present(b"a leaf"), &proof)?;
//!
//! let proof = tree.prove(&elsewhere, &rows)?.to_bytes();
//! verify(&tree.root(), &elsewhere, Claim::Absent, &proof)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(feature = "tree")]
extern crate std;

mod anchor;
mod below;
mod forest;
pub mod hash;
mod key;
mod many;
mod naive;
mod proof;
mod shape;
pub mod snapshot;
mod stream;
mod verify;
mod wire;

#[cfg(feature = "tree")]
mod tree;

#[cfg(feature = "tree")]
pub use tree::{
    Change, Damaged, Delta, Leaves, Mode, NotRising, Past, Plan, PlanError, ProveError, RowsError,
    TooDeep, Tree, Unusable, View,
};

pub use anchor::{Anchor, AnchorDepth, BadAnchor, MAX_ANCHOR_BYTES};
pub use below::{NotBelow, RefusedBelow, prove_below};
pub use hash::{NodeHash, Root, ValueHash};
pub use key::Key;
pub use many::{MAX_MANY, NotMany, RefusedMany, prove_many, verify_many};
pub use naive::NaiveTree;
pub use proof::{Form, Proof};
pub use shape::{Place, Shape, Sorted};
pub use stream::Misshapen;
pub use verify::{Claim, Refused, verify};
pub use wire::{MAX_DEPTH, MAX_PROOF_BYTES, Malformed};
