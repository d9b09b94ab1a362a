//! The one place with colours and drawn signs: the terminal's own sixteen, or none at all.

use std::{borrow::Cow, fmt::Write};

use ratatui::{
    buffer::Cell,
    style::{Color, Modifier, Style},
};

use crate::app::words::Tone;

/// How things look.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    colours: Colours,
    signs: Signs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Colours {
    Sixteen,
    /// Every letter in the terminal's own, marked by weight and line only.
    Contrast,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signs {
    Drawn,
    Ascii,
}

impl Theme {
    /// The sixteen colours of the terminal, and drawn lines.
    pub fn colour() -> Self {
        Self {
            colours: Colours::Sixteen,
            signs: Signs::Drawn,
        }
    }

    /// No colour: every cell keeps the terminal's own, so that no colour command is ever sent.
    #[must_use]
    pub fn without_colour(self) -> Self {
        Self {
            colours: Colours::None,
            ..self
        }
    }

    /// The strongest contrast that the terminal has: its own two colours, with bold and underlined words.
    #[must_use]
    pub fn contrast(self) -> Self {
        Self {
            colours: Colours::Contrast,
            ..self
        }
    }

    /// Only ASCII characters, for serial lines.
    #[must_use]
    pub fn ascii(self) -> Self {
        Self {
            signs: Signs::Ascii,
            ..self
        }
    }

    /// Whether only ASCII characters are used.
    pub fn is_ascii(self) -> bool {
        self.signs == Signs::Ascii
    }

    /// Whether colours are used.
    pub fn has_colours(self) -> bool {
        self.colours == Colours::Sixteen
    }

    fn coloured(self, colour: Color, more: Modifier) -> Style {
        let style = Style::new().add_modifier(more);
        match self.colours {
            Colours::Sixteen => style.fg(colour),
            Colours::Contrast | Colours::None => style,
        }
    }

    /// How a tone looks.
    pub fn tone(self, tone: Tone) -> Style {
        let none = Modifier::empty();
        match tone {
            Tone::Warn | Tone::Bad if self.colours == Colours::Contrast => {
                Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
            }
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().add_modifier(Modifier::BOLD),
            Tone::Dim => self.coloured(Color::DarkGray, none),
            Tone::Good => self.coloured(Color::Green, none),
            Tone::Busy => self.coloured(Color::Cyan, none),
            Tone::Warn => self.coloured(Color::Yellow, Modifier::BOLD),
            Tone::Bad => self.coloured(Color::LightRed, Modifier::BOLD),
            Tone::Remedy => self.coloured(Color::LightBlue, none),
        }
    }

    /// The accent: headings of lists, keys.
    pub fn accent(self) -> Style {
        self.coloured(Color::Cyan, Modifier::BOLD)
    }

    /// Lines between regions.
    pub fn line(self) -> Style {
        self.coloured(Color::DarkGray, Modifier::empty())
    }

    /// The chosen row: reversed, so that it shows without colour, in one colour, so that it reads.
    pub fn chosen(self) -> Style {
        Style::new()
            .fg(Color::Reset)
            .bg(Color::Reset)
            .add_modifier(Modifier::REVERSED)
    }

    /// The place of the cursor in a line that is typed.
    pub fn cursor(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The word that says that nothing here is real.
    pub fn rehearsal(self) -> Style {
        self.coloured(Color::Magenta, Modifier::BOLD | Modifier::REVERSED)
    }

    /// Cells as the terminal has them.
    pub fn blank(self) -> Style {
        Style::reset()
    }

    fn sign(self, drawn: &'static str, ascii: &'static str) -> &'static str {
        match self.signs {
            Signs::Drawn => drawn,
            Signs::Ascii => ascii,
        }
    }

    /// A piece of a line from left to right.
    pub fn across(self) -> &'static str {
        self.sign("─", "-")
    }

    /// A piece of a line from top to bottom.
    pub fn upright(self) -> &'static str {
        self.sign("│", "|")
    }

    /// The corners of a card: top left, top right, bottom left, bottom right.
    pub fn corners(self) -> [&'static str; 4] {
        match self.signs {
            Signs::Drawn => ["╭", "╮", "╰", "╯"],
            Signs::Ascii => ["+", "+", "+", "+"],
        }
    }

    /// The full and the empty piece of a bar.
    pub fn bar(self) -> (&'static str, &'static str) {
        (self.sign("█", "#"), self.sign("░", "."))
    }

    /// More rows above, more rows below.
    pub fn arrows(self) -> (&'static str, &'static str) {
        (self.sign("↑", "^"), self.sign("↓", "v"))
    }

    /// More to the left, more to the right.
    pub fn sides(self) -> (&'static str, &'static str) {
        (self.sign("‹", "<"), self.sign("›", ">"))
    }

    /// Between two facts in a line.
    pub fn dot(self) -> &'static str {
        self.sign(" · ", " - ")
    }

    /// Where something was cut off.
    pub fn more(self) -> &'static str {
        self.sign("…", "~")
    }

    /// A hidden letter.
    pub fn hidden(self) -> char {
        match self.signs {
            Signs::Drawn => '•',
            Signs::Ascii => '*',
        }
    }

    /// A text as this terminal can show it: without control characters, on serial lines in ASCII.
    pub fn text(self, text: &str) -> Cow<'_, str> {
        let strange = |letter: char| match self.signs {
            Signs::Drawn => letter.is_control(),
            Signs::Ascii => !letter.is_ascii() || letter.is_ascii_control(),
        };
        if !text.chars().any(strange) {
            return Cow::Borrowed(text);
        }
        let letters = text.chars().map(|letter| match letter {
            '\t' => ' ',
            letter if !strange(letter) => letter,
            '·' | '–' | '—' => '-',
            '…' => '~',
            '’' | '‘' => '\'',
            '“' | '”' => '"',
            // Signs of a history, from low to high.
            '▁'..='█' => {
                char::from_digit(u32::from(letter) - u32::from('▁') + 1, 10).unwrap_or('?')
            }
            _ => '?',
        });
        Cow::Owned(letters.collect())
    }
}

/// The numbers of the command that makes a terminal draw a cell: marks, then the two colours of the sixteen.
pub fn codes(cell: &Cell) -> String {
    let mut codes = "0".to_owned();
    for (mark, number) in [
        (Modifier::BOLD, ";1"),
        (Modifier::UNDERLINED, ";4"),
        (Modifier::REVERSED, ";7"),
    ] {
        if cell.modifier.contains(mark) {
            codes.push_str(number);
        }
    }
    for (colour, base) in [(cell.fg, 30), (cell.bg, 40)] {
        if let Some(number) = number(colour) {
            // Bright ones stand sixty further.
            let number = base + if number < 8 { number } else { number + 52 };
            // Writing to a string cannot fail.
            write!(codes, ";{number}").ok();
        }
    }
    codes
}

/// The number of a colour among the sixteen; none for the terminal's own and for what is not one of them.
fn number(colour: Color) -> Option<u16> {
    const ALL: [Color; 16] = [
        Color::Black,
        Color::Red,
        Color::Green,
        Color::Yellow,
        Color::Blue,
        Color::Magenta,
        Color::Cyan,
        Color::Gray,
        Color::DarkGray,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
        Color::White,
    ];
    let place = ALL.iter().position(|known| *known == colour)?;
    u16::try_from(place).ok()
}

/// Red, green and blue, 0 to 255.
pub type Rgb = [u8; 3];

/// The terminal's own colours in the pictures for the documentation.
pub const PAPER: Rgb = [0x14, 0x18, 0x1e];
pub const INK: Rgb = [0xd5, 0xda, 0xe1];

/// A colour as the pictures for the documentation have it; none for the terminal's own.
pub fn rgb(colour: Color) -> Option<Rgb> {
    match colour {
        Color::Black => Some([0x1b, 0x20, 0x27]),
        Color::Red => Some([0xc2, 0x55, 0x4d]),
        Color::Green => Some([0x7b, 0xb2, 0x74]),
        Color::Yellow => Some([0xd8, 0xb2, 0x5a]),
        Color::Blue => Some([0x5c, 0x8f, 0xd6]),
        Color::Magenta => Some([0xb4, 0x8a, 0xd6]),
        Color::Cyan => Some([0x5f, 0xb8, 0xbd]),
        Color::Gray => Some([0xb9, 0xc0, 0xc9]),
        Color::DarkGray => Some([0x78, 0x82, 0x8f]),
        Color::LightRed => Some([0xf0, 0x74, 0x6a]),
        Color::LightGreen => Some([0x9a, 0xd5, 0x92]),
        Color::LightYellow => Some([0xf0, 0xd2, 0x7f]),
        Color::LightBlue => Some([0x8d, 0xb8, 0xf0]),
        Color::LightMagenta => Some([0xd3, 0xb0, 0xee]),
        Color::LightCyan => Some([0x8f, 0xdd, 0xe1]),
        Color::White => Some([0xff; 3]),
        Color::Reset | Color::Rgb(..) | Color::Indexed(_) => None,
    }
}
