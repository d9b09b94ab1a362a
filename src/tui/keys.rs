//! The terminal's keys as the screens know them; no decisions.

use std::{io, thread};

use crossterm::event::{
    self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent,
    MouseEventKind,
};
use tokio::sync::mpsc;

use crate::app::keys::Key;

/// Events that wait to be taken.
const WAITING: usize = 64;

/// What the terminal tells, from now on.
///
/// It is read in a thread of its own, which ends with the process: once the terminal has gone crossterm 0.29 reads on and on
/// (its loop over a readable terminal ends at `WouldBlock` alone), and whoever polled it would never come back to notice.
pub fn listen() -> mpsc::Receiver<io::Result<Event>> {
    let (told, events) = mpsc::channel(WAITING);
    thread::spawn(move || {
        loop {
            let event = event::read();
            let last = event.is_err();
            if told.blocking_send(event).is_err() || last {
                return;
            }
        }
    });
    events
}

/// The key; nothing for keys that no screen knows, and for keys let go.
pub fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let key = match event.code {
        KeyCode::Char(letter) if event.modifiers.contains(KeyModifiers::CONTROL) => {
            Key::Ctrl(letter.to_ascii_lowercase())
        }
        KeyCode::Char(_) if event.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(letter) => Key::Char(letter),
        KeyCode::F(number) => Key::F(number),
        KeyCode::Enter => Key::Enter,
        KeyCode::Esc => Key::Esc,
        KeyCode::Tab => Key::Tab,
        KeyCode::BackTab => Key::BackTab,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        _ => return None,
    };
    Some(key)
}

/// What the mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mouse {
    /// The wheel was turned: so many rows down, or up.
    Wheel(i32),
    /// A column and a row were clicked.
    Click(u16, u16),
}

/// Rows that one notch of the wheel goes.
const NOTCH: i32 = 3;

/// What the mouse did; nothing for what no screen knows.
pub fn mouse(event: MouseEvent) -> Option<Mouse> {
    match event.kind {
        MouseEventKind::ScrollUp => Some(Mouse::Wheel(-NOTCH)),
        MouseEventKind::ScrollDown => Some(Mouse::Wheel(NOTCH)),
        MouseEventKind::Down(MouseButton::Left) => Some(Mouse::Click(event.column, event.row)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_letters_are_their_own_keys_and_keys_let_go_are_none() {
        let press = KeyEvent::new(KeyCode::Char('C'), KeyModifiers::CONTROL);
        assert_eq!(key(press), Some(Key::Ctrl('c')));
        let mut released = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        assert_eq!(key(released), Some(Key::Enter));
        released.kind = KeyEventKind::Release;
        assert_eq!(key(released), None);
    }
}
