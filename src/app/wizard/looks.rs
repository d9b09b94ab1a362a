//! What the world says about the answers: asked once an answer stands still, shown for that very answer and no other. Pure.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    check::question,
    site::{Field, SiteDraft},
};

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It is being looked at.
    Asking,
    /// There is nothing to say.
    Nothing,
    /// It is as it should be.
    Good(String),
    /// It is not.
    Bad(String),
}

/// A look at an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The answer with all on which the result depends.
    of: String,
    /// When it was asked for; once it is answered, when that was.
    pub at: Timestamp,
    /// What came of it.
    pub seen: Seen,
}

/// What is to be asked about one field.
pub type Asked = (String, String);

/// The last look at each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looks(BTreeMap<&'static str, Look>);

impl Looks {
    /// The look at the present answer; nothing when it was never looked at, or has changed since.
    pub fn of(&self, draft: &SiteDraft, field: &str) -> Option<&Look> {
        let look = self.0.get(field)?;
        (question(draft, field)? == look.of).then_some(look)
    }

    /// Which of the fields are to be looked at now; they count as asked from here on.
    pub fn due(
        &mut self,
        draft: &SiteDraft,
        fields: impl Iterator<Item = &'static Field>,
        now: Timestamp,
    ) -> Vec<Asked> {
        let mut due = Vec::new();
        for field in fields {
            let Some(of) = question(draft, field.id) else {
                continue;
            };
            if self.0.get(field.id).is_some_and(|look| look.of == of) {
                continue;
            }
            let look = Look {
                of: of.clone(),
                at: now,
                seen: Seen::Asking,
            };
            self.0.insert(field.id, look);
            due.push((field.id.to_owned(), of));
        }
        due
    }

    /// An answer came; one to a question that is not asked any more is dropped.
    pub fn answer(
        &mut self,
        (field, of): (&str, &str),
        seen: Option<Result<String, String>>,
        now: Timestamp,
    ) {
        let Some(look) = self.0.get_mut(field).filter(|look| look.of == of) else {
            return;
        };
        look.at = now;
        look.seen = match seen {
            None => Seen::Nothing,
            Some(Ok(words)) => Seen::Good(words),
            Some(Err(words)) => Seen::Bad(words),
        };
    }

    /// The field is to be looked at anew.
    pub fn forget(&mut self, field: &str) {
        self.0.remove(field);
    }
}

/// Who is asked for what, while there is no answer yet.
pub fn asking(draft: &SiteDraft, field: &Field) -> String {
    let value = draft.value(field.id);
    match field.id {
        "nodes.primary.address" | "nodes.secondary.address" => {
            let port = draft.value(&field.id.replace("address", "ssh_port"));
            format!("asking {value} port {port} for SSH")
        }
        "nodes.workers" => "asking each of them for SSH".to_owned(),
        "domains.base" => format!("asking this computer's name server for *.{value}"),
        "exposure.dns_servers" => "asking each of them".to_owned(),
        "cluster.kubeconfig" => "asking the cluster that it names".to_owned(),
        "certificate.chain_file" | "certificate.key_file" => format!("reading {value}"),
        "backups.endpoint" => format!("connecting to {value}"),
        _ => format!("asking this computer's name server for {value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::sample;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn only_the_answer_to_the_present_value_is_shown() {
        let field = Field::find("domains.base").unwrap();
        let mut looks = Looks::default();
        let mut draft = sample();
        let [(id, first)] = looks
            .due(&draft, [field].into_iter(), at(1))
            .try_into()
            .unwrap();
        assert!(
            looks.due(&draft, [field].into_iter(), at(1)).is_empty(),
            "what is being asked is not asked twice"
        );
        draft.set("domains.base", "other.example.org");
        assert_eq!(looks.of(&draft, &id), None, "it is about another answer");
        let due = looks.due(&draft, [field].into_iter(), at(2));
        looks.answer((&id, &first), Some(Ok("late".to_owned())), at(3));
        assert_eq!(looks.of(&draft, &id).unwrap().seen, Seen::Asking);
        let (_, second) = due.first().unwrap();
        looks.answer((&id, second), Some(Err("NXDOMAIN".to_owned())), at(4));
        let look = looks.of(&draft, &id).unwrap();
        assert_eq!(look.seen, Seen::Bad("NXDOMAIN".to_owned()));
        assert_eq!(look.at, at(4));
    }

    #[test]
    fn an_answer_is_asked_for_again_once_it_is_forgotten() {
        let field = Field::find("nodes.primary.address").unwrap();
        let mut looks = Looks::default();
        let draft = sample();
        assert_eq!(looks.due(&draft, [field].into_iter(), at(1)).len(), 1);
        looks.forget(field.id);
        assert_eq!(looks.due(&draft, [field].into_iter(), at(2)).len(), 1);
        assert!(asking(&draft, field).contains("10.0.0.11 port 22"));
    }
}
