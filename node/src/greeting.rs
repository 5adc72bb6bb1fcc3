//! What `sapwood dev` says when it is ready: where everything is, and what to type next, so that it works as it stands.

use crate::cli::Global;
use crate::dev::{Dev, Place, say};
use crate::places::Places;
use sapwood_wallet::command::CliError;
use std::borrow::Cow;
use std::path::Path;

/// Prints the ready object or the text.
///
/// # Errors
/// If stdout is closed: nobody knows where the node is then.
pub(crate) async fn greet(dev: &Dev, place: &Place, global: &Global) -> Result<(), CliError> {
    let dns = dev.node.dns.map(|a| a.to_string()).unwrap_or_default();
    let rpc = format!("http://{}/", dev.node.rpc);
    let page = format!("http://{}/", dev.page);
    let [rpc_public, metrics] = crate::commands::urls(&dev.node);
    let words = words(dev).await;
    let ready = serde_json::json!({
        "schema": 1, "rpc": rpc, "rpc_public": rpc_public, "metrics": metrics, "dns": dns, "page": page, "data": place.places.dir(), "wallet": "dev", "payee": dev.payee.to_string(), "words": words,
    });
    let words = words.map_or(String::new(), |words| format!("\n          words: {words}"));
    let more = [("public ", &rpc_public), ("metrics", &metrics)].into_iter();
    let more = more.filter_map(|(what, url)| Some(format!("\n  {what} {}", url.as_ref()?)));
    let more: String = more.collect();
    let port = dev.node.dns.map_or(0, |a| a.port());
    let Commands { exports, sapwood } = commands(place);
    let text = format!(
        "
  chain {}, a block every {} s; Ctrl-C stops it, the next start goes on
  RPC     {rpc}   cookie in {}{more}
  DNS     {dns}   private_addresses = allow
  page    {page}
  wallet  dev, passphrase `dev`, paid at {}{words}

Try in another terminal:
{exports}  dig @127.0.0.1 -p {port} hello.leaf.alt
  {sapwood} wallet balance
  {sapwood} name register alice --record '@ A 127.0.0.1'
  dig @127.0.0.1 -p {port} alice.leaf.alt
  {sapwood} status
",
        place.chain.name,
        place.chain.consensus.block_time,
        place.places.endpoint().display(),
        dev.payee,
    );
    crate::print(global, &ready, &text)
}

/// The words of the wallet, unless it cannot be read.
async fn words(dev: &Dev) -> Option<String> {
    match dev.shell.run(&["wallet", "export", "--show"]).await {
        Ok(words) => Some(words.text().trim().to_owned()),
        Err(error) => {
            say(&format!("the words of the wallet cannot be shown: {error}"));
            None
        }
    }
}

/// How another terminal reaches this chain.
#[derive(Debug, PartialEq, Eq)]
struct Commands {
    /// Lines to set its environment up.
    exports: String,
    /// The beginning of a command.
    sapwood: String,
}

fn commands(place: &Place) -> Commands {
    let mut sapwood = program();
    let mut exports = String::new();
    match &place.chain_file {
        // A file has no variable of its own.
        Some(file) => {
            let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
            sapwood += &format!(" --chain-file {}", quoted(&file.to_string_lossy()));
        }
        None => exports += &format!("  export SAPWOOD_CHAIN={}\n", place.chain.name),
    }
    let dir = place.places.dir();
    let is_default = Places::of(None, &place.chain.name).is_ok_and(|usual| usual.dir() == dir);
    if let Some(base) = dir.parent().filter(|_| !is_default) {
        let base = base.to_string_lossy();
        exports += &format!("  export SAPWOOD_DATA_DIR={}\n", quoted(&base));
    }
    Commands { exports, sapwood }
}

/// How to call this program from a shell: by its name if that is found, by its path otherwise.
fn program() -> String {
    let Ok(path) = std::env::current_exe() else {
        return "sapwood".to_owned();
    };
    let found = std::env::var_os("PATH").is_some_and(|dirs| {
        std::env::split_paths(&dirs).any(|dir| same(&dir.join("sapwood"), &path))
    });
    match found {
        true => "sapwood".to_owned(),
        false => quoted(&path.to_string_lossy()).into_owned(),
    }
}

fn same(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// A word as a shell must be given it: as it is if it means nothing there, in quotes otherwise.
fn quoted(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', "'\\''"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use sapwood_primitives::Chain;
    use std::path::PathBuf;
    use std::process::Command;

    fn place(base: Option<&Path>, chain_file: Option<&str>) -> Place {
        let chain = Chain::named("dev").unwrap();
        Place {
            places: Places::of(base, &chain.name).unwrap(),
            chain,
            chain_file: chain_file.map(PathBuf::from),
        }
    }

    #[test]
    fn a_shell_reads_back_every_word_that_was_quoted() {
        for word in [
            "/usr/bin/sapwood",
            "",
            "a b",
            "it's",
            "$HOME",
            "a;b\"`c`\\",
            "~",
            "*",
        ] {
            let script = format!("printf %s {}", quoted(word));
            let output = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), word);
        }
        assert_eq!(quoted("/usr/bin/sapwood"), "/usr/bin/sapwood");
    }

    #[test]
    fn the_data_directory_is_exported_unless_it_is_the_usual_one() {
        let elsewhere = commands(&place(Some(Path::new("/tmp/a b")), None));
        assert_eq!(
            elsewhere.exports,
            "  export SAPWOOD_CHAIN=dev\n  export SAPWOOD_DATA_DIR='/tmp/a b'\n"
        );
        if Places::of(None, "dev").is_ok() {
            let usual = commands(&place(None, None));
            assert_eq!(usual.exports, "  export SAPWOOD_CHAIN=dev\n");
        }
    }

    #[test]
    fn a_chain_of_a_file_is_named_by_the_file_in_each_command() {
        let own = commands(&place(Some(Path::new("/tmp")), Some("/etc/my chain.toml")));
        assert!(own.sapwood.ends_with(" --chain-file '/etc/my chain.toml'"));
        assert!(!own.exports.contains("SAPWOOD_CHAIN"));
    }
}
