//! Whether a name leads where it must: each way of going wrong has its own words. Pure.

use core::net::{IpAddr, Ipv4Addr};

use super::{fail, pass, warn};
use crate::{
    check::Verdict,
    problem::{Code, Problem},
    site::Entrance,
    sys::dns::Answer,
};

/// Who is asked for which name, and where it must lead.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// `DNS-02` for host names, `DNS-03` for the wildcard.
    pub code: Code,
    /// The name as a person knows it: a host name or `*.domain`.
    pub name: &'a str,
    /// The name that was asked.
    pub asked: &'a str,
    /// The server's address; none for those of this computer.
    pub server: Option<&'a str>,
    /// Where it must lead; empty while nobody knows.
    pub targets: &'a [Entrance],
    /// Whether it is reached from outside, where a router's address may stand for the node's.
    pub public: bool,
}

impl Question<'_> {
    fn who(&self) -> String {
        match self.server {
            Some(server) => format!("The name server {server}"),
            None => "This computer's name server".to_owned(),
        }
    }

    /// The same question for a terminal.
    fn dig(&self) -> String {
        match self.server {
            Some(server) => format!("`dig {}. @{server}`", self.asked),
            None => format!("`dig {}.`", self.asked),
        }
    }

    fn record(&self) -> String {
        let targets: Vec<String> = self
            .targets
            .iter()
            .map(|target| format!("`{}. A {}`", self.name, target.address))
            .collect();
        targets.join(" or ")
    }

    fn fail(&self, seen: impl Into<String>, what: String, remedy: String) -> Verdict {
        fail(seen, Problem::new(self.code, what, remedy))
    }
}

/// Judges one answer.
pub fn judge(question: &Question<'_>, answer: &Answer) -> Verdict {
    let Question { name, .. } = question;
    let (who, dig) = (question.who(), question.dig());
    match answer {
        Answer::Addresses(addresses) => addresses_of(question, addresses),
        Answer::NoName => question.fail(
            "NXDOMAIN",
            format!("{who} knows no name {name} (NXDOMAIN)."),
            format!(
                "Add the record {} there{}, then look: {dig}.",
                question.record(),
                if question.code == Code::Dns03 { "; one for the domain itself does not do it" } else { ", or one for the wildcard" }
            ),
        ),
        Answer::NoAddress => question.fail(
            "no A record",
            format!("{who} knows {name}, and no IPv4 address for it."),
            format!(
                "Add the record {} there, then look: {dig}. A record of another kind hides the wildcard.",
                question.record()
            ),
        ),
        Answer::Error(word) => question.fail(
            word,
            format!("{who} answers the question for {name} with {word}."),
            format!("Look at the server's log and at its zone or forwarder; ask again: {dig}."),
        ),
        Answer::Silent => question.fail(
            "no answer",
            format!("{who} does not answer the question for {name}."),
            format!("Ask again: {dig}. If other names work, the server waits in vain for the one that holds this domain."),
        ),
        Answer::Unreachable(why) => fail(
            "not reachable",
            Problem::new(
                question.code,
                format!("{who} cannot be reached for {name}."),
                format!("Ask again: {dig}."),
            )
            .because(why),
        ),
    }
}

fn addresses_of(question: &Question<'_>, addresses: &[IpAddr]) -> Verdict {
    let (who, dig, name) = (question.who(), question.dig(), question.name);
    let node = |address: &IpAddr| {
        question
            .targets
            .iter()
            .find(|target| IpAddr::V4(target.address) == *address)
    };
    let seen = listed(addresses, |address| match node(address) {
        Some(target) => format!("{address} ({})", target.name),
        None => address.to_string(),
    });
    let (right, wrong): (Vec<IpAddr>, Vec<IpAddr>) = addresses
        .iter()
        .partition(|address| node(address).is_some());
    if question.targets.is_empty() || wrong.is_empty() {
        return pass(seen);
    }
    let strays = listed(&wrong, ToString::to_string);
    if !right.is_empty() {
        return question.fail(
            &*seen,
            format!("{who} leads {name} to the site and to {strays} as well, so browsers fail some of the time."),
            format!("Remove the record with {strays} and keep {}, then look: {dig}.", question.record()),
        );
    }
    if question.public && wrong.iter().all(is_public) && question.targets.iter().all(is_inside) {
        return warn(
            &*seen,
            Problem::new(
                question.code,
                format!("{who} leads {name} to {strays}, which is outside the hospital's network."),
                format!(
                    "Check that the router at {strays} passes ports 80 and 443 on to {}: `curl -kI https://{name}` from outside. If {strays} is not yours, make it {}.",
                    listed(question.targets, |target| target.address.to_string()),
                    question.record()
                ),
            ),
        );
    }
    question.fail(
        &*seen,
        format!("{who} leads {name} to {strays}, which is not where this name is served."),
        format!("Make it {}, then look: {dig}. Old answers live on until their time to live has passed.", question.record()),
    )
}

fn listed<T>(items: &[T], words: impl Fn(&T) -> String) -> String {
    items.iter().map(words).collect::<Vec<_>>().join(", ")
}

/// Whether an address belongs to the internet, so that it may be a router's own.
fn is_public(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !is_local(*address),
        IpAddr::V6(_) => false,
    }
}

fn is_inside(target: &Entrance) -> bool {
    is_local(target.address)
}

fn is_local(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_documentation()
        || address.is_multicast()
        || address.is_broadcast()
        || shared
}

/// Judges whether a name server answers at all.
pub fn server(server: Option<&str>, answers: &[Answer]) -> Verdict {
    let given = answers.iter().filter(|answer| answer.was_given()).count();
    if given > 0 {
        return pass(format!("answered {given} of {}", answers.len()));
    }
    let (what, remedy) = match server {
        Some(server) => (
            format!("The name server {server} does not answer this computer."),
            format!(
                "Check the address and that UDP and TCP port 53 are open: `dig . NS @{server}`. If it is the wrong one, correct `exposure.dns_servers` in site.yaml."
            ),
        ),
        None => (
            "This computer's own name server does not answer.".to_owned(),
            "Look whom it asks: `cat /etc/resolv.conf`, then `dig . NS`.".to_owned(),
        ),
    };
    let mut problem = Problem::new(Code::Dns01, what, remedy);
    if let Some(Answer::Unreachable(why)) = answers.first() {
        problem = problem.because(why);
    }
    fail("no answer", problem)
}

/// Judges a search domain by its answer to a made-up name.
pub fn search(domain: &str, answer: &Answer) -> Verdict {
    match answer {
        Answer::Addresses(addresses) => {
            let seen = listed(addresses, ToString::to_string);
            warn(
                format!("anything is {seen}"),
                Problem::new(
                    Code::Dns04,
                    format!("The search domain {domain} answers every name with {seen}."),
                    format!(
                        "Take {domain} out of the search domains of the nodes: `grep search /etc/resolv.conf` there must not show it. Else pods may reach {seen} in place of the name they mean."
                    ),
                ),
            )
        }
        Answer::NoName | Answer::NoAddress => pass("answers no made-up name"),
        Answer::Error(word) => pass(format!("answers {word}")),
        Answer::Silent | Answer::Unreachable(_) => super::skipped("it gave no answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Site;

    fn site_targets() -> Vec<Entrance> {
        let target = |node: &str, last| Entrance {
            name: node.to_owned(),
            address: Ipv4Addr::new(10, 0, 0, last),
        };
        vec![target("primary", 11), target("secondary", 12)]
    }

    /// What one answer means, as a word, what was seen and what is said.
    fn judged(public: bool, answer: &Answer) -> (&'static str, String, String) {
        let targets = site_targets();
        let question = Question {
            code: Code::Dns02,
            name: "app.care.example.org",
            asked: "app.care.example.org",
            server: Some("10.0.0.2"),
            targets: &targets,
            public,
        };
        match judge(&question, answer) {
            Verdict::Pass { seen } => ("pass", seen, String::new()),
            Verdict::Warn { seen, problem } => ("warn", seen, problem.to_string()),
            Verdict::Fail { seen, problem } => ("fail", seen, problem.to_string()),
            Verdict::Skipped { reason } => ("skipped", reason, String::new()),
        }
    }

    fn to(addresses: &[&str]) -> Answer {
        Answer::Addresses(addresses.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn a_name_leads_to_one_node_or_to_both() {
        for (addresses, seen) in [
            (&["10.0.0.11"][..], "10.0.0.11 (primary)"),
            (&["10.0.0.12"], "10.0.0.12 (secondary)"),
            (
                &["10.0.0.11", "10.0.0.12"],
                "10.0.0.11 (primary), 10.0.0.12 (secondary)",
            ),
        ] {
            let judged = judged(true, &to(addresses));
            assert_eq!((judged.0, judged.1.as_str()), ("pass", seen));
        }
    }

    #[test]
    fn every_wrong_answer_is_told_apart_with_the_record_or_the_question_to_copy() {
        let table = [
            (
                Answer::NoName,
                "NXDOMAIN",
                "knows no name app.care.example.org (NXDOMAIN)",
            ),
            (Answer::NoAddress, "no A record", "no IPv4 address"),
            (
                Answer::Error("SERVFAIL".to_owned()),
                "SERVFAIL",
                "with SERVFAIL",
            ),
            (
                Answer::Error("REFUSED".to_owned()),
                "REFUSED",
                "with REFUSED",
            ),
            (Answer::Silent, "no answer", "does not answer the question"),
            (
                Answer::Unreachable("port 53 is closed".to_owned()),
                "not reachable",
                "port 53 is closed",
            ),
            (
                to(&["10.9.9.9"]),
                "10.9.9.9",
                "which is not where this name is served",
            ),
            (
                to(&["10.0.0.11", "10.9.9.9"]),
                "10.0.0.11 (primary), 10.9.9.9",
                "some of the time",
            ),
            (
                to(&["10.0.0.11", "2001:db8::1"]),
                "10.0.0.11 (primary), 2001:db8::1",
                "some of the time",
            ),
            (
                to(&["2001:db8::1"]),
                "2001:db8::1",
                "which is not where this name is served",
            ),
        ];
        for (answer, seen, words) in table {
            let judged = judged(false, &answer);
            assert_eq!((judged.0, judged.1.as_str()), ("fail", seen));
            assert!(
                judged.2.contains(words) && judged.2.contains("10.0.0.2"),
                "{}",
                judged.2
            );
            assert!(
                judged.2.contains("`dig app.care.example.org. @10.0.0.2`"),
                "{}",
                judged.2
            );
        }
    }

    #[test]
    fn a_routers_address_may_stand_for_a_public_name_and_for_no_private_one() {
        let router = to(&["93.184.215.14"]);
        assert_eq!(judged(true, &router).0, "warn");
        assert_eq!(judged(false, &router).0, "fail");
        // Addresses that belong to no router of the internet are wrong for both.
        for local in [
            "203.0.113.9",
            "192.168.1.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.20.0.1",
        ] {
            assert_eq!(judged(true, &to(&[local])).0, "fail", "{local}");
        }
        assert_eq!(judged(true, &to(&["93.184.215.14", "10.0.0.11"])).0, "fail");
    }

    #[test]
    fn a_name_server_counts_as_there_when_it_answers_anything() {
        let good = to(&["10.0.0.11"]);
        let verdict = server(Some("10.0.0.2"), &[good.clone(), Answer::NoName]);
        assert_eq!(verdict, pass("answered 2 of 2"));
        let verdict = server(Some("10.0.0.2"), &[good, Answer::Silent]);
        assert_eq!(verdict, pass("answered 1 of 2"));
        for (who, words) in [
            (Some("10.0.0.2"), "`exposure.dns_servers`"),
            (None, "resolv.conf"),
        ] {
            let Verdict::Fail { problem, .. } = server(who, &[Answer::Silent, Answer::Silent])
            else {
                panic!("silence is a failure")
            };
            assert!(
                problem.code == Code::Dns01 && problem.remedy.contains(words),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_search_domain_that_answers_anything_is_a_trap() {
        let trap = search("corp.example", &to(&["10.9.9.9"]));
        assert!(
            matches!(&trap, Verdict::Warn { problem, .. } if problem.code == Code::Dns04),
            "{trap:?}"
        );
        assert!(matches!(
            search("corp.example", &Answer::NoName),
            Verdict::Pass { .. }
        ));
        assert!(matches!(
            search("corp.example", &Answer::Silent),
            Verdict::Skipped { .. }
        ));
    }

    #[test]
    fn a_public_name_that_leads_to_the_machine_of_the_private_ones_is_wrong() {
        let mut draft = crate::site::sample();
        draft.set("nodes.workers", "w1=10.0.0.13");
        let entrances = Site::try_from(&draft).unwrap().entrances();
        assert_eq!(entrances.all(), site_targets());
        let question = |public| Question {
            code: Code::Dns02,
            name: "app.care.example.org",
            asked: "app.care.example.org",
            server: None,
            targets: entrances.of(public),
            public,
        };
        let verdict = judge(&question(true), &to(&["10.0.0.11"]));
        let Verdict::Fail { problem, .. } = verdict else {
            panic!("{verdict:?}")
        };
        let record = "Make it `app.care.example.org. A 10.0.0.12`";
        assert!(problem.remedy.starts_with(record), "{problem}");
        let verdict = judge(&question(false), &to(&["10.0.0.11"]));
        assert_eq!(verdict, pass("10.0.0.11 (primary)"));
    }

    #[test]
    fn the_words_read_like_a_letter() {
        let targets = site_targets();
        let question = |code, name, asked, public| Question {
            code,
            name,
            asked,
            server: None,
            targets: &targets,
            public,
        };
        let host = question(
            Code::Dns02,
            "app.care.example.org",
            "app.care.example.org",
            true,
        );
        let wildcard = question(
            Code::Dns03,
            "*.care.example.org",
            "made-up.care.example.org",
            false,
        );
        let mut verdicts: Vec<Verdict> = [
            to(&["10.0.0.11"]),
            to(&["10.9.9.9"]),
            to(&["10.0.0.11", "10.9.9.9"]),
            to(&["93.184.215.14"]),
            Answer::NoName,
            Answer::NoAddress,
            Answer::Error("SERVFAIL".to_owned()),
            Answer::Silent,
            Answer::Unreachable("Connection refused (os error 111)".to_owned()),
        ]
        .iter()
        .map(|answer| judge(&host, answer))
        .collect();
        verdicts.extend([
            judge(&wildcard, &Answer::NoName),
            server(Some("10.0.0.2"), &[Answer::Silent]),
            server(
                None,
                &[Answer::Unreachable(
                    "Network is unreachable (os error 101)".to_owned(),
                )],
            ),
            search("corp.example", &to(&["10.9.9.9"])),
        ]);
        insta::assert_snapshot!(crate::check::judge::letter(&verdicts));
    }
}
