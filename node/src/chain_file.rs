//! A chain from a file that `sapwood genesis` wrote.

use sapwood_primitives::Chain;
use sapwood_wallet::command::{CliError, Exit};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Longest chain file that is read, in bytes: forty times what one takes.
const MAX_CHAIN_FILE: u64 = 64 * 1024;

/// Reads a chain file.
///
/// # Errors
/// If it cannot be read, is none, or takes the name of a built-in chain without being it.
pub(crate) fn read(path: &Path) -> Result<Chain, CliError> {
    let text = read_text(path).map_err(|e| {
        CliError::new(
            Exit::Usage,
            "chain_file",
            format!("cannot read {}: {e}", path.display()),
            "name a chain file that `sapwood genesis` wrote",
        )
    })?;
    let chain = Chain::parse(&text).map_err(|e| {
        // Between the place and the reason a fault of TOML shows the line itself, over several lines.
        let text = e.to_string();
        let (place, reason) = (text.lines().next(), text.lines().skip(1).last());
        let fault = [place, reason].into_iter().flatten().collect::<Vec<_>>();
        let message = format!("{}: {}", path.display(), fault.join(": "));
        CliError::new(Exit::Usage, "chain_file", message, "correct the file")
    })?;
    as_known(chain).map_err(|reason| {
        let message = format!("{}: {reason}", path.display());
        CliError::new(
            Exit::Usage,
            "chain_file",
            message,
            "a chain of your own has a name of its own",
        )
    })
}

/// A chain with the name of a built-in one is that chain: with its parameters, and its genesis once it has one.
fn as_known(chain: Chain) -> Result<Chain, String> {
    let Some(known) = Chain::named(&chain.name) else {
        return Ok(chain);
    };
    if chain.consensus != known.consensus || chain.address_prefix != known.address_prefix {
        return Err(format!(
            "it is called {} and has other parameters than that chain",
            chain.name
        ));
    }
    if known.genesis.is_some() && chain.genesis != known.genesis {
        return Err(format!(
            "it is called {} and has another genesis than that chain",
            chain.name
        ));
    }
    Ok(chain)
}

/// Reads a chain file, and no more than one can be: the path may be a device.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let mut file = File::open(path)?.take(MAX_CHAIN_FILE + 1);
    file.read_to_string(&mut text)?;
    match file.limit() {
        0 => Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is longer than {MAX_CHAIN_FILE} bytes"),
        )),
        _ => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn a_chain_file_is_read_up_to_its_bound_and_a_longer_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chain.toml");
        let longest = usize::try_from(MAX_CHAIN_FILE).unwrap();
        std::fs::write(&path, "a".repeat(longest)).unwrap();
        assert_eq!(read_text(&path).unwrap().len(), longest);
        std::fs::write(&path, "a".repeat(longest + 1)).unwrap();
        assert!(read_text(&path).is_err());
        assert!(read_text(Path::new("/dev/zero")).is_err(), "endless");
        assert!(read_text(&folder.path().join("none")).is_err());
    }
}
