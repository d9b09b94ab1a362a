//! Samples as a table: median, 99th percentile, budget and whether it is kept.

use std::time::{Duration, Instant};

/// The rows so far.
#[derive(Debug, Default)]
pub struct Table {
    head: bool,
    over: bool,
}

impl Table {
    /// Times whose median has a budget.
    pub fn times(&mut self, what: &str, samples: Vec<Duration>, budget: Option<Duration>) {
        self.judged(what, samples, budget, |median, _| median);
    }

    /// Times whose 99th percentile has a budget.
    pub fn nearly_all(&mut self, what: &str, samples: Vec<Duration>, budget: Option<Duration>) {
        self.judged(what, samples, budget, |_, last| last);
    }

    fn judged(
        &mut self,
        what: &str,
        mut samples: Vec<Duration>,
        budget: Option<Duration>,
        by: fn(Duration, Duration) -> Duration,
    ) {
        samples.sort();
        let median = samples[samples.len() / 2];
        let last = samples[(samples.len() * 99 / 100).min(samples.len() - 1)];
        let kept = budget.map(|budget| by(median, last) <= budget);
        let budget = budget.map_or_else(String::new, time);
        self.row(
            what,
            [samples.len().to_string(), time(median), time(last), budget],
            kept,
        );
    }

    /// One figure against a budget.
    pub fn figure(&mut self, what: &str, value: String, budget: &str, kept: Option<bool>) {
        let row = ["1".to_owned(), value, String::new(), budget.to_owned()];
        self.row(what, row, kept);
    }

    fn row(&mut self, what: &str, [count, median, last, budget]: [String; 4], kept: Option<bool>) {
        if !self.head {
            self.head = true;
            println!(
                "{:<58} {:>6} {:>10} {:>10} {:>10}",
                "", "times", "median", "p99", "budget"
            );
        }
        let word = match kept {
            Some(true) => "kept",
            Some(false) => "OVER",
            None => "",
        };
        self.over |= kept == Some(false);
        println!("{what:<58} {count:>6} {median:>10} {last:>10} {budget:>10}  {word}");
    }

    /// Ends the program; with 1 when a budget is not kept.
    pub fn finish(self) {
        if self.over {
            std::process::exit(1);
        }
    }
}

/// Times one call after the other.
pub fn repeat<T>(times: usize, mut what: impl FnMut() -> T) -> Vec<Duration> {
    let one = |_| {
        let began = Instant::now();
        std::hint::black_box(what());
        began.elapsed()
    };
    (0..times).map(one).collect()
}

fn time(value: Duration) -> String {
    format!("{:.2} ms", value.as_secs_f64() * 1000.0)
}
