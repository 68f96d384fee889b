//! Counts the steps of code that must run in linear time, so that tests can check it without a clock. Compiles to
//! nothing outside tests.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Adds `steps` steps.
#[inline]
pub(crate) fn steps(count: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + count);
    let _ = count;
}

/// Counts the steps that `run` takes on this thread.
#[cfg(test)]
pub(crate) fn of(run: impl FnOnce()) -> usize {
    let before = STEPS.get();
    run();
    STEPS.get() - before
}

/// Checks that four times the input takes about four times the steps.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_linear(small: usize, mut run: impl FnMut(usize)) {
    let (short, long) = (of(|| run(small)), of(|| run(4 * small)));
    // Quadratic code would take sixteen times as many.
    assert!(short > 0 && long < 6 * short, "{short} steps, then {long}");
}
