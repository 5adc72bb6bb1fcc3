//! `sapwood dev --tour`: the whole life of a name on a chain of its own, each step typed as a person would and checked over the public interfaces.
//!
//! The chain is `tour`: a block a second, a year of forty blocks. It lives in a temporary folder and on free ports, so it runs beside anything.

use crate::client;
use crate::commands::ended;
use crate::dev::{self, Dev, DevSockets, Place};
use crate::dig;
use crate::places::{Places, Ports};
use crate::words::Shell;
use sapwood_node::running::{self, Extras};
use sapwood_primitives::{Chain, Height};
use sapwood_rpc::types as t;
use sapwood_wallet::command::{CliError, Exit};
use serde_json::Value;
use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Instant;

/// The name whose life is shown.
const NAME: &str = "alice";

/// Steps of the tour.
const STEPS: usize = 10;

/// A block that takes longer than this, in milliseconds, will not come. It is the longest that the RPC waits.
const PATIENCE_MS: u64 = 30_000;

/// Runs the tour and cleans up after it.
///
/// # Errors
/// The step that did not go as it should, and what was seen instead.
pub(crate) async fn run(json: bool) -> Result<(), CliError> {
    let begun = Instant::now();
    let folder =
        tempfile::tempdir().map_err(|e| failed("start", format!("no temporary folder: {e}")))?;
    let chain = Chain::named("tour").expect("a built-in chain");
    let places = Places::of(Some(folder.path()), &chain.name).map_err(|e| failed("start", e))?;
    let sockets = DevSockets::bind(Ports::Auto, Extras::default()).await?;
    let asked = running::asked_to_end();
    let place = Place {
        chain,
        places: places.clone(),
        chain_file: None,
    };
    let dev = dev::start(place, sockets, json).await?;
    let mut tour = Tour {
        dev,
        places,
        json,
        step: 0,
    };
    // The node and its folder are gone before this returns, whatever ends it.
    let walked = tokio::select! {
        walked = tour.walk() => walked,
        () = asked => Err(CliError::new(Exit::Failed, "interrupted", "the tour was interrupted", "")),
    };
    let Dev { node, .. } = tour.dev;
    let stopped = node.until(std::future::ready(())).await;
    drop(folder);
    walked?;
    stopped.map_err(|e| ended(&e))?;
    let seconds = begun.elapsed().as_secs();
    if json {
        print(&serde_json::json!({ "schema": 1, "tour": "passed", "steps": STEPS, "seconds": seconds }).to_string());
    } else {
        print(&format!(
            "\nThe tour is over after {seconds} s: every step did what it should. Start your own chain with `sapwood dev`."
        ));
    }
    Ok(())
}

/// A line of the tour. A closed stdout does not stop it: its exit code says how it went.
fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

struct Tour {
    dev: Dev,
    places: Places,
    json: bool,
    step: usize,
}

impl Tour {
    async fn walk(&mut self) -> Result<(), CliError> {
        let shell = self.dev.shell.clone();
        self.create(&shell).await?;
        self.mine(&shell).await?;
        self.register(&shell).await?;
        self.resolve().await?;
        self.update(&shell).await?;
        self.limit(&shell).await?;
        self.renew(&shell).await?;
        let bob = self.transfer(&shell).await?;
        self.suspend(&shell, &bob).await?;
        self.release(&shell).await
    }

    async fn create(&mut self, shell: &Shell) -> Result<(), CliError> {
        self.begin(
            "create",
            "a wallet was made from 24 new words; an account is the hash of a key",
        );
        let address = self.typed(shell, &["wallet", "address"]).await?;
        check(
            text(&address, "address")?.starts_with("dsap1"),
            "create",
            "the address is not one of this chain",
        )
    }

    async fn mine(&mut self, shell: &Shell) -> Result<(), CliError> {
        self.begin(
            "mine",
            "blocks pay their miner, and what they pay can be spent after a delay",
        );
        let first = self.dev.shell.chain.consensus.delay + 4;
        self.wait_for(Height::new(first)).await?;
        self.dev.settle();
        let balance = self.typed(shell, &["wallet", "balance"]).await?;
        let balance = number(&balance, "balance")?;
        self.tell(&format!("{} sap have matured", balance / 100_000_000));
        check(balance > 0, "mine", "nothing has matured")
    }

    async fn register(&mut self, shell: &Shell) -> Result<(), CliError> {
        self.begin("register", "a hash hides the name until it is revealed, so nobody can be quicker than its first finder");
        self.typed(
            shell,
            &["name", "register", NAME, "--record", "@ A 192.0.2.1"],
        )
        .await?;
        let shown = self.typed(shell, &["name", "show", NAME]).await?;
        check(
            shown["phase"] == "active",
            "register",
            "the name is not active",
        )
    }

    async fn resolve(&mut self) -> Result<(), CliError> {
        self.begin(
            "resolve",
            "the node's own DNS server answers from the state, which the block's header commits to",
        );
        let dns = self
            .dev
            .node
            .dns
            .ok_or_else(|| failed("resolve", "DNS does not run"))?;
        self.tell(&format!(
            "$ dig @127.0.0.1 -p {} {NAME}.leaf.alt",
            dns.port()
        ));
        self.expect_address("resolve", Some(Ipv4Addr::new(192, 0, 2, 1)))
            .await
    }

    async fn update(&mut self, shell: &Shell) -> Result<(), CliError> {
        self.begin(
            "update",
            "records are replaced by a transaction and resolve one block later",
        );
        self.typed(shell, &["name", "records", NAME, "--set", "@ A 192.0.2.2"])
            .await?;
        self.expect_address("update", Some(Ipv4Addr::new(192, 0, 2, 2)))
            .await
    }

    async fn limit(&mut self, shell: &Shell) -> Result<(), CliError> {
        self.begin(
            "limit",
            "a withdrawal limit acts at once and bounds what a thief of the key can take",
        );
        self.typed(shell, &["limit", "set", "--rate", "2", "--wait"])
            .await?;
        // An address that exists nowhere yet: the second account's.
        let bob = self
            .typed(shell, &["wallet", "accounts", "--new", "--label", "bob"])
            .await?;
        drop(bob);
        let bob = self
            .typed(shell, &["wallet", "address", "--account", "bob"])
            .await?;
        let bob = text(&bob, "address")?.to_owned();
        self.tell(&format!("$ sapwood wallet send {bob} 50"));
        match shell.run(&["wallet", "send", &bob, "50"]).await {
            Err(error) if error.exit == Exit::Refused => {
                self.tell(&format!("refused, as it should be: {error}"))
            }
            Err(error) => return Err(error),
            Ok(_) => {
                return Err(failed(
                    "limit",
                    "50 sap left an account with a limit of 2 a day",
                ));
            }
        }
        self.typed(
            shell,
            &["wallet", "send", &bob, "1", "--yes-high-fee", "--wait"],
        )
        .await?;
        let shown = self.typed(shell, &["limit", "show"]).await?;
        check(
            shown["limit"]["rate"] == 200_000_000,
            "limit",
            &format!("the limit is not 2 sap a day: {shown}"),
        )
    }

    async fn renew(&mut self, shell: &Shell) -> Result<(), CliError> {
        self.begin(
            "renew",
            "anyone may pay rent ahead; years are added to the old end",
        );
        let before = self.paid_until(shell).await?;
        self.typed(shell, &["name", "renew", NAME]).await?;
        let after = self.paid_until(shell).await?;
        let year = self.dev.shell.chain.consensus.year;
        check(
            after == before + year,
            "renew",
            &format!("the term went from {before} to {after}"),
        )
    }

    async fn transfer(&mut self, shell: &Shell) -> Result<String, CliError> {
        self.begin("transfer", "the owner offers, and after a delay in which it can be cancelled the other account takes the name");
        let bob = shell
            .run(&["wallet", "address", "--account", "bob"])
            .await?;
        let bob = text(bob.json(), "address")?.to_owned();
        self.typed(shell, &["name", "transfer", "start", NAME, "--to", &bob])
            .await?;
        let delay = self.dev.shell.chain.consensus.delay;
        self.tell(&format!("{delay} blocks must pass"));
        self.wait_for(self.head().await?.height.plus(delay)).await?;
        self.typed(
            shell,
            &["name", "transfer", "finish", NAME, "--account", "bob"],
        )
        .await?;
        let shown = self.typed(shell, &["name", "show", NAME]).await?;
        check(
            shown["owner"] == bob.as_str(),
            "transfer",
            "the name has another owner than bob",
        )?;
        self.typed(
            shell,
            &[
                "name",
                "records",
                NAME,
                "--set",
                "@ A 192.0.2.3",
                "--account",
                "bob",
            ],
        )
        .await?;
        self.expect_address("transfer", Some(Ipv4Addr::new(192, 0, 2, 3)))
            .await?;
        Ok(bob)
    }

    async fn suspend(&mut self, shell: &Shell, bob: &str) -> Result<(), CliError> {
        self.begin("suspend", "nobody renews it now: when its term is over the name no longer resolves, and can still be saved");
        let end = self.paid_until(shell).await?;
        let height = self.head().await?.height.get();
        self.tell(&format!(
            "its term ends at height {end}, {} blocks from now",
            end.saturating_sub(height)
        ));
        self.wait_for(Height::new(end)).await?;
        let shown = self.typed(shell, &["name", "show", NAME]).await?;
        check(
            shown["phase"] == "suspended" && shown["owner"] == bob,
            "suspend",
            "the name is not suspended",
        )?;
        self.expect_address("suspend", None).await
    }

    async fn release(&mut self, shell: &Shell) -> Result<(), CliError> {
        self.begin("release", "the owner loses it, the price starts with a premium that halves, and then the name is free");
        let rules = self.dev.shell.chain.consensus.clone();
        let release = self.paid_until(shell).await? + rules.suspension;
        self.wait_for(Height::new(release)).await?;
        let shown = self.typed(shell, &["name", "show", NAME]).await?;
        check(
            shown["phase"] == "released" && shown["owner"].is_null(),
            "release",
            "the name still has an owner",
        )?;
        let price = self.typed(shell, &["name", "price", NAME]).await?;
        check(
            number(&price, "premium")? > 0,
            "release",
            "there is no premium",
        )?;
        self.wait_for(Height::new(
            release + rules.premium_step * rules.premium_steps,
        ))
        .await?;
        let shown = self.typed(shell, &["name", "show", NAME]).await?;
        check(
            shown["phase"] == "available",
            "release",
            "the name is not free again",
        )
    }

    fn begin(&mut self, word: &str, what: &str) {
        self.step += 1;
        if !self.json {
            print(&format!("\n{}/{STEPS} {word}: {what}", self.step));
        }
    }

    fn tell(&self, line: &str) {
        if !self.json {
            print(&format!("    {line}"));
        }
    }

    /// Shows a command, runs it, shows its answer.
    async fn typed(&self, shell: &Shell, words: &[&str]) -> Result<Value, CliError> {
        let shown = words.iter().map(|word| {
            if word.contains(' ') {
                format!("'{word}'")
            } else {
                (*word).to_owned()
            }
        });
        self.tell(&format!(
            "$ sapwood {}",
            shown.collect::<Vec<_>>().join(" ")
        ));
        let output = shell.run(words).await?;
        output.text().lines().for_each(|line| self.tell(line));
        Ok(output.json().clone())
    }

    /// The head, as anybody may ask for it.
    async fn head(&self) -> Result<t::Head, CliError> {
        let client = client::connect(&self.places, None, None)?;
        Ok(client.call::<t::ChainHead>(t::NoParams {}).await?)
    }

    async fn wait_for(&self, height: Height) -> Result<(), CliError> {
        let client = client::connect(&self.places, None, None)?;
        let mut head = client.call::<t::ChainHead>(t::NoParams {}).await?;
        while head.height < height {
            let other = t::AwaitParams {
                after: head.block,
                timeout_ms: PATIENCE_MS,
            };
            let next = client.call::<t::ChainAwaitHead>(other).await?;
            if next.block == head.block {
                let waited = format!("no block came within {} s", PATIENCE_MS / 1000);
                return Err(failed("mine", waited));
            }
            head = next;
        }
        Ok(())
    }

    async fn paid_until(&self, shell: &Shell) -> Result<u64, CliError> {
        let shown = shell.run(&["name", "show", NAME]).await?;
        number(shown.json(), "paid_until")
    }

    /// Asks over UDP and compares; `None` expects NXDOMAIN.
    async fn expect_address(
        &self,
        step: &'static str,
        expected: Option<Ipv4Addr>,
    ) -> Result<(), CliError> {
        let answer = self.ask(step).await?;
        self.tell(&match &answer {
            Some(address) => format!("{NAME}.leaf.alt has the address {address}"),
            None => format!("{NAME}.leaf.alt does not exist (NXDOMAIN)"),
        });
        check(answer == expected, step, &format!("expected {expected:?}"))
    }

    async fn ask(&self, step: &'static str) -> Result<Option<Ipv4Addr>, CliError> {
        let dns = self.dev.node.dns;
        let dns = dns.ok_or_else(|| failed(step, "DNS does not run"))?;
        let answer = dig::address(dns, &format!("{NAME}.leaf.alt")).await;
        answer.map_err(|e| failed(step, format!("DNS at {dns}: {e}")))
    }
}

fn check(holds: bool, step: &'static str, otherwise: &str) -> Result<(), CliError> {
    if holds {
        Ok(())
    } else {
        Err(failed(step, otherwise))
    }
}

fn failed(step: &'static str, what: impl Into<String>) -> CliError {
    CliError::new(
        Exit::Failed,
        "tour",
        format!("the tour failed at step `{step}`: {}", what.into()),
        "this is a bug; please report it",
    )
}

fn text<'v>(value: &'v Value, field: &str) -> Result<&'v str, CliError> {
    value[field]
        .as_str()
        .ok_or_else(|| failed("read", format!("no `{field}` in {value}")))
}

fn number(value: &Value, field: &str) -> Result<u64, CliError> {
    value[field]
        .as_u64()
        .ok_or_else(|| failed("read", format!("no `{field}` in {value}")))
}
