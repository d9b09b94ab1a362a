//! The program: hands the arguments to the commands and gives the exit code; nothing else.

fn main() {}
