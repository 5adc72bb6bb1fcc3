//! Bringing the state in memory from the checkpoint to the log's tip (the log is the truth, the checkpoint follows it), and back to the last states before.

use crate::checkpoint::damaged;
use crate::failed::StorageFailed;
use crate::live::REMEMBERED;
use crate::lock::{read, write};
use crate::store::{Head, take_back};
use crate::view::View;
use sapwood_primitives::{BlockId, Chain, SealedHeader};
use sapwood_runtime::{CheckedBlock, Link, Undo, connect};

/// Goes to the state after `tip`, and makes the states before it known as far as undo records reach.
pub(crate) fn replay(chain: &Chain, view: &View, tip: &BlockId) -> Result<(), StorageFailed> {
    let checkpoint = read(&view.live).base().tip().id;
    if view.log.entry(&checkpoint).is_none() {
        return Err(damaged(
            "the block log",
            format!("it ends before block {checkpoint}, whose state the checkpoint holds"),
        ));
    }
    let (fork, path) = path(view, tip)?;
    let undos = undos_down_to(view, &checkpoint, &fork)?;
    let back = REMEMBERED.saturating_sub(path.len());
    if undos.is_empty() {
        remember(view, &checkpoint, back)?;
    } else {
        tracing::info!(
            blocks = undos.len(),
            "the checkpoint's branch was left; taking its blocks back"
        );
        let leaves = undos.iter().flat_map(Undo::changes).collect();
        let (changes, undo) = read(&view.live).changes_to(leaves)?;
        let plan = read(&view.live).plan(&changes, &undo)?;
        take_back(&view.live, fork.id, fork.state_root, plan)?;
        remember(view, &fork.id, back)?;
    }
    if !path.is_empty() {
        tracing::info!(blocks = path.len(), "replaying the log from the checkpoint");
    }
    let mut headers = Vec::with_capacity(path.len());
    let mut link = fork.clone();
    for id in path {
        let (next, header) = forward(chain, view, &link, &id)?;
        headers.push(header);
        link = next;
    }
    write(&view.live).publish(fork.height, headers);
    Ok(())
}

/// The last block on the way to `tip` that the checkpoint's branch has too, and the blocks above it, lowest first.
fn path(view: &View, tip: &BlockId) -> Result<(Link, Vec<BlockId>), StorageFailed> {
    let base = std::sync::Arc::clone(read(&view.live).base());
    let (mut id, mut path) = (*tip, Vec::new());
    while base.height_of(&id)?.is_none() {
        path.push(id);
        let entry = view.log.entry(&id);
        let entry = entry.ok_or_else(|| damaged(format!("block {id}"), "absent from the log"))?;
        id = entry.parent;
    }
    path.reverse();
    Ok((link(view, &id)?, path))
}

fn link(view: &View, id: &BlockId) -> Result<Link, StorageFailed> {
    let link = view.link(id)?;
    link.ok_or_else(|| damaged(format!("the link of block {id}"), "absent from the log"))
}

/// Undo records of the blocks above `fork` up to `from`, in an order in which of two values of a leaf the later record's stays: the newest first.
fn undos_down_to(view: &View, from: &BlockId, fork: &Link) -> Result<Vec<Undo>, StorageFailed> {
    let (mut id, mut undos) = (*from, Vec::new());
    while id != fork.id {
        let undo = view.undo(&id)?;
        undos.push(undo.ok_or_else(|| {
            damaged(
                format!("the undo record of block {id}"),
                "absent from the log",
            )
        })?);
        let entry = view.log.entry(&id);
        let entry = entry.ok_or_else(|| damaged(format!("block {id}"), "absent from the log"))?;
        id = entry.parent;
    }
    Ok(undos)
}

/// Connects a block of the log to the present state.
fn forward(
    chain: &Chain,
    view: &View,
    parent: &Link,
    id: &BlockId,
) -> Result<(Link, SealedHeader), StorageFailed> {
    let what = || format!("block {id}");
    let block = view.stored_block(id)?;
    let block = CheckedBlock::stored(block.ok_or_else(|| damaged(what(), "absent from the log"))?);
    let head = Head::of(&view.live);
    let connected = connect(chain, parent, &head, &head, &block);
    let connected = connected.map_err(|invalid| damaged(what(), invalid))?;
    write(&view.live).step(connected.link.id, connected.plan.into_inner());
    Ok((connected.link, block.block().header.clone()))
}

/// Goes up to `count` blocks back from the present state, which is that after `from`, and forward again, so that the states on the way can be read.
pub(crate) fn remember(view: &View, from: &BlockId, count: usize) -> Result<(), StorageFailed> {
    let mut forward = Vec::new();
    let mut id = *from;
    while forward.len() < count {
        let Some(undo) = view.undo(&id)? else {
            break;
        };
        let parent = view.log.entry(&id).map(|entry| entry.parent);
        let Some(parent) = parent
            .map(|parent| view.link(&parent))
            .transpose()?
            .flatten()
        else {
            break;
        };
        let leaves = undo.changes().into_iter().collect();
        let (changes, undo) = read(&view.live).changes_to(leaves)?;
        let plan = read(&view.live).plan(&changes, &undo)?;
        if plan.root() != parent.state_root {
            return Err(damaged(
                format!("the undo record of block {id}"),
                "it does not lead to the state before",
            ));
        }
        write(&view.live).step(parent.id, plan);
        // The way forward puts back what the way back found.
        let back = undo.changes();
        let was = Undo::new(
            changes
                .into_iter()
                .map(|(key, old)| sapwood_runtime::UndoEntry { key, old })
                .collect(),
        );
        forward.push((id, back, was));
        id = parent.id;
    }
    for (id, changes, undo) in forward.into_iter().rev() {
        let plan = read(&view.live).plan(&changes, &undo)?;
        write(&view.live).step(id, plan);
    }
    Ok(())
}
