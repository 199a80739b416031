//! Work on several threads whose result does not show how many there were.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One result a thread, in no order that means anything.
pub(super) fn each<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    if threads <= 1 {
        return vec![work()];
    }
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(&work)).collect();
        let mut results = vec![work()];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

/// Cuts `0..count` into pieces of `step` and gives the results in their order.
pub(super) fn chunks<T: Send>(
    count: usize,
    step: usize,
    threads: usize,
    work: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let pieces = count.div_ceil(step);
    let counter = AtomicUsize::new(0);
    let results = each(threads.min(pieces), || {
        let mut own = Vec::new();
        while let Some(range) = next(&counter, step, count) {
            own.push((range.start, work(range)));
        }
        own
    });
    let mut all: Vec<(usize, T)> = results.into_iter().flatten().collect();
    all.sort_by_key(|(start, _)| *start);
    all.into_iter().map(|(_, result)| result).collect()
}

/// Takes the next numbers from a counter, `step` at a time, until there are none.
pub(super) fn next(counter: &AtomicUsize, step: usize, end: usize) -> Option<Range<usize>> {
    let from = counter.fetch_add(step, Ordering::Relaxed);
    (from < end).then(|| from..end.min(from.saturating_add(step)))
}
