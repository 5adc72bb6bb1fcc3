//! The file with settings: what is wrong with it is exit 2, told with file, line, key, reason and what is allowed, before anything is begun.
//!
//! Row numbers are those of the project's list of bad configurations. Files without a process are tested beside the code that reads them.

use crate::{REFUSED, STORAGE, USAGE, address, fails};
use sapwood_primitives::{AccountId, Address};
use sapwood_tests::{Home, Ran};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

/// Writes the file that every command of this home reads.
fn write(home: &Home, text: &[u8]) -> PathBuf {
    let folder = home.path().join("config/sapwood");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("sapwood.toml");
    fs::write(&path, text).unwrap();
    path
}

/// The settings of `config show`, by key.
fn shown(home: &Home, args: &[&str], variables: &[(&str, &str)]) -> impl Fn(&str) -> Value {
    let mut command = home.command("", &[&["--json", "config", "show"], args].concat());
    let ran = Ran::of(command.envs(variables.iter().copied()).output().unwrap()).expect(0);
    let settings = ran.json()["settings"].as_array().unwrap().clone();
    move |key| {
        let found = settings.iter().find(|setting| setting["key"] == key);
        found.unwrap_or_else(|| panic!("no {key}")).clone()
    }
}

#[test]
fn every_command_refuses_a_wrong_file_before_it_begins() {
    let home = Home::new();
    let to = address();
    let path = write(&home, b"chain = \"dev\"\n\n[node]\nthreads = 0\n");
    for args in [
        &["node", "--ports", "auto"][..],
        &["dev", "--ports", "auto"],
        &["resolver", "--port", "0"],
        &["mine", "--address", &to],
        &["wallet", "create"],
        &["status"],
        &["config", "show"],
        &["config", "check"],
    ] {
        let error = fails(|args| home.run("", args), args, USAGE);
        assert_eq!(error["code"], "config", "{args:?}");
        let message = error["message"].as_str().unwrap();
        let place = format!("{}, line 4: `node.threads` ", path.display());
        assert!(message.starts_with(&place), "{args:?}: {message}");
        assert!(
            error["hint"].as_str().unwrap().contains("whole number"),
            "{error}"
        );
    }
    assert!(!home.data().exists(), "nothing was begun");
    // What needs no file works whatever it says.
    home.run("", &["--help"]).expect(0);
    home.run("", &["completions", "bash"]).expect(0);
    write(&home, b"chain = \"dev\"\n");
    home.run("", &["config", "check"]).expect(0);
}

#[test]
fn rows_1_2_26_and_27_a_file_that_is_none_is_refused_and_an_absent_one_only_if_it_was_named() {
    let home = Home::new();
    home.run("", &["config", "check"]).expect(0);
    let run = |args: &[&str]| home.run("dev", args);
    let error = fails(run, &["--config", "none.toml", "config", "show"], USAGE);
    assert!(
        error["message"].as_str().unwrap().contains("no such file"),
        "{error}"
    );
    let mut command = home.command("dev", &["config", "show"]);
    let by_variable = command.env("SAPWOOD_CONFIG", "none.toml").output().unwrap();
    Ran::of(by_variable).expect(USAGE);
    let long = vec![b'#'; 70_000];
    for (bytes, part) in [
        (
            &b"log = \"info\"\nchain = \"\xff\"\n"[..],
            "line 2: is not UTF-8",
        ),
        (b"log = \"in\0fo\"\n", "line 1: "),
        (&long, "longer than 65536 bytes"),
    ] {
        let path = write(&home, bytes);
        let error = fails(run, &["config", "check"], USAGE);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(part), "{part}: {message}");
        assert_eq!(fs::read(path).unwrap(), bytes, "it stays as it was");
    }
    let endless = fails(run, &["config", "check", "/dev/zero"], USAGE);
    assert!(
        endless["message"].as_str().unwrap().contains("longer than"),
        "{endless}"
    );
    fails(run, &["config", "check", "."], USAGE);
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        home.path().join("pipe"),
        rustix::fs::Mode::RUSR,
    )
    .unwrap();
    let pipe = home.path().join("pipe");
    fails(run, &["config", "check", pipe.to_str().unwrap()], USAGE);
}

#[test]
fn row_23_a_file_that_anybody_may_write_is_refused() {
    let home = Home::new();
    let path = write(&home, b"chain = \"dev\"\n");
    for (mode, code) in [
        (0o600, 0),
        (0o644, 0),
        (0o664, 0),
        (0o666, USAGE),
        (0o602, USAGE),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        home.run("", &["config", "check"]).expect(code);
    }
}

#[test]
fn row_21_a_flag_is_stronger_than_the_environment_than_the_file_than_the_default() {
    let home = Home::new();
    let key = |shown: &dyn Fn(&str) -> Value, key: &str| {
        let shown = shown(key);
        (
            shown["value"].clone(),
            shown["origin"].as_str().unwrap().to_owned(),
        )
    };
    let nothing = shown(&home, &[], &[]);
    assert_eq!(key(&nothing, "chain"), (Value::Null, "default".into()));
    assert_eq!(
        key(&nothing, "node.port_base"),
        (9450.into(), "default".into())
    );
    write(
        &home,
        b"chain = \"tour\"\n[node]\nport_base = 19450\nno_dns = true\n",
    );
    let file = shown(&home, &[], &[]);
    assert_eq!(key(&file, "chain"), ("tour".into(), "file".into()));
    assert_eq!(file("chain")["line"], 1);
    assert_eq!(key(&file, "node.port_base"), (19450.into(), "file".into()));
    assert_eq!(key(&file, "node.no_dns"), (true.into(), "file".into()));
    let variable = [("SAPWOOD_CHAIN", "test")];
    let environment = shown(&home, &[], &variable);
    assert_eq!(
        key(&environment, "chain"),
        ("test".into(), "environment".into())
    );
    let flag = shown(&home, &["--chain", "dev"], &variable);
    assert_eq!(key(&flag, "chain"), ("dev".into(), "flag".into()));
    let overrides = &flag("chain")["overrides"];
    assert_eq!(overrides[0]["origin"], "environment", "{overrides}");
    assert_eq!(overrides[1]["value"], "tour", "{overrides}");

    // And what is shown is what happens.
    let text = |args: &[&str], env: Option<&str>| {
        let mut command = home.command("", args);
        command.envs(env.map(|chain| ("SAPWOOD_CHAIN", chain)));
        Ran::of(command.output().unwrap())
    };
    let created = text(&["wallet", "address"], None);
    assert!(created.stderr.contains("/tour/"), "{created:?}");
    text(&["status"], Some("test")).expect(REFUSED);
    let by_flag = text(&["--chain", "dev", "wallet", "address"], Some("test"));
    assert!(by_flag.stderr.contains("/dev/"), "{by_flag:?}");
    let after = text(&["wallet", "address", "--chain", "dev"], Some("test"));
    assert!(after.stderr.contains("/dev/"), "{after:?}");

    let said = home
        .run("", &["--chain", "dev", "config", "show", "--origin"])
        .expect(0);
    assert!(
        said.stdout
            .contains("a flag is stronger than the environment")
    );
    assert!(
        said.stdout
            .contains("chain = \"dev\"  # flag; file, line 1 says tour"),
        "{said:?}"
    );
    // It is a file that says the same.
    fs::write(home.path().join("printed.toml"), &said.stdout).unwrap();
    let again = home
        .run(
            "",
            &["--json", "config", "show", "--config", "printed.toml"],
        )
        .expect(0);
    let settings = again.json()["settings"].as_array().unwrap().clone();
    let of = |key: &str| settings.iter().find(|s| s["key"] == key).unwrap()["value"].clone();
    assert_eq!(
        (of("chain"), of("node.port_base")),
        ("dev".into(), 19450.into())
    );
}

#[test]
fn a_flag_takes_the_place_of_what_the_file_says_in_another_way() {
    let home = Home::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    write(&home, b"chain_file = \"/none.toml\"\nrpc = \"http://127.0.0.1:1/\"\ncookie_file = \"/none.json\"\n[node]\nports = \"auto\"\nno_dns = true\n");
    // --chain is stronger than the file's chain_file, --port-base than its ports.
    let base = (port - 1).to_string();
    let node = home
        .start("dev", &["--json", "node", "--port-base", &base])
        .ready();
    assert_eq!(node.rpc_url(), format!("http://127.0.0.1:{port}/"));
    assert!(node.ready["dns"].is_null(), "the file's no_dns holds");
    // A cookie of the file does not go to a URL of the command line.
    let own = node.rpc_url().to_owned();
    let status = home
        .run("dev", &["--json", "--rpc", &own, "status"])
        .expect(0);
    assert_eq!(status.json()["head"], node.head());
    let other = ["resolver", "--port", "0", "--node", "http://127.0.0.1:1/"];
    let error = fails(|args| home.run("dev", args), &other, USAGE);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("no cookie is known"),
        "{error}"
    );
    assert_eq!(node.terminate(), 0);
}

#[test]
fn a_node_runs_by_its_file_and_mines_for_the_address_in_it() {
    let home = Home::new();
    let payee = address();
    let text =
        format!("chain = \"dev\"\n[node]\nports = \"auto\"\nmine = \"{payee}\"\ntree = \"lean\"\n");
    write(&home, text.as_bytes());
    // The flag alone would lack its --mine.
    let node = home
        .start("", &["--json", "node", "--threads", "1"])
        .ready();
    node.wait_for_height(1);
    assert_eq!(node.terminate(), 0);
    let error = fails(
        |args| home.run("dev", &[&["--config", "/dev/null"], args].concat()),
        &["node", "--threads", "1"],
        USAGE,
    );
    assert_eq!(error["code"], "threads");
}

#[test]
fn row_31_an_address_of_another_network_is_told_with_its_line() {
    let home = Home::new();
    let of = |prefix: &str| Address::new(prefix, AccountId([7; 32])).to_string();
    let text = format!("chain = \"dev\"\n[node]\nmine = \"{}\"\n", of("tsap"));
    write(&home, text.as_bytes());
    let run = |args: &[&str]| home.run("", args);
    for args in [&["config", "check"][..], &["node", "--ports", "auto"]] {
        let error = fails(run, args, USAGE);
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("line 3: `node.mine`") && message.contains("test"),
            "{error}"
        );
    }
    assert!(!home.data().exists());
    let text = format!("chain = \"dev\"\n[node]\nmine = \"{}\"\n", of("dsap"));
    write(&home, text.as_bytes());
    home.run("", &["config", "check"]).expect(0);
    home.run("test", &["config", "check"]).expect(USAGE);
}

#[test]
fn rows_14_and_16_a_known_chain_keeps_its_parameters_and_its_genesis() {
    let home = Home::new();
    let specs = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/chains");
    let read = |name: &str| fs::read_to_string(format!("{specs}/{name}.toml")).unwrap();
    let check = |text: &str| {
        fs::write(home.path().join("chain.toml"), text).unwrap();
        let run = |args: &[&str]| home.run("", &[&["--chain-file", "chain.toml"], args].concat());
        fails(run, &["node", "--ports", "auto"], USAGE)
    };
    let value = |text: &str, key: &str| {
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("{key} =")));
        line.unwrap_or_else(|| panic!("no {key}")).to_owned()
    };
    let dev = read("dev");
    for key in ["block_time", "kept", "reorg_cap"] {
        let line = value(&dev, key);
        let more = format!(
            "{key} = {}",
            1 + line
                .split_once('=')
                .unwrap()
                .1
                .split('#')
                .next()
                .unwrap()
                .trim()
                .replace('_', "")
                .parse::<u64>()
                .unwrap()
        );
        let error = check(&dev.replacen(&line, &more, 1));
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("other parameters") || message.contains("must be"),
            "{key}: {error}"
        );
    }
    let (head, genesis) = dev.split_once("[genesis]").unwrap();
    let time = value(genesis, "time");
    let error = check(&format!(
        "{head}[genesis]{}",
        genesis.replacen(&time, "time = 1700000000", 1)
    ));
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("another genesis"),
        "{error}"
    );
    assert!(!home.data().exists());
}

#[test]
fn rows_7_and_20_a_port_in_use_and_the_root_as_data_directory_are_refused() {
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = taken.local_addr().unwrap().port() - 1;
    write(
        &home,
        format!("chain = \"dev\"\n[node]\nport_base = {base}\n").as_bytes(),
    );
    let error = fails(|args| home.run("", args), &["node"], USAGE);
    assert_eq!(error["code"], "port");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains(&(base + 1).to_string()),
        "{error}"
    );
    assert!(!home.data().exists(), "the port is tried first");
    for root in ["/", "//", "/."] {
        let error = fails(
            |args| {
                home.run(
                    "dev",
                    &[&["--config", "/dev/null", "--data-dir", root], args].concat(),
                )
            },
            &["wallet", "address"],
            USAGE,
        );
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("root of the file system"),
            "{error}"
        );
    }
}

#[test]
fn row_24_a_secret_in_the_environment_is_warned_of_and_not_read() {
    let home = Home::new();
    let mut command = home.command("dev", &["config", "check"]);
    let variables = [
        ("SAPWOOD_PASSPHRASE", "bark beetle"),
        ("SAPWOOD_CHIAN", "dev"),
    ];
    let ran = Ran::of(command.envs(variables).output().unwrap()).expect(0);
    assert!(
        ran.stderr.contains("SAPWOOD_PASSPHRASE is not read"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("SAPWOOD_CHIAN means nothing"),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains("beetle"), "{ran:?}");
}

#[test]
fn row_30_more_threads_than_cores_are_warned_of_and_mine() {
    let home = Home::new();
    let payee = address();
    let node = home.node("dev", &["--no-dns", "--mine", &payee, "--threads", "4096"]);
    node.wait_for_height(1);
    let ran = node.stop_by(rustix::process::Signal::TERM).expect(0);
    assert!(ran.stderr.contains("more threads than cores"), "{ran:?}");
}

#[test]
fn row_33_a_suffix_that_the_public_dns_may_have_is_refused_as_a_flag_too() {
    let home = Home::new();
    for suffix in ["com", "net.", "Museum"] {
        let error = fails(
            |args| home.run("dev", args),
            &["resolver", "--port", "0", "--suffix", suffix],
            USAGE,
        );
        assert_eq!(error["code"], "suffix", "{error}");
    }
}

#[test]
fn row_38_too_few_open_files_are_told_with_how_many_are_needed() {
    let home = Home::new();
    let start = |limit: &str| {
        let program = home.command("dev", &["node", "--ports", "auto", "--mine", "x"]);
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!("{limit}; exec \"$0\" \"$@\"")]);
        command
            .arg(program.get_program())
            .args(program.get_args())
            .env_clear();
        let variables = program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        command.envs(variables).current_dir(home.path());
        Ran::of(command.output().unwrap()).expect(USAGE)
    };
    let few = start("ulimit -n 512");
    assert!(few.stderr.contains("512 files and needs 1024"), "{few:?}");
    // What may be raised is raised; the next fault is found then.
    let raised = start("ulimit -S -n 512");
    assert!(raised.stderr.contains("--mine"), "{raised:?}");
}

#[test]
fn a_data_directory_that_cannot_be_made_is_a_matter_of_storage() {
    let home = Home::new();
    fs::write(home.path().join("occupied"), "").unwrap();
    let place = home.path().join("occupied/data");
    write(
        &home,
        format!("chain = \"dev\"\ndata_dir = \"{}\"\n", place.display()).as_bytes(),
    );
    fails(
        |args| home.run("", args),
        &["node", "--ports", "auto"],
        STORAGE,
    );
}
