//! How the screens look on this terminal: what was asked for, and what its name says about it. Pure.

use crate::{
    cli::LookArgs,
    tui::{Line, Look},
    ui::Theme,
};

/// Families of terminals that draw lines and know sixteen colours.
const KNOWN: &[&str] = &[
    "xterm",
    "screen",
    "tmux",
    "linux",
    "rxvt",
    "konsole",
    "gnome",
    "vte",
    "alacritty",
    "kitty",
    "wezterm",
    "foot",
    "st",
    "putty",
    "mintty",
    "cygwin",
    "iterm",
    "nsterm",
    "ghostty",
    "contour",
    "mlterm",
    "eterm",
    "zellij",
    "rio",
    "ms-terminal",
    "teraterm",
    "konsole",
    "sun-color",
    "cons25",
    "terminator",
    "terminology",
];

/// How the screens look: on a terminal that nobody knows without colours and in ASCII, which every terminal can.
pub fn look(asked: LookArgs, term: &str, no_color: bool) -> Look {
    let basic = !is_known(term);
    let mut theme = Theme::colour();
    if asked.ascii || asked.needs.serial || basic {
        theme = theme.ascii();
    }
    if asked.needs.contrast {
        theme = theme.contrast();
    }
    if asked.no_colour || no_color || basic {
        theme = theme.without_colour();
    }
    let line = if asked.needs.serial {
        Line::Serial
    } else {
        Line::Fast
    };
    Look { theme, line }
}

fn is_known(term: &str) -> bool {
    let term = term.to_ascii_lowercase();
    term.contains("color")
        || KNOWN.iter().any(|known| {
            let rest = term.strip_prefix(known);
            rest.is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_lowercase()))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::NeedArgs;

    const NOTHING: LookArgs = LookArgs {
        ascii: false,
        no_colour: false,
        needs: NeedArgs {
            serial: false,
            contrast: false,
        },
    };

    #[test]
    fn known_terminals_get_colours_and_lines_and_unknown_ones_what_every_terminal_can() {
        for term in [
            "xterm",
            "xterm-256color",
            "tmux-256color",
            "screen.xterm-256color",
            "linux",
            "foot",
            "st-256color",
            "rxvt-unicode",
            "alacritty",
            "xterm-kitty",
            "putty",
            "vt220-color",
        ] {
            let theme = look(NOTHING, term, false).theme;
            assert!(theme.has_colours() && !theme.is_ascii(), "{term}");
        }
        for term in [
            "vt100",
            "vt220",
            "ansi",
            "stx",
            "footless",
            "wyse50",
            "no-such-terminal",
        ] {
            let theme = look(NOTHING, term, false).theme;
            assert!(!theme.has_colours() && theme.is_ascii(), "{term}");
        }
    }

    #[test]
    fn a_serial_line_is_slow_and_in_ascii_and_no_color_keeps_the_drawn_lines() {
        let needs = NeedArgs {
            serial: true,
            contrast: false,
        };
        let serial = look(LookArgs { needs, ..NOTHING }, "xterm", false);
        assert_eq!(serial.line, Line::Serial);
        assert!(serial.theme.is_ascii());
        let plain = look(NOTHING, "xterm", true);
        assert!(!plain.theme.has_colours() && !plain.theme.is_ascii());
        assert_eq!(plain.line, Line::Fast);
    }
}
