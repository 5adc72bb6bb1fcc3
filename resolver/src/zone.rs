//! The zone: its suffix and limits, and the source that its names come from (specs/07 §2).

use domain::base::Name as DnsName;
use domain::base::name::ToLabelIter;
use sapwood_primitives::leaf::Phase;
use sapwood_primitives::{Chain, Height, Name, Records};
use std::sync::Arc;

/// Suffix of all names unless configured otherwise; `alt` is set aside for names outside the DNS (RFC 9476).
pub const DEFAULT_SUFFIX: &str = "leaf.alt";

/// Longest time that an answer may be kept, in seconds: a day (specs/07 §2.5).
const MAX_TTL: u32 = 86_400;

/// Shortest time on chains for the public, in seconds, so that a name cannot flip between a check and its use (specs/07 §2.5).
const MIN_TTL: u32 = 60;

/// What the server knows about its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneConfig {
    /// Names live under it.
    pub(crate) suffix: DnsName<Vec<u8>>,
    /// Whether addresses in special-use ranges are answered (specs/07 §3).
    pub private_addresses: bool,
    /// Least seconds that an answer may be kept.
    pub min_ttl: u32,
    /// Most seconds that an answer may be kept.
    pub max_ttl: u32,
    /// Seconds that an absence may be kept: a block time, within 1 to 60.
    pub negative_ttl: u32,
}

/// Text that is no zone.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no suffix for names; give a domain such as leaf.alt, of at most 60 characters")]
pub struct NotASuffix(String);

/// What the state says about a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Phase at `height`; none if the name is available.
    pub phase: Option<Phase>,
    /// Records of the owner; only an active name answers from them.
    pub records: Records,
    /// Height of the state that was looked at.
    pub height: Height,
}

/// The state cannot be read now; the client is told to try again (SERVFAIL).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no trusted state can be read now")]
pub struct Unavailable;

/// Where names come from: the node's own state, or a remote one with proofs.
pub trait NameSource {
    /// Height of the state at the trusted depth (specs/07 §2.2), for answers that need no name.
    ///
    /// # Errors
    /// [`Unavailable`] while there is no state.
    fn height(&self) -> Result<Height, Unavailable>;

    /// Looks a name up in the state at the trusted depth.
    ///
    /// # Errors
    /// [`Unavailable`] if that state, or this name in it, cannot be read or shown to be true.
    fn lookup(&self, name: &Name) -> Result<Found, Unavailable>;
}

impl<T: NameSource + ?Sized> NameSource for Arc<T> {
    fn height(&self) -> Result<Height, Unavailable> {
        (**self).height()
    }
    fn lookup(&self, name: &Name) -> Result<Found, Unavailable> {
        (**self).lookup(name)
    }
}

impl ZoneConfig {
    /// The zone that a chain's file advises, under [`DEFAULT_SUFFIX`].
    pub fn for_chain(chain: &Chain) -> Self {
        let is_own_chain = matches!(chain.name.as_str(), "dev" | "tour");
        let block_time = chain.consensus.block_time.clamp(1, 60);
        Self {
            suffix: DnsName::vec_from_str(DEFAULT_SUFFIX).expect("the default suffix is a domain"),
            private_addresses: chain.client.private_addresses,
            min_ttl: if is_own_chain { 1 } else { MIN_TTL },
            max_ttl: MAX_TTL,
            negative_ttl: u32::try_from(block_time).expect("at most 60"),
        }
    }

    /// The same zone under another suffix.
    ///
    /// # Errors
    /// [`NotASuffix`] for text that is no domain, the root, or so long that name and owner do not fit before it.
    pub fn with_suffix(self, suffix: &str) -> Result<Self, NotASuffix> {
        let mut name = DnsName::vec_from_str(suffix).map_err(|_| NotASuffix(suffix.to_owned()))?;
        if name.is_root() || name.len() > 62 {
            return Err(NotASuffix(suffix.to_owned()));
        }
        name.make_canonical();
        Ok(Self {
            suffix: name,
            ..self
        })
    }

    /// The suffix as text, without a final dot.
    pub fn suffix(&self) -> String {
        self.suffix.to_string()
    }

    pub(crate) fn place(&self, name: &DnsName<Vec<u8>>) -> Place {
        if !name.ends_with(&self.suffix) {
            return Place::Outside;
        }
        let above = name.label_count() - self.suffix.label_count();
        let mut labels: Vec<Vec<u8>> = name
            .iter_labels()
            .take(above)
            .map(|label| label.as_slice().to_ascii_lowercase())
            .collect();
        match labels.pop() {
            None => Place::Apex,
            Some(label) => Place::Below {
                label,
                owner: labels,
            },
        }
    }

    pub(crate) fn ttl(&self, ttl: u32) -> u32 {
        ttl.min(self.max_ttl).max(self.min_ttl)
    }
}

/// Where a domain name stands, seen from the suffix.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Not under the suffix.
    Outside,
    /// The suffix itself.
    Apex,
    /// At or below a name.
    Below {
        /// The label that would be the name, lower case.
        label: Vec<u8>,
        /// Labels before it, lower case.
        owner: Vec<Vec<u8>>,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_suffix_is_found_without_case_and_at_label_boundaries() {
        let zone = ZoneConfig::for_chain(&Chain::named("main").unwrap());
        let place = |name: &str| zone.place(&DnsName::vec_from_str(name).unwrap());
        assert_eq!(place("LEAF.Alt"), Place::Apex);
        assert_eq!(
            place("_443._TCP.Alice.leaf.ALT"),
            Place::Below {
                label: b"alice".to_vec(),
                owner: vec![b"_443".to_vec(), b"_tcp".to_vec()]
            }
        );
        for outside in [
            ".",
            "alt",
            "example.com",
            "overleaf.alt",
            "leaf.alt.example",
        ] {
            assert_eq!(place(outside), Place::Outside, "{outside}");
        }
    }

    #[test]
    fn a_chain_for_the_public_keeps_answers_longer_and_hides_private_addresses() {
        let main = ZoneConfig::for_chain(&Chain::named("main").unwrap());
        assert_eq!(
            (main.private_addresses, main.ttl(0), main.ttl(1 << 30)),
            (false, 60, 86_400)
        );
        let dev = ZoneConfig::for_chain(&Chain::named("dev").unwrap());
        assert_eq!(
            (dev.private_addresses, dev.ttl(0), dev.negative_ttl),
            (true, 1, 2)
        );
    }

    #[test]
    fn what_is_no_suffix_is_refused() {
        let zone = ZoneConfig::for_chain(&Chain::named("main").unwrap());
        for bad in [
            "",
            ".",
            "a..b",
            &"x".repeat(64),
            &["y".repeat(40), "z".repeat(40)].join("."),
        ] {
            assert!(zone.clone().with_suffix(bad).is_err(), "{bad}");
        }
        assert!(zone.with_suffix("Sap.Test.").is_ok());
    }
}
