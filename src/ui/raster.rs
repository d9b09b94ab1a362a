//! A screen as a PNG picture, made from the same cells as the terminal's. Pure.

use std::collections::HashMap;

use ab_glyph::{Font, FontRef, GlyphId, InvalidFont, OutlinedGlyph, PxScale, point};
use ratatui::{buffer::Cell, style::Modifier};

use super::{
    Theme,
    shot::{cells, render},
    theme::{INK, PAPER, Rgb, rgb},
};
use crate::app::App;

/// A cell in pixels: twice what a terminal has, so that letters stay sharp on good displays.
const WIDE: usize = 18;
const HIGH: usize = 35;
/// The free edge in pixels.
const EDGE: usize = 24;
/// Steps from paper to ink: few, so that a picture needs few colours and stays small.
const STEPS: u8 = 15;

/// Why a picture could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Unpictured {
    /// The font in the program does not read.
    #[error("the font of the pictures is not readable")]
    Font(#[from] InvalidFont),
    /// The picture could not be put into its format.
    #[error("the picture could not be written")]
    Format(#[from] png::EncodingError),
}

/// The screen as a PNG picture.
///
/// # Errors
/// Only if the program itself was built wrong.
pub fn png(app: &App, theme: Theme, size: (u16, u16)) -> Result<Vec<u8>, Unpictured> {
    let buffer = render(app, theme, size);
    let fonts = Fonts::read()?;
    let mut paper = Paper::new(size);
    for y in 0..buffer.area.height {
        for (x, cell) in cells(&buffer, y) {
            paper.cell((x, y), cell, &fonts);
        }
    }
    Ok(paper.encode()?)
}

struct Fonts {
    regular: FontRef<'static>,
    bold: FontRef<'static>,
}

impl Fonts {
    fn read() -> Result<Self, InvalidFont> {
        Ok(Self {
            regular: FontRef::try_from_slice(dejavu::sans_mono::regular())?,
            bold: FontRef::try_from_slice(dejavu::sans_mono::bold())?,
        })
    }

    /// The letter at its place in a cell; none for blanks.
    fn outline(&self, letter: char, bold: bool) -> Option<OutlinedGlyph> {
        let font = if bold { &self.bold } else { &self.regular };
        let id = font.glyph_id(letter);
        let scale = scale(font, id);
        let rise = font.ascent_unscaled() / font.height_unscaled() * scale.y;
        font.outline_glyph(id.with_scale_and_position(scale, point(0.0, rise)))
    }
}

/// So that a letter fills its cell exactly and drawn lines meet.
fn scale(font: &FontRef<'_>, id: GlyphId) -> PxScale {
    let advance = font.h_advance_unscaled(id) / font.height_unscaled();
    #[expect(clippy::cast_precision_loss, reason = "a few pixels")]
    let (wide, high) = (WIDE as f32, HIGH as f32);
    let x = if advance > 0.0 { wide / advance } else { high };
    PxScale { x, y: high }
}

/// The pixels, as numbers of colours.
struct Paper {
    columns: usize,
    rows: usize,
    pixels: Vec<u8>,
    colours: Vec<Rgb>,
    known: HashMap<Rgb, u8>,
}

impl Paper {
    fn new((columns, rows): (u16, u16)) -> Self {
        let columns = usize::from(columns) * WIDE + 2 * EDGE;
        let rows = usize::from(rows) * HIGH + 2 * EDGE;
        let mut paper = Self {
            columns,
            rows,
            pixels: vec![0; columns * rows],
            colours: Vec::new(),
            known: HashMap::new(),
        };
        paper.number(PAPER);
        paper
    }

    /// The number of a colour; a colour too many becomes the first one, the paper's.
    fn number(&mut self, colour: Rgb) -> u8 {
        if let Some(number) = self.known.get(&colour) {
            return *number;
        }
        let Ok(number) = u8::try_from(self.colours.len()) else {
            return 0;
        };
        self.colours.push(colour);
        self.known.insert(colour, number);
        number
    }

    fn cell(&mut self, (x, y): (u16, u16), cell: &Cell, fonts: &Fonts) {
        let (ink, paper) = inks(cell);
        let columns = crate::app::words::width(cell.symbol()).max(1);
        let corner = (
            usize::from(x) * WIDE + EDGE,
            usize::from(y) * HIGH + EDGE,
            columns * WIDE,
        );
        if paper != PAPER {
            let number = self.number(paper);
            self.fill(corner, number);
        }
        let bold = cell.modifier.contains(Modifier::BOLD);
        for letter in cell.symbol().chars() {
            let Some(outline) = fonts.outline(letter, bold) else {
                continue;
            };
            let shades: Vec<u8> = (0..=STEPS)
                .map(|step| self.number(between(paper, ink, step)))
                .collect();
            self.letter(corner, &outline, &shades);
        }
    }

    fn fill(&mut self, (left, top, wide): (usize, usize, usize), number: u8) {
        for row in top..top + HIGH {
            let from = row * self.columns + left;
            if let Some(line) = self.pixels.get_mut(from..from + wide) {
                line.fill(number);
            }
        }
    }

    fn letter(&mut self, corner: (usize, usize, usize), outline: &OutlinedGlyph, shades: &[u8]) {
        let (left, top, wide) = corner;
        let bounds = outline.px_bounds();
        outline.draw(|x, y, cover| {
            #[expect(clippy::cast_possible_truncation, reason = "a few pixels")]
            let at = |start: f32, more: u32| usize::try_from(start as i64 + i64::from(more));
            let (Ok(x), Ok(y)) = (at(bounds.min.x, x), at(bounds.min.y, y)) else {
                return;
            };
            // What leans out of its cell is cut, as in a terminal.
            if x >= wide || y >= HIGH {
                return;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "from 0 to the number of steps"
            )]
            let step = (cover.clamp(0.0, 1.0) * f32::from(STEPS)).round() as usize;
            let place = (top + y) * self.columns + left + x;
            if let (Some(pixel), Some(shade)) = (self.pixels.get_mut(place), shades.get(step))
                && step > 0
            {
                *pixel = *shade;
            }
        });
    }

    fn encode(&self) -> Result<Vec<u8>, png::EncodingError> {
        let side = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, side(self.columns), side(self.rows));
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(self.colours.concat());
        encoder.set_compression(png::Compression::High);
        // Numbers of colours have no neighbours to be guessed from.
        encoder.set_filter(png::Filter::NoFilter);
        encoder.write_header()?.write_image_data(&self.pixels)?;
        Ok(out)
    }
}

/// Ink and paper of a cell.
fn inks(cell: &Cell) -> (Rgb, Rgb) {
    let ink = rgb(cell.fg).unwrap_or(INK);
    if cell.modifier.contains(Modifier::REVERSED) {
        (PAPER, ink)
    } else {
        (ink, rgb(cell.bg).unwrap_or(PAPER))
    }
}

/// A colour so many steps from the paper to the ink.
fn between(paper: Rgb, ink: Rgb, step: u8) -> Rgb {
    let (step, all) = (u32::from(step), u32::from(STEPS));
    let mix = |paper: u8, ink: u8| {
        let sum = u32::from(paper) * (all - step) + u32::from(ink) * step;
        u8::try_from(sum / all).unwrap_or(ink)
    };
    [
        mix(paper[0], ink[0]),
        mix(paper[1], ink[1]),
        mix(paper[2], ink[2]),
    ]
}

/// The words of `render` drawn large enough to be read are tested where the pictures are made: `tests/it/pictures.rs`.
#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::buffer::Buffer;

    use crate::app::fixture;

    fn decoded(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
        let decoder = png::Decoder::new(std::io::Cursor::new(bytes));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let info = reader.info();
        (info.width, info.height, pixels)
    }

    #[test]
    fn a_picture_has_the_size_of_its_cells_and_more_than_paper() {
        let app = fixture::welcome();
        let (wide, high, pixels) = decoded(&png(&app, Theme::colour(), (80, 24)).unwrap());
        assert_eq!((wide, high), (80 * 18 + 48, 24 * 35 + 48));
        let inked = pixels.iter().filter(|pixel| **pixel != 0).count();
        assert!(inked > 5_000, "{inked}");
    }

    #[test]
    fn every_sign_of_the_themes_is_in_the_font() {
        let fonts = Fonts::read().unwrap();
        let theme = Theme::colour();
        let (full, empty) = theme.bar();
        let signs = [theme.across(), theme.upright(), full, empty, theme.more()];
        let signs = signs.into_iter().chain(theme.corners());
        for letter in signs.flat_map(str::chars).chain([theme.hidden()]) {
            let id = fonts.regular.glyph_id(letter);
            assert_ne!(id.0, 0, "{letter}");
        }
    }

    #[test]
    fn a_drawn_line_has_no_gap_between_cells() {
        let mut buffer = Buffer::empty(ratatui::layout::Rect::new(0, 0, 3, 1));
        buffer.set_string(0, 0, "───", ratatui::style::Style::new());
        let fonts = Fonts::read().unwrap();
        let mut paper = Paper::new((3, 1));
        for (x, cell) in cells(&buffer, 0) {
            paper.cell((x, 0), cell, &fonts);
        }
        let whole = paper.pixels.chunks(paper.columns).any(|row| {
            let line = &row[EDGE..EDGE + 3 * WIDE];
            line.iter().all(|pixel| *pixel != 0)
        });
        assert!(whole, "no row of pixels goes through all three cells");
    }
}
