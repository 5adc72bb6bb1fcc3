//! The power goes while a name is registered: what hides the name is never lost once its hash has left.
//!
//! `WALLET_CUTS=50000 cargo test --release -p sapwood-wallet cuts -- --nocapture` is the long form.

use serde_json::json;

use super::*;
use crate::keystore::changes::{Recording, record};

/// Disks that are looked at after a stop at each step, in the short form.
const DISKS: usize = 1;

const LINE: [&str; 5] = ["name", "register", "alice", "--record", "@ A 192.0.2.1"];

/// Registers until step `stop`.
fn until(stop: Option<usize>) -> (Desk, Result<Output, CliError>, Recording) {
    let desk = Desk::rich();
    let (result, recording) = record(desk.dir.path(), stop, || desk.run(&LINE));
    (desk, result, recording)
}

#[test]
fn power_cuts_during_a_registration_lose_neither_salt_nor_records_and_nothing_is_paid_twice() {
    let disks = std::env::var("WALLET_CUTS")
        .map_or(DISKS, |text| text.parse::<usize>().unwrap().div_ceil(2_000));
    let (_, whole, recording) = until(None);
    whole.unwrap();
    let steps = recording.len();
    assert!(steps > 40, "{steps}");
    let (mut resumed, mut begun_again, mut random) = (0, 0, 1_u64);
    for stop in 0..steps {
        for _ in 0..disks {
            let (desk, result, recording) = until(Some(stop));
            assert!(result.is_err(), "{stop}");
            let sent = recording.notes(recording.len()).count();
            let files = recording.after_power_cut(recording.len(), |bound| {
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                usize::try_from((random >> 33) % bound as u64).unwrap()
            });
            recording.put_on_disk(&files, desk.dir.path());
            let what = format!("stop {stop} of {steps}, {sent} sent: {:?}", files.keys());
            let report = match desk.run(&["name", "register", "--resume"]) {
                Ok(output) => {
                    resumed += 1;
                    output.json()["names"][0].clone()
                }
                Err(error) => {
                    assert_eq!(error.code, "nothing_under_way", "{what}: {error:?}");
                    // All is done, or nothing was sent.
                    let owned = desk.world.borrow().name("alice").is_some();
                    assert!(owned || sent == 0, "{what}");
                    begun_again += usize::from(!owned);
                    if !owned {
                        desk.ok(&LINE);
                    }
                    json!({})
                }
            };
            if let Some(records) = report.get("records") {
                assert_eq!(*records, json!(["@ 300 A 192.0.2.1"]), "{what}");
            }
            let shown = desk.ok(&["name", "show", "alice"]);
            assert_eq!(shown["owner"].as_str(), Some(&*desk.address("0")), "{what}");
            assert_eq!(shown["records"], json!(["@ 300 A 192.0.2.1"]), "{what}");
            assert_eq!(desk.world.borrow().included().count(), 2, "{what}");
            desk.ok(&["wallet", "send", &desk_stranger(), "1", "--wait"]);
        }
    }
    println!("{resumed} went on, {begun_again} began again");
    assert!(resumed > 10 && begun_again > 5, "{resumed} {begun_again}");
}

fn desk_stranger() -> String {
    sapwood_primitives::Address::new("dsap", sapwood_primitives::AccountId([0x55; 32])).to_string()
}
