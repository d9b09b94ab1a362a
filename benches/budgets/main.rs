//! Measures the program against its budgets and prints one table; run by hand on an idle computer: `cargo bench`.
//!
//! A median over its budget ends with exit code 1.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot go on stops with its own words, and its result is a table"
)]

mod engine;
mod program;
mod screens;
mod table;

use table::Table;

fn main() {
    let mut table = Table::default();
    screens::measure(&mut table);
    engine::measure(&mut table);
    program::measure(&mut table);
    table.finish();
}
