//! The `masker` program: parses the command line, runs the command, ends with its exit code.

use std::process::ExitCode;

/// A proxied request is a few hundred small allocations, many of them freed on another thread than they were made on:
/// the C library's allocator took a fifth of a request's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    masker::cli::run()
}
