//! The commands that cure a problem, as its remedy has them, ready to be run where they belong. Pure.

use crate::{check::CheckResult, problem::Problem, site::SiteDraft};

/// Programs with which a command begins; other words in backquotes are names and records.
const PROGRAMS: &[&str] = &[
    "apt-get",
    "care-install",
    "cat",
    "chmod",
    "curl",
    "dig",
    "grep",
    "helm",
    "ip",
    "kubeadm",
    "kubectl",
    "nc",
    "openssl",
    "ping",
    "ssh",
    "sudo",
    "systemctl",
    "timedatectl",
];

/// The commands of a check's remedy; what must be done on a node is done there over SSH.
pub fn commands(result: &CheckResult, problem: &Problem, draft: &SiteDraft) -> Vec<String> {
    let there = login(&result.place, draft);
    named(&problem.remedy)
        .into_iter()
        .map(|command| match &there {
            Some(login) if command.starts_with("sudo ") => {
                format!("{login} '{}'", command.replace('\'', r"'\''"))
            }
            _ => command,
        })
        .collect()
}

/// What stands in backquotes and is a command.
fn named(remedy: &str) -> Vec<String> {
    let quoted = remedy.split('`').skip(1).step_by(2);
    quoted
        .filter(|words| {
            let program = words.split_whitespace().next().unwrap_or_default();
            PROGRAMS.contains(&program) && words.contains(' ')
        })
        .map(str::to_owned)
        .collect()
}

/// How one gets onto a node of the site; nothing for any other place.
fn login(place: &str, draft: &SiteDraft) -> Option<String> {
    let node = ["primary", "secondary"]
        .into_iter()
        .find(|node| draft.value(&format!("nodes.{node}.name")) == place)?;
    let of = |what: &str| draft.value(&format!("nodes.{node}.{what}"));
    let port = match of("ssh_port").as_str() {
        "22" => String::new(),
        port => format!("-p {port} "),
    };
    Some(format!("ssh {port}{}@{}", of("ssh_user"), of("address")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::fixture, check::Verdict, problem::Code, site::sample};

    fn of(place: &str, remedy: &str) -> Vec<String> {
        let problem = Problem::new(Code::Ssh01, "It is wrong.", remedy);
        let verdict = Verdict::Fail {
            seen: String::new(),
            problem: problem.clone(),
        };
        let mut result = fixture::result(Code::Ssh01, place, verdict);
        result.place = place.to_owned();
        commands(&result, &problem, &sample())
    }

    #[test]
    fn commands_are_told_from_names_and_run_where_they_belong() {
        assert_eq!(
            of(
                "primary",
                "Start SSH on primary: `sudo systemctl enable --now ssh`. If it uses another port, set `nodes.primary.ssh_port` in site.yaml."
            ),
            ["ssh ubuntu@10.0.0.11 'sudo systemctl enable --now ssh'"]
        );
        assert_eq!(
            of(
                "this computer",
                "Add the record `*.a.org A 10.0.0.12` there, then look: `dig x.a.org. @10.0.0.2`."
            ),
            ["dig x.a.org. @10.0.0.2"]
        );
        assert_eq!(
            of("secondary", "`sudo sh -c 'id'`"),
            [r"ssh ubuntu@10.0.0.12 'sudo sh -c '\''id'\'''"]
        );
        assert_eq!(of("primary", "Use another port."), Vec::<String>::new());
    }
}
