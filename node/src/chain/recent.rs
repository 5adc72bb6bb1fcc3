//! The last few states of the main chain, from which the trusted one is made (specs/07 §2.2).

use super::storage::{Read, StorageFailed};
use sapwood_account_tree::Tree;
use sapwood_primitives::{Hash, Leaf};
use sapwood_runtime::{Link, Undo, tree_changes};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// A state of the past: its block, its tree, and what takes the block back.
#[derive(Clone)]
struct Past {
    link: Link,
    tree: Tree,
    undo: Arc<Undo>,
}

/// The states after the tip and the blocks below it, newest first, as many as the trusted depth.
#[derive(Clone)]
pub(super) struct Recent {
    depth: usize,
    states: VecDeque<Past>,
}

impl Recent {
    /// Goes back from the tip by the undo records of a store.
    pub(super) fn load(
        view: &dyn Read,
        depth: u64,
        link: &Link,
        tree: &Tree,
    ) -> Result<Self, StorageFailed> {
        let depth = usize::try_from(depth).unwrap_or(usize::MAX).max(1);
        let mut recent = Self {
            depth,
            states: VecDeque::new(),
        };
        let (mut link, mut tree) = (link.clone(), tree.clone());
        loop {
            let Some(undo) = view.undo(&link.id)? else {
                return Err(StorageFailed::new(
                    "reading recent states",
                    format!("no undo record of block {}", link.id),
                ));
            };
            let undo = Arc::new(undo);
            recent.states.push_back(Past {
                link: link.clone(),
                tree: tree.clone(),
                undo: Arc::clone(&undo),
            });
            if recent.states.len() == depth {
                return Ok(recent);
            }
            let Some(parent) = parent(view, &link)? else {
                return Ok(recent);
            };
            tree = undone(&tree, &undo, &parent)?;
            link = parent;
        }
    }

    /// Goes on to the child of the tip.
    pub(super) fn push(&mut self, link: Link, tree: Tree, undo: Undo) {
        self.states.push_front(Past {
            link,
            tree,
            undo: Arc::new(undo),
        });
        self.states.truncate(self.depth);
    }

    /// The state at the trusted depth, or the oldest there is: its block, its tree, and the leaves in which it differs from the tip's.
    pub(super) fn trusted(&self) -> (Link, Tree, BTreeMap<Hash, Option<Leaf>>) {
        let oldest = self.states.back().expect("the tip is always there");
        let mut older = BTreeMap::new();
        // From new to old, so that of two values the older one stays.
        for past in self.states.iter().take(self.states.len() - 1) {
            older.extend(past.undo.changes());
        }
        (oldest.link.clone(), oldest.tree.clone(), older)
    }
}

/// The link of a main chain block's parent, if the window still has it.
fn parent(view: &dyn Read, link: &Link) -> Result<Option<Link>, StorageFailed> {
    let Some(height) = link.height.minus(1) else {
        return Ok(None);
    };
    let Some(header) = view.header(height)? else {
        return Err(StorageFailed::new(
            "reading recent states",
            format!("no header at height {height}"),
        ));
    };
    view.link(&header.id())
}

/// The tree before a block, checked against the root that the parent names.
pub(super) fn undone(tree: &Tree, undo: &Undo, parent: &Link) -> Result<Tree, StorageFailed> {
    let tree = tree.update(&tree_changes(&undo.changes()));
    match tree {
        Ok(tree) if tree.root().0 == parent.state_root.0 => Ok(tree),
        _ => Err(StorageFailed::new(
            "taking a block back",
            format!(
                "the undo record does not lead to the state after block {}",
                parent.id
            ),
        )),
    }
}
