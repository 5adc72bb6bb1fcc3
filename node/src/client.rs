//! Commands that ask a node: `status` and `resolve`. The wallet's are its own.

use crate::cli::ResolveArgs;
use crate::places::Places;
use sapwood_primitives::leaf::phase_word;
use sapwood_primitives::{Chain, Header, Height, Name, codec};
use sapwood_resolver::remote::{HeaderChain, Taken, Untrue, check_name};
use sapwood_rpc::client::Client;
use sapwood_rpc::records;
use sapwood_rpc::types::{self as t, RecordFields};
use sapwood_wallet::command::{CliError, Exit, escape};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Headers in one call.
const RUN: u32 = 2000;
/// Time between two words about how far the headers are.
const SAY_EVERY: Duration = Duration::from_secs(1);

/// The client of the running node, or of the one at `url` with the cookie that belongs to it.
///
/// # Errors
/// If there is no endpoint file, the URL leads off this computer, or no cookie is known for it.
pub(crate) fn connect(
    places: &Places,
    url: Option<&str>,
    cookie_file: Option<&Path>,
) -> Result<Client, CliError> {
    Ok(Client::connect(&places.endpoint(), url, cookie_file)?)
}

/// The overview, as data and as text.
pub(crate) struct StatusReport {
    node: t::Status,
    wallet: Value,
}

/// `sapwood status`
///
/// # Errors
/// If no node answers.
pub(crate) async fn status(client: &Client) -> Result<StatusReport, CliError> {
    Ok(StatusReport {
        node: client.call::<t::NodeStatus>(t::NoParams {}).await?,
        wallet: Value::Null,
    })
}

impl StatusReport {
    /// The object for `--json`.
    pub(crate) fn json(&self) -> Value {
        let mut status = serde_json::to_value(&self.node).expect("a status is plain data");
        status["wallet"] = self.wallet.clone();
        status
    }

    /// With what is known of the wallet.
    pub(crate) fn with_wallet(self, wallet: Value) -> Self {
        Self { wallet, ..self }
    }
}

impl fmt::Display for StatusReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = &self.node;
        writeln!(f, "chain     {} (genesis {})", escape(&s.chain), s.genesis)?;
        writeln!(
            f,
            "head      {} {}, {} s ago{}",
            s.head.height,
            s.head.block,
            s.tip_age,
            if s.syncing { ", behind" } else { "" }
        )?;
        writeln!(
            f,
            "state     {} leaves, {} names, root {}",
            s.leaves, s.live_names, s.head.state_root
        )?;
        writeln!(f, "window    from height {}", s.window_start)?;
        writeln!(
            f,
            "mempool   {} transactions, {} of {} bytes",
            s.mempool.count, s.mempool.bytes, s.mempool.max_bytes
        )?;
        writeln!(f, "mining    {}", if s.mining { "yes" } else { "no" })?;
        writeln!(
            f,
            "DNS       {}",
            s.dns.as_deref().map_or_else(|| "off".to_owned(), escape)
        )?;
        writeln!(
            f,
            "storage   {} in {}, {} tree, checkpoint at {}",
            if s.storage_failed { "FAILED" } else { "good" },
            escape(&s.data_dir),
            escape(&s.tree),
            s.checkpoint
        )?;
        f.write_str(&crate::overview::text(&self.wallet, now()))?;
        for parked in &s.parked_branches {
            writeln!(
                f,
                "PARKED    branch {} at height {} would undo {} blocks",
                parked.block, parked.height, parked.depth
            )?;
        }
        if s.storage_failed {
            writeln!(
                f,
                "STORAGE   writing failed; nothing new is stored. Check the disk and start the node again"
            )?;
        }
        Ok(())
    }
}

/// What a name resolves to, checked.
#[derive(Debug, Serialize)]
pub(crate) struct Resolution {
    schema: u32,
    name: String,
    phase: &'static str,
    height: Height,
    block: String,
    state_root: String,
    records: Vec<RecordFields>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<Value>,
    #[serde(skip)]
    why: Vec<String>,
}

/// `sapwood resolve`: follows the headers from genesis, asks for the name's proof at the trusted depth, and checks it here.
///
/// # Errors
/// If no node answers, or the node's proof does not hold.
pub(crate) async fn resolve(
    client: &Client,
    chain: Chain,
    args: &ResolveArgs,
) -> Result<Resolution, CliError> {
    let ResolveArgs { name, rtype, .. } = args;
    let mut headers = fetch_headers(client, &chain).await?;
    let mut answer = prove(client, name).await?;
    let found = match check_name(name, &answer, &headers) {
        // A block came between the headers and the proof.
        Err(Untrue::UnknownHeader | Untrue::TooNew | Untrue::Stale) => {
            headers = fetch_headers(client, &chain).await?;
            answer = prove(client, name).await?;
            check_name(name, &answer, &headers).map_err(untrue)?
        }
        checked => checked.map_err(untrue)?,
    };
    let header: Header = codec::read(&answer.header.0).map_err(|_| untrue(Untrue::Header))?;
    let wanted = found.records.entries();
    let wanted = wanted
        .iter()
        .filter(|entry| rtype.is_none_or(|rtype| entry.rtype == rtype));
    let size = |w: &t::Witness| w.proof.0.len();
    let account = answer.account.as_ref();
    let why = vec![
        format!(
            "{} headers from genesis, each with its work and its parent, end in block {}",
            headers.tip().height,
            headers.tip().id
        ),
        format!(
            "block {} at height {} names the state root {}",
            header.id(),
            header.height,
            header.state_root
        ),
        format!(
            "a proof of {} bytes shows under that root what `{name}` is: {}",
            size(&answer.name),
            phase_word(found.phase)
        ),
        account.map_or_else(
            || "there is no owner whose records could answer".to_owned(),
            |w| {
                format!(
                    "a proof of {} bytes shows its owner's account and records under the same root",
                    size(w)
                )
            },
        ),
    ];
    Ok(Resolution {
        schema: 1,
        name: name.to_string(),
        phase: phase_word(found.phase),
        height: header.height,
        block: header.id().to_string(),
        state_root: header.state_root.to_string(),
        records: wanted.map(records::to_text).collect(),
        proof: args.proof.then(|| json!(answer)),
        why: if args.proof { why } else { Vec::new() },
    })
}

async fn prove(client: &Client, name: &Name) -> Result<t::NameProven, CliError> {
    let params = t::NameProofParams {
        name: name.clone(),
        at: t::At::Trusted,
        anchor: None,
    };
    Ok(client.call::<t::NameProof>(params).await?)
}

/// The node's headers from the genesis on, checked; begun again once if its chain changed meanwhile.
async fn fetch_headers(client: &Client, chain: &Chain) -> Result<HeaderChain, CliError> {
    let headers = match follow(client, chain).await? {
        Err(Untrue::OtherChain) => follow(client, chain).await?,
        followed => followed,
    };
    let headers = headers.map_err(untrue)?;
    headers.check_fresh(now()).map_err(untrue)?;
    Ok(headers)
}

/// Takes run after run until one is empty. Every run must bring the tip further, and there are no more headers than fit between the
/// genesis and now, so this ends whatever the node says.
async fn follow(client: &Client, chain: &Chain) -> Result<Result<HeaderChain, Untrue>, CliError> {
    let mut headers = HeaderChain::new(chain.clone())
        .map_err(|e| CliError::new(Exit::Refused, "not_launched", e.to_string(), ""))?;
    let mut said = Instant::now();
    loop {
        let tip = headers.tip().height;
        let params = t::HeadersParams {
            from: tip.plus(1),
            count: RUN,
        };
        let answer = client.call::<t::ChainHeaders>(params).await?;
        if answer.headers.is_empty() {
            return Ok(Ok(headers));
        }
        if let Err(lie) = take(&mut headers, &answer) {
            return Ok(Err(lie));
        }
        if said.elapsed() >= SAY_EVERY {
            said = Instant::now();
            let _ = writeln!(
                io::stderr(),
                "checked headers up to {}",
                headers.tip().height
            );
        }
    }
}

/// Takes a run that goes on from the tip.
fn take(headers: &mut HeaderChain, answer: &t::Headers) -> Result<(), Untrue> {
    let (tip, now) = (headers.tip().height, now());
    let run: Result<Vec<Header>, _> = answer
        .headers
        .iter()
        .map(|hex| codec::read(&hex.0))
        .collect();
    let run = run.map_err(|_| Untrue::Header)?;
    let most = headers.most_headers(now);
    if run.len() > RUN as usize || tip.get().saturating_add(run.len() as u64) > most {
        return Err(Untrue::Header);
    }
    match headers.take(&run, now)? {
        Taken::New if headers.tip().height > tip => Ok(()),
        // Headers from before the tip, which was not asked for.
        _ => Err(Untrue::Header),
    }
}

/// What the wallet says of a node that lies, for the same reasons.
fn untrue(lie: Untrue) -> CliError {
    let code = match lie {
        Untrue::OtherChain => "other_chain",
        Untrue::OldTip { .. } => "stale",
        Untrue::Ahead { .. } => "clock",
        _ => "bad_proof",
    };
    CliError::new(
        Exit::Refused,
        code,
        escape(&lie.to_string()),
        "ask another node, or see `sapwood status`",
    )
}

fn now() -> u64 {
    sapwood_node::api::now()
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Records in text are printable ASCII, whatever their data.
        for record in &self.records {
            writeln!(
                f,
                "{}\t{}\t{}\t{}",
                record.owner, record.ttl, record.rtype, record.data
            )?;
        }
        if self.records.is_empty() {
            writeln!(
                f,
                "`{}` is {} at height {} and has no such records",
                self.name, self.phase, self.height
            )?;
        }
        for reason in &self.why {
            writeln!(f, "; {reason}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use sapwood_primitives::SealedHeader;
    use sapwood_runtime::{check_header, genesis};

    /// The first headers of the dev chain, two seconds apart; `salt` makes branches differ.
    fn mined(count: usize, salt: u64) -> Vec<Header> {
        let chain = Chain::named("dev").unwrap();
        let start = genesis(&chain).unwrap();
        let (mut parent, target) = (start.link, start.block.header.header.target);
        let mut headers = Vec::new();
        for _ in 0..count {
            let mut header = Header {
                version: 1,
                parent: parent.id,
                tx_root: Default::default(),
                state_root: parent.state_root,
                history_root: parent.history.root(),
                time: parent.time + 2 + salt,
                target,
                height: parent.height.plus(1),
                nonce: 0,
            };
            parent = loop {
                match check_header(&chain, &parent, &SealedHeader::own(header.clone())) {
                    Ok(link) => break link,
                    Err(_) => header.nonce += 1,
                }
                assert!(header.nonce < 1000, "a header that no nonce helps");
            };
            headers.push(header);
        }
        headers
    }

    fn answer(headers: &[Header]) -> t::Headers {
        let bytes = headers.iter().map(|header| header.to_bytes().to_vec());
        t::Headers {
            headers: bytes.map(t::Hex).collect(),
        }
    }

    #[test]
    fn headers_that_bring_the_tip_no_further_end_the_fetching() {
        let mut headers = HeaderChain::new(Chain::named("dev").unwrap()).unwrap();
        let (ours, other) = (mined(6, 0), mined(6, 1));
        take(&mut headers, &answer(&ours[..4])).unwrap();
        for (title, lie) in [
            ("known ones", &ours[..4]),
            ("the last one again", &ours[3..4]),
            ("a weaker branch", &other[..2]),
            ("a branch of the same work", &other[..4]),
        ] {
            assert_eq!(
                take(&mut headers, &answer(lie)),
                Err(Untrue::Header),
                "{title}"
            );
            if headers.tip().id != ours[3].id() {
                headers.take(&ours[..4], now()).unwrap();
            }
        }
        assert_eq!(
            take(&mut headers, &answer(&other[5..])),
            Err(Untrue::OtherChain)
        );
        take(&mut headers, &answer(&ours[4..])).unwrap();
        assert_eq!(headers.tip().id, ours[5].id());
    }

    #[test]
    fn a_false_proof_is_refused_with_the_code_that_the_wallet_has() {
        for (lie, code) in [
            (Untrue::OtherLeaf, "bad_proof"),
            (Untrue::Header, "bad_proof"),
            (Untrue::OtherChain, "other_chain"),
            (Untrue::OldTip { age: 9 }, "stale"),
            (Untrue::Ahead { ahead: 601 }, "clock"),
        ] {
            let error = untrue(lie);
            assert_eq!((error.exit, &*error.code), (Exit::Refused, code));
        }
    }
}
