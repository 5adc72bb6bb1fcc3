//! What a node keeps: one state, the headers that lead to it, and a window of blocks.
//!
//! - The [`log`] is the truth: blocks with their undo records, in the order in which they came, one sync a commit.
//! - The checkpoint has all rows of one state, and follows the log: sorted files of rows, and a redb file that names them. A thread of its own brings it forward.
//! - In memory are the account tree, the rows that differ from the checkpoint, and the way back to the last few dozen states.
//!
//! [`Store`] is the writer's face, [`View`] the readers'. At start the checkpoint is read and the log replayed from there. [`snapshot`] writes a whole state as files and
//! begins from them. [`disk`] is what all of it stands on: a folder, or a simulated disk that loses power.
//!
//! No rule of the chain is decided here: what is written is said by the writer. Damage is recognised where it is met, and is an error, never another answer.

mod bytes;
mod cache;
mod checkpoint;
mod checkpointer;
mod contained;
pub mod disk;
mod failed;
#[doc(hidden)]
pub mod fuzzing;
mod idle;
mod index;
mod live;
mod load;
mod lock;
pub mod log;
mod main_chain;
mod memtable;
mod new;
mod open;
mod replay;
mod runs;
pub mod snapshot;
mod step;
mod store;
mod tip;
mod view;

pub use checkpointer::Checkpoints;
pub use failed::StorageFailed;
pub use idle::IdleStore;
pub use index::{IndexRow, index_rows};
pub use live::REMEMBERED;
pub use log::BOUNDARY;
pub use memtable::Row;
pub use new::NewStore;
pub use open::{Config, OpenStore};
pub use store::{Head, Plan, Store, UndoRecord};
pub use tip::{Position, Tip};
pub use view::{ReadFailed, View, Witness};
