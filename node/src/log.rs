//! The log, on stderr. Its levels are promises:
//!
//! | level | what it means to whoever reads it |
//! |---|---|
//! | error | you must act: something is broken and stays so |
//! | warn | something was wrong and heals, or was refused; many of them deserve a look |
//! | info | a few lines an hour while nothing happens |
//! | debug | what the program does, for whoever looks for a fault |
//! | trace | everything |
//!
//! Of one kind of error, warning or information there is one line a minute, and the next one says how many were left out: a flood of
//! bad blocks or queries cannot fill a disk. What comes from the chain or from clients is shown escaped, so no line can move the cursor or look like another.

use crate::safe;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::callsite::Identifier;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Writer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

/// Time in which a kind has one line.
const WINDOW: Duration = Duration::from_secs(60);

/// A filter such as `info` or `sapwood_node=debug`.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, String> {
    EnvFilter::try_new(text).map_err(|error| format!("is no log filter: {error}"))
}

/// Starts the log of this process.
pub(crate) fn start(filter: EnvFilter) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .event_format(Lines::default())
        // Otherwise a stderr that nobody reads any more would end in a panic.
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(lines)
        .init();
}

/// One event a line, at most one of a kind in a minute.
#[derive(Default)]
struct Lines {
    inner: Format,
    /// There are as many kinds as places in the program that log.
    kinds: Mutex<HashMap<Identifier, Kind>>,
}

/// What is known of the lines of one place in the program.
struct Kind {
    since: Instant,
    left_out: u64,
}

impl Lines {
    /// How many lines of this kind were left out since the last one, or nothing if this one is left out as well.
    fn admit(&self, kind: Identifier, now: Instant) -> Option<u64> {
        // Nothing under the lock can panic half-way.
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Kind {
            since: now,
            left_out: 0,
        };
        let Some(known) = kinds.get_mut(&kind) else {
            kinds.insert(kind, fresh);
            return Some(0);
        };
        if now.duration_since(known.since) < WINDOW {
            known.left_out += 1;
            return None;
        }
        Some(std::mem::replace(known, fresh).left_out)
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        // Who asks for more detail gets all of it.
        let left_out = match *metadata.level() <= Level::INFO {
            true => self.admit(metadata.callsite(), Instant::now()),
            false => Some(0),
        };
        let Some(left_out) = left_out else {
            return Ok(());
        };
        let mut line = String::new();
        let inner = &self.inner;
        inner.format_event(context, Writer::new(&mut line), event)?;
        // A line is one line, whatever is in it.
        let line = line.trim_end_matches('\n');
        let line = line.replace('\n', "\\n").replace('\t', "\\t");
        writer.write_str(&safe::text(&line))?;
        match left_out {
            0 => writeln!(writer),
            count => writeln!(writer, " ({count} more of this kind were left out)"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;
    use proptest::prelude::*;
    use std::io::{self, Write};
    use std::sync::Arc;
    use tracing_subscriber::fmt::MakeWriter;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Kept {
        type Writer = Self;
        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// What the log has after this work.
    fn logged(work: impl FnOnce()) -> String {
        let kept = Kept::default();
        let log = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_writer(kept.clone())
            .with_ansi(false)
            .event_format(Lines::default())
            .finish();
        tracing::subscriber::with_default(log, work);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_flood_of_one_kind_is_one_line_and_other_kinds_are_heard() {
        let log = logged(|| {
            for number in 0..10_000 {
                tracing::warn!(number, "a bad block");
            }
            tracing::error!("the disk is full");
        });
        assert_eq!(log.lines().count(), 2, "{log}");
        assert!(
            log.contains("number=0") && log.contains("the disk is full"),
            "{log}"
        );
    }

    #[test]
    fn whoever_asks_for_detail_gets_all_of_it() {
        let log = logged(|| (0..100).for_each(|number| tracing::debug!(number, "a step")));
        assert_eq!(log.lines().count(), 100);
    }

    #[test]
    fn after_a_minute_the_next_line_says_how_many_were_left_out() {
        let lines = Lines::default();
        let kind = || tracing::callsite::Identifier(&KIND);
        let start = Instant::now();
        assert_eq!(lines.admit(kind(), start), Some(0));
        for second in 1..60 {
            assert_eq!(
                lines.admit(kind(), start + Duration::from_secs(second)),
                None
            );
        }
        assert_eq!(lines.admit(kind(), start + WINDOW), Some(59));
        assert_eq!(lines.admit(kind(), start + WINDOW), None);
        assert_eq!(lines.admit(kind(), start + 2 * WINDOW), Some(1));
    }

    struct Place;
    static KIND: Place = Place;
    impl tracing::Callsite for Place {
        fn set_interest(&self, _: tracing::subscriber::Interest) {}
        fn metadata(&self) -> &tracing::Metadata<'_> {
            unreachable!("nobody asks")
        }
    }

    /// Whether a terminal would act on it, or show what follows in another order.
    fn is_hostile(c: char) -> bool {
        c.is_control()
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2066}'..='\u{2069}').contains(&c)
            || matches!(
                c,
                '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}' | '\u{2029}' | '\u{feff}'
            )
    }

    proptest! {
        #[test]
        fn no_text_of_others_moves_the_cursor_or_makes_a_second_line(
            text in prop_oneof![any::<String>(), "[\\x00-\\x1f\\x7f-\\u{9f}\u{202a}-\u{202e}\u{2066}-\u{2069}\\\\'\"a]{0,40}"],
        ) {
            let log = logged(|| tracing::warn!(name = %text, "a name: {text}"));
            prop_assert_eq!(log.lines().count(), 1);
            let line = log.trim_end_matches('\n');
            prop_assert!(!line.contains(is_hostile), "{:?}", line);
        }
    }

    #[test]
    fn a_filter_that_is_none_is_said_to_be_none() {
        assert!(filter("info").is_ok() && filter("sapwood_node=debug,warn").is_ok());
        assert!(filter("sapwood=[").unwrap_err().contains("log filter"));
    }
}
