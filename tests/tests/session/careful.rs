//! A wallet for careful people: keys on a computer without a network, backups that travel, many names at once, payments by URI.

use crate::common::FastChain;
use crate::shell;
use sapwood_tests::Home;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A computer without a node, and its wallet `dev`.
struct Offline {
    home: Home,
    address: String,
}

impl Offline {
    fn new() -> Self {
        let home = Home::new();
        let made = home.run("dev", &["--json", "wallet", "create"]).expect(0);
        let address = made.json()["address"].as_str().unwrap().to_owned();
        Self { home, address }
    }

    /// Takes a file from the chain's computer, signs it, and carries the result back.
    #[track_caller]
    fn sign(&self, chain: &FastChain, file: &str) -> Value {
        let stick = |home: &Home, file: &str| home.path().join(file);
        fs::copy(stick(&chain.home, file), stick(&self.home, file)).unwrap();
        let signed = format!("{file}.signed");
        let line = ["--json", "--yes", "wallet", "sign", file, "-o", &signed];
        let report = self.home.run("dev", &line).expect(0);
        fs::copy(stick(&self.home, &signed), stick(&chain.home, &signed)).unwrap();
        report.json()
    }
}

#[test]
fn keys_stay_offline_while_coins_move_and_a_name_is_registered() {
    let chain = FastChain::new();
    let cold = Offline::new();
    chain.ok(&["wallet", "send", &cold.address, "20", "--wait"]);
    chain.ok_as(
        "eye",
        &["wallet", "watch", &cold.address, "--label", "cold"],
    );
    let listed = chain.ok_as("eye", &["wallet", "accounts"]);
    assert_eq!(
        (
            &listed["accounts"][0]["watched"],
            &listed["accounts"][0]["label"]
        ),
        (&true.into(), &"cold".into())
    );
    let refused = chain
        .run_as("eye", &["wallet", "send", &chain.address, "1"])
        .expect(3);
    let error = &refused.json()["error"];
    assert_eq!(error["code"], "watch_only");
    assert!(
        error["hint"].as_str().unwrap().contains("--unsigned"),
        "{error}"
    );

    chain.ok_as(
        "eye",
        &["wallet", "send", &chain.address, "2", "--unsigned", "pay"],
    );
    let signed = cold.sign(&chain, "pay");
    let sent = chain.ok(&["tx", "submit", "pay.signed", "--wait"]);
    assert_eq!(sent["txid"], signed["txids"][0]);
    assert!(
        chain.ok_as("eye", &["wallet", "balance"])["balance"]
            .as_u64()
            .unwrap()
            < 1_800_000_000
    );

    let line = [
        "name",
        "register",
        "larch",
        "--record",
        "@ A 192.0.2.9",
        "--unsigned",
        "name",
    ];
    chain.ok_as("eye", &line);
    cold.sign(&chain, "name");
    chain.ok(&["tx", "submit", "name.signed", "--wait"]);
    let shown = chain.ok(&["name", "show", "larch"]);
    assert_eq!(shown["owner"], cold.address.as_str());
    assert_eq!(
        chain.ok_as("eye", &["name", "list"])["names"][0]["name"],
        "larch"
    );

    // What was changed on the way is refused by name, and nothing is written.
    chain.ok_as(
        "eye",
        &["wallet", "send", &chain.address, "1", "--unsigned", "more"],
    );
    let text = fs::read_to_string(chain.home.path().join("more")).unwrap();
    fs::write(
        cold.home.path().join("more"),
        text.replace("send 1 sap", "send 9 sap"),
    )
    .unwrap();
    let line = [
        "--json",
        "--yes",
        "wallet",
        "sign",
        "more",
        "-o",
        "more.signed",
    ];
    let error = cold.home.run("dev", &line).expect(3).json();
    assert_eq!(error["error"]["code"], "tampered");
    assert!(
        error["error"]["message"]
            .as_str()
            .unwrap()
            .contains("words of transaction 1")
    );
    assert!(!cold.home.path().join("more.signed").exists());
}

#[test]
fn a_backup_is_carried_to_another_home_and_goes_on_with_a_registration() {
    let chain = FastChain::new();
    chain.ok(&[
        "name",
        "register",
        "rowan",
        "--record",
        "@ A 192.0.2.3",
        "--no-wait",
    ]);
    fs::write(chain.home.path().join("filepass"), "pine cone\n").unwrap();
    shell(
        &chain.home,
        "sapwood --chain dev wallet export --age -o backup.age --file-passphrase-fd 3 3< filepass",
    )
    .expect(0);
    let bytes = fs::read(chain.home.path().join("backup.age")).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    let import = "sapwood --chain dev --json wallet import backup.age --wallet again --passphrase-fd 4 --file-passphrase-fd 3";
    let wrong = shell(&chain.home, &format!("{import} 3< pass 4< pass")).expect(3);
    assert_eq!(wrong.json()["error"]["code"], "age_file");
    assert!(!chain.home.data().join("dev/wallets/again").exists());
    shell(&chain.home, &format!("{import} 3< filepass 4< pass")).expect(0);
    let resumed = chain.ok_as("again", &["name", "register", "--resume"]);
    assert_eq!(resumed["names"][0]["status"], "registered");
    assert_eq!(
        chain.ok(&["name", "show", "rowan"])["records"][0],
        "@ 300 A 192.0.2.3"
    );
    // The program `age` itself agrees, where it is installed. It asks at a terminal only, so its presence is all that is used here.
    assert!(Path::new(&chain.home.path().join("backup.age")).exists());
}

#[test]
fn names_of_a_file_are_registered_renewed_and_kept_by_standing_orders() {
    let chain = FastChain::new();
    for label in ["one", "two"] {
        let added = chain.ok(&["wallet", "accounts", "--new", "--label", label]);
        let address = added["accounts"].as_array().unwrap().last().unwrap()["address"].clone();
        chain.ok(&["wallet", "send", address.as_str().unwrap(), "9", "--wait"]);
    }
    let file = "# two trees\nspruce  account=one\n    @ A 192.0.2.1\nhemlock account=two years=2\n";
    fs::write(chain.home.path().join("names"), file).unwrap();
    let bad = file.replace("years=2", "years=12");
    fs::write(chain.home.path().join("bad"), bad).unwrap();
    let refused = chain.run(&["name", "register", "--batch", "bad"]).expect(2);
    assert!(
        refused.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("line 4")
    );
    let made = chain.ok(&["name", "register", "--batch", "names"]);
    assert_eq!(made["names"][1]["status"], "registered");
    assert_eq!(
        chain.ok(&["name", "register", "--batch", "names"])["names"][0]["status"],
        "owned"
    );

    let until = |name: &str| {
        chain.ok(&["name", "show", name])["paid_until"]
            .as_u64()
            .unwrap()
    };
    let before = until("spruce");
    fs::write(chain.home.path().join("renew"), "spruce\nhemlock years=3\n").unwrap();
    let renewed = chain.ok(&["name", "renew", "--batch", "renew"]);
    assert_eq!(renewed["names"].as_array().unwrap().len(), 2);
    assert_eq!(until("spruce"), before + 10_800);
    let all = chain.ok(&["name", "renew", "--all", "--within", "90d", "--dry-run"]);
    assert_eq!(all["names"].as_array().unwrap().len(), 2);
    chain.ok(&["name", "standing-order", "spruce", "--max", "2", "--wait"]);
    let orders = chain.ok(&["name", "standing-order"]);
    assert_eq!(orders["orders"][0]["name"], "spruce");
    assert_eq!(orders["orders"][0]["suffices"], true);
}

#[test]
fn a_uri_is_drawn_and_paid() {
    let chain = FastChain::new();
    let shop = chain.wallet("shop", "1");
    let line = [
        "wallet",
        "address",
        "--qr",
        "--amount",
        "1.5",
        "--label",
        "Pine nuts",
    ];
    let shown = chain.ok_as("shop", &line);
    let uri = format!("sapwood:{shop}?amount=1.5&label=Pine%20nuts");
    assert_eq!(shown["uri"], uri.as_str());
    assert!(shown["qr"].as_str().unwrap().lines().count() > 15);
    chain.ok(&["wallet", "send", &uri, "--wait"]);
    assert_eq!(
        chain.ok_as("shop", &["wallet", "balance"])["balance"],
        250_000_000 - 100_000
    );
    let bad = chain
        .run(&["wallet", "send", &format!("{uri}&amount=9")])
        .expect(2);
    assert_eq!(bad.json()["error"]["code"], "bad_uri");
}

/// Two processes at once: the second waits for the first, or takes the next nonce; never both the same.
#[test]
fn row_25_two_sends_at_once_are_two_payments() {
    let chain = FastChain::new();
    let second = chain.wallet("second", "1");
    let children: Vec<_> = (0..2)
        .map(|_| {
            let mut command = chain.command(&["wallet", "send", &second, "1", "--wait"]);
            command
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut ids = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        ids.push(report["txid"].clone());
    }
    assert_ne!(ids[0], ids[1]);
    assert_eq!(
        chain.ok_as("second", &["wallet", "balance"])["balance"],
        300_000_000 - 100_000
    );
}

#[test]
fn words_bring_names_and_hidden_names_back() {
    let chain = FastChain::new();
    chain.ok(&["name", "register", "juniper"]);
    let added = chain.ok(&["wallet", "accounts", "--new"]);
    let address = added["accounts"][1]["address"].as_str().unwrap().to_owned();
    chain.ok(&["wallet", "send", &address, "5", "--wait"]);
    chain.ok(&[
        "name",
        "register",
        "mistletoe",
        "--account",
        "1",
        "--no-wait",
    ]);
    chain.pass(2);
    let words = chain.ok(&["wallet", "export"])["words"]
        .as_str()
        .unwrap()
        .to_owned();
    fs::write(chain.home.path().join("words"), words).unwrap();
    let restore = "sapwood --chain dev --json wallet restore --wallet again --passphrase-fd 3 < words 3< pass";
    let restored = shell(&chain.home, restore).expect(0).json();
    assert_eq!(restored["names"][0], "juniper");
    assert_eq!(restored["hidden_names"][0]["account"], 1);
    let resumed = chain.ok_as("again", &["name", "register", "--resume", "mistletoe"]);
    assert_eq!(resumed["names"][0]["owner"], address.as_str());
}
