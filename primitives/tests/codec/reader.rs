//! What the reader enforces for types that would allow more (specs/01 §1.2).

use parity_scale_codec::{Decode, Encode, Error, Input};
use sapwood_primitives::codec::{Bounded, Item, Malformed, Wire, read};

/// A truth value that takes every byte but 0 for true, as a careless decoder would.
#[derive(Debug, PartialEq, Encode)]
struct Careless(bool);

impl Decode for Careless {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(Self(input.read_byte()? != 0))
    }
}

impl Wire for Careless {
    const MAX_BYTES: usize = 1;
}

#[test]
fn a_value_is_read_from_its_own_encoding_only() {
    assert_eq!(read(&[0]), Ok(Careless(false)));
    assert_eq!(read(&[1]), Ok(Careless(true)));
    for byte in 2..=255 {
        assert_eq!(read::<Careless>(&[byte]), Err(Malformed::NonCanonical));
    }
}

/// Lists in lists, as many levels as a test asks for.
#[derive(Debug, PartialEq, Encode)]
struct Level<T>(Bounded<T, 1>);

impl<T: Item> Decode for Level<T> {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Bounded::decode(input).map(Self)
    }
}

impl<T: Item> Item for Level<T> {
    const MIN_BYTES: usize = 1;
}

type Four<T> = Level<Level<Level<Level<T>>>>;
type Eight = Four<Four<u8>>;
type Nine = Level<Eight>;

impl Wire for Eight {
    const MAX_BYTES: usize = 16;
}

impl Wire for Nine {
    const MAX_BYTES: usize = 16;
}

#[test]
fn values_nest_eight_levels_deep_and_no_deeper() {
    let mut bytes = vec![1 << 2; 8];
    bytes.push(42);
    assert!(read::<Eight>(&bytes).is_ok());
    bytes.insert(0, 1 << 2);
    assert!(read::<Nine>(&bytes).is_err());
}
