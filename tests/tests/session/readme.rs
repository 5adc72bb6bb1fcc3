//! The session of the README, typed as it stands there.

use crate::shell;
use rustix::process::Signal;
use sapwood_tests::{Home, dns_query};
use serde_json::Value;
use std::fs;
use std::process::Command;

fn is_installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("skipped: `{program}` is not installed");
    }
    found
}

/// The commands of the README that contain `part`, with the ports and places of this run. A question is answered beforehand, since nobody is there to be asked.
fn commands(part: &str, ready: &Value) -> String {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let block = readme
        .split("\n\n")
        .find(|block| block.starts_with("    ") && block.contains(part));
    let block = block.unwrap_or_else(|| panic!("the README has no commands with {part:?}"));
    let place = |service: &str| {
        let text = ready[service].as_str().unwrap();
        let text = text.trim_start_matches("http://").trim_end_matches('/');
        text.to_owned()
    };
    let dns = place("dns").replace("127.0.0.1:", "-p ");
    block
        .replace("-p 9453", &dns)
        .replace("127.0.0.1:9460", &place("page"))
        .replace("127.0.0.1:9451", &place("rpc"))
        .replace("~/.local/share", "$XDG_DATA_HOME")
        .replace("name register", "--yes name register")
}

#[test]
fn the_session_of_the_readme() {
    let home = Home::new();
    let dev = home.dev(&[]);
    if !is_installed("dig") || !is_installed("curl") {
        return;
    }
    let all = shell(&home, &commands("export SAPWOOD_CHAIN", &dev.ready)).expect(0);
    for part in [
        "\nhello.leaf.alt.\t\t300\tIN\tA\t127.0.0.1\n",
        "<h1>hello.leaf.alt</h1>",
        "balance:",
        "alice belongs to dsap1",
        "\nalice.leaf.alt.\t\t300\tIN\tA\t192.0.2.7\n",
        "@\t300\tA\t192.0.2.7",
        "headers from genesis",
        "mining    yes",
    ] {
        assert!(all.stdout.contains(part), "{part:?} is missing: {all:?}");
    }
    let answer = shell(&home, &commands("rpc.json", &dev.ready)).expect(0);
    let answer = answer.json();
    assert_eq!(answer["result"]["phase"], "active");
    assert_eq!(answer["result"]["records"][0]["data"], "192.0.2.7");
    let before = home
        .run("dev", &["--json", "wallet", "accounts"])
        .expect(0)
        .json();
    // Ctrl-C.
    let stopped = dev.stop_by(Signal::INT).expect(0);
    assert_eq!(stopped.stdout.lines().count(), 1, "{stopped:?}");
    let gone = home.run("dev", &["--json", "status"]).expect(1);
    assert_eq!(gone.json()["error"]["code"], "no_node");

    let dev = home.dev(&[]);
    let after = home
        .run("dev", &["--json", "wallet", "accounts"])
        .expect(0)
        .json();
    for account in 0..2 {
        for field in ["address", "name", "paid_until"] {
            assert_eq!(
                after["accounts"][account][field],
                before["accounts"][account][field]
            );
        }
    }
    assert!(after["height"].as_u64() >= before["height"].as_u64());
    for (name, address) in [("alice", "A 192.0.2.7"), ("hello", "A 127.0.0.1")] {
        let answer = dns_query(dev.dns_addr(), &format!("{name}.leaf.alt"), 1);
        assert_eq!(answer.answers, [address]);
    }
    let again = "SAPWOOD_CHAIN=dev sapwood resolve alice.leaf.alt A";
    assert_eq!(
        shell(&home, again).expect(0).stdout,
        "@\t300\tA\t192.0.2.7\n"
    );
}
