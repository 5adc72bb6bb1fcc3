//! `sapwood snapshot write|verify|import`.

use crate::cli::{Global, SnapshotCommand};
use crate::commands::{chain, find_places};
use crate::{block_on, client, print};
use sapwood_primitives::Chain;
use sapwood_rpc::types::{self as t, SnapshotState};
use sapwood_store::snapshot::{Progress, SnapshotFailed, Summary, import, verify};
use sapwood_store::{Config, OpenStore, Store};
use sapwood_wallet::command::{CliError, Console, Exit, Terminal, escape};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time between two questions how far the node is.
const PAUSE: Duration = Duration::from_millis(200);

/// Runs the command.
///
/// # Errors
/// What the command says; exit code 4 for files that are not good.
pub(crate) fn run(global: &Global, command: &SnapshotCommand) -> Result<(), CliError> {
    let chain = chain(global, "main")?;
    let places = find_places(global, &chain)?;
    let (what, dir, summary) = match command {
        SnapshotCommand::Write { dir } => {
            let dir = absolute(dir)?;
            let summary = write(global, &chain, places.dir(), &dir)?;
            ("written to", dir, summary)
        }
        SnapshotCommand::Verify { dir } => {
            let bar = Bar::new("checked");
            let summary = verify(dir, &chain, &mut |progress| bar.show(progress));
            bar.end();
            (
                "whole and good in",
                dir.clone(),
                summary.map_err(|e| failed(&e))?,
            )
        }
        SnapshotCommand::Import { dir } => {
            let bar = Bar::new("taken over");
            let data = places.dir();
            let summary = import(dir, data, &chain, &mut |progress| bar.show(progress));
            bar.end();
            (
                "taken over from",
                dir.clone(),
                summary.map_err(|e| failed(&e))?,
            )
        }
    };
    let json = serde_json::json!({
        "schema": 1,
        "dir": dir,
        "height": summary.height,
        "block": summary.block,
        "state_root": summary.state_root,
        "leaves": summary.leaves,
        "chunks": summary.chunks,
        "bytes": summary.bytes,
    });
    let text = format!(
        "state after block {} at height {}\n{} leaves, {} chunks, {} bytes, {what} {}\n",
        summary.block,
        summary.height,
        summary.leaves,
        summary.chunks,
        summary.bytes,
        dir.display()
    );
    print(global, &json, &text)
}

fn absolute(dir: &Path) -> Result<PathBuf, CliError> {
    let dir = std::path::absolute(dir);
    dir.map_err(|e| CliError::new(Exit::Usage, "dir", e.to_string(), "name a directory"))
}

/// Has a running node write it, or reads the store itself if none runs.
fn write(global: &Global, chain: &Chain, data: &Path, dir: &Path) -> Result<Summary, CliError> {
    // Of the directories of another machine nothing is known here.
    if global.rpc.is_none() && dir.exists() {
        return Err(failed(&SnapshotFailed::Exists(dir.to_owned())));
    }
    // Where there is no store none is made: a wrong directory is not to give a snapshot of the genesis.
    if global.rpc.is_none() && Store::directory_in(data).exists() {
        match Store::open(data, chain, Config::default()) {
            Ok(store) => return write_alone(store, chain, dir),
            // A node has it.
            Err(OpenStore::Locked { .. }) => {}
            Err(error) => return Err(failed(&error.into())),
        }
    }
    let bar = Bar::new("written");
    let written = block_on(write_by_node(global, chain, dir, &bar));
    bar.end();
    written
}

fn write_alone(mut store: Store, chain: &Chain, dir: &Path) -> Result<Summary, CliError> {
    store.checkpoint().map_err(|e| failed(&e.into()))?;
    let genesis =
        sapwood_runtime::genesis(chain).map_err(|e| failed(&OpenStore::from(e).into()))?;
    let bar = Bar::new("written");
    let view = store.view();
    let summary = view.write_snapshot(&genesis.link.id, dir, &mut |progress| bar.show(progress));
    bar.end();
    let closed = store.close().map_err(|e| failed(&e.into()));
    let summary = summary.map_err(|e| failed(&e))?;
    closed.map(|()| summary)
}

async fn write_by_node(
    global: &Global,
    chain: &Chain,
    dir: &Path,
    bar: &Bar,
) -> Result<Summary, CliError> {
    let places = find_places(global, chain)?;
    let client = client::connect(
        &places,
        global.rpc.as_deref(),
        global.cookie_file.as_deref(),
    )?;
    let text = dir.to_str().ok_or_else(|| {
        CliError::new(
            Exit::Usage,
            "dir",
            "the path is not UTF-8",
            "name another directory",
        )
    })?;
    let params = t::SnapshotParams {
        dir: text.to_owned(),
    };
    let mut state = client.call::<t::SnapshotWrite>(params).await?;
    while state.status == "running" {
        tokio::time::sleep(PAUSE).await;
        state = client.call::<t::SnapshotStatus>(t::NoParams {}).await?;
        bar.show(Progress {
            done: state.done,
            total: Some(state.leaves).filter(|leaves| *leaves > 0),
        });
    }
    summary_of(&state).ok_or_else(|| {
        let why = state
            .error
            .unwrap_or_else(|| "the node does not say why".into());
        let message = format!("the node did not write the snapshot: {}", escape(&why));
        CliError::new(Exit::Storage, "snapshot", message, "see the node's log")
    })
}

fn summary_of(state: &SnapshotState) -> Option<Summary> {
    Some(Summary {
        height: state.height?,
        block: state.block?,
        state_root: state.state_root?,
        leaves: state.leaves,
        chunks: state.chunks,
        bytes: state.bytes,
    })
}

fn failed(error: &SnapshotFailed) -> CliError {
    let (exit, code) = match error {
        SnapshotFailed::Exists(_) | SnapshotFailed::HasStore(_) => (Exit::Refused, "exists"),
        SnapshotFailed::Store(OpenStore::Locked { .. }) => (Exit::Refused, "running"),
        SnapshotFailed::Store(OpenStore::Chain(_)) => (Exit::Refused, "not_launched"),
        _ => (Exit::Storage, "snapshot"),
    };
    CliError::new(exit, code, escape(&error.to_string()), "")
}

/// Says on a terminal how far the work is.
struct Bar {
    console: Console,
    what: &'static str,
}

impl Bar {
    fn new(what: &'static str) -> Self {
        Self {
            console: Console::default(),
            what,
        }
    }

    fn show(&self, progress: Progress) {
        let Progress { done, total } = progress;
        let text = match total {
            Some(total) => format!("{done} of {total} leaves {}", self.what),
            None => format!("{done} leaves {}", self.what),
        };
        self.console.progress(&text);
    }

    fn end(&self) {
        self.console.progress_end();
    }
}
