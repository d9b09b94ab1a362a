//! What an SSH banner, or its absence, means. Pure.

use super::{fail, pass};
use crate::{
    check::Verdict,
    problem::{Code, Problem},
    sys::ssh::Banner,
};

/// The node that was asked.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Its SSH port.
    pub port: u16,
    /// The field of the settings that holds the port; workers have none.
    pub port_field: Option<&'static str>,
}

/// Judges who answers.
pub fn judge(node: &Node, banner: &Banner) -> Verdict {
    let Node {
        name,
        address,
        port,
        ..
    } = node;
    let wrong = |seen: &str, what: String, remedy: String| {
        fail(seen, Problem::new(Code::Ssh01, what, remedy))
    };
    let look = format!("`nc -v {address} {port}`");
    match banner {
        Banner::Ssh(line) if line.starts_with("SSH-2.") || line.starts_with("SSH-1.99-") => {
            pass(line)
        }
        Banner::Ssh(line) => wrong(
            line,
            format!("The SSH server of {name} ({address} port {port}) speaks only the old SSH 1."),
            format!("Install a current OpenSSH server on {name}: `sudo apt-get install openssh-server`."),
        ),
        Banner::Other(line) => wrong(
            &format!("says `{line}`"),
            format!("Something that is not an SSH server answers at {address} port {port} ({name})."),
            format!("Find the right port or address: {look} shows who answers. {}", field(node)),
        ),
        Banner::Closed => wrong(
            "closed without a word",
            format!("{name} ({address} port {port}) accepts the connection and closes it at once."),
            format!(
                "Look at the reason on {name}: `sudo journalctl -u ssh -n 20`. Often a firewall, a limit of connections, or a missing host key (`sudo ssh-keygen -A`)."
            ),
        ),
        Banner::Quiet => wrong(
            "connected, no banner",
            format!("{name} ({address} port {port}) accepts the connection and says nothing."),
            format!(
                "Look at the SSH server on {name}: `sudo systemctl restart ssh`. Another program may hold the port: `sudo ss -ltnp sport = :{port}`."
            ),
        ),
        Banner::Refused => wrong(
            "connection refused",
            format!("{name} ({address}) is there and nothing listens on its port {port}."),
            format!("Start SSH on {name}: `sudo systemctl enable --now ssh`. {}", field(node)),
        ),
        Banner::Silent => wrong(
            "no answer",
            format!("{name} does not answer at {address} port {port}."),
            format!(
                "Check that {name} is switched on and that {address} is its address: `ping -c 3 {address}`. If it answers, a firewall drops port {port}: `sudo ufw allow {port}/tcp` on {name}."
            ),
        ),
        Banner::Unreachable(why) => fail(
            "not reachable",
            Problem::new(
                Code::Ssh01,
                format!("This computer has no way to {name} at {address}."),
                format!(
                    "Connect this computer to the hospital's network, then look at the way: `ip route get {address}`."
                ),
            )
            .because(why),
        ),
    }
}

fn field(node: &Node) -> String {
    match node.port_field {
        Some(field) => format!("If it uses another port, set `{field}` in site.yaml."),
        None => "SSH must answer on port 22 of further nodes.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node() -> Node {
        Node {
            name: "primary".to_owned(),
            address: "10.0.0.11".to_owned(),
            port: 2222,
            port_field: Some("nodes.primary.ssh_port"),
        }
    }

    #[test]
    fn ssh_2_is_seen_as_it_says() {
        for line in [
            "SSH-2.0-OpenSSH_9.6",
            "SSH-2.0-dropbear",
            "SSH-1.99-Cisco-1.25",
        ] {
            let verdict = judge(&node(), &Banner::Ssh(line.to_owned()));
            assert_eq!(verdict, pass(line));
        }
    }

    #[test]
    fn every_failure_has_its_own_words_and_something_to_copy() {
        let word = |text: &str| text.to_owned();
        let table = [
            (Banner::Ssh(word("SSH-1.5-old")), "only the old SSH 1"),
            (
                Banner::Other(word("HTTP/1.1 400 Bad Request")),
                "not an SSH server",
            ),
            (Banner::Closed, "closes it at once"),
            (Banner::Quiet, "says nothing"),
            (Banner::Refused, "nothing listens on its port 2222"),
            (Banner::Silent, "does not answer"),
            (
                Banner::Unreachable(word("Network is unreachable")),
                "no way to primary",
            ),
        ];
        for (banner, words) in table {
            let verdict = judge(&node(), &banner);
            let Verdict::Fail { seen, problem } = verdict else {
                panic!("{banner:?}: {verdict:?}")
            };
            assert!(problem.what.contains(words), "{}", problem.what);
            assert!(
                problem.what.contains("10.0.0.11") && problem.remedy.contains('`'),
                "{problem}"
            );
            assert!(seen.chars().count() <= 40 && !seen.is_empty(), "{seen}");
        }
    }

    #[test]
    fn the_remedy_names_the_setting_or_says_that_there_is_none() {
        let remedy = |node: &Node| match judge(node, &Banner::Refused) {
            Verdict::Fail { problem, .. } => problem.remedy,
            other => panic!("{other:?}"),
        };
        assert!(remedy(&node()).contains("`nodes.primary.ssh_port`"));
        let worker = Node {
            port: 22,
            port_field: None,
            ..node()
        };
        assert!(remedy(&worker).contains("port 22 of further nodes"));
    }

    #[test]
    fn the_words_read_like_a_letter() {
        let word = |text: &str| text.to_owned();
        let banners = [
            Banner::Ssh(word("SSH-2.0-OpenSSH_9.6")),
            Banner::Ssh(word("SSH-1.5-old")),
            Banner::Other(word("HTTP/1.1 400 Bad Request")),
            Banner::Closed,
            Banner::Quiet,
            Banner::Refused,
            Banner::Silent,
            Banner::Unreachable(word("Network is unreachable (os error 101)")),
        ];
        let verdicts: Vec<Verdict> = banners
            .iter()
            .map(|banner| judge(&node(), banner))
            .collect();
        insta::assert_snapshot!(crate::check::judge::letter(&verdicts));
    }
}
