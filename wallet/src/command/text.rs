//! Text for people: foreign text made harmless, dates, durations, tables.

use std::fmt::Write as _;

use sapwood_primitives::name::NotAName;
use sapwood_primitives::{Amount, Height, Name};

/// Seconds in a day.
pub(crate) const DAY: u64 = 86_400;

/// Suffix of names in DNS (specs/07 §2.1).
pub(crate) const SUFFIX: &str = "leaf.alt";

/// A name as people type it: with or without the suffix and its last dot, in any case.
///
/// # Errors
/// Says which rule of specs/06 §1 it breaks.
pub fn parse_name(text: &str) -> Result<Name, NotAName> {
    let lower = text.to_ascii_lowercase();
    let without_dot = lower.strip_suffix('.').unwrap_or(&lower);
    let label = without_dot
        .strip_suffix(SUFFIX)
        .and_then(|rest| rest.strip_suffix('.'));
    label.unwrap_or(without_dot).parse()
}

/// Foreign text as it may be printed: whatever is not a visible character (control characters, line ends, marks that turn
/// the direction of writing) appears as `\u{…}`, and a backslash is doubled so that nothing can look like an escape.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' => safe.push(c),
            c => safe.extend(c.escape_debug()),
        }
    }
    safe
}

/// A moment as a date in UTC, `2027-11-20 13:05 UTC`.
pub(crate) fn date(seconds: u64) -> String {
    let (days, of_day) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let (hour, minute) = (of_day / 3600, of_day % 3600 / 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

/// Year, month and day of a number of days since 1970-01-01, counted in eras of 400 years that begin on a first of March.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// A duration in the largest unit that keeps it readable: `40 s`, `12 min`, `5 h`, `90 days`.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / DAY),
    }
}

/// Blocks as people count: `5 blocks, about 10 s`.
pub(crate) fn blocks(count: u64, block_time: u64) -> String {
    let noun = if count == 1 { "block" } else { "blocks" };
    format!(
        "{count} {noun}, about {}",
        duration(count.saturating_mul(block_time))
    )
}

/// Estimated moment of a height, from a block whose time is known.
pub(crate) fn moment_of(height: Height, known: Height, known_time: u64, block_time: u64) -> u64 {
    let ahead = height.since(known).saturating_mul(block_time);
    let behind = known.since(height).saturating_mul(block_time);
    known_time.saturating_add(ahead).saturating_sub(behind)
}

/// Lines of `label: value`, the values below each other. Values must be safe to print.
pub(crate) fn fields(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or(0) + 2;
    rows.iter().fold(String::new(), |mut out, (label, value)| {
        let _ = writeln!(out, "{:width$}{value}", format!("{label}:"));
        out
    })
}

/// Columns under headings, two spaces apart. Cells must be safe to print.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([headings[column].len()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut out = line(headings.to_vec());
    for row in rows {
        out += &line(row.iter().map(String::as_str).collect());
    }
    out
}

/// Drops as an amount; more than the supply (which no rule allows) shows as the supply.
pub(crate) fn amount(drops: u128) -> Amount {
    u64::try_from(drops)
        .ok()
        .and_then(|drops| Amount::from_drops(drops).ok())
        .unwrap_or(Amount::SUPPLY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_move_the_cursor_or_turn_the_text_is_shown_as_an_escape() {
        for (hostile, safe) in [
            ("a\u{1b}[2Jb", "a\\u{1b}[2Jb"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\u{202e}evil\u{2066}", "\\u{202e}evil\\u{2066}"),
            (
                "\u{200e}\u{9b}\u{2028}\u{feff}",
                "\\u{200e}\\u{9b}\\u{2028}\\u{feff}",
            ),
            (
                "back\\slash \"quoted\" it's",
                "back\\\\slash \"quoted\" it's",
            ),
            ("ümlaut 漢字", "ümlaut 漢字"),
        ] {
            assert_eq!(escape(hostile), safe);
        }
    }

    #[test]
    fn a_name_may_have_capitals_the_suffix_and_its_dot_and_nothing_else() {
        for text in [
            "alice",
            "Alice",
            "alice.leaf.alt",
            "ALICE.Leaf.Alt.",
            "alice.",
        ] {
            assert_eq!(
                parse_name(text).map(|name| name.to_string()),
                Ok("alice".into())
            );
        }
        for text in [
            "",
            ".",
            "leaf.alt",
            ".leaf.alt",
            "www.alice.leaf.alt",
            "alice.leaf.alt..",
            "alice.leaf",
            "aliceleaf.alt",
            "alice.leaf.alt.leaf.alt",
            " alice",
        ] {
            assert!(parse_name(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_767_225_600, "2026-01-01 00:00 UTC"),
            (1_835_481_599, "2028-02-29 23:59 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
            (4_107_542_400, "2100-03-01 00:00 UTC"),
        ] {
            assert_eq!(date(seconds), text);
        }
    }

    #[test]
    fn a_height_is_dated_from_both_sides() {
        let at = |height| moment_of(Height::new(height), Height::new(100), 1_000, 2);
        assert_eq!((at(90), at(100), at(110)), (980, 1_000, 1_020));
    }
}
