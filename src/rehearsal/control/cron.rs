//! The next moment of a schedule of six fields, the first of them seconds, by UTC. Pure.

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

/// Days that are looked at for the next moment: a schedule that names no day of four years names none.
const DAYS: i64 = 4 * 366;

/// A field: the numbers that it allows.
type Field = Vec<i8>;

/// The next moment after another one; nothing when the schedule cannot be read or names no day.
pub fn next(schedule: &str, after: Timestamp) -> Option<Timestamp> {
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    let [seconds, minutes, hours, days, months, weekdays] = fields.as_slice() else {
        return None;
    };
    let (seconds, minutes) = (read(seconds, 0, 59)?, read(minutes, 0, 59)?);
    let hours = read(hours, 0, 23)?;
    let (of_month, months, of_week) = (
        read(days, 1, 31)?,
        read(months, 1, 12)?,
        read(weekdays, 0, 7)?,
    );
    let begin = after.to_zoned(TimeZone::UTC).datetime();
    (0..DAYS).find_map(|ahead| {
        let day = begin
            .date()
            .checked_add(jiff::Span::new().days(ahead))
            .ok()?;
        let weekday = day.weekday().to_sunday_zero_offset();
        let in_week = of_week.contains(&weekday) || (weekday == 0 && of_week.contains(&7));
        // Where both name days, one of them is enough.
        let on = match (*days == "*", *weekdays == "*") {
            (true, _) => in_week,
            (_, true) => of_month.contains(&day.day()),
            _ => in_week || of_month.contains(&day.day()),
        };
        if !on || !months.contains(&day.month()) {
            return None;
        }
        let times = hours.iter().flat_map(|hour| {
            let (minutes, seconds) = (&minutes, &seconds);
            minutes
                .iter()
                .flat_map(move |minute| seconds.iter().map(move |second| (*hour, *minute, *second)))
        });
        times
            .map(|(hour, minute, second)| day.at(hour, minute, second, 0))
            .filter(|moment: &DateTime| ahead > 0 || *moment > begin)
            .min()
            .and_then(|moment| moment.to_zoned(TimeZone::UTC).ok())
            .map(|moment| moment.timestamp())
    })
}

/// `*`, `5`, `1-5`, `*/15` and lists of them.
fn read(text: &str, least: i8, most: i8) -> Option<Field> {
    let mut all = Field::new();
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((from, to))) => (from.parse().ok()?, to.parse().ok()?),
            (one, None) => {
                let one = one.parse().ok()?;
                (one, if part.contains('/') { most } else { one })
            }
        };
        if from < least || to > most {
            return None;
        }
        all.extend((from..=to).step_by(step));
    }
    all.sort_unstable();
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_moment_of_a_schedule_is_found() {
        // A Tuesday.
        let from = "2026-11-24T06:00:30Z".parse().unwrap();
        for (schedule, wanted) in [
            ("0 0 2 * * *", Some("2026-11-25T02:00:00Z")),
            ("0 30 6 * * *", Some("2026-11-24T06:30:00Z")),
            ("0 */15 * * * *", Some("2026-11-24T06:15:00Z")),
            ("45 0 6 * * *", Some("2026-11-24T06:00:45Z")),
            ("0 0 0 * * 0", Some("2026-11-29T00:00:00Z")),
            ("0 0 0 * * 7", Some("2026-11-29T00:00:00Z")),
            ("0 0 3 1,15 * *", Some("2026-12-01T03:00:00Z")),
            ("0 0 3 1 1-3 *", Some("2027-01-01T03:00:00Z")),
            ("0 0 0 29 2 *", Some("2028-02-29T00:00:00Z")),
            ("0 0 0 31 2 *", None),
            ("0 0 2 * *", None),
            ("0 0 24 * * *", None),
            ("0 x 2 * * *", None),
        ] {
            let found = next(schedule, from).map(|at| at.to_string());
            assert_eq!(found.as_deref(), wanted, "{schedule}");
        }
    }
}
