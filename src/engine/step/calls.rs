//! The calls that an attempt makes, as lines of the step's log: so many and no more.

use std::collections::HashMap;

use tokio::sync::mpsc;

use super::Tell;
use crate::sys::calls::{Call, listened};

/// Calls on their way into the log.
const QUEUE: usize = 256;

/// Lines of one attempt.
const MOST: usize = 200;

/// How often the same call with the same answer is told.
const SAME: u32 = 3;

/// Begins a line that tells a call of the API; `$` begins one that tells a command.
pub const MARK: &str = "> ";

/// Does the work and tells its calls.
pub(super) async fn told<T>(tell: &Tell, work: impl Future<Output = T>) -> T {
    let (to, mut heard) = mpsc::channel(QUEUE);
    let lines = async {
        let mut listing = Listing::default();
        while let Some(call) = heard.recv().await {
            if let Some(line) = listing.line(&call) {
                tell.log(line).await;
            }
        }
    };
    let (done, ()) = tokio::join!(listened(to, work), lines);
    done
}

/// What was told already.
#[derive(Debug, Default)]
struct Listing {
    lines: usize,
    seen: HashMap<(String, Option<u16>), u32>,
}

impl Listing {
    fn line(&mut self, call: &Call) -> Option<String> {
        if self.lines > MOST {
            return None;
        }
        let times = self
            .seen
            .entry((call.asked.clone(), call.status))
            .or_default();
        *times += 1;
        if *times > SAME {
            return None;
        }
        let again = if *times == SAME {
            ", and again from here on"
        } else {
            ""
        };
        self.lines += 1;
        if self.lines > MOST {
            return Some(format!("{MARK}more calls, which are not listed"));
        }
        let answer = match call.status {
            Some(status) => status.to_string(),
            None => "no answer".to_owned(),
        };
        let millis = call.took.as_millis();
        Some(format!(
            "{MARK}{}: {answer} in {millis} ms{again}",
            call.asked
        ))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn call(asked: String, status: Option<u16>) -> Call {
        Call {
            asked,
            status,
            took: Duration::from_millis(12),
        }
    }

    #[test]
    fn a_call_is_told_with_its_answer_and_the_same_one_not_for_ever() {
        let mut listing = Listing::default();
        let get = call("GET pods a/b".to_owned(), Some(200));
        assert_eq!(listing.line(&get).unwrap(), "> GET pods a/b: 200 in 12 ms");
        assert!(listing.line(&get).is_some());
        assert!(
            listing
                .line(&get)
                .unwrap()
                .ends_with("and again from here on")
        );
        assert_eq!(listing.line(&get), None);
        let none = call("GET pods a/b".to_owned(), None);
        assert_eq!(
            listing.line(&none).unwrap(),
            "> GET pods a/b: no answer in 12 ms"
        );
    }

    #[test]
    fn the_list_has_an_end_and_says_so() {
        let mut listing = Listing::default();
        let lines: Vec<String> = (0..2 * MOST)
            .filter_map(|index| listing.line(&call(format!("GET pods a/{index}"), Some(200))))
            .collect();
        assert_eq!(lines.len(), MOST + 1);
        assert!(lines[MOST].contains("not listed"));
    }
}
