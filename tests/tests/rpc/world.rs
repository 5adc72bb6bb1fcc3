//! A node with a few people and names, and a client that sends exactly the bytes it is told to.

use sapwood_primitives::{Action, Amount, Name, Records, records::Entry};
use sapwood_runtime::commitment;
use sapwood_tests::chain::{Branch, Person, person, transfer};
use sapwood_tests::{Home, PATIENCE, Server};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

/// One sap in drops.
pub(crate) const SAP: u64 = 100_000_000;

/// Names that the world has, in order, with the number of their owner.
pub(crate) const NAMES: [(&str, u64); 3] = [("alder", 1), ("birch", 2), ("cedar", 3)];

/// A node, the same chain in memory, and people with coins. Person 1 mined the blocks, person 4 has no name.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) branch: Branch,
    token: String,
    _home: Home,
}

/// An answer of HTTP.
#[derive(Debug)]
pub(crate) struct Http {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl World {
    /// A node at height 20 with the three [`NAMES`]; `alder` has an address.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// The same, started with further arguments.
    pub(crate) fn with(extra: &[&str]) -> Self {
        let mut world = Self::empty_with(extra);
        let miner = person(1);
        for block in world.branch.mine_empty(16, &miner, b"") {
            assert_eq!(
                world.server.submit_block(&block).as_deref(),
                Ok("connected")
            );
        }
        let pay = [2, 3, 4].map(|to| transfer(person(to).id, 20 * SAP));
        let pay = world.branch.sign(&miner, 0, pay.to_vec());
        world.mine(vec![pay]);
        let each = |world: &Self, actions: &dyn Fn(&Person, Name) -> Vec<Action>| {
            let sign = |(name, owner): (&str, u64)| {
                let owner = person(owner);
                let actions = actions(&owner, name.parse().unwrap());
                world.branch.sign(&owner, 0, actions)
            };
            NAMES.map(sign).to_vec()
        };
        let commits = each(&world, &|owner, name| {
            let commitment = commitment(&name, &owner.id, &[7; 32]);
            vec![Action::NameCommit { commitment }]
        });
        world.mine(commits);
        world.mine(Vec::new());
        let reveals = each(&world, &|_, name| {
            let records = if name.as_str() == "alder" {
                address()
            } else {
                Records::default()
            };
            let reveal = Action::NameReveal {
                name,
                salt: [7; 32],
                years: 1,
                max_price: Amount::from_drops(10 * SAP).unwrap(),
            };
            vec![reveal, Action::RecordsSet { records }]
        });
        world.mine(reveals);
        world
    }

    /// A node at its genesis.
    pub(crate) fn empty() -> Self {
        Self::empty_with(&[])
    }

    /// The same, started with further arguments.
    pub(crate) fn empty_with(extra: &[&str]) -> Self {
        let home = Home::new();
        let server = home.node("dev", &[&["--no-dns"], extra].concat());
        let token = server.cookie();
        let branch = Branch::dev();
        Self {
            server,
            branch,
            token,
            _home: home,
        }
    }

    /// Mines a block with these transactions on both sides.
    pub(crate) fn mine(&mut self, transactions: Vec<sapwood_primitives::Transaction>) {
        let block = self.branch.mine(&person(1), b"", transactions);
        assert_eq!(self.server.submit_block(&block).as_deref(), Ok("connected"));
    }

    /// All that a request that was refused must have left as it was.
    pub(crate) fn fingerprint(&self) -> Value {
        let get = |method, params| self.server.get(method, params);
        let accounts =
            [1, 2, 3].map(|n| get("account_get", json!({"account": person(n).address()})));
        json!([
            get("chain_head", json!({})),
            get("mempool_info", json!({})),
            get("name_list", json!({})),
            accounts
        ])
    }

    /// Calls a method with the text of its parameters and gives the whole answer.
    pub(crate) fn call(&self, method: &str, params: &str) -> Value {
        self.json_rpc(format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#
        ))
    }

    /// Posts a body as an honest client would.
    pub(crate) fn json_rpc(&self, body: impl AsRef<[u8]>) -> Value {
        let answer = self.exchange(&self.post("", body.as_ref()));
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// A POST with all that an honest client sends, and `extra` header lines, each ended by CRLF.
    pub(crate) fn post(&self, extra: &str, body: &[u8]) -> Vec<u8> {
        let head = self.head(&format!("{extra}Content-Length: {}\r\n", body.len()));
        [head.as_bytes(), body].concat()
    }

    /// The head of that POST, with these header lines in the place of the length.
    pub(crate) fn head(&self, extra: &str) -> String {
        format!(
            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nConnection: close\r\n{extra}\r\n",
            self.token
        )
    }

    /// A new connection to the node.
    pub(crate) fn connect(&self) -> TcpStream {
        let address = self.server.rpc_url().trim_start_matches("http://");
        let stream = TcpStream::connect(address.trim_end_matches('/')).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Posts a body to the public listener, with no more than HTTP asks for.
    pub(crate) fn ask_public(&self, body: &str) -> Http {
        let url = self.server.ready["rpc_public"].as_str().unwrap();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: node.example\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let address = url.trim_start_matches("http://").trim_end_matches('/');
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.write_all(request.as_bytes());
        read(&mut stream)
    }

    /// Calls a method at the public listener.
    pub(crate) fn call_public(&self, method: &str, params: &Value) -> Value {
        let call = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let answer = self.ask_public(&call.to_string());
        assert_eq!(answer.status, 200, "{method}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Sends a request on a new connection and reads what comes until the node closes it.
    pub(crate) fn exchange(&self, request: &[u8]) -> Http {
        let mut stream = self.connect();
        // A node that refuses early may close before it was told everything.
        let _ = stream.write_all(request);
        read(&mut stream)
    }
}

/// Reads an answer until the node closes the connection.
pub(crate) fn read(stream: &mut TcpStream) -> Http {
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all);
    let text = String::from_utf8(all).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer, but {text:?}"));
    Http {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: body.to_owned(),
    }
}

/// The records `@ A 192.0.2.1`.
fn address() -> Records {
    let entry = Entry {
        owner: vec![0],
        rtype: 1,
        ttl: 300,
        rdata: vec![192, 0, 2, 1],
    };
    Records::from_entries(vec![entry]).unwrap()
}
