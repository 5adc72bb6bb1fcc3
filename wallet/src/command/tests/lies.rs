//! Nodes that lie, lag or belong to another chain. Nothing is signed for any of them.

use serde_json::{Value, json};

use super::*;

const STRANGER: [u8; 32] = [0x55; 32];

fn stranger() -> String {
    sapwood_primitives::Address::new("dsap", sapwood_primitives::AccountId(STRANGER)).to_string()
}

fn twisted(twist: impl Fn(&str, &mut Value) + 'static) -> CliError {
    let desk = Desk::rich();
    desk.world.borrow_mut().twist = Some(Box::new(twist));
    let error = desk.err(&["wallet", "send", &stranger(), "1"]);
    assert_eq!(desk.world.borrow().count("tx_submit"), 0);
    assert_eq!(error.exit, Exit::Refused, "{error:?}");
    error
}

/// Flips a hex digit of a field.
fn flip(answer: &mut Value, field: &str, at: usize) {
    if let Some(text) = answer[field].as_str() {
        let mut text = text.to_owned().into_bytes();
        text[at] = if text[at] == b'0' { b'1' } else { b'0' };
        answer[field] = json!(String::from_utf8(text).unwrap());
    }
}

#[test]
fn a_false_balance_nonce_or_absence_is_seen() {
    // Digits of the nonce and of the balance in an account's leaf: tag, id, then two little-endian u64.
    for at in [2 * 33, 2 * 41 + 1] {
        let error = twisted(move |method, answer| {
            if method == "account_proof" {
                flip(answer, "value", at);
            }
        });
        assert_eq!(error.code, "bad_proof");
    }
    let absent = twisted(|method, answer| {
        if method == "account_proof" {
            answer["value"] = Value::Null;
        }
    });
    assert_eq!(absent.code, "bad_proof");
}

#[test]
fn a_proof_of_something_else_is_seen() {
    for field in ["key", "proof", "header", "block", "state_root"] {
        let error = twisted(move |method, answer| {
            if method == "account_proof" {
                flip(answer, field, 9);
            }
        });
        assert_eq!(error.code, "bad_proof", "{field}");
    }
    let height = twisted(|method, answer| {
        if method == "account_proof" {
            answer["height"] = json!(1);
        }
    });
    assert_eq!(height.code, "bad_proof");
}

#[test]
fn a_header_without_work_proves_nothing_even_with_a_fitting_tree() {
    use parity_scale_codec::Encode;
    use sapwood_account_tree::{Key, NaiveTree, hash::value_hash};
    use sapwood_primitives::{
        Amount, Hash, Header, Height, Leaf, leaf::Account, work::CompactTarget,
    };
    use sapwood_rpc::types::Hex;
    // A whole world of lies: its tree and header fit together, only that nobody worked for the header, or too little.
    for (target, lucky) in [
        (0x207f_ffff_u32, false),
        (0x2100_ffff, true),
        (0, true),
        (0x1f00_ffff, true),
    ] {
        let desk = Desk::rich();
        let own = sapwood_primitives::Address::parse("dsap", &desk.address("0"))
            .unwrap()
            .id();
        let now = desk.world.borrow().now();
        let account = Account::new(own, Amount::SUPPLY, Height::new(1));
        let leaf = Leaf::Account(Box::new(account));
        let tree = NaiveTree::from_iter([(Key(leaf.key().0), value_hash(&leaf.encode()))]);
        let mut header = Header {
            version: 1,
            parent: Default::default(),
            tx_root: Hash::default(),
            state_root: Hash(tree.root().0),
            history_root: Hash::default(),
            time: now,
            target,
            height: Height::new(40),
            nonce: 0,
        };
        let easy = CompactTarget::from_bits(0x207f_ffff).unwrap();
        while easy.is_met_by(&header.id()) != lucky {
            header.nonce += 1;
        }
        let proof = tree.prove(&Key(leaf.key().0)).to_bytes();
        let lie = json!({
            "height": header.height, "block": header.id(), "state_root": header.state_root, "header": Hex(header.to_bytes().to_vec()),
            "key": leaf.key(), "value": Hex(leaf.encode()), "proof": Hex(proof),
        });
        desk.world.borrow_mut().twist = Some(Box::new(move |method, answer| {
            if method == "account_proof" {
                *answer = lie.clone();
            }
        }));
        let error = desk.err(&["wallet", "balance"]);
        assert_eq!(error.code, "bad_proof", "{target:08x}");
        assert!(error.message.contains("proof of work"), "{error}");
    }
}

#[test]
fn a_name_with_a_false_owner_gets_no_coins() {
    let desk = Desk::rich();
    desk.ok(&["name", "register", "alice"]);
    desk.ok(&["wallet", "accounts", "--new"]);
    let other = desk.address("1");
    desk.ok(&["wallet", "send", &other, "20", "--wait"]);
    let submitted = desk.world.borrow().count("tx_submit");
    for field in ["value", "proof"] {
        for part in ["name", "account"] {
            desk.world.borrow_mut().twist = Some(Box::new(move |method, answer| {
                if method == "name_proof" {
                    flip(&mut answer[part], field, 21);
                }
            }));
            let error = desk.err(&["wallet", "send", "alice", "1", "--account", "1"]);
            assert_eq!(error.code, "bad_proof", "{part} {field}");
        }
    }
    desk.world.borrow_mut().twist = Some(Box::new(|method, answer| {
        if method == "name_proof" {
            answer["account"] = Value::Null;
        }
    }));
    assert_eq!(
        desk.err(&["wallet", "send", "alice", "1", "--account", "1"])
            .code,
        "bad_proof"
    );
    assert_eq!(desk.world.borrow().count("tx_submit"), submitted);
}

#[test]
fn a_confirmation_without_a_block_that_holds_the_transaction_is_not_believed() {
    let desk = Desk::rich();
    let head = desk.world.borrow().calls.len();
    let tip = json!(desk.ok(&["account", "proof", &desk.address("0")])["block"]);
    assert!(desk.world.borrow().calls.len() > head);
    desk.world.borrow_mut().twist = Some(Box::new(move |method, answer| {
        if method == "tx_status" {
            answer["status"] = json!("confirmed");
            answer["block"] = tip.clone();
            answer["confirmations"] = json!(9);
        }
    }));
    let error = desk.err(&["name", "register", "alice"]);
    assert_eq!(error.code, "bad_proof");
    assert_eq!(
        desk.world.borrow().mempool.len(),
        1,
        "the name is not revealed"
    );
}

#[test]
fn an_answer_about_another_chain_or_from_a_node_behind_is_refused() {
    let other = twisted(|method, answer| {
        if method == "node_status" {
            answer["genesis"] = json!("ab".repeat(32));
            answer["chain"] = json!("evil\u{1b}[2J");
        }
    });
    assert_eq!(other.code, "other_chain");
    assert!(!other.message.contains('\u{1b}'));
    let syncing = twisted(|method, answer| {
        if method == "node_status" {
            answer["syncing"] = json!(true);
        }
    });
    assert_eq!(syncing.code, "syncing");
    let broken = twisted(|method, answer| {
        if method == "node_status" {
            answer["storage_failed"] = json!(true);
        }
    });
    assert_eq!(broken.code, "node_storage_failed");
}

#[test]
fn on_a_chain_with_worth_a_tip_of_more_than_an_hour_or_ahead_of_the_clock_is_refused() {
    let mut chain = sapwood_primitives::Chain::named("dev").unwrap();
    chain.name = "worth".into();
    let desk = Desk::at(chain);
    let now = desk.world.borrow().now();
    for (clock, code) in [
        (now + 3_600, None),
        (now + 3_601, Some("stale")),
        (now - 600, None),
        (now - 601, Some("clock")),
        (0, Some("clock")),
    ] {
        desk.person.now.set(clock);
        let result = desk.run(&["account", "show", &stranger()]);
        assert_eq!(
            result.err().map(|error| error.code.into_owned()).as_deref(),
            code,
            "{clock}"
        );
    }
}

#[test]
fn an_old_state_is_refused_even_if_the_status_is_fresh() {
    let mut chain = sapwood_primitives::Chain::named("dev").unwrap();
    chain.name = "worth".into();
    let desk = Desk::at(chain);
    let old = desk.ok(&["account", "proof", &stranger()]);
    desk.world.borrow_mut().pass(2_000);
    desk.person.now.set(desk.world.borrow().now());
    desk.ok(&["account", "show", &stranger()]);
    desk.world.borrow_mut().twist = Some(Box::new(move |method, answer| {
        if method == "account_proof" {
            for field in [
                "height",
                "block",
                "state_root",
                "header",
                "key",
                "value",
                "proof",
            ] {
                answer[field] = old[field].clone();
            }
        }
    }));
    assert_eq!(desk.err(&["account", "show", &stranger()]).code, "stale");
}

#[test]
fn a_price_that_does_not_follow_from_the_chain_is_refused() {
    let desk = Desk::rich();
    desk.ok(&["name", "register", "alice"]);
    let submitted = desk.world.borrow().count("tx_submit");
    let price = desk.ok(&["name", "price", "bob", "--years", "3"]);
    let rent = price["rent"].as_u64().unwrap();
    assert_eq!(price["register_total"].as_u64(), Some(3 * rent));
    assert_eq!(price["phase"], "available");
    assert_eq!(desk.ok(&["name", "price", "alice"])["phase"], "active");
    type Lie = fn(&mut Value);
    let lies: [(&str, Lie); 9] = [
        ("a higher price", |a| {
            a["register_total"] = json!(150_000_000)
        }),
        ("a lower price", |a| a["register_total"] = json!(1)),
        ("no price", |a| a["register_total"] = Value::Null),
        ("a renewal of nobody's name", |a| {
            a["renew_total"] = json!(5)
        }),
        ("another rent", |a| a["rent"] = json!(1)),
        ("a premium", |a| a["premium"] = json!(1)),
        ("no proof", |a| a["proven"] = Value::Null),
        ("another rent base", |a| {
            flip(&mut a["proven"]["system"], "value", 30)
        }),
        ("another name", |a| a["name"] = json!("carol")),
    ];
    for (title, lie) in lies {
        desk.world.borrow_mut().twist = Some(Box::new(move |method, answer| {
            if method == "name_price" {
                lie(answer);
            }
        }));
        let error = desk.err(&["name", "price", "bob"]);
        assert_eq!(
            (error.exit, &*error.code),
            (Exit::Refused, "bad_proof"),
            "{title}"
        );
    }
    desk.world.borrow_mut().twist = Some(Box::new(|method, answer| {
        if method == "name_price" {
            answer["renew_total"] = json!(1);
        }
    }));
    assert_eq!(desk.err(&["name", "renew", "alice"]).code, "bad_proof");
    assert_eq!(desk.world.borrow().count("tx_submit"), submitted);
}

#[test]
fn a_node_that_answers_at_once_without_a_block_is_not_asked_without_end() {
    let desk = Desk::rich();
    let silent = std::rc::Rc::new(Cell::new(3));
    let left = silent.clone();
    let head = json!(desk.world.borrow().head());
    desk.world.borrow_mut().twist = Some(Box::new(move |method, answer| {
        if method == "chain_awaitHead" && left.get() > 0 {
            left.set(left.get() - 1);
            *answer = head.clone();
        }
    }));
    let start = std::time::Instant::now();
    desk.ok(&["wallet", "send", &stranger(), "1", "--wait"]);
    assert_eq!(silent.get(), 0);
    assert!(start.elapsed() >= std::time::Duration::from_millis(600));
}
