//! Whether every certificate of the chain is valid now, and for how long the site's own still is. Pure.

use jiff::Timestamp;
use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use super::{Facts, NOT_READ, which};
use crate::{
    check::{
        Verdict,
        judge::{fail, pass, skipped, warn},
    },
    problem::{Code, Problem},
};

/// Warned of when less than this share of the lifetime is left: a fifth.
const LAST_SHARE: i64 = 5;

const DAY: i64 = 24 * 60 * 60;

/// Whether it is valid now, and for how long.
pub fn dates(facts: &Facts) -> Verdict {
    let ders = facts.chain.iter().flatten();
    let mut ends: Option<(Timestamp, String)> = None;
    for (index, der) in ders.enumerate() {
        let Ok((_, certificate)) = X509Certificate::from_der(der) else {
            return skipped(NOT_READ);
        };
        let validity = certificate.validity();
        let (Some(from), Some(until)) = (
            moment(validity.not_before.timestamp()),
            moment(validity.not_after.timestamp()),
        ) else {
            return skipped("its dates cannot be read");
        };
        let which = which(index, &certificate);
        if facts.now < from {
            return not_yet(facts, &which, from);
        }
        if facts.now >= until {
            return expired(facts, &which, until);
        }
        if index == 0 && left(facts.now, until) * LAST_SHARE < left(from, until) {
            return ending(facts, &which, (from, until));
        }
        if ends.as_ref().is_none_or(|(known, _)| until < *known) {
            ends = Some((until, which));
        }
    }
    match ends {
        None => skipped(NOT_READ),
        Some((until, _)) => pass(format!(
            "{} days left, to {}",
            days(left(facts.now, until)),
            day(until)
        )),
    }
}

fn not_yet(facts: &Facts, which: &str, from: Timestamp) -> Verdict {
    let problem = Problem::new(
        Code::Crt06,
        format!("{which} is not valid yet; it begins at {from}."),
        "Look at the clock of this computer first: `timedatectl`. If it is right, wait or have the certificate made anew.",
    );
    let problem = problem.because(format!("the time here is {}", second(facts.now)));
    fail(format!("begins {}", day(from)), problem)
}

fn expired(facts: &Facts, which: &str, until: Timestamp) -> Verdict {
    let problem = Problem::new(
        Code::Crt06,
        format!(
            "{which} ended {} ago, at {until}.",
            ago(left(until, facts.now))
        ),
        format!(
            "Renew it, then put the new files in place of {} and {}. Is the clock right? `timedatectl`.",
            facts.chain_file, facts.key_file
        ),
    );
    let problem = problem.because(format!("the time here is {}", second(facts.now)));
    fail(format!("expired {}", day(until)), problem)
}

fn ending(facts: &Facts, which: &str, (from, until): (Timestamp, Timestamp)) -> Verdict {
    let (rest, whole) = (left(facts.now, until), left(from, until).max(1));
    let seen = format!("{} of {} days left", days(rest), days(whole));
    let problem = Problem::new(
        Code::Crt06,
        format!(
            "{which} ends on {}: {seen}, {} % of its lifetime.",
            day(until),
            rest * 100 / whole
        ),
        format!(
            "Renew it soon, and put the new files in place of {0} and {1}. See the dates: `openssl x509 -in {0} -noout -dates`.",
            facts.chain_file, facts.key_file
        ),
    );
    warn(seen, problem)
}

fn ago(seconds: i64) -> String {
    match days(seconds) {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn moment(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

fn second(moment: Timestamp) -> Timestamp {
    Timestamp::from_second(moment.as_second()).unwrap_or(moment)
}

fn left(from: Timestamp, until: Timestamp) -> i64 {
    until.as_second() - from.as_second()
}

fn days(seconds: i64) -> i64 {
    seconds / DAY
}

fn day(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%d").to_string()
}
