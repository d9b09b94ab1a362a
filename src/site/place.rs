//! Where in the questions a person is, so that a program that was killed goes on there. Pure.

use serde::{Deserialize, Serialize};

use super::Field;

/// The field that is typed, with the text as it stands; of a secret only the field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The field's id; empty on the review.
    pub field: String,
    /// What is typed into it, to the letter.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How many letters stand before the cursor.
    #[serde(default)]
    pub at: usize,
}

impl Place {
    /// At a field; the text of a secret is not taken along.
    pub fn at(field: &Field, text: String, at: usize) -> Self {
        let (text, at) = match field.secret() {
            Some(_) => (String::new(), 0),
            None => (text, at),
        };
        Self {
            field: field.id.to_owned(),
            text,
            at,
        }
    }

    /// As one line.
    pub fn line(&self) -> String {
        // Texts and a number always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads such a line; what is torn or of another making is as if it were not there.
    pub fn read(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_to_the_letter_and_a_torn_one_is_none() {
        let field = Field::find("site.name").unwrap();
        let place = Place::at(field, "St Mary's ".to_owned(), 3);
        let line = place.line();
        assert_eq!(Place::read(&line), Some(place));
        let torn = line.get(..line.len() - 3).unwrap();
        assert_eq!(Place::read(torn), None);
    }

    #[test]
    fn what_is_typed_into_a_secret_is_never_part_of_a_place() {
        let field = Field::find("backups.secret_key").unwrap();
        let place = Place::at(field, "canary".to_owned(), 6);
        assert!(!place.line().contains("canary"));
        assert_eq!(place.field, "backups.secret_key");
    }
}
