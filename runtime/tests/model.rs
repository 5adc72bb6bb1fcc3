//! The runtime beside a naive model of the rules, over long random histories.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::*;
use proptest::prelude::*;
use sapwood_primitives::leaf::Change;
use sapwood_primitives::{AccountId, Action, Transaction};
use sapwood_runtime::{TxInvalid, check_transaction};

/// People with accounts; beside each one a second key to rotate to.
const PEOPLE: u64 = 6;

/// Few names, so that they are fought over; one of them is dear.
const NAMES: [&str; 4] = ["alice", "bob", "carol", "dave-with-a-hyphen"];

/// One action to try: what, toward whom, and a number whose meaning depends on the action.
#[derive(Clone, Debug)]
struct Move {
    kind: u8,
    other: u64,
    number: u16,
}

/// One transaction to try; `flaw` picks something that is wrong with it, mostly nothing.
#[derive(Clone, Debug)]
struct Attempt {
    sender: u64,
    flaw: u8,
    moves: Vec<Move>,
}

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    Block { payee: u64, attempts: Vec<Attempt> },
    Undo { blocks: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    let one = (0..26u8, 0..PEOPLE + 2, any::<u16>()).prop_map(|(kind, other, number)| Move {
        kind,
        other,
        number,
    });
    let moves = prop_oneof![
        4 => prop::collection::vec(one.clone(), 1..2),
        1 => prop::collection::vec(one, 2..5),
    ];
    let attempt = (0..PEOPLE, 0..40u8, moves).prop_map(|(sender, flaw, moves)| Attempt {
        sender,
        flaw,
        moves,
    });
    let block = (0..PEOPLE + 2, prop::collection::vec(attempt, 0..5))
        .prop_map(|(payee, attempts)| Step::Block { payee, attempts });
    prop_oneof![
        30 => block,
        1 => (1..4u8).prop_map(|blocks| Step::Undo { blocks }),
    ]
}

/// The chain and the model, side by side, and the models of earlier heights.
struct Pair {
    ledger: Ledger,
    models: Vec<Model>,
}

impl Pair {
    fn model(&self) -> &Model {
        self.models.last().unwrap()
    }

    /// The person whose key is the account's present authority: itself or its second key.
    fn signer(&self, who: u64) -> Person {
        let account = self.model().accounts.get(&person(who).id.0);
        (0..2 * PEOPLE)
            .map(person)
            .find(|p| account.is_some_and(|a| a.authority == p.id.0))
            .unwrap_or_else(|| person(who))
    }

    /// Who is most likely to be able to do what the first move says; at times somebody else.
    fn sender(&self, attempt: &Attempt) -> u64 {
        let Move { kind, number, .. } = attempt.moves[0];
        let model = self.model();
        let leaf = |who: u64| model.accounts.get(&person(who).id.0);
        let has_name = |who: u64| leaf(who).is_some_and(|a| a.name.is_some());
        let offered = |who: u64| {
            let to_who = Change::Transfer { to: person(who).id };
            let mut pending = model.accounts.values().filter_map(|a| a.pending.as_ref());
            pending.any(|(change, _)| *change == to_who)
        };
        let guards = |who: u64| {
            let mut guardians = model.accounts.values().filter_map(|a| a.guardian);
            guardians.any(|(guardian, _)| guardian == person(who).id.0)
        };
        let suits = |who: &u64| match kind {
            5..=8 => !has_name(*who) && NAMES.iter().any(|text| self.ready(&person(*who), text)),
            13 | 14 | 17 => has_name(*who),
            15 | 16 => offered(*who),
            23 => leaf(*who).is_some_and(|a| a.pending.is_some()),
            24.. => guards(*who),
            _ => true,
        };
        let mut people = (0..PEOPLE).map(|n| (attempt.sender + n) % PEOPLE);
        let suited = people.find(|who| !number.is_multiple_of(8) && suits(who));
        suited.unwrap_or(attempt.sender)
    }

    /// Whether a commitment to a name without owner is old enough.
    fn ready(&self, sender: &Person, text: &str) -> bool {
        let model = self.model();
        let made = model.commitments.get(&hidden(text, sender).0);
        let free = model.names.get(text).is_none_or(|t| t.owner.is_none());
        free && made.is_some_and(|made| *made < model.height)
    }

    /// An action that is often, but not always, one that can apply.
    fn action(&self, sender: &Person, try_: &Move) -> Action {
        let model = self.model();
        let n = try_.number;
        let other = person(try_.other);
        let someone = |wanted: &dyn Fn(&common::Person) -> bool| {
            let found = (0..PEOPLE)
                .map(person)
                .find(|p| !n.is_multiple_of(8) && wanted(p));
            found.unwrap_or_else(|| other.clone())
        };
        let leaf = |who: &Person| model.accounts.get(&who.id.0);
        let guarded = someone(&|p| {
            leaf(p).is_some_and(|a| a.guardian.is_some_and(|(g, _)| g == sender.id.0))
        });
        let text = NAMES[usize::from(n) % NAMES.len()];
        let own = leaf(sender).and_then(|a| a.name.clone());
        let balance = leaf(sender).map_or(0, |a| a.balance);
        let price = [ANY_PRICE, ANY_PRICE, ANY_PRICE, sap(1), sap(40), 0][usize::from(n / 4) % 6];
        match try_.kind {
            0 => transfer(
                &other,
                [1, 1_000_000, 1_099_999, 1_100_000, balance / 2, sap(1), 0][usize::from(n) % 7],
            ),
            // Everything, or all but what is needed to stay.
            1 => transfer(
                &other,
                balance.saturating_sub([20_000, 1_030_000, 1_500_000, 0][usize::from(n) % 4]),
            ),
            2..=4 => commit(text, sender),
            5..=8 => {
                let ready = NAMES.iter().find(|text| self.ready(sender, text));
                let text = ready
                    .filter(|_| !n.is_multiple_of(8))
                    .copied()
                    .unwrap_or(text);
                reveal(text, [1, 1, 1, 2, 10, 0, 11][usize::from(n / 8) % 7], price)
            }
            9 | 10 => {
                let text = own
                    .as_deref()
                    .filter(|_| !n.is_multiple_of(3))
                    .unwrap_or(text);
                renew(text, [1, 1, 2, 9, 10, 0][usize::from(n / 32) % 6], price)
            }
            11 => records(usize::from(n) % 100),
            12 => standing([None, Some(price)][usize::from(!n.is_multiple_of(4))]),
            13 | 14 => {
                let nameless = someone(&|p| leaf(p).is_some_and(|a| a.name.is_none()));
                if try_.kind == 13 {
                    offer(&nameless)
                } else {
                    quick_offer(&nameless)
                }
            }
            15 | 16 => {
                let offered = model.accounts.values().find_map(|a| match &a.pending {
                    Some((Change::Transfer { to }, _)) if *to == sender.id => a.name.clone(),
                    _ => None,
                });
                take(offered.as_deref().unwrap_or(text))
            }
            17 => Action::NameReleaseStart,
            18 => limit(
                [sap(30), sap(10), sap(5), sap(1), 2_000_000, 0][usize::from(n) % 6],
                [1, 1, 2, 30, 0, 31][usize::from(n / 4) % 6],
            ),
            19 => Action::LimitRemove,
            20 => Action::GuardianSet {
                guardian: (!n.is_multiple_of(4)).then_some(other.id),
            },
            21 => rotate(&person(
                try_.other % PEOPLE + [0, PEOPLE][usize::from(n % 2)],
            )),
            22 => close(&other),
            23 => Action::PendingCancel,
            24 if n.is_multiple_of(2) => veto(&guarded),
            24 => freeze(&guarded),
            _ if n.is_multiple_of(3) => guardian_cancel(&guarded),
            _ => recover(&guarded, &person(try_.other % PEOPLE + PEOPLE)),
        }
    }

    /// Transactions of a block, with nonces that follow from what the model accepts of them.
    fn attempt(&self, draft: &Model, attempt: &Attempt) -> Transaction {
        let who = self.sender(attempt);
        let sender = person(who);
        let moves = attempt.moves.iter();
        let actions = moves.map(|m| self.action(&sender, m)).collect();
        let mut body = self.ledger.body(&sender, actions);
        let mut signer = self.signer(who);
        body.nonce = draft
            .accounts
            .get(&sender.id.0)
            .map_or(body.nonce, |a| a.nonce);
        let next = self.ledger.link.height.plus(1);
        match attempt.flaw {
            0 => body.nonce += 1,
            1 => body.nonce = body.nonce.wrapping_sub(1),
            2 => body.valid_until = self.ledger.link.height,
            3 => body.valid_until = body.valid_until.plus(1),
            4 => body.valid_until = next,
            5 => signer = person(who + PEOPLE),
            6 => body.fee = body.fee.checked_add(drops(sap(3))).unwrap(),
            _ => {}
        }
        self.ledger.sign(body, &signer)
    }

    fn block(&mut self, payee: u64, attempts: &[Attempt]) {
        self.ledger.miner = person(payee);
        let mut draft = self.model().begin();
        let (mut accepted, mut candidates) = (Vec::new(), Vec::new());
        for attempt in attempts {
            let tx = self.attempt(&draft, attempt);
            // What reaches a miner has passed this check; the block itself is checked again.
            let (chain, genesis) = (&self.ledger.chain, &self.ledger.genesis);
            if check_transaction(chain, genesis, &tx).is_ok() {
                candidates.push(tx.clone());
            }
            match draft.transaction(&tx) {
                Ok(()) => accepted.push(tx),
                Err(broken) => self.refused(&accepted, &tx, &broken),
            }
        }
        let block = self.ledger.template(candidates);
        assert_eq!(
            *block.transactions, *accepted,
            "the miner takes what is valid"
        );
        let connected = self.ledger.connect(&block).unwrap();
        self.ledger.accept(connected);
        let model = draft.end(self.model(), person(payee).id);
        assert_eq!(self.ledger.state.rows, model.leaves());
        self.owners_changed_by_the_rules(&model, &accepted);
        self.models.push(model);
    }

    fn refused(&self, accepted: &[Transaction], tx: &Transaction, broken: &[&'static str]) {
        let transactions = [accepted, std::slice::from_ref(tx)].concat();
        let (index, rule) = self.ledger.forced_failure(transactions);
        assert_eq!(index, accepted.len());
        assert!(
            broken.contains(&rule.code()),
            "{rule:?} is not among {broken:?} for {:?}",
            tx.body
        );
        assert!(TxInvalid::CODES.contains(&rule.code()));
    }

    /// Transactions give a name to who took or revealed it, and never leave it without an owner.
    fn owners_changed_by_the_rules(&self, new: &Model, accepted: &[Transaction]) {
        // What the height brings by itself comes first; a name released by it can be registered in the same block.
        let begun = self.model().begin();
        let owner = |model: &Model, text: &str| model.names.get(text).and_then(|t| t.owner);
        for text in NAMES {
            let (before, now) = (owner(&begun, text), owner(new, text));
            if before == now {
                continue;
            }
            let now = AccountId(now.expect("a name is released by due work only"));
            let actions = accepted
                .iter()
                .filter(|tx| tx.body.sender == now)
                .flat_map(|tx| tx.body.actions.iter());
            let mut matching = actions.filter(|action| match action {
                Action::NameTransferFinish { name } => name.as_str() == text,
                Action::NameReveal { name, .. } => name.as_str() == text && before.is_none(),
                _ => false,
            });
            assert!(matching.next().is_some(), "{now} did not ask for {text}");
        }
    }

    fn undo(&mut self, blocks: u8) {
        for _ in 0..blocks {
            if self.models.len() > 1 {
                self.ledger.undo();
                self.models.pop();
                assert_eq!(self.ledger.state.rows, self.model().leaves());
            }
        }
    }
}

/// `PROPTEST_CASES` asks for more histories than the default, which takes well under a minute.
fn config() -> ProptestConfig {
    #[allow(
        clippy::disallowed_methods,
        reason = "how long a test runs is for its caller"
    )]
    let cases = std::env::var("PROPTEST_CASES").ok();
    ProptestConfig {
        cases: cases.and_then(|n| n.parse().ok()).unwrap_or(12),
        max_shrink_iters: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn runtime_and_model_agree_over_random_histories(steps in prop::collection::vec(step(), 200..400)) {
        let ledger = Ledger::tour();
        let models = vec![Model::genesis(&ledger.chain.consensus)];
        let mut pair = Pair { ledger, models };
        for step in &steps {
            match step {
                Step::Block { payee, attempts } => pair.block(*payee, attempts),
                Step::Undo { blocks } => pair.undo(*blocks),
            }
        }
        // All the way back: every block can be undone to the same root.
        while pair.models.len() > 1 {
            pair.undo(1);
        }
    }
}
