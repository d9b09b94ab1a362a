//! Questions on a terminal without screens: one line each, with the reason and an example; it decides nothing.

use inquire::{
    Confirm, InquireError, Password, PasswordDisplayMode, Select, Text, validator::Validation,
};
use secrecy::SecretString;

use super::output;
use crate::{
    problem::{Code, Problem},
    site::{Field, Group, Kind, Preset, SecretName, Secrets, SiteDraft},
    sys::vault,
};

/// Asks for a passphrase that exists.
///
/// # Errors
/// Nobody answered.
pub fn passphrase(question: &str) -> Result<SecretString, Problem> {
    let asked = Password::new(question)
        .with_display_mode(PasswordDisplayMode::Masked)
        .without_confirmation();
    asked
        .prompt()
        .map(SecretString::from)
        .map_err(|error| unanswered(&error))
}

/// Asks for a new passphrase, twice; an empty one means a key file.
///
/// # Errors
/// Nobody answered.
pub fn new_passphrase() -> Result<Option<SecretString>, Problem> {
    let shortest = vault::SHORTEST_PASSPHRASE;
    let asked = Password::new("Passphrase for the vault")
        .with_help_message("It locks the site's secrets. Four words or more. Empty: a key file beside the vault does it.")
        .with_display_mode(PasswordDisplayMode::Masked)
        .with_custom_confirmation_message("The same once more")
        .with_custom_confirmation_error_message("The two are not the same.")
        .with_validator(move |text: &str| {
            Ok(if text.is_empty() || text.chars().count() >= shortest {
                Validation::Valid
            } else {
                Validation::Invalid(format!("At least {shortest} characters, or none.").into())
            })
        });
    let text = asked.prompt().map_err(|error| unanswered(&error))?;
    Ok((!text.is_empty()).then(|| SecretString::from(text)))
}

/// Asks a question that is answered with yes or no.
///
/// # Errors
/// Nobody answered.
pub fn yes(question: &str) -> Result<bool, Problem> {
    let asked = Confirm::new(question).with_default(false);
    asked.prompt().map_err(|error| unanswered(&error))
}

/// Asks for a word that must be typed as it is.
///
/// # Errors
/// Nobody answered.
pub fn word(question: &str, wanted: &str) -> Result<bool, Problem> {
    let asked = Text::new(question).prompt();
    let answer = asked.map_err(|error| unanswered(&error))?;
    Ok(answer.trim() == wanted)
}

/// Asks for every field of a group; `keep` is called after each answer, so that none is lost, and `hint` before each question
/// for what else there is to know.
///
/// # Errors
/// Nobody answered, or an answer could not be kept.
pub fn group(
    group: Group,
    (draft, secrets): (&mut SiteDraft, &mut Secrets),
    hint: impl Fn(&SiteDraft, &Field) -> Vec<String>,
    mut keep: impl FnMut(&SiteDraft) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for field in group.fields() {
        // A question that belongs to another choice is not put.
        if matches!(field.preset, Preset::RequiredWhen(..)) && !draft.wants(field) {
            continue;
        }
        if let Some(name) = field.secret() {
            secret(field, name, (draft.wants(field), secrets))?;
            continue;
        }
        for words in hint(draft, field) {
            output::line(&format!("  {words}"));
        }
        let text = line(field, draft)?;
        draft.set(field.id, &text);
        keep(draft)?;
    }
    Ok(())
}

fn line(field: &Field, draft: &SiteDraft) -> Result<String, Problem> {
    let help = format!("{} For example: {}", field.why, field.example);
    let known = draft.get(field.id).to_owned();
    let preset = draft.value(field.id);
    if let Kind::Choice(words) = field.kind {
        let at = words.iter().position(|word| *word == preset).unwrap_or(0);
        let asked = Select::new(field.label, words.to_vec())
            .with_help_message(&help)
            .with_starting_cursor(at);
        let chosen = asked.prompt().map_err(|error| unanswered(&error))?;
        return Ok(chosen.to_owned());
    }
    let before = draft.clone();
    let id = field.id;
    let asked = Text::new(field.label)
        .with_help_message(&help)
        .with_validator(move |text: &str| {
            let mut judged = before.clone();
            judged.set(id, text);
            Ok(match wrong(&judged, id) {
                None => Validation::Valid,
                Some(problem) => Validation::Invalid(in_a_line(&problem).into()),
            })
        });
    let asked = if known.is_empty() {
        asked
    } else {
        asked.with_initial_value(&known)
    };
    let asked = if preset.is_empty() {
        asked
    } else {
        asked.with_default(&preset)
    };
    asked.prompt().map_err(|error| unanswered(&error))
}

/// What is wrong with an answer by itself, or together with those before it.
fn wrong(draft: &SiteDraft, id: &str) -> Option<Problem> {
    if let Some(problem) = draft.check(id) {
        return Some(problem);
    }
    let mut all = draft.problems().into_iter();
    all.find(|(of, problem)| *of == id && problem.code != Code::Site02)
        .map(|(_, problem)| problem)
}

/// What is wrong with an answer, and why.
fn in_a_line(problem: &Problem) -> String {
    match problem.causes.first() {
        Some(cause) => format!("{} Why: {cause}. {}", problem.what, problem.remedy),
        None => format!("{} {}", problem.what, problem.remedy),
    }
}

/// Asks for a secret; one that is wanted and not there yet may not stay empty.
fn secret(
    field: &Field,
    name: SecretName,
    (wanted, secrets): (bool, &mut Secrets),
) -> Result<(), Problem> {
    let required = wanted && secrets.get(name).is_none();
    let asked = Password::new(field.label)
        .with_help_message(field.why)
        .with_display_mode(PasswordDisplayMode::Masked)
        .without_confirmation()
        .with_validator(move |text: &str| {
            Ok(if required && text.is_empty() {
                Validation::Invalid("It is needed.".into())
            } else {
                Validation::Valid
            })
        });
    let text = asked.prompt().map_err(|error| unanswered(&error))?;
    if !text.is_empty() {
        secrets.set(name, SecretString::from(text));
    }
    Ok(())
}

fn unanswered(error: &InquireError) -> Problem {
    Problem::new(
        Code::Tty02,
        "The question was not answered.",
        "Run the command again: what was answered before is kept.",
    )
    .caused_by(error)
}
