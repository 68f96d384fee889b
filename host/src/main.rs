//! The `masker` program: parses the command line, runs the command and exits with its code.

use std::process::ExitCode;

/// A proxied request makes a few hundred small allocations, many of which are freed on another thread. The C library's
/// allocator took a fifth of a request's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    masker::cli::run()
}
