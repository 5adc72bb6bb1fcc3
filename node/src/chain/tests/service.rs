//! The chain's thread: what callers get, and what they see of storage that fails.

use super::kit::*;
use crate::chain::{
    At, BlockRefused, Handle, Ledger, Outcome, Service, Stopped, TemplateRefused,
    TransactionRefused, Unavailable,
};
use crate::mempool::{Admission, Limits, Mempool};
use sapwood_primitives::Block;
use sapwood_primitives::codec::Bytes;
use sapwood_store::disk::{Fault, Simulated};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

fn run<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(task)
}

fn service(ledger: Ledger) -> Service {
    Service::start(ledger, Mempool::new(Limits::default()), Box::new(|| NOW)).unwrap()
}

async fn extend(handle: &Handle, blocks: Vec<Block>) {
    for block in blocks {
        assert!(matches!(
            handle.submit_block(block).await,
            Ok(Outcome::Connected(_))
        ));
    }
}

#[test]
fn templates_hold_pending_transactions_and_tips_are_announced() {
    let chain = chain();
    let mut replica = Replica::new(&chain);
    let service = service(ledger(&chain));
    let handle = service.handle();
    run(async {
        extend(&handle, replica.mine_many(1, 13)).await;
        let mut head = handle.head_changed();
        head.mark_unchanged();
        let tx = replica.pay(1, account(9), 5_000_000);
        let txid = tx.txid();
        assert_eq!(
            handle.submit_transaction(tx.clone()).await,
            Ok(Admission::Accepted(txid))
        );
        assert_eq!(
            handle.submit_transaction(tx.clone()).await,
            Ok(Admission::Known(txid))
        );
        assert_eq!(handle.pending(txid).await, Ok(Some(tx.clone())));
        let mut block = handle.template(account(2), Bytes::default()).await.unwrap();
        assert_eq!(&block.transactions[..], [tx]);
        grind(&mut block);
        assert!(matches!(
            handle.submit_block(block.clone()).await,
            Ok(Outcome::Connected(_))
        ));
        head.changed().await.unwrap();
        assert_eq!(*head.borrow(), id(&block));
        assert_eq!(handle.snapshot().head().id, id(&block));
        assert_eq!(handle.pending(txid).await, Ok(None));
        assert_eq!(handle.pool_info().await.unwrap().count, 0);
    });
    service.stop().unwrap();
    let stopped = run(handle.submit_block(replica.mine(1, vec![])));
    assert_eq!(
        stopped.unwrap_err().to_string(),
        "the node is shutting down"
    );
}

#[test]
fn a_transaction_of_a_block_that_is_taken_back_is_pending_again() {
    let chain = chain();
    let mut replica = Replica::new(&chain);
    let service = service(ledger(&chain));
    let handle = service.handle();
    run(async {
        extend(&handle, replica.mine_many(1, 13)).await;
        let mut other = replica.clone();
        let tx = replica.pay(1, account(9), 5_000_000);
        let gone = replica.pay(1, account(8), 6_000_000);
        let block = replica.mine(1, vec![tx.clone()]);
        extend(&handle, vec![block]).await;
        // A second one follows it, pending.
        let second = replica.pay(1, account(9), 1_000_000);
        handle.submit_transaction(second.clone()).await.unwrap();
        for block in other.mine_many(2, 2) {
            handle.submit_block(block).await.unwrap();
        }
        assert_eq!(handle.snapshot().head().id, other.link.id);
        for pending in [&tx, &second] {
            assert_eq!(
                handle.pending(pending.txid()).await,
                Ok(Some(pending.clone()))
            );
        }
        assert_eq!(handle.pending(gone.txid()).await, Ok(None));
        let template = handle.template(account(2), Bytes::default()).await.unwrap();
        assert_eq!(&template.transactions[..], [tx, second]);
    });
    service.stop().unwrap();
}

/// Sends a command without waiting for its answer.
fn started<'f, T>(task: impl Future<Output = T> + 'f) -> Pin<Box<dyn Future<Output = T> + 'f>> {
    let mut task: Pin<Box<dyn Future<Output = T> + 'f>> = Box::pin(task);
    let polled = task.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    task
}

#[test]
fn a_caller_is_told_at_once_when_too_many_commands_wait() {
    let (entered, has_entered) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel();
    // The thread stands still where it asks for the time.
    let clock = move || {
        entered.send(()).unwrap();
        released.recv().unwrap();
        NOW
    };
    let ledger = ledger(&chain());
    let service = Service::start(ledger, Mempool::default(), Box::new(clock)).unwrap();
    let handle = service.handle();
    run(async {
        let mut template = started(handle.template(account(1), Bytes::default()));
        has_entered.recv().unwrap();
        let waiting: Vec<_> = (0..64).map(|_| started(handle.pool_info())).collect();
        // As many wait as may; each is answered in the end.
        let mut one_more = pin!(handle.pool_info());
        let busy = one_more
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(busy, Poll::Ready(Err(Unavailable::Busy)));
        // Reading does not wait.
        assert_eq!(
            handle.snapshot().head().height,
            sapwood_primitives::Height::GENESIS
        );
        release.send(()).unwrap();
        template.as_mut().await.unwrap();
        for answer in waiting {
            assert!(answer.await.is_ok());
        }
    });
    service.stop().unwrap();
}

#[test]
fn a_failing_disk_stops_writing_for_good_and_reading_goes_on() {
    let (chain, disk) = (chain(), Simulated::new());
    let mut replica = Replica::new(&chain);
    let service = service(ledger_on(&disk, &chain));
    let handle = service.handle();
    run(async {
        extend(&handle, replica.mine_many(1, 13)).await;
        let before = replica.clone();
        let next = replica.mine(1, vec![]);
        disk.fail_from(disk.operations(), Fault::NoSpace, 0);
        assert!(matches!(
            handle.submit_block(next.clone()).await,
            Err(BlockRefused::StorageFailed(_))
        ));
        // The disk works again, but what it holds is not known any more.
        disk.heal();
        assert!(matches!(
            handle.submit_block(next).await,
            Err(BlockRefused::StorageFailed(_))
        ));
        let tx = before.pay(1, account(9), 5_000_000);
        assert!(matches!(
            handle.submit_transaction(tx).await,
            Err(TransactionRefused::StorageFailed(_))
        ));
        assert!(matches!(
            handle.template(account(1), Bytes::default()).await,
            Err(TemplateRefused::StorageFailed(_))
        ));
        let snapshot = handle.snapshot();
        assert!(snapshot.storage_failed.is_some());
        assert_eq!(snapshot.head().id, before.link.id);
        for (key, leaf) in &before.leaves {
            assert_eq!(
                snapshot.at(At::Head).leaf(key).unwrap().as_ref(),
                Some(leaf)
            );
        }
    });
    match service.stop() {
        Err(Stopped::Storage(failed)) => assert_eq!(failed.attempt, "writing a block to the log"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_panic_of_the_thread_ends_the_announcements_and_is_told_apart_from_the_disk() {
    let chain = chain();
    let broken = || -> u64 { panic!("the clock of this test panics") };
    let pool = Mempool::new(Limits::default());
    let service = Service::start(ledger(&chain), pool, Box::new(broken)).unwrap();
    let handle = service.handle();
    run(async {
        let mut heads = handle.head_changed();
        let template = handle.template(account(1), Bytes::default()).await;
        assert!(matches!(
            template,
            Err(TemplateRefused::Unavailable(Unavailable::Stopped))
        ));
        assert!(heads.changed().await.is_err());
    });
    assert_eq!(service.stop(), Err(Stopped::Panicked));
}
