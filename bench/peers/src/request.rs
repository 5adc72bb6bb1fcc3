//! The lines that a peer is asked by.

/// One line, as `README.md` describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Load { accounts: u64 },
    Block { count: u64, seed: u64 },
    Undo,
    Prove { count: u64, seed: u64 },
    Sustain { blocks: u64, count: u64, seed: u64 },
    Disk,
    Rss,
    Quit,
}

impl Request {
    /// Reads a line: a word and its numbers, all of them.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let name = words.next()?;
        let numbers: Vec<u64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        match (name, numbers.as_slice()) {
            ("load", &[accounts]) => Some(Self::Load { accounts }),
            ("block", &[count, seed]) => Some(Self::Block { count, seed }),
            ("undo", []) => Some(Self::Undo),
            ("prove", &[count, seed]) => Some(Self::Prove { count, seed }),
            ("sustain", &[blocks, count, seed]) => Some(Self::Sustain {
                blocks,
                count,
                seed,
            }),
            ("disk", []) => Some(Self::Disk),
            ("rss", []) => Some(Self::Rss),
            ("quit", []) => Some(Self::Quit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_read() {
        let cases = [
            ("load 5", Request::Load { accounts: 5 }),
            ("block 20 7", Request::Block { count: 20, seed: 7 }),
            ("undo", Request::Undo),
            ("prove 3 9", Request::Prove { count: 3, seed: 9 }),
            (
                "sustain 2 20 7",
                Request::Sustain {
                    blocks: 2,
                    count: 20,
                    seed: 7,
                },
            ),
            ("disk", Request::Disk),
            ("rss\r\n", Request::Rss),
            ("quit", Request::Quit),
        ];
        for (line, request) in cases {
            assert_eq!(Request::parse(line), Some(request), "{line}");
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for line in [
            "", "load", "load x", "load -1", "load 1 2", "block 3", "undo 1", "Disk",
        ] {
            assert_eq!(Request::parse(line), None, "{line}");
        }
    }
}
