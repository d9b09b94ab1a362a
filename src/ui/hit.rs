//! What lies below a click: a key that the footer names, or a row of the list in front. Pure.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Paint, Theme, chrome, draw_in};
use crate::app::{App, Input, words::width};

/// What a click at this column and row means; nothing where nothing lies.
pub fn hit(app: &App, theme: Theme, (x, y): (u16, u16)) -> Option<Input> {
    let (columns, rows) = app.size;
    let area = Rect::new(0, 0, columns, rows);
    if x >= columns || y >= rows {
        return None;
    }
    if y + 1 == rows {
        return footer(app, usize::from(x));
    }
    // A click is rare: where its list stands is found by drawing it once more.
    let mut buffer = Buffer::empty(area);
    let mut paint = Paint::new(&mut buffer, theme);
    draw_in(app, &mut paint, area);
    let (list, chosen) = paint.chosen?;
    let inside = list.contains((x, y).into());
    (inside && y != chosen).then(|| Input::Move(i32::from(y) - i32::from(chosen)))
}

fn footer(app: &App, x: usize) -> Option<Input> {
    if app.notice.is_some() {
        return None;
    }
    let mut at = 1;
    for (name, word) in chrome::shown_keys(app, app.size.0) {
        let end = at + width(name) + 1 + width(word);
        if (at..end).contains(&x) {
            let table = app.bindings().iter();
            let mut named = table.filter(|row| row.name == name && row.word == word);
            let key = named.next()?.keys.first()?;
            return Some(Input::Key(*key));
        }
        at = end + 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        app::{fixture, keys::Key},
        ui::shot,
    };

    /// Where a text stands.
    fn place(app: &App, text: &str) -> (u16, u16) {
        let picture = shot(app, Theme::colour(), app.size);
        let found = picture.lines().enumerate().find_map(|(row, line)| {
            let before = line.split_once(text)?.0;
            Some((
                u16::try_from(width(before)).unwrap(),
                u16::try_from(row).unwrap(),
            ))
        });
        found.unwrap_or_else(|| panic!("no {text} in\n{picture}"))
    }

    #[test]
    fn a_click_on_a_word_of_the_footer_presses_its_key() {
        let app = fixture::pulling();
        for (name, word) in chrome::shown_keys(&app, 80) {
            let (x, y) = place(&app, &format!("{name} {word}"));
            let keys = app
                .bindings()
                .iter()
                .filter(|row| row.name == name && row.word == word);
            let key = keys.map(|row| row.keys[0]).next().unwrap();
            for x in [x, x + u16::try_from(width(name) + width(word)).unwrap()] {
                match hit(&app, Theme::colour(), (x, y)) {
                    Some(Input::Key(pressed)) => assert_eq!(pressed, key, "{word}"),
                    other => panic!("{word}: {other:?}"),
                }
            }
        }
        assert!(hit(&app, Theme::colour(), (0, 23)).is_none());
        assert!(hit(&app, Theme::colour(), (500, 23)).is_none());
    }

    #[test]
    fn a_click_chooses_the_row_below_it_in_the_list_in_front() {
        let mut app = fixture::pulling();
        let at = place(&app, "RustFS object store");
        let input = hit(&app, Theme::colour(), at).unwrap();
        app.update(input);
        let story = shot(&app, Theme::colour(), app.size);
        let marked = story.lines().find(|line| line.contains('>')).unwrap();
        assert!(marked.contains("RustFS object store"), "{story}");
        // A card in front takes the click; the list behind it does not.
        app.update(Input::Key(Key::Char('o')));
        let at = place(&app, "Checks");
        let input = hit(&app, Theme::colour(), at).unwrap();
        app.update(input);
        let effects = app.update(Input::Key(Key::Enter));
        assert_eq!(app.screen.title(), "checks", "{effects:?}");
    }
}
