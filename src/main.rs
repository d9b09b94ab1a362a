//! The program: reads the arguments, starts the log, chooses a face and gives the exit code.

fn main() {}
