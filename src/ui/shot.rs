//! A screen as text and as a picture, made from the same cells as the terminal's. Pure.

use std::fmt::Write;

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    style::Modifier,
};

use super::{Theme, draw, theme::rgb};
use crate::app::App;

fn render(app: &App, theme: Theme, (columns, rows): (u16, u16)) -> Buffer {
    // The test backend lives in memory: it cannot fail.
    let Ok(mut terminal) = Terminal::new(TestBackend::new(columns, rows));
    let Ok(_) = terminal.draw(|frame| draw(app, theme, frame));
    terminal.backend().buffer().clone()
}

/// The screen as lines of text.
pub fn shot(app: &App, theme: Theme, size: (u16, u16)) -> String {
    let buffer = render(app, theme, size);
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let line: String = cells(&buffer, y).map(|(_, cell)| cell.symbol()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The cells of a row; what a wide letter covers is left out.
fn cells(buffer: &Buffer, y: u16) -> impl Iterator<Item = (u16, &Cell)> {
    let mut covered = 0;
    (0..buffer.area.width).filter_map(move |x| {
        if covered > 0 {
            covered -= 1;
            return None;
        }
        let cell = buffer.cell((x, y))?;
        covered = crate::app::words::width(cell.symbol()).saturating_sub(1);
        Some((x, cell))
    })
}

const WIDE: u32 = 9;
const HIGH: u32 = 19;
const EDGE: u32 = 14;
const PAPER: &str = "#14181e";
const INK: &str = "#d5dae1";

/// The screen as an SVG picture.
pub fn svg(app: &App, theme: Theme, size: (u16, u16)) -> String {
    let buffer = render(app, theme, size);
    let width = u32::from(size.0) * WIDE + 2 * EDGE;
    let height = u32::from(size.1) * HIGH + 2 * EDGE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{PAPER}\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"15\" xml:space=\"preserve\">\n"
    );
    for y in 0..buffer.area.height {
        for run in runs(&buffer, y) {
            piece(&mut out, &run, y);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

/// Neighbouring cells that look alike.
struct Run {
    x: u16,
    columns: u32,
    text: String,
    ink: &'static str,
    paper: Option<&'static str>,
    bold: bool,
}

fn runs(buffer: &Buffer, y: u16) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (x, cell) in cells(buffer, y) {
        let ink = rgb(cell.fg).unwrap_or(INK);
        let reversed = cell.modifier.contains(Modifier::REVERSED);
        let (ink, paper) = if reversed {
            (PAPER, Some(ink))
        } else {
            (ink, rgb(cell.bg))
        };
        let bold = cell.modifier.contains(Modifier::BOLD);
        let columns = u32::try_from(crate::app::words::width(cell.symbol())).unwrap_or(1);
        match runs.last_mut() {
            Some(run) if (run.ink, run.paper, run.bold) == (ink, paper, bold) => {
                run.text.push_str(cell.symbol());
                run.columns += columns;
            }
            _ => runs.push(Run {
                x,
                columns,
                text: cell.symbol().to_owned(),
                ink,
                paper,
                bold,
            }),
        }
    }
    runs
}

fn piece(out: &mut String, run: &Run, y: u16) {
    let left = u32::from(run.x) * WIDE + EDGE;
    let top = u32::from(y) * HIGH + EDGE;
    let width = run.columns * WIDE;
    // Writing to a string cannot fail.
    if let Some(paper) = run.paper {
        writeln!(
            out,
            "<rect x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{HIGH}\" fill=\"{paper}\"/>"
        )
        .ok();
    }
    if run.text.trim().is_empty() {
        return;
    }
    let weight = if run.bold {
        " font-weight=\"bold\""
    } else {
        ""
    };
    let text = run.text.replace('&', "&amp;").replace('<', "&lt;");
    let base = top + 14;
    writeln!(
        out,
        "<text x=\"{left}\" y=\"{base}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{weight}>{text}</text>",
        run.ink
    )
    .ok();
}
