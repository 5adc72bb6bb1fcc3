//! The one gate to the terminal: whatever a command prints goes through here, so that no text of others moves the cursor, hides or reorders what stands beside it.
//!
//! Commands escape foreign text where they put it into a sentence, which looks better; this is what holds if one forgets to.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a terminal would do something else with it than show it: control characters, and what has no glyph or changes the order of others.
fn is_hostile(c: char) -> bool {
    match c {
        '\'' | '"' | '\\' => false,
        ' '..='~' => false,
        c => c.escape_debug().len() > 1,
    }
}

/// Text for a terminal. Line ends and tabs stay.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    replaced(text, |c, safe| safe.extend(c.escape_debug()))
}

/// JSON that says the same: within strings, which is where such characters stand, JSON has an escape for each.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    replaced(text, |c, safe| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string does not fail.
            let _ = write!(safe, "\\u{unit:04x}");
        }
    })
}

fn replaced(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let is_plain = |c: char| matches!(c, '\n' | '\t') || !is_hostile(c);
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_plain(c) {
            true => safe.push(c),
            false => escape(c, &mut safe),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Said without Rust's tables: control characters, the marks of direction, line and paragraph separators, what is invisible.
    fn is_known_to_be_hostile(c: char) -> bool {
        let is_line_end = matches!(c, '\n' | '\t');
        (c.is_control() && !is_line_end)
            || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0001}'..='\u{e007f}')
    }

    fn any_text() -> impl Strategy<Value = String> {
        let nasty = prop::sample::select(vec![
            '\u{1b}',
            '\u{9b}',
            '\u{7f}',
            '\0',
            '\r',
            '\u{8}',
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{feff}',
            '\u{e0041}',
            '\\',
            '"',
            '…',
            'é',
            '🌲',
            'a',
        ]);
        prop_oneof![
            any::<String>(),
            prop::collection::vec(nasty, 0..40).prop_map(String::from_iter),
        ]
    }

    proptest! {
        #[test]
        fn no_text_acts_on_a_terminal(given in any_text()) {
            let safe = text(&given);
            prop_assert!(!safe.contains(is_known_to_be_hostile), "{:?}", safe);
            prop_assert_eq!(text(&safe), safe.clone());
        }

        #[test]
        fn json_is_harmless_and_says_the_same(given in any_text()) {
            let value = serde_json::json!({ "text": given, "list": [given] });
            for printed in [value.to_string(), format!("{value:#}")] {
                let safe = json(&printed);
                prop_assert!(!safe.contains(is_known_to_be_hostile), "{:?}", safe);
                let read: serde_json::Value = serde_json::from_str(&safe).map_err(|e| TestCaseError::fail(e.to_string()))?;
                prop_assert_eq!(&read, &value);
            }
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for plain in [
            "alice.leaf.alt\t300\tA\n",
            "größer … 🌲 'x' \"y\" C:\\z",
            "漢字 ё",
        ] {
            assert!(matches!(text(plain), Cow::Borrowed(_)), "{plain}");
        }
        assert_eq!(text("a\u{1b}[2Jb\r\u{202e}"), "a\\u{1b}[2Jb\\r\\u{202e}");
    }
}
