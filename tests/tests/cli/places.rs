//! Where things are: the chain, the data directory, the node, the chain file of a launch.

use crate::{FAILED, REFUSED, STORAGE, USAGE, address, fails};
use sapwood_tests::{Home, Ran};
use std::fs::{self};

#[test]
fn a_chain_that_is_not_launched_is_refused_with_what_to_do() {
    let home = Home::new();
    for chain in ["main", "test"] {
        for args in [
            &["status"][..],
            &["wallet", "balance"],
            &["wallet", "create"],
            &["node"],
            &["resolver"],
            &["name", "show", "alice"],
            &["rpc", "chain_head"],
        ] {
            let error = fails(|args| home.run(chain, args), args, REFUSED);
            assert_eq!(error["code"], "not_launched", "{error}");
            assert!(
                error["hint"].as_str().unwrap().contains("--chain dev"),
                "{error}"
            );
        }
    }
    // Main is what is meant if nothing is said.
    assert_eq!(
        fails(|args| home.run("", args), &["status"], REFUSED)["code"],
        "not_launched"
    );
    let dev = fails(|args| home.run("main", args), &["dev"], USAGE);
    assert_eq!(dev["code"], "chain");
    assert!(!home.data().exists());
}

#[test]
fn without_a_node_every_command_says_how_to_start_one() {
    let home = Home::new();
    home.run("dev", &["wallet", "create"]).expect(0);
    let to = address();
    for args in [
        &["status"][..],
        &["wallet", "balance"],
        &["wallet", "send", &to, "1"],
        &["wallet", "history"],
        &["name", "show", "alice"],
        &["name", "list"],
        &["name", "register", "alice"],
        &["limit", "show"],
        &["account", "show", &to],
        &["resolve", "alice"],
        &["resolver", "--port", "0"],
        &["rpc", "chain_head"],
    ] {
        let error = fails(|args| home.run("dev", args), args, FAILED);
        let said = format!("{}{}", error["message"], error["hint"]);
        assert!(said.contains("sapwood dev"), "{args:?}: {error}");
    }
    let wallets = fs::read_dir(home.data().join("dev/wallets"))
        .unwrap()
        .count();
    assert_eq!(wallets, 1, "only the wallet itself");
}

#[test]
fn row_34_without_home_the_place_must_be_named() {
    let home = Home::new();
    let run = |args: &[&str]| {
        let mut command = home.command("dev", args);
        command.env_remove("HOME").env_remove("XDG_DATA_HOME");
        Ran::of(command.output().unwrap())
    };
    let error = fails(run, &["wallet", "create"], USAGE);
    assert!(
        error["message"].as_str().unwrap().contains("--data-dir"),
        "{error}"
    );
    run(&["--data-dir", "here", "wallet", "create"]).expect(0);
    assert!(home.path().join("here/dev/wallets/dev").is_file());
}

#[test]
fn a_second_node_in_one_folder_is_refused_and_the_first_goes_on() {
    let home = Home::new();
    let first = home.node("dev", &["--no-dns"]);
    for args in [
        &["node", "--ports", "auto"][..],
        &["dev", "--ports", "auto"],
    ] {
        let error = fails(|args| home.run("dev", args), args, STORAGE);
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("another sapwood"),
            "{error}"
        );
    }
    assert_eq!(
        home.run("dev", &["--json", "status"]).expect(0).json()["head"],
        first.head()
    );
    let port = first
        .rpc_url()
        .trim_end_matches('/')
        .rsplit_once(':')
        .unwrap()
        .1
        .parse::<u16>()
        .unwrap();
    let base = (port - 1).to_string();
    let other = |args: &[&str]| home.run("dev", &[&["--data-dir", "elsewhere"], args].concat());
    let busy = fails(other, &["node", "--port-base", &base], USAGE);
    assert_eq!(busy["code"], "port");
    let reset = fails(
        |args| home.run("dev", args),
        &["dev", "--reset", "--yes"],
        REFUSED,
    );
    assert_eq!(reset["code"], "running");
}

#[test]
fn a_launch_writes_a_chain_file_once_and_a_node_runs_it() {
    let home = Home::new();
    let quote = "00000000000000000000000000000000000000000000000000000000000000aa";
    let genesis = |out: &'static str| {
        vec![
            "genesis",
            "--quote",
            quote,
            "--hash-rate",
            "1000",
            "--out",
            out,
        ]
    };
    let run = |args: &[&str]| home.run("test", args);
    let made = home
        .run(
            "test",
            &[&["--json"], &genesis("launched.toml")[..]].concat(),
        )
        .expect(0)
        .json();
    let file = home.path().join("launched.toml");
    let text = fs::read_to_string(&file).unwrap();
    let again = fails(run, &genesis("launched.toml"), STORAGE);
    assert!(
        again["message"].as_str().unwrap().contains("exists"),
        "{again}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    let week = 8 * 86_400;
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    for time in [0, 5, now - 3_600, now + week] {
        let mut args = genesis("stale.toml");
        let time = time.to_string();
        args.extend(["--time", &time]);
        assert_eq!(fails(run, &args, USAGE)["code"], "time");
    }
    for (flag, value) in [
        ("--quote", "00"),
        ("--quote", &"zz".repeat(32)),
        ("--hash-rate", "0"),
        ("--hash-rate", "-1"),
        ("--hash-rate", "1e6"),
    ] {
        let mut args = genesis("bad.toml");
        let at = args.iter().position(|arg| *arg == flag).unwrap();
        args[at + 1] = value;
        fails(run, &args, USAGE);
    }
    fails(run, &genesis("no/such/folder.toml"), STORAGE);
    assert!(!home.path().join("stale.toml").exists() && !home.path().join("bad.toml").exists());

    // The file wins over SAPWOOD_CHAIN, which a person with a dev chain has set.
    let mut status = home.command("", &["--json", "--chain-file", "launched.toml", "status"]);
    let status = Ran::of(status.env("SAPWOOD_CHAIN", "dev").output().unwrap()).expect(FAILED);
    assert_eq!(status.json()["error"]["code"], "no_node");
    let node = home
        .start(
            "",
            &[
                "--json",
                "--chain-file",
                "launched.toml",
                "node",
                "--ports",
                "auto",
            ],
        )
        .ready();
    let head = node.head();
    assert_eq!(
        (&head["height"], &head["block"]),
        (&0.into(), &made["genesis"])
    );
    assert_eq!(head["time"], made["time"]);
    let relaunch = fails(
        |args| home.run("", &[&["--chain-file", "launched.toml"], args].concat()),
        &genesis("second.toml"),
        REFUSED,
    );
    assert_eq!(relaunch["code"], "launched");
    for (change, to) in [
        ("[genesis]", "[genesys]"),
        ("block_time = 60", "block_time = 0"),
        ("name = \"test\"", "name = \"../test\""),
        ("consensus", ""),
    ] {
        assert!(text.contains(change), "{change}");
        fs::write(
            home.path().join("changed.toml"),
            text.replacen(change, to, 1),
        )
        .unwrap();
        fails(
            |args| home.run("", &[&["--chain-file", "changed.toml"], args].concat()),
            &["status"],
            USAGE,
        );
    }
}
