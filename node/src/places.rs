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
    /// JSON-RPC for everybody, read-only.
    RpcPublic = 2,
    /// DNS, UDP and TCP.
    Dns = 3,
    /// Health and metrics.
    Metrics = 8,
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

/// Where one service listens: an address, and a port unless it is to be that of the block of ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAt {
    ip: IpAddr,
    port: Option<u16>,
}

impl ListenAt {
    /// The address of `service` among `ports`.
    pub fn address(self, ports: Ports, service: Service) -> SocketAddr {
        let port = self.port.unwrap_or(ports.address(service).port());
        SocketAddr::new(self.ip, port)
    }
}

impl std::str::FromStr for ListenAt {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ip) = text.parse() {
            return Ok(Self { ip, port: None });
        }
        match text.parse::<SocketAddr>() {
            Ok(address) => Ok(Self {
                ip: address.ip(),
                port: Some(address.port()),
            }),
            Err(_) => Err(
                "expected an IP address, with a port or without, such as 127.0.0.1 or [::1]:9452"
                    .into(),
            ),
        }
    }
}

/// Where health and metrics are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsAt {
    /// Nowhere.
    Off,
    /// There.
    On(ListenAt),
}

impl MetricsAt {
    /// On loopback, at the port of the block of ports.
    pub const LOOPBACK: Self = Self::On(ListenAt {
        ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port: None,
    });

    /// The address among `ports`, if there is one.
    pub fn address(self, ports: Ports) -> Option<SocketAddr> {
        match self {
            Self::Off => None,
            Self::On(at) => Some(at.address(ports, Service::Metrics)),
        }
    }
}

impl std::str::FromStr for MetricsAt {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            text => text.parse().map(Self::On),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn an_address_brings_its_port_or_takes_that_of_its_service() {
        let at = |text: &str, ports| {
            let at: ListenAt = text.parse().unwrap();
            at.address(ports, Service::RpcPublic).to_string()
        };
        let base = Ports::From(9450);
        assert_eq!(at("0.0.0.0", base), "0.0.0.0:9452");
        assert_eq!(at("192.0.2.1:80", base), "192.0.2.1:80");
        assert_eq!(at("::1", base), "[::1]:9452");
        assert_eq!(at("[::]:7", Ports::Auto), "[::]:7");
        assert_eq!(at("127.0.0.1", Ports::Auto), "127.0.0.1:0");
        for wrong in [
            "",
            "localhost",
            "127.0.0.1:",
            "127.0.0.1:65536",
            ":9452",
            "off",
            "example.net:80",
        ] {
            assert!(wrong.parse::<ListenAt>().is_err(), "{wrong:?}");
        }
        assert_eq!("off".parse::<MetricsAt>().unwrap().address(base), None);
        let on: MetricsAt = "127.0.0.1".parse().unwrap();
        assert_eq!(on, MetricsAt::LOOPBACK);
        assert_eq!(on.address(base).unwrap().to_string(), "127.0.0.1:9458");
    }
}
