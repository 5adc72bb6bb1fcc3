//! The words: BIP 39 in English, and the seed they give.
//!
//! [`Words`] is a phrase whose count, spelling and checksum have been verified, [`Seed`] what every
//! key comes from. Phrases of 12, 15, 18, 21 and 24 words are accepted, since people bring them
//! from elsewhere; new ones have 12 or 24.

use std::borrow::Cow;
use std::fmt;

use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

use super::scrub::scrubbed;

/// Longest part of an unknown word that an error repeats, in characters: no English word has more
/// than 8, and a pasted file must not fill the screen.
const SHOWN_CHARS: usize = 24;

/// The 64 bytes that BIP 39 makes of a phrase and its optional passphrase.
#[derive(Clone)]
pub struct Seed(Box<Zeroizing<[u8; 64]>>);

impl Seed {
    /// Takes bytes that were made elsewhere by the rules of BIP 39.
    pub fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(Box::new(Zeroizing::new(bytes)))
    }

    /// The bytes themselves, as the derivations take them.
    pub fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(redacted)")
    }
}

/// How many words a new phrase has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WordCount {
    /// 128 bits of entropy, about the strength of a secp256k1 key.
    Twelve,
    /// 256 bits of entropy.
    #[default]
    TwentyFour,
}

impl WordCount {
    /// Bytes of entropy that [`Words::from_entropy`] needs for such a phrase.
    pub const fn entropy_len(self) -> usize {
        match self {
            Self::Twelve => 16,
            Self::TwentyFour => 32,
        }
    }
}

/// Why a text is not a phrase of BIP 39.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseWords {
    /// The number of words is none of those that BIP 39 knows.
    #[error(
        "{found} words given, but a phrase has 12 or 24 (15, 18 and 21 are accepted too); count them again"
    )]
    Count {
        /// Words found in the text.
        found: usize,
    },
    /// A word is not in the English list.
    #[error(
        "word {position}, \"{word}\", is not in the English word list of BIP 39; check its spelling"
    )]
    Unknown {
        /// Place in the phrase, counted from 1 as on paper.
        position: usize,
        /// The word with unprintable characters escaped, cut after 24 characters.
        word: String,
    },
    /// All words are in the list, but they do not belong together.
    #[error(
        "the checksum of the words is wrong; a word is another one of the list, or two have changed places"
    )]
    Checksum,
    /// Entropy is not 16, 20, 24, 28 or 32 bytes long.
    #[error("{bytes} bytes of entropy do not make a phrase; 16 give 12 words and 32 give 24")]
    EntropyLength {
        /// Bytes given.
        bytes: usize,
    },
}

/// A phrase of BIP 39 that passed all of its checks.
#[derive(Clone, PartialEq, Eq)]
pub struct Words(Mnemonic);

impl Words {
    /// Reads a phrase as a person types it: any white space between words, capital letters, and any
    /// Unicode form whose NFKD (the form that BIP 39 asks for) is the word.
    ///
    /// # Errors
    /// Names the wrong count, the first unknown word with its position, or the checksum, in this
    /// order.
    pub fn parse(text: &str) -> Result<Self, ParseWords> {
        let mut plain = normalize(text);
        plain.make_ascii_lowercase();
        Mnemonic::parse_in_normalized(Language::English, &plain)
            .map(Self)
            .map_err(|error| match error {
                bip39::Error::BadWordCount(found) => ParseWords::Count { found },
                bip39::Error::UnknownWord(index) => ParseWords::Unknown {
                    position: index + 1,
                    word: shown(plain.split_whitespace().nth(index).unwrap_or_default()),
                },
                bip39::Error::InvalidChecksum
                | bip39::Error::BadEntropyBitCount(_)
                | bip39::Error::AmbiguousLanguages(_) => ParseWords::Checksum,
            })
    }

    /// A new phrase from the random source of the operating system.
    ///
    /// # Errors
    /// What the operating system answers if it has no random numbers.
    pub fn generate(count: WordCount) -> Result<Self, getrandom::Error> {
        let mut entropy = Zeroizing::new([0; 32]);
        let entropy = &mut entropy[..count.entropy_len()];
        getrandom::fill(entropy)?;
        Ok(Self::from_entropy(entropy).expect("the entropy has a length of BIP 39"))
    }

    /// The phrase of `entropy`, which must come from the operating system's random source or from
    /// an earlier phrase.
    ///
    /// # Errors
    /// [`ParseWords::EntropyLength`] unless there are 16, 20, 24, 28 or 32 bytes.
    pub fn from_entropy(entropy: &[u8]) -> Result<Self, ParseWords> {
        Mnemonic::from_entropy_in(Language::English, entropy)
            .map(Self)
            .map_err(|_| ParseWords::EntropyLength {
                bytes: entropy.len(),
            })
    }

    /// The bytes that the phrase spells, without its checksum.
    pub fn entropy(&self) -> Zeroizing<Vec<u8>> {
        let (array, len) = self.0.to_entropy_array();
        let array = Zeroizing::new(array);
        Zeroizing::new(array[..len].to_vec())
    }

    /// The words in their order, for showing them once or asking for some of them again.
    pub fn words(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.words()
    }

    /// The phrase on one line with single spaces.
    pub fn phrase(&self) -> Zeroizing<String> {
        // Reserved at once, because a string that grows leaves its earlier, shorter copies in
        // memory.
        let mut phrase = Zeroizing::new(String::with_capacity(
            self.words().map(|word| word.len() + 1).sum(),
        ));
        for (index, word) in self.words().enumerate() {
            if index > 0 {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// The seed of these words and `passphrase`; without a passphrase BIP 39 uses the empty one. A
    /// wrong passphrase is no error: it gives another, empty wallet.
    pub fn seed(&self, passphrase: &str) -> Seed {
        scrubbed(|| Seed::from_bytes(self.0.to_seed_normalized(&normalize(passphrase))))
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Words(redacted)")
    }
}

/// `text` in Unicode's NFKD, so that one password typed on two systems is the same bytes.
pub(crate) fn normalize(text: &str) -> Zeroizing<String> {
    let mut form = Cow::Borrowed(text);
    Mnemonic::normalize_utf8_cow(&mut form);
    Zeroizing::new(form.into_owned())
}

fn shown(word: &str) -> String {
    let mut shown: String = word
        .chars()
        .take(SHOWN_CHARS)
        .flat_map(char::escape_debug)
        .collect();
    if word.chars().nth(SHOWN_CHARS).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    const ABOUT: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    #[test]
    fn white_space_capitals_and_compatibility_forms_give_the_same_words() {
        let plain = Words::parse(ABOUT).unwrap();
        let wide: String = ABOUT
            .chars()
            .map(|c| if c == ' ' { '\u{3000}' } else { fullwidth(c) })
            .collect();
        for variant in [
            format!("\t{}\r\n", ABOUT.replace(' ', " \n ")),
            ABOUT.to_uppercase(),
            wide,
        ] {
            assert_eq!(Words::parse(&variant).unwrap(), plain, "{variant:?}");
        }
    }

    fn fullwidth(c: char) -> char {
        char::from_u32(c as u32 - 'a' as u32 + 0xff41).unwrap()
    }

    #[test]
    fn composed_and_decomposed_passphrases_give_the_same_seed() {
        let words = Words::parse(ABOUT).unwrap();
        let composed = words.seed("caf\u{e9} \u{fb01}");
        assert_eq!(composed.as_bytes(), words.seed("cafe\u{301} fi").as_bytes());
        assert_ne!(composed.as_bytes(), words.seed("cafe fi").as_bytes());
    }

    #[test]
    fn every_count_but_those_of_the_standard_is_refused_with_its_number() {
        for found in (0..40).filter(|n| ![12, 15, 18, 21, 24].contains(n)) {
            let text = vec!["abandon"; found].join(" ");
            assert_eq!(Words::parse(&text), Err(ParseWords::Count { found }));
        }
    }

    #[test]
    fn an_unknown_word_is_named_with_its_position_on_paper() {
        let error = Words::parse(&ABOUT.replacen("abandon", "abadnon", 1)).unwrap_err();
        assert_eq!(
            error,
            ParseWords::Unknown {
                position: 1,
                word: "abadnon".into()
            }
        );
        let french = ABOUT.replace("about", "abaisser");
        assert!(
            Words::parse(&french)
                .unwrap_err()
                .to_string()
                .contains("word 12, \"abaisser\"")
        );
    }

    #[test]
    fn an_unknown_word_cannot_write_escapes_or_pages_to_the_terminal() {
        for hostile in ["\u{1b}[2J", &"x".repeat(100_000)] {
            let text = ABOUT.replace("about", hostile);
            let message = Words::parse(&text).unwrap_err().to_string();
            assert!(
                message.len() < 300 && !message.contains('\u{1b}'),
                "{message}"
            );
        }
    }

    #[test]
    fn a_changed_or_moved_word_fails_the_checksum() {
        let wrong_last = ABOUT.replace("about", "abandon");
        let moved = ABOUT
            .replacen("abandon abandon", "abandon about", 1)
            .replace(" abandon about", " abandon abandon");
        for text in [wrong_last, moved] {
            assert_eq!(Words::parse(&text), Err(ParseWords::Checksum), "{text}");
        }
    }

    #[test]
    fn new_phrases_have_the_count_asked_for_and_never_repeat() {
        for (count, words) in [(WordCount::Twelve, 12), (WordCount::TwentyFour, 24)] {
            let phrase = Words::generate(count).unwrap();
            assert_eq!(phrase.words().count(), words);
            assert_eq!(Words::parse(&phrase.phrase()).unwrap(), phrase);
            assert_ne!(Words::generate(count).unwrap(), phrase);
        }
    }

    #[test]
    fn entropy_of_any_other_length_is_refused() {
        for bytes in (0..=64).filter(|n| ![16, 20, 24, 28, 32].contains(n)) {
            let result = Words::from_entropy(&vec![7; bytes]);
            assert_eq!(result, Err(ParseWords::EntropyLength { bytes }));
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let words = Words::parse(ABOUT).unwrap();
        assert_eq!(
            format!("{words:?} {:?}", words.seed("")),
            "Words(redacted) Seed(redacted)"
        );
    }
}
