//! Moving in a list. Pure.

use super::keys::Act;

/// How far a page goes.
pub const PAGE: usize = 10;

/// The row after the movement; the same when it is none.
pub fn moved(act: Act, at: usize, count: usize) -> usize {
    let last = count.saturating_sub(1);
    match act {
        Act::Up => at.saturating_sub(1),
        Act::Down => at.saturating_add(1).min(last),
        Act::PageUp => at.saturating_sub(PAGE),
        Act::PageDown => at.saturating_add(PAGE).min(last),
        Act::First => 0,
        Act::Last => last,
        Act::Rows(rows) => {
            let far = usize::try_from(rows.unsigned_abs()).unwrap_or(last);
            if rows < 0 {
                at.saturating_sub(far)
            } else {
                at.saturating_add(far).min(last)
            }
        }
        _ => at.min(last),
    }
}

/// Whether it is a movement.
pub fn is_move(act: Act) -> bool {
    matches!(
        act,
        Act::Up | Act::Down | Act::PageUp | Act::PageDown | Act::First | Act::Last | Act::Rows(_)
    )
}

/// The first row that is shown, so that the chosen one stands in sight and as central as it can.
pub fn top(chosen: usize, count: usize, height: usize) -> usize {
    chosen
        .saturating_sub(height / 2)
        .min(count.saturating_sub(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn movements_stay_in_the_list() {
        assert_eq!(moved(Act::Up, 0, 3), 0);
        assert_eq!(moved(Act::Down, 2, 3), 2);
        assert_eq!(moved(Act::PageDown, 0, 3), 2);
        assert_eq!(moved(Act::Last, 0, 0), 0);
        assert_eq!(moved(Act::Rows(-2), 1, 3), 0);
        assert_eq!(moved(Act::Rows(5), 1, 3), 2);
        assert_eq!(moved(Act::Open, 9, 3), 2);
    }

    #[test]
    fn the_chosen_row_is_always_in_sight() {
        for count in 0..30 {
            for height in 1..12 {
                for chosen in 0..count {
                    let top = top(chosen, count, height);
                    assert!(top <= chosen && chosen < top + height);
                }
            }
        }
    }
}
