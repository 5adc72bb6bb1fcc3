//! The account tree: one hash that commits to every leaf of the state, and proofs that a leaf is in it or is not.
//!
//! - [`Tree`] keeps keys and value hashes in memory, in a persistent binary trie: a clone costs nothing and shares
//!   everything, a batch of changes gives a new tree and leaves the old one as it was.
//! - [`Proof`] is the parsed form of a proof; [`Tree::prove`] makes one.
//! - [`verify`] checks the bytes of a proof against a [`Root`]. It allocates nothing and uses nothing of the tree, so that
//!   it runs in a wallet, a resolver or a browser.
//!
//! Everything here follows specs/04 §2–§4. What a leaf contains, how its key comes from its kind and id (§1), and where
//! values are stored is left to others: this crate sees 32-byte keys, hashes, and values only as bytes to be hashed.
//!
//! ```
//! use sapwood_account_tree::{Claim, Key, Tree, hash::value_hash, verify};
//!
//! let (here, elsewhere) = (Key([1; 32]), Key([2; 32]));
//! let tree = Tree::new().update(&[(here, Some(value_hash(b"a leaf")))])?;
//! let proof = tree.prove(&here)?.to_bytes();
//! verify(&tree.root(), &here, Claim::Present(b"a leaf"), &proof)?;
//!
//! let proof = tree.prove(&elsewhere)?.to_bytes();
//! verify(&tree.root(), &elsewhere, Claim::Absent, &proof)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod hash;
mod key;
mod proof;
mod prove;
mod subtree;
mod tree;
mod verify;
mod wire;

pub use hash::{NodeHash, Root, ValueHash};
pub use key::Key;
pub use proof::{Form, Proof};
pub use prove::TooDeep;
pub use tree::{NotRising, Tree};
pub use verify::{Claim, Refused, verify};
pub use wire::{MAX_DEPTH, MAX_PROOF_BYTES, Malformed};
