//! JSON schemas of the values that stand in JSON, as their `serde` forms are.

use crate::name::MAX_LEN;
use crate::{AccountId, Amount, AuthorityHash, BlockId, Commitment, Hash, Height, Name, TxId};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

macro_rules! schemas {
    ($($name:ident => $schema:tt;)*) => {$(
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    )*};
}

schemas! {
    Amount => {
        "type": "integer",
        "minimum": 0,
        "maximum": Amount::SUPPLY.drops(),
        "description": "Drops; 100,000,000 are one sap."
    };
    Height => {
        "type": "integer",
        "minimum": 0,
        "maximum": (1_u64 << 53) - 1,
        "description": "Distance from the genesis block."
    };
    Name => {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_LEN,
        "pattern": "^[a-z0-9-]+$",
        "description": "A name without the suffix (specs/06 §1)."
    };
    Hash => { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "A hash." };
    BlockId => { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Id of a block." };
    TxId => { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Id of a transaction." };
    AccountId => { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Id of an account." };
    AuthorityHash => { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Hash of who may sign for an account." };
    Commitment => { "type": "string", "pattern": "^[0-9a-f]{64}$", "description": "A commitment to a name." };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn values_at_the_bounds_of_their_schema_are_read_and_the_next_ones_are_not() {
        let read = |of: Schema, next: bool| {
            let most = of.get("maximum").unwrap().as_u64().unwrap();
            (most + u64::from(next)).to_string()
        };
        let mut generator = SchemaGenerator::default();
        let amount = Amount::json_schema(&mut generator);
        assert!(serde_json::from_str::<Amount>(&read(amount.clone(), false)).is_ok());
        assert!(serde_json::from_str::<Amount>(&read(amount, true)).is_err());
        let height = Height::json_schema(&mut generator);
        assert!(serde_json::from_str::<Height>(&read(height.clone(), false)).is_ok());
        assert!(serde_json::from_str::<Height>(&read(height, true)).is_err());
    }
}
