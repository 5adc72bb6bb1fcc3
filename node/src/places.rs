//! Where things are: the data directory of a chain, and its ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// First port of the block of ports that all services of a node share out.
pub const PORT_BASE: u16 = 9450;

/// The directory of everything that belongs to one chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    dir: PathBuf,
}

impl Places {
    /// The directory of `chain` below `base`, or below `$XDG_DATA_HOME/sapwood` if that is none.
    ///
    /// # Errors
    /// A sentence if neither `--data-dir`, `XDG_DATA_HOME` nor `HOME` says where.
    pub fn of(base: Option<&Path>, chain: &str) -> Result<Self, String> {
        let set = |name| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let base = match base {
            Some(base) => base.to_owned(),
            None => set("XDG_DATA_HOME")
                .or_else(|| set("HOME").map(|home| home.join(".local/share")))
                .ok_or(
                    "neither XDG_DATA_HOME nor HOME is set; say where to keep data with --data-dir",
                )?
                .join("sapwood"),
        };
        let base = std::path::absolute(&base).map_err(|e| format!("data directory: {e}"))?;
        Ok(Self {
            dir: base.join(chain),
        })
    }

    /// The chain's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// URL and cookie of the running node.
    pub fn endpoint(&self) -> PathBuf {
        self.dir.join("rpc.json")
    }

    /// Wallets.
    pub fn wallets(&self) -> PathBuf {
        self.dir.join("wallets")
    }
}

/// Ports of the services, all on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// A block of ports from this one on.
    From(u16),
    /// Whatever the operating system gives.
    Auto,
}

/// A service's place in the block of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// JSON-RPC.
    Rpc = 1,
    /// DNS, UDP and TCP.
    Dns = 3,
    /// HTTP face of content; the small page of `sapwood dev`.
    Content = 10,
}

impl Ports {
    /// The address of a service.
    pub fn address(self, service: Service) -> SocketAddr {
        let port = match self {
            Self::From(base) => base.saturating_add(service as u16),
            Self::Auto => 0,
        };
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
    }
}

impl std::str::FromStr for Ports {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        match text.parse::<u16>() {
            Ok(base) if (1..=65_000).contains(&base) => Ok(Self::From(base)),
            _ => Err("expected `auto` or a first port from 1 to 65000".into()),
        }
    }
}
