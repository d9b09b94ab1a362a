//! The command `import`: the reference's variables become the answers of a new site, or the site itself when nothing is missing.

use std::path::Path;

use serde_json::json;

use super::{Context, Failure, settings};
use crate::{
    cli::{Face, Import},
    plain::output,
    problem::{Code, Exit, Problem},
    site::{
        FIELDS, Field, SecretName, Secrets, SiteDraft,
        import::{self, Imported},
    },
    sys::{
        files,
        sites::{SiteDir, Sites},
    },
};

/// Largest file of variables.
const LARGEST: u64 = 1024 * 1024;

/// `import`
pub fn import(context: &Context, arguments: &Import) -> Result<Exit, Failure> {
    let sites = Sites::of_user()?;
    let dir = sites.for_new(context.global.site.as_deref())?;
    if dir.has_draft() {
        return Err(in_the_way(&dir).into());
    }
    let text = files::read_text(&arguments.file, LARGEST)?;
    let mut imported = read(&arguments.file, &text)?;
    if let Some(source) = &arguments.secrets {
        for (name, secret) in settings::read_secrets(source)?.iter() {
            imported.secrets.set(name, secret.clone());
        }
    }
    let missing = Missing::of(&imported.draft, &imported.secrets);
    tell(context, &imported, &missing);
    if missing.is_nothing() && (arguments.key_file || context.global.passphrase_file.is_some()) {
        let (draft, secrets) = (&imported.draft, &imported.secrets);
        settings::finish(context, arguments.key_file, (&sites, dir), (draft, secrets))?;
    } else {
        dir.save_draft(&imported.draft)?;
        next(context, &dir, &imported);
    }
    let is_whole = missing.answers.is_empty() && missing.wrong.is_empty();
    Ok(if imported.left.is_empty() && is_whole {
        Exit::Done
    } else {
        Exit::Warnings
    })
}

/// Reads a file of the reference's variables.
///
/// # Errors
/// Nothing in it is a variable.
pub fn read(file: &Path, text: &str) -> Result<Imported, Problem> {
    let imported = import::import(text, environment(file).as_deref());
    if imported.taken.is_empty() {
        return Err(nothing(file, &imported));
    }
    Ok(imported)
}

/// The folder of the reference's environment: `environments/NAME/variables.tfvars`.
fn environment(file: &Path) -> Option<String> {
    let file = std::path::absolute(file).ok()?;
    let folder = file.parent()?;
    let is_one = folder.parent()?.file_name()? == "environments";
    is_one.then(|| {
        folder
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
    })?
}

/// What is still to be answered and to be typed.
struct Missing {
    answers: Vec<&'static str>,
    secrets: Vec<&'static str>,
    wrong: Vec<Problem>,
}

impl Missing {
    fn of(draft: &SiteDraft, secrets: &Secrets) -> Self {
        let mut wrong = Vec::new();
        let mut answers = Vec::new();
        for (field, problem) in draft.problems() {
            if problem.code == Code::Site02 {
                answers.push(field);
            } else {
                wrong.push(problem);
            }
        }
        let typed = FIELDS
            .iter()
            .filter(|field| draft.wants(field))
            .filter_map(Field::secret);
        let missing = typed.filter(|name| secrets.get(*name).is_none());
        Self {
            answers,
            secrets: missing.map(SecretName::as_str).collect(),
            wrong,
        }
    }

    fn is_nothing(&self) -> bool {
        self.answers.is_empty() && self.secrets.is_empty() && self.wrong.is_empty()
    }
}

fn tell(context: &Context, imported: &Imported, missing: &Missing) {
    let Missing {
        answers,
        secrets,
        wrong,
    } = missing;
    if context.face == Face::Json {
        output::json(&json!({
            "event": "imported", "taken": imported.taken, "assumed": imported.assumed, "not_understood": imported.left,
            "to_answer": answers, "secrets_to_type": secrets, "problems": wrong,
        }));
        return;
    }
    output::line(&format!("Taken: {}", imported.taken.len()));
    for one in &imported.taken {
        output::line(&format!(
            "   line {:<4} {} -> {}",
            one.line, one.variable, one.field
        ));
    }
    if !imported.assumed.is_empty() {
        output::line(&format!("Assumed: {}", imported.assumed.len()));
    }
    for one in &imported.assumed {
        output::line(&format!(
            "   {} = {}, because {}",
            one.field, one.value, one.why
        ));
    }
    if !imported.left.is_empty() {
        output::line(&format!("Not taken: {}", imported.left.len()));
    }
    for one in &imported.left {
        output::line(&format!(
            "   line {:<4} {}: {}",
            one.line, one.variable, one.why
        ));
    }
    for (title, names) in [
        ("Still to answer", answers),
        ("Secrets still to type", secrets),
    ] {
        if !names.is_empty() {
            output::line(&format!("{title}: {}", names.join(", ")));
        }
    }
    output::problems(wrong);
}

fn next(context: &Context, dir: &SiteDir, imported: &Imported) {
    let kept = imported.secrets.iter().count();
    if context.face == Face::Json {
        output::json(&json!({"event": "draft", "folder": dir.path()}));
        return;
    }
    output::line(&format!(
        "The answers are kept in {}.",
        dir.path().display()
    ));
    if kept > 0 {
        output::line(
            "Secrets of the file are kept only once the vault is made: import it anew with --key-file or --passphrase-file, or type them.",
        );
    }
    let site = context
        .global
        .site
        .as_ref()
        .map_or_else(String::new, |site| format!(" --site {site}"));
    output::line(&format!(
        "Next: care-install new{site} goes on with them and asks for the rest."
    ));
}

fn in_the_way(dir: &SiteDir) -> Problem {
    Problem::new(
        Code::Site18,
        format!(
            "There are answers of an unfinished site in `{}` already.",
            dir.path().display()
        ),
        "Go on with them (care-install new), or import into another place with --site NAME.",
    )
}

fn nothing(file: &Path, imported: &Imported) -> Problem {
    let mut problem = Problem::new(
        Code::Site19,
        format!(
            "Nothing in {} is a variable of the reference.",
            file.display()
        ),
        "Give its file of variables, such as environments/NAME/variables.tfvars. Nothing was changed.",
    );
    for left in imported.left.iter().take(5) {
        problem = problem.because(format!(
            "line {}, {}: {}",
            left.line, left.variable, left.why
        ));
    }
    problem
}
