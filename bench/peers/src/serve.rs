//! The loop between standard input and output.

use crate::measure::{disk_bytes, resident_bytes};
use crate::progress::Progress;
use crate::request::Request;
use crate::{Phase, Problem, Result, Store, Times, timed};
use sapwood_bench_accounts as accounts;
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Accounts that one transaction loads: enough that its cost does not matter, and 60 MB of rows.
const LOAD_BATCH: u64 = 250_000;

/// Runs a peer whose only argument is its directory.
pub fn main<S: Store<Options = ()>>() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(dir), None) => serve::<S>(Path::new(&dir), ()),
        _ => {
            eprintln!("usage: peer DIR");
            ExitCode::from(2)
        }
    }
}

/// Answers each line of standard input by one on standard output, until `quit` or the end. A request that fails is answered by its reason under `error`.
pub fn serve<S: Store>(dir: &Path, options: S::Options) -> ExitCode {
    let mut peer = Peer::<S> {
        dir: dir.to_owned(),
        options,
        open: None,
    };
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let request = Request::parse(&line);
        if request == Some(Request::Quit) {
            break;
        }
        let answer = match request {
            Some(request) => peer.answer(request),
            None => Err(format!("no such request: {line}").into()),
        };
        let answer = answer.unwrap_or_else(|problem| json!({ "error": problem.to_string() }));
        if writeln!(output, "{answer}")
            .and_then(|()| output.flush())
            .is_err()
        {
            // Nobody listens any more.
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

struct Peer<S: Store> {
    dir: PathBuf,
    options: S::Options,
    /// The database and what it holds, from `load` on.
    open: Option<(S, Progress)>,
}

impl<S: Store> Peer<S> {
    fn answer(&mut self, request: Request) -> Result<Value> {
        match request {
            Request::Load { accounts } => self.load(accounts),
            Request::Block { count, seed } => self.block(count, seed),
            Request::Undo => self.undo(),
            Request::Prove { count, seed } => self.prove(count, seed),
            Request::Sustain {
                blocks,
                count,
                seed,
            } => self.sustain(blocks, count, seed),
            Request::Disk => self.disk(),
            Request::Rss => {
                let (bytes, peak_bytes) = resident_bytes()?;
                Ok(json!({ "bytes": bytes, "peak_bytes": peak_bytes }))
            }
            Request::Quit => Ok(Value::Null),
        }
    }

    fn load(&mut self, wanted: u64) -> Result<Value> {
        // Two handles to one database at a time are refused by most.
        self.open = None;
        let database = self.dir.join("db");
        fs::create_dir_all(&database)?;
        let mut progress = match Progress::read(&self.dir)? {
            Some(progress) => progress,
            None => Progress::new(S::KIND, wanted),
        };
        if progress.kind != S::KIND || progress.loaded != wanted {
            return Err(format!(
                "the directory holds {} accounts in {}: delete it",
                progress.loaded, progress.kind
            )
            .into());
        }
        let mut times = Times::default();
        if progress.present < wanted {
            let mut store = self.open(&database, &progress, Phase::Loading)?;
            while progress.present < wanted {
                let to = wanted.min(progress.present + LOAD_BATCH);
                let batch = S::batch(accounts::load(progress.present, to));
                let (applied, took) = timed(|| store.apply(batch));
                applied?;
                times.wall += took.wall;
                times.cpu += took.cpu;
                progress.present = to;
                progress.write(&self.dir)?;
            }
        }
        let store = self.open(&database, &progress, Phase::Measured)?;
        let answer = json!({
            "loaded": progress.loaded,
            "present": progress.present,
            "blocks": progress.blocks.len(),
            "root": root(&store)?,
            "wall_s": times.wall,
            "cpu_s": times.cpu,
        });
        self.open = Some((store, progress));
        Ok(answer)
    }

    fn open(&self, database: &Path, progress: &Progress, phase: Phase) -> Result<S> {
        let store = S::open(database, progress.loaded, phase, &self.options)?;
        if progress.matches(&store)? {
            Ok(store)
        } else {
            Err("the database is not what its progress file says: delete the directory".into())
        }
    }

    fn block(&mut self, count: u64, seed: u64) -> Result<Value> {
        let (store, progress) = opened(&mut self.open)?;
        let batch = S::batch(updates(progress, count, seed)?);
        let (applied, times) = timed(|| store.apply(batch));
        let applied = applied?;
        progress.add_block(count);
        progress.write(&self.dir)?;
        Ok(json!({
            "wall_s": times.wall,
            "cpu_s": times.cpu,
            "root_wall_s": applied.root_times.map(|times| times.wall),
            "root_cpu_s": applied.root_times.map(|times| times.cpu),
            "root": root(store)?,
        }))
    }

    fn undo(&mut self) -> Result<Value> {
        let (store, progress) = opened(&mut self.open)?;
        let mut before = progress.clone();
        before
            .take_block()
            .ok_or("there is no block to take back")?;
        let (undone, times) = timed(|| store.undo());
        if undone?.is_none() {
            return Ok(Value::Null);
        }
        *progress = before;
        progress.write(&self.dir)?;
        Ok(json!({
            "wall_s": times.wall,
            "cpu_s": times.cpu,
            "root": root(store)?,
        }))
    }

    fn prove(&mut self, count: u64, seed: u64) -> Result<Value> {
        let (store, progress) = opened(&mut self.open)?;
        let chosen =
            accounts::choose(progress.present, count, seed).ok_or_else(|| too_few(progress))?;
        let keys: Vec<_> = chosen.into_iter().map(accounts::key).collect();
        let values = keys
            .iter()
            .map(|key| {
                store
                    .value(key)?
                    .ok_or_else(|| "an account is missing".into())
            })
            .collect::<Result<Vec<_>>>()?;
        let (proofs, made) = timed(|| store.prove(&keys));
        let (Some(proofs), Some(root)) = (proofs?, store.root()?) else {
            return Ok(Value::Null);
        };
        let (verified, took) = timed(|| {
            let mut all = keys.iter().zip(&values).zip(&proofs);
            all.try_for_each(|((key, value), proof)| S::verify(&root, key, value, proof))
        });
        verified?;
        let lengths = proofs
            .iter()
            .map(borsh::object_length)
            .collect::<std::io::Result<Vec<_>>>()?;
        Ok(json!({
            "made_wall_s": made.wall,
            "made_cpu_s": made.cpu,
            "verified_wall_s": took.wall,
            "verified_cpu_s": took.cpu,
            "bytes_mean": lengths.iter().sum::<usize>() as f64 / lengths.len() as f64,
            "bytes_max": lengths.iter().max(),
        }))
    }

    fn sustain(&mut self, blocks: u64, count: u64, seed: u64) -> Result<Value> {
        let (store, progress) = opened(&mut self.open)?;
        let mut after = progress.clone();
        let mut batches = Vec::new();
        for number in 0..blocks {
            batches.push(S::batch(updates(&after, count, seed.wrapping_add(number))?));
            after.add_block(count);
        }
        let (applied, times) = timed(|| {
            let mut batches = batches.into_iter();
            batches.try_for_each(|batch| store.apply(batch).map(drop))
        });
        applied?;
        *progress = after;
        progress.write(&self.dir)?;
        Ok(json!({
            "updates": blocks * count,
            "wall_s": times.wall,
            "cpu_s": times.cpu,
            "root": root(store)?,
        }))
    }

    fn disk(&mut self) -> Result<Value> {
        let (store, progress) = opened(&mut self.open)?;
        Ok(json!({
            "bytes": disk_bytes(&self.dir.join("db"))?,
            "unused_bytes": store.unused_bytes(),
            "rows": progress.present,
        }))
    }
}

fn opened<S>(open: &mut Option<(S, Progress)>) -> Result<(&mut S, &mut Progress)> {
    match open {
        Some((store, progress)) => Ok((store, progress)),
        None => Err("load comes first".into()),
    }
}

/// The root in hexadecimal.
fn root<S: Store>(store: &S) -> Result<Option<String>> {
    let hex = |root: S::Root| {
        root.as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    Ok(store.root()?.map(hex))
}

fn updates(progress: &Progress, count: u64, seed: u64) -> Result<Vec<accounts::Update>> {
    accounts::block(progress.present, count, seed).ok_or_else(|| too_few(progress))
}

fn too_few(progress: &Progress) -> Problem {
    format!("only {} accounts are present", progress.present).into()
}

#[cfg(test)]
mod tests;
