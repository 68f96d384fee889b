//! The `masker-voice` program: replays a recorded call.

use std::process::ExitCode;

fn main() -> ExitCode {
    masker::cli::voice::run()
}
