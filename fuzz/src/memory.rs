//! Counts what the current thread has on the heap, for the whole program that links this crate.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with a count for each thread.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    /// Bytes asked for and not given back since the count began. Below zero if older ones were given back.
    static NOW: Cell<isize> = const { Cell::new(0) };
    /// The most that [`NOW`] has been.
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(change: isize) {
    // A thread that ends has no counters any more.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + change);
        PEAK.try_with(|peak| peak.set(peak.get().max(now.get())))
    });
}

fn size(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

#[allow(
    unsafe_code,
    reason = "the trait of allocators is unsafe; every call is handed on unchanged"
)]
// SAFETY: each function hands its arguments to the system's allocator and gives back what that gave. Counting touches two thread-local cells, which neither allocate nor
// panic: they are initialised at compile time and have no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size(layout.size()));
        // SAFETY: the caller keeps to the contract of `alloc`, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(size(layout.size()));
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-size(layout.size()));
        // SAFETY: the caller got the pointer from this allocator with this layout, so `System` did hand it out with it.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Old and new block may stand side by side while one is copied to the other.
        count(size(new_size));
        count(-size(layout.size()));
        // SAFETY: as in `dealloc`; `new_size` is the caller's.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}

/// The most bytes that `work` had on the heap at once, beyond what was there before.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    NOW.set(0);
    PEAK.set(0);
    let result = work();
    let peak = usize::try_from(PEAK.get()).unwrap_or(0);
    (result, peak)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same sums by hand, for a program of allocations.
    #[test]
    fn the_peak_is_the_greatest_sum_of_what_is_held_at_once() {
        let bytes = |count| Vec::<u8>::with_capacity(count);
        assert_eq!(peak_of(|| ()).1, 0);
        assert_eq!(peak_of(|| drop(bytes(1_000))).1, 1_000);
        let one_after_the_other = || {
            drop(bytes(700));
            drop(bytes(500));
        };
        assert_eq!(peak_of(one_after_the_other).1, 700);
        assert_eq!(peak_of(|| (bytes(700), bytes(500))).1, 1_200);
        let (_, grown) = peak_of(|| {
            let mut grown = bytes(300);
            grown.reserve_exact(900);
            grown
        });
        assert_eq!(grown, 1_200);
        let zeroed = peak_of(|| vec![0u8; 4_096]).1;
        assert_eq!(zeroed, 4_096);
    }

    #[test]
    fn what_another_thread_takes_and_what_was_there_before_is_not_counted() {
        let before = Vec::<u8>::with_capacity(10_000);
        let (_, peak) = peak_of(move || {
            drop(before);
            drop(Vec::<u8>::with_capacity(100));
        });
        assert_eq!(peak, 0);
        let thread = std::thread::spawn(|| drop(Vec::<u8>::with_capacity(1 << 20)));
        let (ended, peak) = peak_of(|| thread.join());
        assert!(ended.is_ok() && peak < 1 << 20, "{peak}");
    }
}
