//! The actions of a transaction, kept as they came.

use crate::codec::TooMany;
use crate::transaction::Action;
use parity_scale_codec::{Compact, Decode, Encode, Error, Input, Output};
use std::fmt;

/// Actions that one transaction may hold: enough for a wallet's batch, few enough to check at once.
pub const MAX_ACTIONS: usize = 16;

/// At most sixteen actions: their encoding, checked when it was made, from which they are read again when they are asked for.
///
/// As values they would take up to 72 times their bytes, and a block is full of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Actions(Box<[u8]>);

impl Actions {
    /// Takes the actions if there are at most [`MAX_ACTIONS`].
    ///
    /// # Errors
    /// [`TooMany`] otherwise.
    pub fn new(actions: Vec<Action>) -> Result<Self, TooMany> {
        if actions.len() > MAX_ACTIONS {
            return Err(TooMany {
                len: actions.len(),
                max: MAX_ACTIONS,
            });
        }
        Ok(Self(actions.encode().into()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        usize::from(self.0[0] >> 2)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The actions, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Action> + '_ {
        let mut rest = &self.0[1..];
        (0..self.len()).map(move |_| Action::decode(&mut rest).expect("checked when it was made"))
    }
}

impl Default for Actions {
    fn default() -> Self {
        Self(Box::new([0]))
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Encode for Actions {
    fn size_hint(&self) -> usize {
        self.0.len()
    }
    fn encode_to<O: Output + ?Sized>(&self, out: &mut O) {
        out.write(&self.0);
    }
}

impl Decode for Actions {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let count = Compact::<u32>::decode(input)?;
        if count.0 as usize > MAX_ACTIONS {
            return Err("list is longer than its bound".into());
        }
        input.descend_ref()?;
        // So small a count takes one byte, which `len` relies on.
        let mut bytes = count.encode();
        for _ in 0..count.0 {
            let before = bytes.len();
            Action::decode(input)?.encode_to(&mut bytes);
            input.on_before_alloc_mem(bytes.len() - before)?;
        }
        input.ascend_ref();
        Ok(Self(bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    fn mixed() -> Vec<Action> {
        vec![
            Action::PendingCancel,
            Action::NameTransferFinish {
                name: "alice".parse().unwrap(),
            },
            Action::LimitRemove,
        ]
    }

    #[test]
    fn what_was_put_in_comes_out_in_order_and_encodes_as_a_list() {
        let actions = Actions::new(mixed()).unwrap();
        assert_eq!(actions.iter().collect::<Vec<_>>(), mixed());
        assert_eq!((actions.len(), actions.is_empty()), (3, false));
        assert_eq!(actions.encode(), mixed().encode());
        assert_eq!(
            Actions::decode(&mut &actions.encode()[..]).as_ref(),
            Ok(&actions)
        );
        assert_eq!(format!("{actions:?}"), format!("{:?}", mixed()));
        assert!(Actions::default().is_empty());
        assert_eq!(Actions::default().encode(), [0]);
    }

    #[test]
    fn sixteen_are_the_most() {
        let many = |count| vec![Action::PendingCancel; count];
        assert_eq!(Actions::new(many(16)).unwrap().len(), 16);
        assert_eq!(Actions::new(many(17)), Err(TooMany { len: 17, max: 16 }));
        assert!(Actions::decode(&mut &many(16).encode()[..]).is_ok());
        assert!(Actions::decode(&mut &many(17).encode()[..]).is_err());
        assert!(Actions::decode(&mut &many(16).encode()[..16]).is_err());
    }
}
