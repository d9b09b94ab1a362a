//! The program: hands the arguments to the commands and gives the exit code; nothing else.

use std::process::ExitCode;

/// Memory is given out by a library that lets go of it again: the practice cluster makes and forgets many small pieces.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ExitCode::from(care_install::command::run(std::env::args_os()) as u8)
}
