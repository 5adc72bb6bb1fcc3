//! `sapwood dev --tour`: the whole life of a name in one command.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use sapwood_tests::Home;

#[test]
fn the_tour_passes_beside_a_running_dev_chain_and_leaves_nothing_behind() {
    let home = Home::new();
    let server = home.dev(&[]);
    let before = home
        .run("dev", &["--json", "wallet", "accounts"])
        .expect(0)
        .json();
    let tour = home.run("", &["--json", "dev", "--tour"]).expect(0);
    let report = tour.json();
    assert_eq!(
        (&report["tour"], &report["steps"]),
        (&"passed".into(), &10.into()),
        "{tour:?}"
    );
    let left: Vec<_> = std::fs::read_dir(home.path().join("tmp"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // The chain beside it went on and has its wallet.
    let after = home
        .run("dev", &["--json", "wallet", "accounts"])
        .expect(0)
        .json();
    assert!(after["height"].as_u64() > before["height"].as_u64());
    assert_eq!(after["accounts"][1]["name"], "hello");
    assert_eq!(
        home.data().read_dir().unwrap().count(),
        1,
        "only dev has a folder"
    );
    assert_eq!(server.terminate(), 0);
}
