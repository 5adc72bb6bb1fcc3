//! What the methods do beside reading: when they wait, when they refuse.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;
use crate::chain::tests::kit::{account, chain, ledger, transfer};
use crate::chain::{Ledger, Service};
use crate::mempool::{Limits, Mempool};
use parity_scale_codec::Encode;
use sapwood_primitives::codec::Bytes;
use sapwood_primitives::{Height, Name};
use sapwood_store::StorageFailed;
use std::collections::BTreeSet;
use std::time::Duration;

/// An API on a fresh chain, and what stops it.
fn api(chain: Arc<Chain>) -> (Arc<Api>, watch::Sender<bool>, Service) {
    let ledger = ledger(&chain);
    serve(chain, ledger)
}

fn serve(chain: Arc<Chain>, ledger: Ledger) -> (Arc<Api>, watch::Sender<bool>, Service) {
    let genesis = *ledger.genesis();
    let pool = Mempool::new(Limits::default());
    let service = Service::start(ledger, pool, Box::new(now)).unwrap();
    let (stop, stopped) = watch::channel(false);
    let api = Api {
        chain,
        genesis,
        handle: service.handle(),
        mining: false,
        dns: None,
        data_dir: PathBuf::new(),
        stop: stopped,
        access: Access::Private,
        turns: Turns::of(Access::Private),
        exports: Exports::default(),
    };
    (Arc::new(api), stop, service)
}

/// The dev chain with retargeting, whose genesis is years old.
fn old_chain() -> Arc<Chain> {
    let mut chain = Chain::clone(&chain());
    chain.consensus.retarget = true;
    Arc::new(chain)
}

#[tokio::test]
async fn a_call_that_waits_for_a_head_answers_when_the_node_stops() {
    let (api, stop, _service) = api(chain());
    let head = blocks::head(&api, t::NoParams {}).unwrap();
    let params = t::AwaitParams {
        after: head.block,
        timeout_ms: 30_000,
    };
    let waiting = tokio::spawn(async move { blocks::await_head(&api, params).await });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    stop.send_replace(true);
    let answer = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert_eq!(answer.unwrap().unwrap().unwrap().block, head.block);
}

#[tokio::test]
async fn a_node_that_is_behind_takes_no_transaction_but_gives_miners_work() {
    let (api, _stop, _service) = api(old_chain());
    let payee = api.show(account(1));
    let template = t::TemplateParams { payee, extra: None };
    assert!(blocks::template(&api, template).await.is_ok());
    let tx = transfer(&api.genesis, 1, 0, 20, 200_000, account(2), 1);
    let tx = t::Hex(tx.encode());
    let refused = transactions::submit(&api, t::TxParams { tx }).await;
    let refused = refused.unwrap_err();
    assert_eq!((refused.number, &*refused.code), (-32004, "syncing"));
    assert!(
        states::node_status(&api, t::NoParams {})
            .await
            .unwrap()
            .syncing
    );
    assert!(!api.is_behind(now() - STALE_SECONDS));
    assert!(api.is_behind(now() - STALE_SECONDS - 60));
}

/// Line 53 of the RPC's bad inputs: after a failed write nothing is taken, and what is there is still answered.
#[tokio::test]
async fn a_node_whose_storage_failed_reads_on_and_takes_nothing() {
    let mut ledger = ledger(&chain());
    let block = ledger
        .template(account(1), Bytes::default(), now(), Vec::new())
        .unwrap();
    ledger.fail(&StorageFailed::new("committing", "no space left"));
    let (api, _stop, service) = serve(chain(), ledger);
    let status = states::node_status(&api, t::NoParams {}).await.unwrap();
    assert!(status.storage_failed);
    assert_eq!(status.head.block, api.genesis);
    let tx = transfer(&api.genesis, 1, 0, 20, 200_000, account(2), 1);
    let payee = api.show(account(1));
    let refusals = [
        transactions::submit(
            &api,
            t::TxParams {
                tx: t::Hex(tx.encode()),
            },
        )
        .await
        .unwrap_err(),
        blocks::template(&api, t::TemplateParams { payee, extra: None })
            .await
            .unwrap_err(),
        blocks::submit(
            &api,
            t::BlockParams {
                block: t::Hex(block.encode()),
            },
        )
        .await
        .unwrap_err(),
    ];
    for refused in refusals {
        assert_eq!((refused.number, &*refused.code), (-32005, "storage_failed"));
        assert!(
            refused.message.contains("no space left"),
            "{}",
            refused.message
        );
    }
    let stopped = tokio::task::spawn_blocking(move || service.stop())
        .await
        .unwrap();
    assert!(stopped.is_err(), "the process must end with code 4");
}

#[tokio::test]
async fn each_listener_answers_the_methods_that_its_document_lists_and_no_others() {
    let (api, _stop, _service) = api(chain());
    for access in [Access::Private, Access::Public] {
        let api = Arc::new(api.with_access(access));
        let listed = discover::document(&api, t::NoParams {}).await.unwrap();
        let listed: BTreeSet<_> = listed
            .methods
            .into_iter()
            .map(|method| method.name)
            .collect();
        let table = Api::clone(&api).into_methods();
        let answered: BTreeSet<_> = table.method_names().map(str::to_owned).collect();
        assert_eq!(listed, answered);
    }
}

#[tokio::test]
async fn the_public_listener_does_not_tell_where_the_data_is() {
    let (api, _stop, _service) = api(chain());
    let api = Api {
        data_dir: "/home/somebody".into(),
        dns: Some("127.0.0.1:53".parse().unwrap()),
        ..Api::clone(&api)
    };
    let status = |api: Api| async {
        states::node_status(&Arc::new(api), t::NoParams {})
            .await
            .unwrap()
    };
    let private = status(api.clone()).await;
    assert_eq!(
        (&*private.data_dir, private.dns.is_some()),
        ("/home/somebody", true)
    );
    let public = status(api.with_access(Access::Public)).await;
    assert_eq!((&*public.data_dir, public.dns), ("", None));
}

#[tokio::test]
async fn a_chain_without_retargeting_is_never_behind() {
    let (api, _stop, _service) = self::api(chain());
    let payee = api.show(account(1));
    let template = t::TemplateParams { payee, extra: None };
    assert!(blocks::template(&api, template).await.is_ok());
    assert!(
        !states::node_status(&api, t::NoParams {})
            .await
            .unwrap()
            .syncing
    );
}

#[tokio::test]
async fn a_panic_in_a_reader_reaches_the_call_and_gives_its_place_back() {
    let (api, _stop, _service) = api(chain());
    for _ in 0..READERS + 1 {
        let api = Arc::clone(&api);
        let call = async move { api.read(|_| -> Result<()> { panic!("a test's") }).await };
        assert!(tokio::spawn(call).await.unwrap_err().is_panic());
    }
    assert_eq!(api.turns.readers.available_permits(), READERS);
}

#[test]
fn a_name_that_cannot_be_registered_says_why() {
    let rules = &chain().consensus;
    let name: Name = "alice".parse().unwrap();
    let leaf = sapwood_primitives::leaf::NameLeaf {
        name,
        owner: Some(account(1)),
        paid_until: Height::new(100),
        last_price: sapwood_primitives::Amount::SUPPLY,
    };
    let why = |height| {
        let phase = leaf.phase(Height::new(height), rules);
        names::why_not(phase, Some(&leaf), rules)
    };
    assert_eq!(why(99).unwrap(), "active until height 100");
    let release = 100 + rules.suspension;
    let suspended = why(release - 1).unwrap();
    assert!(
        suspended.contains(&format!("until height {release}")),
        "{suspended}"
    );
    assert_eq!(why(release), None);
    assert_eq!(names::why_not(None, None, rules), None);
}
