//! `/livez`, `/readyz` and `/metrics` of real nodes, and what the counts say of what was done to them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use sapwood_tests::chain::{Branch, person, transfer};
use sapwood_tests::{Home, PATIENCE, Server, dns_query, http_exchange, http_get};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Blocks after which the first coinbase can be spent.
const MATURE: u64 = 16;

/// The samples of an exposition, by name and labels as they stand there.
struct Samples(BTreeMap<String, f64>);

impl Samples {
    /// Reads OpenMetrics text and checks its form: each family has a type and a help line before its samples, nothing comes twice, and the end is marked.
    fn parse(text: &str) -> Self {
        let (mut samples, mut types) = (BTreeMap::new(), BTreeMap::new());
        assert!(text.ends_with("# EOF\n"), "it ends with its mark");
        for line in text.lines().filter(|line| *line != "# EOF") {
            if let Some(rest) = line.strip_prefix("# ") {
                let (kind, rest) = rest.split_once(' ').unwrap();
                let (name, value) = rest.split_once(' ').unwrap();
                match kind {
                    "TYPE" => assert_eq!(
                        types.insert(name.to_owned(), value.to_owned()),
                        None,
                        "{line}"
                    ),
                    "HELP" => assert!(value.len() > 3, "{line}"),
                    "UNIT" => assert!(name.ends_with(value), "{line}"),
                    _ => panic!("{line}"),
                }
                continue;
            }
            let (name, value) = line.rsplit_once(' ').unwrap();
            let family = name.split('{').next().unwrap();
            let is_typed = types.keys().any(|t| {
                family.strip_prefix(t.as_str()).is_some_and(|end| {
                    ["", "_total", "_count", "_sum", "_bucket", "_info"].contains(&end)
                })
            });
            assert!(is_typed, "{line} has no type");
            let value = value.parse().unwrap_or_else(|_| panic!("{line}"));
            assert_eq!(
                samples.insert(name.to_owned(), value),
                None,
                "{line} comes twice"
            );
        }
        Self(samples)
    }

    #[track_caller]
    fn get(&self, name: &str) -> f64 {
        *self
            .0
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:#?}", self.0))
    }

    fn with_prefix(&self, prefix: &str) -> BTreeSet<&str> {
        let names = self.0.keys().map(String::as_str);
        names.filter(|name| name.starts_with(prefix)).collect()
    }
}

fn url(server: &Server, path: &str) -> String {
    let url = server.ready["metrics"].as_str().unwrap();
    url.strip_suffix("metrics").unwrap().to_owned() + path
}

fn scrape(server: &Server) -> Samples {
    let (status, body) = http_get(&url(server, "metrics"));
    assert_eq!(status, 200);
    Samples::parse(&body)
}

/// Scrapes until a sample has this value: what the chain's thread knows is asked for once a second.
#[track_caller]
fn wait_for(server: &Server, name: &str, value: f64) -> Samples {
    let start = Instant::now();
    loop {
        let samples = scrape(server);
        if samples.get(name) == value {
            return samples;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{name} is {}, not {value}",
            samples.get(name)
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn counts_follow_blocks_reorgs_and_the_mempool() {
    let before = MATURE as f64;
    let home = Home::new();
    let server = home.node("dev", &["--no-dns"]);
    let (mut branch, miner) = (Branch::dev(), person(1));
    for block in branch.mine_empty(MATURE, &miner, b"") {
        server.submit_block(&block).unwrap();
    }
    let mut other = branch.clone();
    let pay = |branch: &Branch, ahead| {
        branch.sign(&miner, ahead, vec![transfer(person(2).id, 200_000_000)])
    };
    let payments = vec![pay(&branch, 0), pay(&branch, 1)];
    for block in [
        branch.mine(&miner, b"", payments),
        branch.mine(&miner, b"", Vec::new()),
    ] {
        server.submit_block(&block).unwrap();
    }
    let samples = scrape(&server);
    assert_eq!(samples.get("sapwood_chain_height"), before + 2.0);
    assert_eq!(
        samples.get("sapwood_chain_tip_time"),
        branch.tip().time as f64
    );
    assert_eq!(
        samples.get("sapwood_chain_blocks_connected_total"),
        before + 2.0
    );
    assert_eq!(samples.get("sapwood_chain_transactions_total"), 2.0);
    assert_eq!(
        samples.get("sapwood_chain_block_connect_seconds_count"),
        before + 2.0
    );
    assert_eq!(
        samples.get("sapwood_chain_block_connect_seconds_bucket{le=\"+Inf\"}"),
        before + 2.0
    );
    assert!(samples.get("sapwood_chain_block_connect_seconds_sum") > 0.0);
    assert_eq!(samples.get("sapwood_chain_reorg_depth_count"), 0.0);
    // Three blocks beside the last two: the tip moves when the third comes.
    for block in other.mine_empty(3, &miner, b"other") {
        server.submit_block(&block).unwrap();
    }
    let samples = scrape(&server);
    assert_eq!(samples.get("sapwood_chain_height"), before + 3.0);
    assert_eq!(samples.get("sapwood_chain_blocks_reverted_total"), 2.0);
    assert_eq!(
        samples.get("sapwood_chain_blocks_connected_total"),
        before + 5.0
    );
    assert_eq!(
        samples.get("sapwood_chain_block_connect_seconds_count"),
        before + 3.0,
        "two were put aside"
    );
    let depth = |name: &str| samples.get(&format!("sapwood_chain_reorg_depth_{name}"));
    assert_eq!((depth("count"), depth("sum")), (1.0, 2.0));
    assert_eq!(
        (depth("bucket{le=\"1.0\"}"), depth("bucket{le=\"2.0\"}")),
        (0.0, 1.0)
    );
    // The payments of the branch that was left wait again.
    let samples = wait_for(&server, "sapwood_mempool_transactions", 2.0);
    let info = server.get("mempool_info", json!({}));
    assert_eq!(
        samples.get("sapwood_mempool_size_bytes"),
        info["bytes"].as_f64().unwrap()
    );
    for (name, least) in [
        ("sapwood_store_log_bytes", 4096.0),
        ("sapwood_store_checkpoint_bytes", 4096.0),
        ("sapwood_chain_leaves", 1.0),
        ("process_resident_memory_bytes", 1e6),
        ("process_open_fds", 5.0),
        ("process_threads", 2.0),
    ] {
        assert!(
            samples.get(name) >= least,
            "{name} is {}",
            samples.get(name)
        );
    }
    for name in [
        "store_failed",
        "chain_syncing",
        "chain_parked_branches",
        "store_checkpoint_height",
    ] {
        assert_eq!(samples.get(&format!("sapwood_{name}")), 0.0, "{name}");
    }
    assert_eq!(
        samples.get("sapwood_build_info{version=\"0.1.0\",chain=\"dev\"}"),
        1.0
    );
}

#[test]
fn the_last_checkpoint_is_shown_with_the_time_it_took() {
    let home = Home::new();
    let server = home.node("dev", &["--no-dns", "--checkpoint-every", "5"]);
    for block in Branch::dev().mine_empty(6, &person(1), b"") {
        server.submit_block(&block).unwrap();
    }
    let samples = wait_for(&server, "sapwood_store_checkpoint_height", 5.0);
    let seconds = samples.get("sapwood_store_checkpoint_write_seconds");
    assert!(
        seconds > 0.0 && seconds < PATIENCE.as_secs_f64(),
        "{seconds}"
    );
}

#[test]
fn calls_are_counted_by_method_and_code_and_nothing_that_clients_send_is_a_label() {
    let home = Home::new();
    let server = home.node("dev", &["--no-dns", "--rpc-public", "127.0.0.1"]);
    let calls = |samples: &Samples, method: &str, code: &str| {
        samples.get(&format!(
            "sapwood_rpc_requests_total{{listener=\"private\",method=\"{method}\",code=\"{code}\"}}"
        ))
    };
    for _ in 0..7 {
        server.head();
    }
    for height in [1, 2, 3] {
        server
            .call("chain_header", json!({ "height": height }))
            .unwrap_err();
    }
    server.call("chain_header", json!({})).unwrap_err();
    for n in 0..20 {
        server.call(&format!("made_up_{n}"), json!({})).unwrap_err();
    }
    let samples = scrape(&server);
    assert_eq!(calls(&samples, "chain_head", "ok"), 7.0);
    assert_eq!(calls(&samples, "chain_header", "not_found"), 3.0);
    assert_eq!(calls(&samples, "chain_header", "invalid_params"), 1.0);
    assert_eq!(calls(&samples, "unknown", "method_not_found"), 20.0);
    assert_eq!(samples.with_prefix("sapwood_rpc_requests_total").len(), 4);
    let seconds = "sapwood_rpc_request_duration_seconds_count{method=\"chain_header\"}";
    assert_eq!(samples.get(seconds), 4.0);
    assert!(samples.get("sapwood_rpc_connections{listener=\"private\"}") >= 1.0);
    assert_eq!(
        samples.get("sapwood_rpc_connections{listener=\"public\"}"),
        0.0
    );
    // Refused before it is JSON-RPC: no cookie here, another path there.
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"chain_head"}"#;
    let post = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    assert_eq!(http_exchange(server.rpc_url(), &post("/")).0, 401);
    let public = server.ready["rpc_public"].as_str().unwrap();
    assert_eq!(http_exchange(public, &post("/wp-login.php")).0, 404);
    assert_eq!(http_exchange(public, &post("/")).0, 200);
    let samples = scrape(&server);
    let refused = |listener: &str, reason: &str| {
        samples.get(&format!(
            "sapwood_rpc_refused_total{{listener=\"{listener}\",reason=\"{reason}\"}}"
        ))
    };
    assert_eq!(refused("private", "unauthorized"), 1.0);
    assert_eq!(refused("public", "not_found"), 1.0);
    assert_eq!(
        samples.get(
            "sapwood_rpc_requests_total{listener=\"public\",method=\"chain_head\",code=\"ok\"}"
        ),
        1.0
    );
}

#[test]
fn dns_answers_are_counted_by_type_and_code() {
    let home = Home::new();
    let server = home.node("dev", &[]);
    for (name, qtype) in [
        ("leaf.alt", 6),
        ("nobody.leaf.alt", 1),
        ("nobody.leaf.alt", 1),
        ("example.net", 28),
        ("leaf.alt", 65_400),
    ] {
        dns_query(server.dns_addr(), name, qtype);
    }
    let samples = scrape(&server);
    let count = |qtype: &str, rcode: &str| {
        samples.get(&format!(
            "sapwood_dns_queries_total{{qtype=\"{qtype}\",rcode=\"{rcode}\"}}"
        ))
    };
    assert_eq!(count("SOA", "NOERROR"), 1.0);
    assert_eq!(count("A", "NXDOMAIN"), 2.0);
    assert_eq!(count("AAAA", "REFUSED"), 1.0);
    assert_eq!(count("other", "NOERROR"), 1.0);
}

#[test]
fn a_working_node_is_live_and_ready_and_says_where_it_is() {
    let home = Home::new();
    let server = home.node("dev", &["--no-dns"]);
    let block = Branch::dev().mine(&person(1), b"", Vec::new());
    server.submit_block(&block).unwrap();
    for path in ["livez", "readyz"] {
        let (status, body) = http_get(&url(&server, path));
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &body["ok"], &body["height"]),
            (200, &json!(true), &json!(1)),
            "{path}: {body}"
        );
        assert_eq!(body["reasons"], json!([]));
    }
}

#[test]
fn the_monitoring_answers_get_by_its_own_name_and_nothing_else() {
    let home = Home::new();
    let server = home.node("dev", &["--no-dns"]);
    let at = url(&server, "");
    let ask = |line: &str, host: &str| {
        http_exchange(
            &at,
            &format!("{line} HTTP/1.1\r\n{host}Connection: close\r\n\r\n"),
        )
        .0
    };
    let host = "Host: localhost\r\n";
    for (line, host, status) in [
        ("GET /metrics", host, 200),
        ("HEAD /metrics", host, 200),
        ("POST /metrics", host, 405),
        ("GET /", host, 404),
        ("GET /metrics/", host, 404),
        ("GET /metrics", "Host: rebound.example\r\n", 403),
        ("GET /readyz", "", 403),
    ] {
        assert_eq!(ask(line, host), status, "{line} {host}");
    }
}

#[test]
fn a_node_is_watched_unless_it_is_not_wanted_and_dev_if_it_is() {
    let home = Home::new();
    let silent = home.node("dev", &["--no-dns", "--metrics", "off"]);
    assert_eq!(silent.ready["metrics"], Value::Null);
    drop(silent);
    let dev = home.dev(&["--temp"]);
    assert_eq!(dev.ready["metrics"], Value::Null);
    drop(dev);
    let dev = home.dev(&[
        "--temp",
        "--metrics",
        "127.0.0.1",
        "--rpc-public",
        "127.0.0.1",
    ]);
    assert!(scrape(&dev).get("sapwood_chain_height") > 0.0);
    assert!(
        dev.ready["rpc_public"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:")
    );
}

/// Nice values of a process's threads, by the threads' names.
fn priorities(pid: u32) -> Vec<(String, i32)> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let of = |task: std::fs::DirEntry| {
        // A thread may end meanwhile.
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        // The name is in brackets and may hold anything; the nice value is the 17th field after it (proc(5)).
        let nice = stat.rsplit(')').next()?.split_whitespace().nth(16)?;
        Some((name.trim().to_owned(), nice.parse().ok()?))
    };
    tasks.flatten().filter_map(of).collect()
}

#[test]
fn what_serves_callers_has_a_lower_priority_than_what_checks_blocks() {
    let home = Home::new();
    let server = home.node("dev", &["--no-dns"]);
    let block = Branch::dev().mine(&person(1), b"", Vec::new());
    server.submit_block(&block).unwrap();
    let threads = priorities(server.pid());
    let main = threads.iter().find(|(name, _)| name == "chain").unwrap().1;
    let serving: Vec<_> = threads
        .iter()
        .filter(|(name, _)| name.starts_with("tokio"))
        .collect();
    assert!(!serving.is_empty(), "{threads:?}");
    for (name, nice) in &threads {
        // 19 is the lowest there is.
        let expected = if name.starts_with("tokio") {
            (main + 10).min(19)
        } else {
            main
        };
        assert_eq!(*nice, expected, "{name}: {threads:?}");
    }
}
