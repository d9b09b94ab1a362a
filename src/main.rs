//! The program: hands the arguments to the commands and gives the exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(care_install::command::run(std::env::args_os()) as u8)
}
