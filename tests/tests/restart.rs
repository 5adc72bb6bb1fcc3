//! Ending, starting again, and starting on what should not be there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use rustix::process::Signal;
use sapwood_tests::chain::{Branch, person, transfer};
use sapwood_tests::{Home, Ran, Server};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Exit code for a file or the disk.
const STORAGE: i32 = 4;

/// A page of the store's file.
const PAGE: usize = 4096;

/// A store worth damaging, and the head that belongs to it.
struct Pristine {
    store: Vec<u8>,
    head: Value,
}

/// A chain of 80 blocks with 400 accounts, made once and stopped in order.
fn pristine() -> &'static Pristine {
    static PRISTINE: OnceLock<Pristine> = OnceLock::new();
    PRISTINE.get_or_init(|| {
        let home = Home::new();
        let node = home.node("dev", &["--no-dns"]);
        let (mut branch, miner) = (Branch::dev(), person(1));
        let mut blocks = branch.mine_empty(40, &miner, b"");
        for round in 0..40 {
            let payments = (0..10).map(|number| {
                let to = person(1_000 + 10 * round + number).id;
                branch.sign(&miner, number, vec![transfer(to, 2_000_000)])
            });
            let payments = payments.collect();
            blocks.push(branch.mine(&miner, b"", payments));
        }
        for block in &blocks {
            assert_eq!(node.submit_block(block).unwrap(), "connected");
        }
        let head = node.head();
        assert_eq!(node.terminate(), 0);
        let store = fs::read(home.store("dev")).unwrap();
        Pristine { store, head }
    })
}

/// A home in which this is the store's file.
fn home_with(store: &[u8]) -> Home {
    let home = Home::new();
    let path = home.store("dev");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(path, store).unwrap();
    home
}

/// Starts a node on these bytes: it refuses them and names the file, or it serves what was stored. Gives whether it refused.
///
/// What is refused before the store is opened for writing keeps every byte. Where only the look at all rows finds the damage, the file's first page says by then that it is open; the
/// rest is as it was, and the next start refuses it again.
#[track_caller]
fn refused_or_right(store: &[u8], what: &str) -> bool {
    let home = home_with(store);
    let refused = match home.start_node("dev", &["--no-dns"]).ready_or_ended() {
        Ok(node) => {
            assert_eq!(
                node.head(),
                pristine().head,
                "{what}: another state is served"
            );
            let ran = node.stop_by(Signal::TERM);
            assert!(!ran.stderr.contains("panicked"), "{what}: {ran:?}");
            return false;
        }
        Err(ran) => ran,
    };
    check_refusal(&refused, &home.store("dev"), what);
    let again = home.start_node("dev", &["--no-dns"]).wait();
    check_refusal(&again, &home.store("dev"), what);
    let kept = fs::read(home.store("dev")).unwrap();
    let found_late = ["the stored chain is damaged", "storage failed while"];
    let late = found_late
        .iter()
        .any(|words| refused.stdout.contains(words));
    let from = if late { PAGE } else { 0 };
    assert!(
        kept.len() == store.len() && kept[from..] == store[from..],
        "{what}: the refused file was changed: {refused:?}"
    );
    true
}

#[track_caller]
fn check_refusal(ran: &Ran, path: &Path, what: &str) {
    assert_eq!(ran.code, Some(STORAGE), "{what}: {ran:?}");
    assert!(!ran.stderr.contains("panicked"), "{what}: {ran:?}");
    let error = &ran.json()["error"];
    let message = error["message"].as_str().unwrap_or_default();
    assert!(
        message.contains(path.to_str().unwrap()),
        "{what}: it names the file: {ran:?}"
    );
}

/// Numbers that look random and are the same everywhere (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).unwrap()
    }
}

/// What a person sees of their dev chain.
fn belongings(home: &Home) -> (Value, Value) {
    let name = home
        .run("dev", &["--json", "name", "show", "alice"])
        .expect(0)
        .json();
    let balance = home
        .run("dev", &["--json", "wallet", "balance"])
        .expect(0)
        .json();
    (name, balance)
}

#[test]
fn a_dev_chain_goes_on_where_it_was_stopped() {
    let home = Home::new();
    let dev = home.dev(&[]);
    let register = [
        "--json",
        "--yes",
        "name",
        "register",
        "alice",
        "--record",
        "@ A 192.0.2.7",
    ];
    home.run("dev", &register).expect(0);
    let (name, _) = belongings(&home);
    assert_eq!(name["phase"], "active");
    let height = dev.height();
    let payee = dev.ready["payee"].clone();
    assert_eq!(dev.terminate(), 0);

    let dev = home.dev(&[]);
    assert!(dev.height() >= height);
    assert_eq!(dev.ready["payee"], payee, "the same wallet is paid");
    let (again, balance) = belongings(&home);
    for field in ["phase", "owner", "paid_until", "records"] {
        assert_eq!(again[field], name[field], "{field}");
    }
    assert!(balance.to_string().contains("balance"), "{balance}");
    let answer = sapwood_tests::dns_query(dev.dns_addr(), "alice.leaf.alt", 1);
    assert_eq!(answer.answers, ["A 192.0.2.7"]);
    let hello = sapwood_tests::dns_query(dev.dns_addr(), "hello.leaf.alt", 28);
    assert_eq!(hello.answers, ["AAAA ::1"]);
}

#[test]
fn a_balance_is_the_same_after_each_way_to_end() {
    let home = Home::new();
    let (mut branch, miner) = (Branch::dev(), person(1));
    let ask = |node: &Server| {
        let account = json!({ "account": person(1).address(), "proof": true });
        (node.head(), node.get("account_get", account))
    };
    let mut node = home.node("dev", &["--no-dns"]);
    for end in [Signal::TERM, Signal::INT, Signal::KILL, Signal::TERM] {
        for block in branch.mine_empty(15, &miner, b"") {
            assert_eq!(node.submit_block(&block).unwrap(), "connected");
        }
        let seen = ask(&node);
        assert!(seen.1["account"]["balance"].as_u64().unwrap() > 0);
        let ran = node.stop_by(end);
        let code = if end == Signal::KILL { None } else { Some(0) };
        assert_eq!(ran.code, code, "{ran:?}");
        node = home.node("dev", &["--no-dns"]);
        assert_eq!(ask(&node), seen, "after {end:?}");
    }
}

#[test]
fn a_second_process_on_the_same_data_is_refused_and_does_not_disturb_the_first() {
    let home = Home::new();
    let node = home.node("dev", &["--no-dns"]);
    let before = fs::read_to_string(home.data().join("dev/rpc.json")).unwrap();
    let second = home.start_node("dev", &["--no-dns"]).wait();
    check_refusal(&second, &home.store("dev"), "second process");
    assert_eq!(
        fs::read_to_string(home.data().join("dev/rpc.json")).unwrap(),
        before
    );
    assert_eq!(node.height(), 0);
    let text = home
        .run("dev", &["node", "--ports", "auto"])
        .expect(STORAGE);
    assert!(
        text.stderr.contains(home.store("dev").to_str().unwrap()),
        "{text:?}"
    );
    assert_eq!(node.terminate(), 0);
    assert_eq!(
        home.node("dev", &["--no-dns"]).height(),
        0,
        "the lock went with its process"
    );
}

#[test]
fn what_a_node_writes_is_for_its_owner_only() {
    let home = Home::new();
    let dev = home.dev(&[]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let data = home.data().join("dev");
    for folder in [home.data(), data.clone(), data.join("wallets")] {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
    }
    for entry in [data.as_path(), &data.join("wallets")].map(|path| fs::read_dir(path).unwrap()) {
        for file in entry
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
        {
            assert_eq!(mode(&file), 0o600, "{}", file.display());
        }
    }
    assert!(data.join("rpc.json").is_file());
    assert_eq!(dev.terminate(), 0);
    assert!(!data.join("rpc.json").exists(), "no node, no endpoint");
}

#[test]
fn ctrl_c_ends_a_node_at_once_even_while_clients_wait() {
    let home = Home::new();
    let node = home.node("dev", &[]);
    let poll = json!({ "after": node.head()["block"], "timeout_ms": 30_000 });
    let cookie = node.cookie();
    let url = node.rpc_url().to_owned();
    // A client that waits, and one that is connected and says nothing.
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned();
    let silent = std::net::TcpStream::connect(&address).unwrap();
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "chain_awaitHead", "params": poll}).to_string();
    let mut waiting = std::net::TcpStream::connect(&address).unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {cookie}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    std::io::Write::write_all(&mut waiting, request.as_bytes()).unwrap();
    // An answer to a later question shows that the node has read on.
    node.height();
    let start = Instant::now();
    let ran = node.stop_by(Signal::INT);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        start.elapsed() < Duration::from_secs(20),
        "it waited for its clients: {:?}",
        start.elapsed()
    );
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    drop((silent, waiting));
}

#[test]
fn a_kill_during_the_very_first_start_leaves_nothing_that_stops_the_next() {
    for delay in 0..25 {
        let home = Home::new();
        let starting = home.start_node("dev", &["--no-dns"]);
        std::thread::sleep(Duration::from_millis(2 * delay));
        starting.kill9();
        let node = home.node("dev", &["--no-dns"]);
        assert_eq!(node.height(), 0);
    }
}

#[test]
fn an_empty_or_headless_store_is_refused_and_left_alone() {
    let store = &pristine().store;
    assert!(refused_or_right(&[], "no bytes"));
    assert!(refused_or_right(&vec![0; store.len()], "all zero"));
    assert!(refused_or_right(b"not a database\n", "a text"));
    let mut headless = store.clone();
    headless[..PAGE].fill(0);
    assert!(refused_or_right(&headless, "first page zeroed"));
    assert!(refused_or_right(&store[..1], "one byte"));
    assert!(refused_or_right(&store[..PAGE / 2], "half a page"));
    assert!(!refused_or_right(store, "untouched"));
}

#[test]
fn a_store_that_was_cut_off_is_refused_or_serves_the_same_state() {
    let store = &pristine().store;
    let mut numbers = Numbers(11);
    for _ in 0..25 {
        let pages = numbers.below(store.len() / PAGE);
        refused_or_right(
            &store[..pages * PAGE],
            &format!("cut off after {pages} pages"),
        );
    }
}

#[test]
fn a_store_with_flipped_bits_is_refused_or_serves_the_same_state() {
    let store = &pristine().store;
    let mut numbers = Numbers(12);
    let mut refused = 0;
    for flips in std::iter::repeat_n(1, 40).chain(std::iter::repeat_n(100, 25)) {
        let mut damaged = store.clone();
        let mut places = Vec::new();
        for _ in 0..flips {
            let bit = numbers.below(8 * store.len());
            damaged[bit / 8] ^= 1 << (bit % 8);
            places.push(bit);
        }
        let what = format!("{flips} flips, the first at bit {}", places[0]);
        refused += u32::from(refused_or_right(&damaged, &what));
    }
    assert!(refused > 0, "some damage matters");
}

#[test]
fn a_store_with_a_damaged_header_is_refused_or_serves_the_same_state() {
    let store = &pristine().store;
    let mut numbers = Numbers(13);
    for _ in 0..40 {
        let mut damaged = store.clone();
        // The first 512 bytes hold the store's own header and its two roots.
        let bit = numbers.below(8 * 512);
        damaged[bit / 8] ^= 1 << (bit % 8);
        refused_or_right(&damaged, &format!("bit {bit} of the header"));
    }
}

#[test]
fn the_store_of_another_chain_is_refused() {
    let home = Home::new();
    assert_eq!(home.node("tour", &["--no-dns"]).terminate(), 0);
    let other = fs::read(home.store("tour")).unwrap();
    let home = home_with(&other);
    let ran = home.start_node("dev", &["--no-dns"]).wait();
    check_refusal(&ran, &home.store("dev"), "another chain's store");
    assert!(
        ran.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("another chain"),
        "{ran:?}"
    );
    assert!(
        fs::read(home.store("dev")).unwrap() == other,
        "it is as it was"
    );
}

#[test]
fn what_is_no_regular_file_is_neither_followed_nor_replaced() {
    let home = home_with(b"");
    let path = home.store("dev");
    let elsewhere = home.path().join("elsewhere.redb");
    fs::write(&elsewhere, &pristine().store).unwrap();
    type Put<'a> = &'a dyn Fn();
    let cases: [(&str, Put<'_>); 4] = [
        ("directory", &|| fs::create_dir(&path).unwrap()),
        ("symbolic link", &|| symlink(&elsewhere, &path).unwrap()),
        ("symbolic link", &|| {
            symlink(home.path().join("nowhere"), &path).unwrap()
        }),
        ("pipe", &|| {
            let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
            rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        }),
    ];
    for (kind, put) in cases {
        if path.is_dir() && !path.is_symlink() {
            fs::remove_dir(&path).unwrap();
        } else {
            fs::remove_file(&path).unwrap();
        }
        put();
        let before = fs::symlink_metadata(&path).unwrap();
        let ran = home.start_node("dev", &["--no-dns"]).wait();
        check_refusal(&ran, &path, kind);
        assert!(ran.stdout.contains(kind), "it says what it found: {ran:?}");
        let after = fs::symlink_metadata(&path).unwrap();
        assert_eq!((before.ino(), before.mode()), (after.ino(), after.mode()));
    }
    assert!(
        fs::read(&elsewhere).unwrap() == pristine().store,
        "nothing was written through the link"
    );
    assert!(!home.path().join("nowhere").exists());
}

#[test]
fn an_endpoint_file_that_is_a_link_is_not_written_through() {
    let home = home_with(&pristine().store);
    let (endpoint, victim) = (home.data().join("dev/rpc.json"), home.path().join("victim"));
    fs::write(&victim, "precious").unwrap();
    symlink(&victim, &endpoint).unwrap();
    let ran = home.start_node("dev", &["--no-dns"]).wait();
    check_refusal(&ran, &endpoint, "endpoint file");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
}
