//! Measures the program against its budgets and prints one table; run by hand on an idle computer: `cargo bench`.
//!
//! A median over its budget, or a 99th percentile where that has one (keys), ends with exit code 1.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement that cannot go on stops with its own words, and its result is a table"
)]

mod console;
mod delay;
mod engine;
mod logs;
mod many;
mod practice;
mod program;
mod screens;
mod table;
mod terminal;
#[expect(
    dead_code,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "it is a part of the tests, which use the rest of it and play the world"
)]
#[path = "../../tests/it/testbed.rs"]
mod testbed;

use table::Table;

/// A part of the measurements, which adds its rows.
type Measure = fn(&mut Table);

fn main() {
    // `cargo bench -- practice` measures only that; cargo adds words of its own, which begin with a dash.
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let mut table = Table::default();
    let parts: [(&str, Measure); 8] = [
        ("screens", screens::measure),
        ("many", many::measure),
        ("logs", logs::measure),
        ("engine", engine::measure),
        ("program", program::measure),
        ("practice", practice::measure),
        ("console", console::measure),
        ("plane", console::measure_plane),
    ];
    for (name, measure) in parts {
        if chosen.is_empty() || chosen.iter().any(|word| word == name) {
            measure(&mut table);
        }
    }
    table.finish();
}
