//! Whole commands against a chain that runs in the test: real rules, real proofs, and a node that lies or dies when told to.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod batch;
mod carry;
mod cuts;
mod keys;
mod lies;
mod names;
mod offline;
mod pay;
mod register;
mod restore;
mod words;
mod world;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use clap::Parser;
use sapwood_primitives::Chain;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::*;
use crate::keystore::KdfCost;
use world::{FakeNode, World};

/// The lowest cost that Argon2 has.
const CHEAP: KdfCost = KdfCost {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};

/// The command line as the program has it, without the program's own flags.
#[derive(Parser)]
enum Words {
    #[command(subcommand)]
    Wallet(WalletCommand),
    #[command(subcommand)]
    Name(NameCommand),
    #[command(subcommand)]
    Limit(LimitCommand),
    #[command(subcommand)]
    Account(AccountCommand),
    #[command(subcommand)]
    Tx(TxCommand),
}

/// A person who says what was prepared, and remembers what was said.
#[derive(Default)]
struct Person {
    said: RefCell<Vec<String>>,
    progress: RefCell<Vec<String>>,
    answers: RefCell<VecDeque<bool>>,
    secrets: RefCell<VecDeque<String>>,
    stdin: RefCell<Vec<u8>>,
    interactive: Cell<bool>,
    screen: Cell<bool>,
    now: Cell<u64>,
}

impl Terminal for Rc<Person> {
    fn say(&self, line: &str) {
        self.said.borrow_mut().push(line.to_owned());
    }
    fn progress(&self, line: &str) {
        self.progress.borrow_mut().push(line.to_owned());
    }
    fn progress_end(&self) {}
    fn is_interactive(&self) -> bool {
        self.interactive.get()
    }
    fn stdout_is_screen(&self) -> bool {
        self.screen.get()
    }
    fn agree(&self, question: &str) -> io::Result<bool> {
        self.say(question);
        Ok(self
            .answers
            .borrow_mut()
            .pop_front()
            .expect("a question that was not expected"))
    }
    fn secret(&self, _: &str) -> io::Result<Zeroizing<String>> {
        Ok(Zeroizing::new(
            self.secrets
                .borrow_mut()
                .pop_front()
                .expect("a secret that was not expected"),
        ))
    }
    fn stdin(&self, _: u64) -> io::Result<Zeroizing<Vec<u8>>> {
        Ok(Zeroizing::new(self.stdin.borrow().clone()))
    }
    fn now(&self) -> u64 {
        self.now.get()
    }
}

/// A directory, a chain and a person.
struct Desk {
    dir: TempDir,
    chain: Chain,
    world: Rc<RefCell<World>>,
    person: Rc<Person>,
    yes: Cell<bool>,
}

impl Desk {
    /// A desk at the dev chain, without a wallet.
    fn bare() -> Self {
        Self::at(Chain::named("dev").unwrap())
    }

    fn at(chain: Chain) -> Self {
        let world = World::new(chain.clone());
        let person = Person::default();
        person.now.set(world.now());
        Self {
            dir: tempfile::tempdir().unwrap(),
            chain,
            world: Rc::new(RefCell::new(world)),
            person: Rc::new(person),
            yes: Cell::new(true),
        }
    }

    /// A desk whose wallet `dev` has 200 sap in its first account.
    fn rich() -> Self {
        let desk = Self::bare();
        let address = ensure_dev_wallet(&desk.context()).unwrap();
        desk.world.borrow_mut().mine(10, address.id());
        desk.world.borrow_mut().pass(desk.chain.consensus.delay);
        desk
    }

    fn context(&self) -> Context {
        let mut ctx = Context::new(self.chain.clone(), self.dir.path().to_owned())
            .with_node(Box::new(FakeNode(self.world.clone())))
            .with_terminal(Box::new(self.person.clone()))
            .with_cost(CHEAP);
        ctx.yes = self.yes.get();
        ctx
    }

    /// Runs a command line.
    fn run(&self, line: &[&str]) -> Result<Output, CliError> {
        let words = Words::try_parse_from(std::iter::once(&"sapwood").chain(line))
            .unwrap_or_else(|error| panic!("{error}"));
        let ctx = self.context();
        match words {
            Words::Wallet(command) => command.run(&ctx),
            Words::Name(command) => command.run(&ctx),
            Words::Limit(command) => command.run(&ctx),
            Words::Account(command) => command.run(&ctx),
            Words::Tx(command) => command.run(&ctx),
        }
    }

    /// Runs a command line that must succeed.
    fn ok(&self, line: &[&str]) -> serde_json::Value {
        let output = self
            .run(line)
            .unwrap_or_else(|error| panic!("{line:?}: {error:?}"));
        let json: serde_json::Value = serde_json::from_str(&output.json_text()).unwrap();
        assert_eq!(json["schema"], 1);
        json
    }

    /// Runs a command line that must fail.
    fn err(&self, line: &[&str]) -> CliError {
        match self.run(line) {
            Ok(output) => panic!("{line:?} gave {}", output.json()),
            Err(error) => error,
        }
    }

    /// The address of an account of the wallet.
    fn address(&self, account: &str) -> String {
        let output = self.ok(&["wallet", "address", "--account", account]);
        output["address"].as_str().unwrap().to_owned()
    }

    /// Everything that was said on stderr, and forgets it.
    fn said(&self) -> String {
        self.person.said.take().join("\n")
    }
}
