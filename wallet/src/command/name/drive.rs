//! A registration under way, from the journal's entry to the owned name.
//!
//! [`Drive::run`] looks at the chain, does the one thing that comes next, and looks again. It remembers nothing that is not in
//! the journal, the notes or on the chain, so going on after a crash is the same as going on.

use parity_scale_codec::Encode;
use sapwood_primitives::codec::read;
use sapwood_primitives::records::{Entry, types};
use sapwood_primitives::{Action, Amount, Height, Name, Records, Transaction, TxId};
use sapwood_rpc::client::CallError;
use sapwood_rpc::records::{to_line, type_name};
use sapwood_runtime::commitment;

use super::quote::Quote;
use super::register::{Report, reveal_order};
use crate::command::deal::{Deal, Order, wait_confirmed};
use crate::command::error::{CliError, Exit};
use crate::command::link::ProvenName;
use crate::command::text::{SUFFIX, escape, moment_of};
use crate::keystore::{PendingRegistrations, Registration, Stage};

/// A registration under way.
pub(super) struct Drive<'a> {
    deal: Deal<'a>,
    journal: PendingRegistrations,
    entry: Registration,
    name: Name,
    records: Option<Records>,
}

/// What is being waited for first.
const FIRST: &str = "waiting for the first transaction to be in a block";

/// How a registration goes on.
pub(super) enum Next {
    /// It does not: the name is owned.
    Owned(Box<Report>),
    /// With the next block, for this reason.
    Wait(String),
}

/// Where a transaction is.
enum Place {
    /// In the block at this height.
    Block(Height),
    /// Known to the node.
    Waiting,
    /// Nowhere, and it will not come back.
    Lost,
}

impl<'a> Drive<'a> {
    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    pub(super) fn new(
        deal: Deal<'a>,
        journal: PendingRegistrations,
        entry: Registration,
        name: Name,
        records: Option<Records>,
    ) -> Self {
        Self {
            deal,
            journal,
            entry,
            name,
            records,
        }
    }

    /// Does step after step until the chain proves that the name is owned, by the sender or by somebody else.
    pub(super) fn run(&mut self) -> Result<Report, CliError> {
        let report = self.steps();
        self.deal.ctx.terminal.progress_end();
        report.map_err(|error| self.with_advice(error))
    }

    /// Says how to go on, as long as there is something to go on with.
    pub(super) fn with_advice(&self, mut error: CliError) -> CliError {
        let entries = self.journal.list().unwrap_or_default();
        let under_way = entries.iter().any(|entry| entry.name == self.name.as_str());
        if under_way && !error.hint.contains("--resume") {
            let separator = if error.hint.is_empty() { "" } else { "; then " };
            error.hint += &format!(
                "{separator}go on with `sapwood name register --resume {}`",
                self.name
            );
        }
        error
    }

    fn steps(&mut self) -> Result<Report, CliError> {
        loop {
            match self.step()? {
                Next::Owned(report) => return Ok(*report),
                Next::Wait(why) => self.deal.link.await_block(&why)?,
            }
        }
    }

    /// Looks at the chain and does what can be done now, without waiting for a block unless the name is owned.
    pub(super) fn step(&mut self) -> Result<Next, CliError> {
        let (ctx, link) = (self.deal.ctx, self.deal.link);
        let rules = &ctx.chain.consensus;
        let wait = |why: &str| Ok(Next::Wait(why.to_owned()));
        link.refresh()?;
        let proven = link.name(&self.name)?;
        match proven.living_owner(ctx).map(|owner| owner.id) {
            Some(owner) if owner == self.deal.id() => {
                return Ok(Next::Owned(Box::new(self.finish()?)));
            }
            Some(owner) => return Err(self.lost_to(owner)?),
            None => {}
        }
        let committed = match self.place(
            TxId(self.entry.commit_txid),
            Height::new(self.entry.valid_until),
        )? {
            Place::Block(height) => height,
            Place::Waiting => return wait(FIRST),
            Place::Lost => {
                ctx.say("the first transaction was in no block in time; sending it again");
                self.commit()?;
                return wait(FIRST);
            }
        };
        let age = link.next_height().since(committed);
        if age < rules.commit_min {
            let target = committed.plus(rules.commit_min - 1);
            let to_go = rules.commit_min - age;
            return Ok(Next::Wait(format!(
                "waiting for block {target}: {to_go} to go"
            )));
        }
        if age > rules.commit_max {
            self.start_again()?;
            return wait(FIRST);
        }
        self.reveal()?;
        wait("waiting for the second transaction to be in a block")
    }

    /// Where a transaction of ours is; one that the node does not have any more is handed in again.
    fn place(&self, txid: TxId, valid_until: Height) -> Result<Place, CliError> {
        let link = self.deal.link;
        if let Some(included) = link.included(txid)? {
            return Ok(Place::Block(included.height));
        }
        if link.tx_status(txid)?.status == "pending" {
            return Ok(Place::Waiting);
        }
        let notes = self.deal.purse.notes().read()?;
        let kept = notes.sent.iter().find(|sent| sent.txid == txid);
        match kept {
            Some(sent) if valid_until >= link.next_height() => match link.try_submit(&sent.tx.0) {
                Ok(_) => Ok(Place::Waiting),
                Err(CallError::Refused { .. }) => Ok(Place::Lost),
                Err(error) => Err(error.into()),
            },
            _ => Ok(Place::Lost),
        }
    }

    /// Takes a salt that was never used and puts its hash down.
    pub(super) fn commit_with_new_salt(&mut self) -> Result<(), CliError> {
        let order = Order::free(
            Action::NameCommit {
                commitment: Default::default(),
            },
            String::new(),
        );
        // The nonce of the transaction numbers the salt: it never repeats (specs/05 §4.3).
        let nonce = self.deal.prepare(order)?.body.nonce;
        let salt = self.deal.purse.secrets.salt(
            self.deal.signer()?,
            self.name.as_str().as_bytes(),
            nonce,
        )?;
        self.entry.salt = *salt;
        self.entry.commitment = commitment(&self.name, &self.deal.id(), &salt).0;
        self.commit()
    }

    /// Puts the entry's hash down: signed first, written down, and only then sent.
    fn commit(&mut self) -> Result<(), CliError> {
        self.deal.refresh()?;
        let order = Order::free(
            Action::NameCommit {
                commitment: sapwood_primitives::Commitment(self.entry.commitment),
            },
            String::new(),
        );
        let prepared = self.deal.prepare(order)?;
        let fee = prepared.body.fee;
        let tx = self.deal.sign(prepared.body)?;
        self.entry.commit_txid = tx.txid().0;
        self.entry.valid_until = tx.body.valid_until.get();
        self.put(Stage::Prepared)?;
        self.deal.note(&tx, fee)?;
        match self.deal.link.try_submit(&tx.encode()) {
            Ok(_) => self.put(Stage::Committed),
            Err(error) => Err(self.with_advice(error.into())),
        }
    }

    /// A hash that stood too long is gone from the chain; the next one needs a new salt and the owner's word.
    fn start_again(&mut self) -> Result<(), CliError> {
        let ctx = self.deal.ctx;
        ctx.terminal.progress_end();
        ctx.say(format!(
            "the first transaction for `{}` has lapsed: its second one was not sent in time. Its fee is lost, nothing else",
            self.name
        ));
        let max = Amount::from_drops(self.entry.max_price).unwrap_or(Amount::SUPPLY);
        ctx.confirm(&format!("Start again, with the same maximum of {max}?"))?;
        self.deal.refresh()?;
        self.commit_with_new_salt()
    }

    /// Sends the second transaction, unless it is on its way.
    fn reveal(&mut self) -> Result<(), CliError> {
        if let Some(sent) = self.sent_reveal()?
            && !matches!(self.place(sent.txid(), sent.body.valid_until)?, Place::Lost)
        {
            return Ok(());
        }
        let years = u8::try_from(self.entry.years).unwrap_or(u8::MAX);
        let max = Amount::from_drops(self.entry.max_price).unwrap_or(Amount::SUPPLY);
        let quote = Quote::registration(self.deal.link, &self.name, years, Some(max)).map_err(
            |mut error| {
                if error.code == "price_above_max" {
                    error.hint = format!(
                        "agree to more with `sapwood name register --resume {} --max-price SAP`",
                        self.name
                    );
                }
                error
            },
        )?;
        self.deal.refresh()?;
        let order = reveal_order(
            &self.name,
            self.entry.salt,
            years,
            quote,
            self.records.as_ref(),
        );
        let prepared = self.deal.prepare(order)?;
        self.put(Stage::Revealed)?;
        self.deal.submit(prepared)?;
        Ok(())
    }

    /// The second transaction, if this wallet sent it and has not forgotten it; the latest, if there are several.
    fn sent_reveal(&self) -> Result<Option<Transaction>, CliError> {
        let notes = self.deal.purse.notes().read()?;
        let mut own = notes
            .sent
            .iter()
            .filter(|sent| sent.account == self.deal.id())
            .filter_map(|sent| read::<Transaction>(&sent.tx.0).ok());
        Ok(own.rfind(|tx| self.is_reveal(tx)))
    }

    fn is_reveal(&self, tx: &Transaction) -> bool {
        tx.body.actions.iter().any(|action| {
            matches!(action, Action::NameReveal { name, salt, .. } if name == self.name && salt == self.entry.salt)
        })
    }

    /// The name is ours: waits for its confirmations, and clears the desk.
    fn finish(&mut self) -> Result<Report, CliError> {
        let link = self.deal.link;
        let reveal = self.sent_reveal()?;
        if let Some(tx) = &reveal {
            wait_confirmed(link, tx.txid(), Some(tx.body.valid_until))?;
        }
        let proven = link.name(&self.name)?;
        if proven
            .living_owner(self.deal.ctx)
            .is_none_or(|owner| owner.id != self.deal.id())
        {
            return Err(CliError::new(
                Exit::Failed,
                "reorganised",
                "the chain changed its last blocks while the name was confirmed",
                format!("go on with `sapwood name register --resume {}`", self.name),
            ));
        }
        self.forget()?;
        Ok(self.report(&proven, reveal.map(|tx| tx.txid())))
    }

    /// Somebody else was faster. The registration is over.
    fn lost_to(&self, owner: sapwood_primitives::AccountId) -> Result<CliError, CliError> {
        self.forget()?;
        Ok(CliError::refused(
            "name_taken",
            format!(
                "`{}` was registered by {} meanwhile",
                self.name,
                self.deal.ctx.address(owner)
            ),
            "the fee of the first transaction is lost, the price was not paid",
        ))
    }

    fn report(&self, proven: &ProvenName, reveal_txid: Option<TxId>) -> Report {
        let block_time = self.deal.ctx.chain.consensus.block_time;
        let paid_until = proven.leaf.as_ref().map(|leaf| leaf.paid_until);
        let records = proven
            .owner
            .as_ref()
            .map(|owner| owner.records.entries())
            .unwrap_or_default();
        Report {
            status: "registered",
            expires_at: paid_until
                .map(|until| moment_of(until, proven.height, proven.time, block_time)),
            paid_until,
            reveal_txid,
            records: records.iter().map(to_line).collect(),
            dig: dig(self.deal.link.status.dns.as_deref(), &self.name, &records),
            ..self.report_committed()
        }
    }

    /// The report of a registration that is left to `--resume`.
    pub(super) fn report_committed(&self) -> Report {
        Report {
            status: "committed",
            name: self.name.clone(),
            owner: self.deal.ctx.address(self.deal.id()).to_string(),
            paid_until: None,
            expires_at: None,
            commit_txid: TxId(self.entry.commit_txid),
            reveal_txid: None,
            records: Vec::new(),
            dig: None,
        }
    }

    fn put(&mut self, stage: Stage) -> Result<(), CliError> {
        self.entry.stage = stage;
        Ok(self.journal.put(self.entry.clone())?)
    }

    /// Removes what was kept for this registration.
    fn forget(&self) -> Result<(), CliError> {
        self.journal.remove(self.name.as_str())?;
        let notebook = self.deal.purse.notes();
        let mut notes = notebook.read()?;
        notes.forget_draft(&self.name);
        let commit = TxId(self.entry.commit_txid);
        let reveal = self.sent_reveal()?.map(|tx| tx.txid());
        notes
            .sent
            .retain(|sent| sent.txid != commit && Some(sent.txid) != reveal);
        notebook.write(&notes)
    }
}

/// `dig @127.0.0.1 -p 9453 alice.leaf.alt A`, if the node answers DNS: for the type of the first record at the name itself that `dig` knows.
fn dig(dns: Option<&str>, name: &Name, records: &[Entry]) -> Option<String> {
    let (host, port) = dns?.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let rtype = records
        .iter()
        .find(|entry| entry.owner == [0] && entry.rtype < types::SERVICE_KEY)
        .map_or_else(|| "A".to_owned(), |entry| type_name(entry.rtype));
    Some(format!(
        "dig @{} -p {} {name}.{SUFFIX} {rtype}",
        escape(host),
        escape(port)
    ))
}
