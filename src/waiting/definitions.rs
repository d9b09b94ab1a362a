//! Why a definition of a kind is not served yet. Pure.

use serde_json::Value;

use super::{known, text, time};
use crate::{engine::event::Reason, problem::Code};

/// What its conditions tell, as far as it does not cure itself.
pub(super) fn reason(target: &Value) -> Option<(u8, Reason)> {
    if text(target, "/kind") != "CustomResourceDefinition" {
        return None;
    }
    let name = text(target, "/metadata/name");
    let conditions = target.pointer("/status/conditions")?.as_array()?;
    let find = |kind: &str| {
        let mut all = conditions.iter();
        all.find(|condition| text(condition, "/type") == kind)
    };
    let names = find("NamesAccepted")?;
    let since = time(names, "/lastTransitionTime");
    if text(names, "/status") == "False" {
        let sentence = format!(
            "the definition {name} is refused its names: {}",
            text(names, "/message")
        );
        let remedy = "Another definition has one of its names; see which with kubectl get crd, and remove the one that is not needed.";
        return Some((1, known(Code::Kube05, sentence, since, remedy)));
    }
    let served = find("Established").is_some_and(|condition| text(condition, "/status") == "True");
    if served || text(names, "/status") != "True" {
        return None;
    }
    let sentence =
        format!("the definition {name} has its names, and the API server does not serve it yet");
    let remedy = format!(
        "This takes a few seconds. If it lasts, the API server was ended at just this moment and has forgotten the rest: any change \
         reminds it, such as kubectl annotate crd {name} care-install/again=1 --overwrite."
    );
    Some((4, known(Code::Kube05, sentence, since, &remedy)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(conditions: &Value) -> Option<Reason> {
        let value = json!({"kind": "CustomResourceDefinition", "metadata": {"name": "clusters.example.org"},
            "status": {"conditions": conditions}});
        reason(&value).map(|(_, reason)| reason)
    }

    #[test]
    fn a_definition_that_an_api_server_has_forgotten_half_way_is_told_with_its_remedy() {
        let names = json!({"type": "NamesAccepted", "status": "True"});
        let half = told(
            &json!([names, {"type": "Established", "status": "False", "reason": "Installing"}]),
        );
        let half = half.unwrap();
        assert_eq!(half.code, Some(Code::Kube05));
        assert!(
            half.remedy
                .unwrap()
                .contains("kubectl annotate crd clusters.example.org")
        );
        assert_eq!(told(&json!([names])).unwrap().sentence, half.sentence);
        assert_eq!(
            told(&json!([names, {"type": "Established", "status": "True"}])),
            None
        );
        assert_eq!(told(&json!([])), None);
    }

    #[test]
    fn a_definition_whose_name_is_taken_says_by_which() {
        let taken = json!([{"type": "NamesAccepted", "status": "False", "message": "\"Cluster\" is already in use"}]);
        let reason = told(&taken).unwrap();
        assert!(
            reason.sentence.ends_with("\"Cluster\" is already in use"),
            "{reason:?}"
        );
    }
}
