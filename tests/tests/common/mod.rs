//! A dev chain on which minutes pass in seconds, for stories that would otherwise wait for blocks.

#![allow(dead_code, reason = "each test file uses the part that it needs")]

use sapwood_tests::chain::seal;
use sapwood_tests::{Home, Ran, Server};
use serde_json::Value;
use std::fs::File;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two blocks. A node takes blocks up to 600 s ahead of its clock, and each is at least one second after the one before, so this pace holds for 600 blocks.
const PACE: Duration = Duration::from_millis(100);

/// Blocks until the first reward has matured, and a few more.
const FIRST_COINS: u64 = 16;

/// The passphrase of wallets that the stories make.
pub(crate) const PASSPHRASE: &str = "bark beetle";

/// A home with a node of the dev chain, the wallet `dev` with coins, and a miner that pays it.
pub(crate) struct FastChain {
    pub(crate) home: Home,
    pub(crate) server: Arc<Server>,
    /// Address of the wallet's first account.
    pub(crate) address: String,
    stop: Arc<AtomicBool>,
    miner: Option<JoinHandle<()>>,
}

impl FastChain {
    pub(crate) fn new() -> Self {
        let home = Home::new();
        std::fs::write(home.path().join("pass"), format!("{PASSPHRASE}\n")).unwrap();
        let made = home
            .run("dev", &["--json", "wallet", "create"])
            .expect(0)
            .json();
        let address = made["address"].as_str().unwrap().to_owned();
        let server = Arc::new(home.node("dev", &[]));
        for _ in 0..FIRST_COINS {
            mine(&server, &address);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let miner = {
            let (server, stop, payee) = (Arc::clone(&server), Arc::clone(&stop), address.clone());
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    mine(&server, &payee);
                    std::thread::sleep(PACE);
                }
            })
        };
        Self {
            home,
            server,
            address,
            stop,
            miner: Some(miner),
        }
    }

    /// A command that answers questions with yes and prints JSON.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.home
            .command("dev", &[&["--json", "--yes"], args].concat())
    }

    /// Runs a command of the wallet `dev`.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    /// Runs a command that must succeed and gives its JSON.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> Value {
        self.run(args).expect(0).json()
    }

    /// The same for another wallet, whose passphrase comes on stdin.
    #[track_caller]
    pub(crate) fn ok_as(&self, wallet: &str, args: &[&str]) -> Value {
        self.run_as(wallet, args).expect(0).json()
    }

    /// Runs a command of another wallet.
    pub(crate) fn run_as(&self, wallet: &str, args: &[&str]) -> Ran {
        Ran::of(self.output_as(wallet, args))
    }

    fn output_as(&self, wallet: &str, args: &[&str]) -> Output {
        let mut command = self.command(args);
        command.args(["--wallet", wallet, "--passphrase-fd", "0"]);
        let pass = File::open(self.home.path().join("pass")).unwrap();
        command.stdin(pass).output().unwrap()
    }

    /// Makes another wallet, has it sent coins, and gives its address.
    #[track_caller]
    pub(crate) fn wallet(&self, name: &str, sap: &str) -> String {
        let made = self.ok_as(name, &["wallet", "create"]);
        let address = made["address"].as_str().unwrap().to_owned();
        self.ok(&["wallet", "send", &address, sap, "--wait"]);
        address
    }

    /// Waits for so many blocks.
    #[track_caller]
    pub(crate) fn pass(&self, blocks: u64) {
        self.server.wait_for_height(self.server.height() + blocks);
    }
}

impl Drop for FastChain {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(miner) = self.miner.take() {
            // A miner that panicked has failed the test by missing blocks already.
            let _ = miner.join();
        }
    }
}

fn mine(server: &Server, payee: &str) {
    let mut block = server.template(payee).unwrap();
    seal(&mut block);
    server.submit_block(&block).unwrap();
}
