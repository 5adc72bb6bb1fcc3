//! Panics of the database, which a damaged file can cause, as values: without words on stderr, and without ending the process.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether a panic of this thread is expected and says nothing.
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
}

/// Does `work` and gives its result, or none if it panicked on this thread. What it had in hand must not be used further then.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panic| {
            if !EXPECTED.get() {
                usual(panic);
            }
        }));
    });
    let before = EXPECTED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    EXPECTED.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_none_and_the_next_one_outside_is_heard() {
        assert_eq!(contained(|| 7), Some(7));
        assert_eq!(contained(|| -> u8 { panic!("expected") }), None);
        let nested = contained(|| contained(|| -> u8 { panic!("expected") }));
        assert_eq!(nested, Some(None));
        assert!(!EXPECTED.get());
    }
}
