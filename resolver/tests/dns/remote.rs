//! The client of a node: what is true is answered, every lie is refused.

use crate::node::{Blocks, Node, dev};
use crate::world::{Query, Seen};
use domain::base::iana::Rcode;
use sapwood_account_tree::Refused;
use sapwood_primitives::leaf::{NameLeaf, Phase, key};
use sapwood_primitives::{AccountId, Amount, Hash, Header, Height, Leaf, Name};
use sapwood_resolver::remote::{HeaderChain, Taken, Untrue, check_name};
use sapwood_resolver::{RemoteResolver, ZoneConfig, bind};
use sapwood_rpc::types::{NameProven, Witness};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Longer than anything here takes; a test that waits this long has failed.
const FOREVER: Duration = Duration::from_secs(20);

/// A clock that all blocks here are behind.
const NOW: u64 = 1 << 32;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// Three blocks; the last state has alice, bob and some more.
fn blocks() -> Blocks {
    let mut blocks = Blocks::new();
    blocks.mine(0);
    blocks.mine(0);
    blocks.register("alice", 1, &["@ A 192.0.2.1", "www CNAME bob.leaf.alt."]);
    blocks.register("bob", 2, &["@ A 192.0.2.2"]);
    let term = |name: &str, owner: Option<u8>, paid_until: u64| {
        Leaf::Name(NameLeaf {
            name: name.parse().unwrap(),
            owner: owner.map(|id| AccountId([id; 32])),
            paid_until: Height::new(paid_until),
            last_price: Amount::ZERO,
        })
    };
    blocks.put(term("late", Some(1), 1));
    blocks.put(term("stolen", Some(2), 1000));
    blocks.put(term("orphan", None, 1000));
    blocks.put(term("homeless", Some(9), 1000));
    blocks.mine(0);
    blocks
}

fn following(blocks: &Blocks) -> HeaderChain {
    let mut headers = HeaderChain::new(dev()).unwrap();
    assert_eq!(headers.take(&blocks.headers[1..], NOW), Ok(Taken::New));
    headers
}

#[test]
fn what_the_proof_shows_is_found() {
    let blocks = blocks();
    let headers = following(&blocks);
    let found = |text: &str| check_name(&name(text), &blocks.prove(&name(text)), &headers).unwrap();
    let alice = found("alice");
    assert_eq!(
        (alice.phase, alice.records.entries().len(), alice.height),
        (Some(Phase::Active), 2, Height::new(3))
    );
    assert_eq!(
        (found("nobody").phase, found("nobody").records.is_empty()),
        (None, true)
    );
    let late = found("late");
    assert_eq!(
        (late.phase, late.records.is_empty()),
        (Some(Phase::Suspended), true)
    );
    assert_eq!(found("orphan").phase, Some(Phase::Released));
}

#[test]
fn every_lie_about_a_name_is_refused() {
    let blocks = blocks();
    let headers = following(&blocks);
    let mut other = blocks.clone().cut(2);
    other.register("alice", 1, &["@ A 192.0.2.66"]);
    other.mine(1);
    type Lie<'a> = Box<dyn Fn(&mut NameProven) + 'a>;
    type Is = fn(&Untrue) -> bool;
    let wrong_proof: Is = |e| matches!(e, Untrue::Proof(_));
    let cases: Vec<(&str, Lie<'_>, Is)> = vec![
        (
            "a bit of the name's proof",
            Box::new(|p| *p.name.proof.0.last_mut().unwrap() ^= 1),
            wrong_proof,
        ),
        (
            "a bit of the account's proof",
            Box::new(|p| *account(p).proof.0.last_mut().unwrap() ^= 1),
            wrong_proof,
        ),
        (
            "no proof",
            Box::new(|p| p.name.proof.0.clear()),
            wrong_proof,
        ),
        (
            "more after the proof",
            Box::new(|p| p.name.proof.0.push(0)),
            wrong_proof,
        ),
        (
            "a changed record",
            Box::new(|p| {
                *account(p)
                    .value
                    .as_mut()
                    .unwrap()
                    .0
                    .iter_mut()
                    .find(|b| **b == 192)
                    .unwrap() = 10
            }),
            wrong_proof,
        ),
        (
            "a longer term",
            Box::new(|p| *p.name.value.as_mut().unwrap().0.last_mut().unwrap() ^= 1),
            wrong_proof,
        ),
        (
            "another name's leaf and proof",
            Box::new(|p| p.name = blocks.witness(key::name(&name("bob")))),
            wrong_proof,
        ),
        (
            "another account's leaf and proof",
            Box::new(|p| p.account = Some(blocks.witness(key::account(&AccountId([2; 32]))))),
            wrong_proof,
        ),
        (
            "the name is said to be absent",
            Box::new(|p| p.name.value = None),
            |e| *e == Untrue::Proof(Refused::OtherClaim),
        ),
        (
            "absence of another name",
            Box::new(|p| p.name = blocks.witness(key::name(&name("nobody")))),
            wrong_proof,
        ),
        (
            "an empty value",
            Box::new(|p| p.name.value.as_mut().unwrap().0.clear()),
            |e| *e == Untrue::Proof(Refused::EmptyValue),
        ),
        ("no account", Box::new(|p| p.account = None), |e| {
            *e == Untrue::NoOwner
        }),
        (
            "a header one nonce further",
            Box::new(|p| p.header.0[152] ^= 1),
            |e| *e == Untrue::UnknownHeader,
        ),
        (
            "a header with another root",
            Box::new(|p| p.header.0[68] ^= 1),
            |e| *e == Untrue::UnknownHeader,
        ),
        (
            "a header and proofs of a branch not seen",
            Box::new(|p| *p = other.prove(&name("alice"))),
            |e| *e == Untrue::UnknownHeader,
        ),
        (
            "the header of another state",
            Box::new(|p| p.header.0 = blocks.headers[2].to_bytes().to_vec()),
            wrong_proof,
        ),
        (
            "a header cut off",
            Box::new(|p| p.header.0.truncate(159)),
            |e| *e == Untrue::Header,
        ),
        (
            "a header with a byte more",
            Box::new(|p| p.header.0.push(0)),
            |e| *e == Untrue::Header,
        ),
    ];
    for (title, lie, is) in cases {
        let mut proven = blocks.prove(&name("alice"));
        lie(&mut proven);
        let refused = check_name(&name("alice"), &proven, &headers).expect_err(title);
        assert!(is(&refused), "{title}: {refused:?}");
    }
    // True leaves that do not belong together.
    for text in ["stolen", "homeless"] {
        let refused = check_name(&name(text), &blocks.prove(&name(text)), &headers);
        assert_eq!(refused, Err(Untrue::NoOwner), "{text}");
    }
}

fn account(proven: &mut NameProven) -> &mut Witness {
    proven.account.as_mut().unwrap()
}

#[test]
fn what_the_answer_states_beside_the_proof_does_not_matter() {
    let blocks = blocks();
    let headers = following(&blocks);
    let mut proven = blocks.prove(&name("alice"));
    proven.state.height = Height::new(99);
    proven.state.state_root = Hash([9; 32]);
    proven.name.key = Hash([9; 32]);
    assert_eq!(
        check_name(&name("alice"), &proven, &headers)
            .unwrap()
            .height,
        Height::new(3)
    );
}

#[test]
fn an_old_state_is_not_believed_for_ever() {
    let mut blocks = blocks();
    let mut headers = following(&blocks);
    let proven = blocks.prove(&name("alice"));
    for _ in 0..10 {
        blocks.mine(0);
    }
    headers.take(&blocks.headers[4..], NOW).unwrap();
    assert!(check_name(&name("alice"), &proven, &headers).is_ok());
    blocks.mine(0);
    headers.take(&blocks.headers[14..], NOW).unwrap();
    assert_eq!(
        check_name(&name("alice"), &proven, &headers),
        Err(Untrue::Stale)
    );
}

#[test]
fn headers_that_break_a_rule_are_refused_and_change_nothing() {
    let blocks = blocks();
    let tip = blocks.tip().id;
    type Break = fn(&mut Vec<Header>);
    let cases: [(&str, Break); 8] = [
        ("a link to another parent", |run| run[1].parent.0[0] ^= 1),
        ("a gap", |run| {
            run.remove(1);
        }),
        ("a height that does not rise", |run| {
            run[2].height = run[1].height
        }),
        ("no work", |run| {
            run[2].nonce = (0..)
                .find(|n| {
                    Header {
                        nonce: *n,
                        ..run[2].clone()
                    }
                    .id()
                    .0[0]
                        >= 0x80
                })
                .unwrap()
        }),
        ("an easier target", |run| run[2].target = 0x2100_7fff),
        ("a time that does not rise", |run| run[2].time = run[1].time),
        ("another history", |run| run[2].history_root = Hash([1; 32])),
        ("another version", |run| run[2].version = 2),
    ];
    for (title, spoil) in cases {
        let mut headers = HeaderChain::new(dev()).unwrap();
        let genesis = headers.tip().id;
        let mut run = blocks.headers[1..].to_vec();
        spoil(&mut run);
        assert!(headers.take(&run, NOW).is_err(), "{title}");
        assert_eq!(headers.tip().id, genesis, "{title}");
        headers.take(&blocks.headers[1..], NOW).unwrap();
        assert_eq!(headers.tip().id, tip);
    }
}

#[test]
fn a_branch_replaces_ours_if_it_has_at_least_as_much_work() {
    let long = blocks();
    let mut branch = long.clone().cut(1);
    let mut headers = following(&long);
    branch.mine(7);
    assert_eq!(headers.take(&branch.headers[2..], NOW), Ok(Taken::Weaker));
    assert_eq!(headers.tip().id, long.tip().id);
    branch.mine(7);
    assert_eq!(
        headers.take(&branch.headers[1..], NOW),
        Ok(Taken::New),
        "known ones before it are skipped"
    );
    assert_eq!(headers.tip().id, branch.tip().id);
    assert!(headers.find(&long.tip().id).is_none());
    assert_eq!(headers.take(&branch.headers[1..], NOW), Ok(Taken::Known));
    assert_eq!(
        headers.take(&long.headers[3..], NOW),
        Err(Untrue::OtherChain)
    );
}

#[test]
fn a_header_far_ahead_of_the_clock_is_refused_until_the_clock_is_there() {
    let blocks = blocks();
    let mut headers = HeaderChain::new(dev()).unwrap();
    let genesis = headers.tip().id;
    let last = blocks.tip().time;
    for ahead in [601, 10_000] {
        let refused = headers.take(&blocks.headers[1..], last - ahead);
        assert!(matches!(refused, Err(Untrue::Ahead { .. })), "{refused:?}");
        assert_eq!(headers.tip().id, genesis);
    }
    assert_eq!(
        headers.take(&blocks.headers[1..], last - 600),
        Ok(Taken::New)
    );
}

#[test]
fn a_state_above_the_trusted_depth_is_not_answered_from() {
    let mut chain = dev();
    chain.client.trusted_depth = 3;
    let mut blocks = blocks();
    let proven = blocks.prove(&name("alice"));
    let mut headers = HeaderChain::new(chain).unwrap();
    for depth in 1..=3 {
        headers.take(&blocks.headers[1..], NOW).unwrap();
        let checked = check_name(&name("alice"), &proven, &headers);
        if depth < 3 {
            assert_eq!(checked, Err(Untrue::TooNew), "{depth}");
        } else {
            assert!(checked.is_ok(), "{depth}");
        }
        blocks.mine(0);
    }
}

#[test]
fn on_a_chain_with_a_real_target_a_tip_of_an_hour_is_too_old() {
    let mut chain = dev();
    let toy = HeaderChain::new(chain.clone()).unwrap();
    chain.consensus.retarget = true;
    let real = HeaderChain::new(chain).unwrap();
    let tip = real.tip().time;
    for (now, fresh) in [(tip - 1, true), (tip + 3_599, true), (tip + 3_600, false)] {
        assert_eq!(real.check_fresh(now).is_ok(), fresh, "{now}");
        assert!(toy.check_fresh(now).is_ok());
    }
}

#[test]
fn only_the_last_headers_are_kept() {
    let mut blocks = Blocks::new();
    for _ in 0..2100 {
        blocks.mine(0);
    }
    let headers = following(&blocks);
    assert_eq!(
        (headers.tip().height, headers.lowest()),
        (Height::new(2100), Height::new(53))
    );
}

async fn ask(address: SocketAddr, text: &str) -> Seen {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket
        .send_to(&Query::new(text, "A").bytes(), address)
        .await
        .unwrap();
    let mut reply = vec![0; 2000];
    let (len, _) = timeout(FOREVER, socket.recv_from(&mut reply))
        .await
        .unwrap()
        .unwrap();
    Seen::read(&reply[..len])
}

/// Asks until the answer is as wanted; the server follows its node in its own time.
async fn until(address: SocketAddr, text: &str, wanted: impl Fn(&Seen) -> bool) -> Seen {
    let asking = async {
        loop {
            let seen = ask(address, text).await;
            if wanted(&seen) {
                return seen;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(FOREVER, asking).await.expect("an answer as wanted")
}

async fn start(node: &Node) -> SocketAddr {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let zone = ZoneConfig::for_chain(&dev());
    let resolver = RemoteResolver::new(node.clone(), dev(), zone).unwrap();
    tokio::spawn(resolver.serve(listener, std::future::pending()));
    address
}

#[tokio::test]
async fn names_are_proven_once_a_head_and_aliases_fetched_as_needed() {
    let node = Node::new(blocks());
    let address = start(&node).await;
    let seen = until(address, "www.alice.leaf.alt", |seen| {
        seen.rcode == Rcode::NOERROR
    })
    .await;
    assert_eq!(seen.data(), ["CNAME bob.leaf.alt.", "A 192.0.2.2"]);
    let asked = node.proofs();
    assert_eq!(asked, 2);
    for _ in 0..3 {
        ask(address, "www.alice.leaf.alt").await;
        ask(address, "no_name.leaf.alt").await;
        assert_eq!(
            ask(address, "nobody.leaf.alt").await.denied(),
            Rcode::NXDOMAIN
        );
    }
    assert_eq!(node.proofs(), asked + 1, "absence is kept too");
    node.change(|blocks| {
        blocks.register("bob", 2, &["@ A 192.0.2.3"]);
        blocks.mine(0);
    });
    until(address, "bob.leaf.alt", |seen| {
        seen.data() == ["A 192.0.2.3"]
    })
    .await;
}

#[tokio::test]
async fn a_reorganisation_is_followed() {
    let node = Node::new(blocks());
    let address = start(&node).await;
    until(address, "bob.leaf.alt", |seen| {
        seen.data() == ["A 192.0.2.2"]
    })
    .await;
    node.change(|blocks| {
        *blocks = blocks.clone().cut(1);
        blocks.register("bob", 2, &["@ A 192.0.2.4"]);
        for _ in 0..5 {
            blocks.mine(3);
        }
    });
    until(address, "bob.leaf.alt", |seen| {
        seen.data() == ["A 192.0.2.4"]
    })
    .await;
}

#[tokio::test]
async fn a_long_chain_is_fetched_in_runs() {
    let mut blocks = blocks();
    for _ in 0..4100 {
        blocks.mine(0);
    }
    let node = Node::new(blocks);
    let address = start(&node).await;
    until(address, "bob.leaf.alt", |seen| {
        seen.data() == ["A 192.0.2.2"]
    })
    .await;
}

#[tokio::test]
async fn a_lying_node_gives_servfail_and_nothing_of_the_lie_is_kept() {
    let node = Node::new(blocks());
    let address = start(&node).await;
    until(address, "alice.leaf.alt", |seen| {
        seen.rcode == Rcode::NOERROR
    })
    .await;
    node.tamper(|proven| proven.name.value = None);
    for _ in 0..2 {
        assert_eq!(ask(address, "bob.leaf.alt").await.rcode, Rcode::SERVFAIL);
    }
    node.tamper(|_| {});
    assert_eq!(ask(address, "bob.leaf.alt").await.data(), ["A 192.0.2.2"]);
}

#[tokio::test]
async fn while_the_node_is_away_names_are_servfail_and_then_come_back() {
    let node = Node::new(blocks());
    let address = start(&node).await;
    until(address, "bob.leaf.alt", |seen| seen.rcode == Rcode::NOERROR).await;
    node.set_away(true);
    until(address, "bob.leaf.alt", |seen| {
        seen.rcode == Rcode::SERVFAIL
    })
    .await;
    assert_eq!(
        ask(address, "example.com").await.rcode,
        Rcode::REFUSED,
        "what needs no name still works"
    );
    node.set_away(false);
    until(address, "bob.leaf.alt", |seen| seen.rcode == Rcode::NOERROR).await;
}

#[tokio::test]
async fn a_head_without_headers_that_lead_to_it_ends_the_answers() {
    let node = Node::new(blocks());
    let address = start(&node).await;
    until(address, "bob.leaf.alt", |seen| seen.rcode == Rcode::NOERROR).await;
    node.hide_headers(true);
    node.change(|blocks| blocks.mine(0));
    until(address, "bob.leaf.alt", |seen| {
        seen.rcode == Rcode::SERVFAIL
    })
    .await;
    node.hide_headers(false);
    until(address, "bob.leaf.alt", |seen| seen.rcode == Rcode::NOERROR).await;
}

#[tokio::test]
async fn headers_that_are_given_again_and_again_do_not_keep_the_resolver_busy_for_ever() {
    let mut blocks = blocks();
    for _ in 0..2_100 {
        blocks.mine(0);
    }
    let node = Node::new(blocks);
    node.repeat_headers(true);
    let address = start(&node).await;
    assert_eq!(ask(address, "bob.leaf.alt").await.rcode, Rcode::SERVFAIL);
    node.repeat_headers(false);
    until(address, "bob.leaf.alt", |seen| seen.rcode == Rcode::NOERROR).await;
}

#[tokio::test]
async fn a_node_of_another_chain_is_not_believed() {
    let mut other = blocks();
    other.headers[1].time += 1;
    let node = Node::new(other);
    let address = start(&node).await;
    for _ in 0..20 {
        assert_eq!(ask(address, "alice.leaf.alt").await.rcode, Rcode::SERVFAIL);
    }
}
