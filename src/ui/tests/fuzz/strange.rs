//! Strange texts: escape codes, invalid and wide signs, signs without width, and lots of it.

use rand::{RngExt as _, rngs::StdRng};

const PIECES: &[&str] = &[
    "care",
    " ",
    "st-marys",
    "10.0.0.1",
    "2026-11-24 10:00:00",
    "10:00 to 10:30",
    "3",
    "\u{1b}[31m",
    "\u{1b}]52;c;AAAA\u{7}",
    "\u{1b}[2J",
    "\u{0}",
    "\r\n",
    "\n",
    "\t",
    "\u{7f}",
    "\u{9b}1m",
    "e\u{301}\u{301}\u{301}",
    "\u{301}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "\u{2602}\u{fe0f}",
    "\u{1f1e9}\u{1f1ea}",
    "東京",
    "\u{200b}",
    "\u{202e}abc",
    "\u{ad}",
    "\u{feff}",
    "\u{fdfa}",
    "\u{fffd}",
    "\u{10ffff}",
    "%s%n",
    "../../etc",
    "-----BEGIN CERTIFICATE-----\n",
    "\u{3164}",
    "\u{1f3f4}\u{e0067}\u{e007f}",
    "ก็็็็็",
    "\u{2028}",
    "\u{85}",
    "'\"`$(x)",
    "{{x}}",
];

/// A text of a few pieces.
pub fn short(rng: &mut StdRng) -> String {
    let count = rng.random_range(0..6);
    (0..count).map(|_| piece(rng)).collect()
}

/// A text of any length, sometimes huge.
pub fn text(rng: &mut StdRng) -> String {
    match rng.random_range(0..60) {
        0 => piece(rng).repeat(rng.random_range(1_000..60_000)),
        1..5 => piece(rng).repeat(rng.random_range(10..2_000)),
        _ => short(rng),
    }
}

/// Bytes of a log, which may be no text at all.
pub fn bytes(rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.random_range(0..12) {
        match rng.random_range(0..10) {
            0 => bytes.extend((0..rng.random_range(0..40)).map(|_| rng.random::<u8>())),
            1 => bytes.extend(b"2026-11-24T10:00:00.000000000Z "),
            2 => bytes.extend(vec![b'x'; rng.random_range(0..3_000)]),
            _ => bytes.extend(short(rng).into_bytes()),
        }
        bytes.push(b'\n');
    }
    bytes
}

fn piece(rng: &mut StdRng) -> &'static str {
    PIECES[rng.random_range(0..PIECES.len())]
}

/// A letter.
pub fn letter(rng: &mut StdRng) -> char {
    match rng.random_range(0..4) {
        0 => piece(rng).chars().next().unwrap_or('a'),
        _ => char::from(rng.random_range(b' '..=b'~')),
    }
}
