//! Reading of specs/vectors: cases of a list, fields of a case. The forms are those of specs/vectors/README.md.

use std::path::Path;
use std::str::FromStr;

use sapwood_primitives::Amount;
use serde_json::Value;

/// Text of a file under specs/vectors.
pub(crate) fn text(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs/vectors");
    std::fs::read_to_string(path.join(file)).unwrap()
}

/// The whole of a JSON file.
pub(crate) fn json(file: &str) -> Value {
    serde_json::from_str(&text(file)).unwrap()
}

/// The cases of one list of a file; a list without cases would test nothing.
pub(crate) fn cases(file: &str, list: &str) -> Vec<Value> {
    let cases = json(file)[list].as_array().unwrap().clone();
    assert!(!cases.is_empty(), "{file}: {list}");
    cases
}

/// A field that is text.
pub(crate) fn string<'a>(case: &'a Value, field: &str) -> &'a str {
    case[field]
        .as_str()
        .unwrap_or_else(|| panic!("no text {field} in {case}"))
}

/// A field that is bytes of any number.
pub(crate) fn bytes(case: &Value, field: &str) -> Vec<u8> {
    hex::decode(string(case, field)).unwrap()
}

/// A field that is `N` bytes.
pub(crate) fn array<const N: usize>(case: &Value, field: &str) -> [u8; N] {
    bytes(case, field).try_into().unwrap()
}

/// A number, written as one or as decimal text.
pub(crate) fn number<T: FromStr<Err: std::fmt::Debug>>(case: &Value, field: &str) -> T {
    let digits = match &case[field] {
        Value::String(digits) => digits.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("{field} is {other} in {case}"),
    };
    digits.parse().unwrap()
}

/// A number of drops.
pub(crate) fn amount(case: &Value, field: &str) -> Amount {
    Amount::from_drops(number(case, field)).unwrap()
}

/// Whether an option is present; a field that is missing is a mistake in the test.
pub(crate) fn is_some(case: &Value, field: &str) -> bool {
    !case.get(field).expect("the field is there").is_null()
}

/// An option of bytes.
pub(crate) fn optional_array<const N: usize>(case: &Value, field: &str) -> Option<[u8; N]> {
    is_some(case, field).then(|| array(case, field))
}
