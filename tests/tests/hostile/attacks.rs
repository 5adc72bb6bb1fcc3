//! The hostile acts. Each is done again and again by a thread of its own until the time is over.

use parity_scale_codec::Encode;
use sapwood_primitives::{Amount, Height};
use sapwood_tests::chain::{person, transfer};
use sapwood_tests::{Home, Numbers, Server};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::Duration;

/// How long an attacker waits for an answer.
const WAIT: Duration = Duration::from_secs(2);
/// Connections that one act opens at once. Several rounds a second make thousands.
const CROWD: usize = 200;
/// Datagrams of a round.
const VOLLEY: u64 = 2_000;

/// Makes a command that runs in the home of the chain.
type Commands = Box<dyn Fn(&[&str]) -> Command + Sync>;

/// What is attacked.
pub(crate) struct Target {
    pub(crate) rpc: SocketAddr,
    pub(crate) dns: SocketAddr,
    token: String,
    data: PathBuf,
    /// Commands that fail for their input, ready to be run.
    commands: Vec<Vec<String>>,
    command: Commands,
}

impl Target {
    pub(crate) fn of(server: &Server, home: &Home) -> Self {
        let rpc = server.rpc_url().trim_start_matches("http://");
        let folder = home.path().to_owned();
        let template = home.command("dev", &[]);
        let program = template.get_program().to_owned();
        let variables: Vec<_> = template
            .get_envs()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect();
        let command = move |args: &[&str]| {
            let mut command = Command::new(&program);
            command.env_clear().envs(variables.clone());
            command
                .current_dir(&folder)
                .args(["--chain", "dev"])
                .args(args);
            command
        };
        let words = [
            "wallet send dsap1nonsense 1",
            "wallet send hello 1e9",
            "name register -- -bad-",
            "name show a..b",
            "no-such-command",
            "wallet send",
            "name renew hello --years 99999999999",
        ];
        let split = |line: &str| line.split(' ').map(str::to_owned).collect();
        Self {
            rpc: rpc.trim_end_matches('/').parse().unwrap(),
            dns: server.dns_addr(),
            token: server.cookie(),
            data: server.data(),
            commands: words.into_iter().map(split).collect(),
            command: Box::new(command),
        }
    }

    pub(crate) fn connect_rpc(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect_timeout(&self.rpc, WAIT)?;
        stream.set_read_timeout(Some(WAIT))?;
        stream.set_write_timeout(Some(WAIT))?;
        Ok(stream)
    }

    fn head(&self, length: usize, connection: &str) -> String {
        format!(
            "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\nConnection: {connection}\r\nContent-Length: {length}\r\n\r\n",
            self.token
        )
    }

    /// A POST as the RPC's own client would send it.
    pub(crate) fn post(&self, body: &[u8], connection: &str) -> Vec<u8> {
        [self.head(body.len(), connection).as_bytes(), body].concat()
    }

    /// Sends bytes and reads what comes, whatever it is.
    fn throw(&self, bytes: &[u8]) {
        if let Ok(mut stream) = self.connect_rpc() {
            let _ = stream.write_all(bytes);
            let _ = stream.take(1 << 20).read_to_end(&mut Vec::new());
        }
    }

    fn call(&self, method: &str, params: &str) {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        self.throw(&self.post(body.as_bytes(), "close"));
    }
}

/// A query of class IN.
pub(crate) fn dns_query(id: u16, name: &[u8], rtype: u16) -> Vec<u8> {
    let head = [&id.to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    [&head, name, &rtype.to_be_bytes(), &[0, 1]].concat()
}

pub(crate) type Act = fn(&Target, &mut Numbers);

/// Does an act until it is told to stop, and says how often it did.
pub(crate) fn repeat(act: Act, seed: u64, target: &Target, stop: &AtomicBool) -> u64 {
    let mut numbers = Numbers::new(seed);
    let mut count = 0;
    while !stop.load(Ordering::Relaxed) {
        act(target, &mut numbers);
        count += 1;
        // An act that costs nothing must not take the processor from the one that is tested.
        sleep(Duration::from_millis(5));
    }
    count
}

pub(crate) const ALL: [(&str, Act); 10] = [
    ("RPC: broken requests", broken_requests),
    ("RPC: bad bodies", bad_bodies),
    ("RPC: bad parameters", bad_parameters),
    ("RPC: crowds of connections", crowd),
    ("RPC: slow bodies", slow_bodies),
    ("mempool: transactions that pay nothing", spam),
    ("DNS: malformed and mutated datagrams", junk_datagrams),
    ("DNS: floods", dns_flood),
    ("DNS: idle and cut TCP", dns_streams),
    ("commands and files", commands_and_files),
];

fn broken_requests(target: &Target, numbers: &mut Numbers) {
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"chain_head","params":{}}"#;
    let good = String::from_utf8(target.post(body, "close")).unwrap();
    let changes = [
        ("Authorization", "X-Nothing"),
        ("Host: 127.0.0.1", "Host: evil.com"),
        ("Host: 127.0.0.1\r\n", ""),
        ("Host:", "Origin: null\r\nHost:"),
        ("POST", "GET"),
        ("POST / ", "POST /\0 "),
        ("application/json", "text/plain"),
        ("Content-Length: ", "Content-Length: 9"),
        (
            "Content-Length",
            "Transfer-Encoding: chunked\r\nContent-Length",
        ),
        (
            "Connection: close",
            "Connection: Upgrade\r\nUpgrade: websocket",
        ),
    ];
    for (from, to) in changes {
        target.throw(good.replacen(from, to, 1).as_bytes());
    }
    target.throw(format!("POST / HTTP/1.1\r\nX: {}\r\n", "x".repeat(70_000)).as_bytes());
    let junk: Vec<u8> = (0..300).map(|_| numbers.any().to_le_bytes()[0]).collect();
    target.throw(&junk);
}

fn bad_bodies(target: &Target, numbers: &mut Numbers) {
    let deep = "[".repeat(100_000);
    let bodies = [
        "",
        "{",
        "\0",
        "\u{feff}{}",
        "[]",
        "[1]",
        "{} {}",
        "\"\\ud800\"",
        &deep,
        r#"{"jsonrpc":"1.0","id":1,"method":"chain_head"}"#,
        r#"{"jsonrpc":"2.0","id":1e400,"method":"chain_head"}"#,
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"chain_head"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"rpc.nothing"}"#,
    ];
    for body in bodies {
        target.throw(&target.post(body.as_bytes(), "close"));
    }
    let mut mutated = br#"{"jsonrpc":"2.0","id":1,"method":"chain_head","params":{}}"#.to_vec();
    let at = usize::try_from(numbers.below(mutated.len() as u64)).unwrap();
    mutated[at] ^= 1 << numbers.below(8);
    target.throw(&target.post(&mutated, "close"));
    // A body that is said to be long and is not: it is waited for, within bounds.
    target.throw(target.head(1 << 20, "close").as_bytes());
}

fn bad_parameters(target: &Target, numbers: &mut Numbers) {
    for (method, params) in [
        ("account_get", r#"{"account":"dsap1nonsense"}"#),
        ("account_get", r#"{"account":null}"#),
        ("account_get", "{}"),
        ("name_show", r#"{"name":"a..b"}"#),
        ("name_show", r#"{"name":"hello","more":1}"#),
        ("name_list", r#"{"limit":1000000000}"#),
        ("chain_block", r#"{"height":9223372036854775808}"#),
        (
            "chain_headers",
            r#"{"from":0,"count":18446744073709551615}"#,
        ),
        ("tx_submit", r#"{"tx":"abc"}"#),
        ("tx_submit", r#"{"tx":"00"}"#),
        ("mining_submit", r#"{"block":"00"}"#),
        ("mining_template", r#"{"payee":"sap1nonsense"}"#),
    ] {
        target.call(method, params);
    }
    let bytes: Vec<u8> = (0..200).map(|_| numbers.any().to_le_bytes()[0]).collect();
    let junk = hex::encode(bytes);
    target.call("tx_submit", &format!(r#"{{"tx":"{junk}"}}"#));
    target.call("mining_submit", &format!(r#"{{"block":"{junk}"}}"#));
}

/// Many at once, most without a word; those that are let in stay until they are sent away.
fn crowd(target: &Target, numbers: &mut Numbers) {
    let mut streams: Vec<_> = (0..CROWD)
        .filter_map(|_| target.connect_rpc().ok())
        .collect();
    for stream in &mut streams {
        if numbers.below(2) == 0 {
            let _ = stream.write_all(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n");
        }
    }
    sleep(Duration::from_millis(100));
}

fn slow_bodies(target: &Target, _: &mut Numbers) {
    let mut streams: Vec<_> = (0..8).filter_map(|_| target.connect_rpc().ok()).collect();
    for stream in &mut streams {
        let _ = stream.write_all(target.head(1_000, "close").as_bytes());
    }
    for _ in 0..20 {
        for stream in &mut streams {
            let _ = stream.write_all(b" ");
        }
        sleep(Duration::from_millis(50));
    }
}

/// Well-formed and signed, by people without coins, with too little fee or with none.
fn spam(target: &Target, numbers: &mut Numbers) {
    let sender = person(1_000 + numbers.below(1_000));
    let to = person(2).id;
    let mut spam = sender.sign(numbers.any(), Height::new(100), vec![transfer(to, 1)]);
    let poor = hex::encode(spam.encode());
    spam.body.fee = Amount::ZERO;
    let free = hex::encode(spam.encode());
    for _ in 0..4 {
        for tx in [&poor, &free] {
            target.call("tx_submit", &format!(r#"{{"tx":"{tx}"}}"#));
        }
    }
}

fn junk_datagrams(target: &Target, numbers: &mut Numbers) {
    let socket = UdpSocket::bind("127.66.0.1:0").unwrap();
    let good = dns_query(7, b"\x05hello\x04leaf\x03alt\0", 1);
    for _ in 0..100 {
        let mut bytes = good.clone();
        for _ in 0..=numbers.below(3) {
            let at = usize::try_from(numbers.below(bytes.len() as u64)).unwrap();
            bytes[at] = numbers.any().to_le_bytes()[0];
        }
        bytes.truncate(usize::try_from(1 + numbers.below(good.len() as u64 * 2)).unwrap());
        let _ = socket.send_to(&bytes, target.dns);
    }
    for name in [
        &b"\xc0\x0c"[..],
        b"\xc0\xff",
        &[64; 70],
        &[63; 300],
        b"\x05hel",
    ] {
        let _ = socket.send_to(&dns_query(8, name, 255), target.dns);
    }
}

fn dns_flood(target: &Target, numbers: &mut Numbers) {
    let socket = UdpSocket::bind("127.77.0.1:0").unwrap();
    for n in 0..VOLLEY {
        let label = format!("{:08x}", numbers.any() >> 32);
        let name = [&b"\x08"[..], label.as_bytes(), b"\x04leaf\x03alt\0"].concat();
        let query = dns_query(n.to_le_bytes()[0].into(), &name, 1);
        let _ = socket.send_to(&query, target.dns);
        // A hundred thousand a second, as they come from a network, and not all in the same moment.
        if n % 100 == 99 {
            sleep(Duration::from_millis(1));
        }
    }
}

fn dns_streams(target: &Target, numbers: &mut Numbers) {
    let open = |_| TcpStream::connect_timeout(&target.dns, WAIT).ok();
    let mut streams: Vec<_> = (0..CROWD).filter_map(open).collect();
    let query = dns_query(9, b"\x05hello\x04leaf\x03alt\0", 1);
    let framed = [&[0, u8::try_from(query.len()).unwrap()][..], &query].concat();
    for stream in &mut streams {
        let _ = match numbers.below(4) {
            0 => stream.write_all(&[0, 0]),
            1 => stream.write_all(&[255, 255, 1, 2]),
            2 => stream.write_all(&framed.repeat(300)),
            _ => Ok(()),
        };
    }
    sleep(Duration::from_millis(100));
}

/// A person who mistypes beside the running chain, and files that do not belong among its own.
fn commands_and_files(target: &Target, numbers: &mut Numbers) {
    let index = numbers.below(target.commands.len() as u64);
    let words = &target.commands[usize::try_from(index).unwrap()];
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let output = (target.command)(&words).output().unwrap();
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| (1..=4).contains(&code)),
        "{words:?}: {output:?}"
    );
    let length = usize::try_from(numbers.below(5_000)).unwrap();
    let name = format!("junk-{}", numbers.below(20));
    std::fs::write(target.data.join(name), vec![0xa5; length]).unwrap();
    sleep(Duration::from_millis(200));
}
