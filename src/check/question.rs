//! What a look at an answer asks: the field with every other answer on which its result depends. Pure.

use crate::site::{HOSTS, SiteDraft};

/// Where the names of the site lead.
const ENTRANCES: &[&str] = &[
    "exposure.mode",
    "exposure.pool",
    "domains.public",
    "nodes.primary.name",
    "nodes.primary.address",
    "nodes.secondary.name",
    "nodes.secondary.address",
];

/// Both files of the certificate are judged together.
const CERTIFICATE: &[&str] = &[
    "certificate.source",
    "certificate.chain_file",
    "certificate.key_file",
];

/// The other answers that a look at the field depends on; nothing when nobody looks at this field.
fn depends(field: &str) -> Option<Vec<String>> {
    let own = |ids: &[&str]| Some(ids.iter().map(|id| (*id).to_owned()).collect());
    match field {
        "nodes.primary.address" => own(&["nodes.primary.name", "nodes.primary.ssh_port"]),
        "nodes.secondary.address" => own(&["nodes.secondary.name", "nodes.secondary.ssh_port"]),
        "nodes.workers" | "backups.endpoint" => own(&[]),
        "exposure.dns_servers" => own(&["domains.base"]),
        "cluster.kubeconfig" => own(&["cluster.context", "cluster.version"]),
        "certificate.chain_file" | "certificate.key_file" => Some(
            hosts()
                .chain(CERTIFICATE.iter().map(|id| (*id).to_owned()))
                .collect(),
        ),
        "domains.base" => own(ENTRANCES),
        other if hosts().any(|host| host == other) => own(ENTRANCES),
        _ => None,
    }
}

fn hosts() -> impl Iterator<Item = String> {
    HOSTS.iter().map(|short| format!("domains.{short}"))
}

/// The present answer of a field with all that its look depends on; nothing when there is nothing to look at: nobody looks
/// at this field, or its answer is missing or wrong by itself.
///
/// Two questions that are the same have the same result, so that a late one is never shown for another answer.
pub fn question(draft: &SiteDraft, field: &str) -> Option<String> {
    let others = depends(field)?;
    if draft.value(field).is_empty() || draft.check(field).is_some() {
        return None;
    }
    if field.starts_with("certificate.") && draft.value("certificate.source") != "files" {
        return None;
    }
    let mut question = draft.value(field);
    for other in others {
        question.push('\n');
        question.push_str(&draft.value(&other));
    }
    Some(question)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample;

    #[test]
    fn another_answer_on_which_the_result_depends_makes_another_question() {
        let before = sample();
        let asked = |draft: &SiteDraft, field: &str| question(draft, field);
        let with = |id: &str, text: &str| {
            let mut draft = before.clone();
            draft.set(id, text);
            draft
        };
        let table = [
            ("domains.care", "nodes.primary.address", "10.0.0.99"),
            ("domains.base", "domains.base", "care.example.com"),
            ("nodes.primary.address", "nodes.primary.ssh_port", "2222"),
            ("certificate.key_file", "certificate.chain_file", "x.pem"),
            ("certificate.chain_file", "domains.base", "example.com"),
        ];
        for (field, changed, text) in table {
            assert_ne!(
                asked(&before, field),
                asked(&with(changed, text), field),
                "{field} after {changed}"
            );
        }
        let other = with("care.admin_email", "x@example.org");
        assert_eq!(
            asked(&before, "domains.base"),
            asked(&other, "domains.base")
        );
    }

    #[test]
    fn nothing_is_asked_about_what_is_wrong_missing_or_not_used() {
        let mut draft = sample();
        assert!(question(&draft, "backups.endpoint").is_some());
        assert_eq!(question(&draft, "site.name"), None);
        assert_eq!(question(&draft, "exposure.dns_servers"), None);
        draft.set("nodes.primary.address", "10.0.0");
        assert_eq!(question(&draft, "nodes.primary.address"), None);
        draft.set("certificate.source", "acme");
        assert_eq!(question(&draft, "certificate.chain_file"), None);
    }
}
