//! The commands about a site's settings: `new` and `validate`.

use std::{io::Read, path::Path};

use secrecy::SecretString;
use serde_json::json;

use super::{Context, Failure, costs::costs, screens};
use crate::{
    app::wizard::bill,
    cli::{Face, New},
    plain::{ask, output},
    problem::{Code, Exit, Problem},
    session::opened,
    site::{Field, FromLine as _, Group, Kind, SecretName, Secrets, SiteDraft, SiteName, file},
    sys::{
        files,
        sites::{SiteDir, Sites},
        vault::Lock,
    },
};

/// Largest file of settings or secrets.
const LARGEST: u64 = 256 * 1024;

/// `new`
pub async fn new(context: &Context, arguments: &New) -> Result<Exit, Failure> {
    let sites = Sites::of_user()?;
    let dir = sites.for_new(context.global.site.as_deref())?;
    if let Some(file) = &arguments.from {
        return from_file(context, arguments, (&sites, dir), file);
    }
    match context.face {
        Face::Screens => screens::new_site(context, dir).await,
        Face::Plain if output::can_ask() => asked(context, arguments, &sites, dir),
        Face::Plain | Face::Json => Err(Problem::new(
            Code::Args01,
            "Nobody can be asked about the new site.",
            "Give the settings with --from FILE (templates/site.example.yaml shows them all) and the typed secrets with --secrets FILE.",
        )
        .into()),
    }
}

/// Takes settings and secrets from files.
fn from_file(
    context: &Context,
    arguments: &New,
    (sites, dir): (&Sites, SiteDir),
    path: &Path,
) -> Result<Exit, Failure> {
    let text = files::read_text(path, LARGEST)?;
    let (draft, _) = file::read(&path.display().to_string(), &text)?;
    let mut typed = Secrets::new();
    if let Some(source) = &arguments.secrets {
        typed = read_secrets(source)?;
    }
    let missing: Vec<&str> = crate::site::FIELDS
        .iter()
        .filter(|field| draft.wants(field))
        .filter_map(Field::secret)
        .filter(|name| typed.get(*name).is_none())
        .map(SecretName::as_str)
        .collect();
    if !missing.is_empty() {
        let what = format!("These secrets are missing: {}.", missing.join(", "));
        let remedy = "Give them with --secrets FILE, a line NAME: VALUE for each.";
        return Err(Problem::new(Code::Site02, what, remedy).into());
    }
    finish(context, arguments.key_file, (sites, dir), (&draft, &typed))
}

/// The typed secrets, as a YAML map from a file or from standard input.
///
/// # Errors
/// It cannot be read, or names something that is no typed secret.
pub fn read_secrets(source: &Path) -> Result<Secrets, Problem> {
    let text = if source == Path::new("-") {
        let mut text = String::new();
        let read = std::io::stdin()
            .lock()
            .take(LARGEST)
            .read_to_string(&mut text);
        read.map_err(|error| {
            let what = "The secrets could not be read from standard input.";
            Problem::new(Code::File01, what, "Give them as lines NAME: VALUE.").caused_by(&error)
        })?;
        text
    } else {
        files::read_text(source, LARGEST)?
    };
    // What a parser says of a wrong file may quote it: so nothing of it is repeated.
    let unreadable = |_quoted| {
        let what = "The file of secrets is not a list of NAME: VALUE lines.";
        let remedy = "Write each secret in a line of its own, the value in double quotes.";
        Problem::new(Code::Site12, what, remedy)
    };
    let map: std::collections::BTreeMap<String, String> =
        serde_yaml::from_str(&text).map_err(unreadable)?;
    let mut secrets = Secrets::new();
    for (name, value) in map {
        let known = SecretName::parse(&name).ok_or_else(|| {
            let names: Vec<&str> = crate::site::FIELDS
                .iter()
                .filter_map(Field::secret)
                .map(SecretName::as_str)
                .collect();
            let what = format!("`{name}` is no secret that is typed.");
            Problem::new(
                Code::Site11,
                what,
                format!("Known are: {}.", names.join(", ")),
            )
        })?;
        secrets.set(known, SecretString::from(value));
    }
    Ok(secrets)
}

/// Asks group by group; every answer is kept as it comes.
fn asked(context: &Context, arguments: &New, sites: &Sites, dir: SiteDir) -> Result<Exit, Failure> {
    let mut draft = dir.load_draft()?;
    let mut typed = Secrets::new();
    if !draft.is_empty() {
        output::note("Going on with the answers that were kept.");
    }
    let mut groups: Vec<Group> = Group::ALL.to_vec();
    while !groups.is_empty() {
        for (index, group) in Group::ALL.iter().enumerate() {
            if groups.contains(group) {
                output::line(&format!(
                    "\n{} of {}  {}",
                    index + 1,
                    Group::ALL.len(),
                    group.title()
                ));
                ask::group(*group, (&mut draft, &mut typed), prices, |draft| {
                    dir.save_draft(draft)
                })?;
            }
        }
        groups = wrong_groups(&draft);
        for (field, problem) in draft.problems() {
            output::note(&format!("{field}: {problem}"));
        }
    }
    if let Some(costs) = costs(&draft) {
        output::line("\nReview");
        for words in bill::bill(&costs) {
            output::line(&format!("{}{}", " ".repeat(words.indent), words.text));
        }
    }
    finish(context, arguments.key_file, (sites, dir), (&draft, &typed))
}

/// What an optional part costs, before it is asked whether the site has it.
fn prices(draft: &SiteDraft, field: &Field) -> Vec<String> {
    let switches = field.group == Group::Components && matches!(field.kind, Kind::Choice(_));
    if !switches {
        return Vec::new();
    }
    let known = costs(draft).map(|costs| (draft.clone(), costs));
    let words = bill::switch(known.as_ref(), draft, field).into_iter();
    words.map(|words| words.text).collect()
}

/// The groups that hold a field with a problem.
fn wrong_groups(draft: &SiteDraft) -> Vec<Group> {
    let wrong: Vec<&str> = draft.problems().iter().map(|(id, _)| *id).collect();
    let is_wrong = |group: &&Group| group.fields().any(|field| wrong.contains(&field.id));
    Group::ALL.iter().filter(is_wrong).copied().collect()
}

/// Makes the site with what locks its vault, and says where it is.
///
/// # Errors
/// Nobody says what locks the vault, or the site cannot be made.
pub fn finish(
    context: &Context,
    key_file: bool,
    (sites, dir): (&Sites, SiteDir),
    (draft, typed): (&SiteDraft, &Secrets),
) -> Result<Exit, Failure> {
    let lock = new_lock(context, key_file, &dir)?;
    let dir = make(sites, dir, (draft, typed), &lock)?;
    if context.face == Face::Json {
        output::json(&json!({"event": "site", "folder": dir.path()}));
    } else {
        output::line(&format!("The site is in {}.", dir.path().display()));
        output::line("Next: care-install check, then care-install plan, then care-install deploy.");
    }
    Ok(Exit::Done)
}

fn new_lock(context: &Context, key_file: bool, dir: &SiteDir) -> Result<Lock, Failure> {
    if key_file {
        return Ok(dir.make_key_lock()?);
    }
    if let Some(file) = &context.global.passphrase_file {
        let passphrase = super::context::first_line(&files::read_text(file, LARGEST)?);
        crate::sys::vault::check_passphrase(&passphrase)?;
        return Ok(Lock::Passphrase(passphrase));
    }
    if context.face != Face::Json && output::can_ask() {
        return Ok(match ask::new_passphrase()? {
            Some(passphrase) => Lock::Passphrase(passphrase),
            None => dir.make_key_lock()?,
        });
    }
    let what = "It is not said what locks the new vault.";
    let remedy = "Add --key-file for a key beside it, or --passphrase-file FILE.";
    Err(Problem::new(Code::Vault08, what, remedy).into())
}

/// Makes the site in its folder; a folder without a name gets it now.
///
/// # Errors
/// What is wrong with the settings, or a folder that cannot be written or is taken.
pub fn make(
    sites: &Sites,
    dir: SiteDir,
    (draft, typed): (&SiteDraft, &Secrets),
    lock: &Lock,
) -> Result<SiteDir, Vec<Problem>> {
    if dir != sites.unnamed() {
        opened::create(&dir, draft, typed, lock)?;
        return Ok(dir);
    }
    let name = draft.value("site.name");
    let name = SiteName::from_line(&name).map_err(|why| {
        let what = format!("`{name}` cannot be the name of a site.");
        vec![Problem::new(Code::Site01, what, "Choose one like st-marys.").because(why.to_string())]
    })?;
    // A name that is taken is told before anything is made.
    if sites.named(&name).has_site() {
        return Err(vec![Problem::new(
            Code::Site18,
            format!("There is a site `{name}` already."),
            "Choose another name, or open that site with --site.",
        )]);
    }
    opened::create(&dir, draft, typed, lock)?;
    sites
        .name_the_unnamed(&name)
        .map_err(|problem| vec![problem])
}

/// `validate`
pub fn validate(context: &Context) -> Result<Exit, Failure> {
    let place = context.place()?;
    let settings = SiteDir::at(place.site.clone()).settings()?;
    if context.face == Face::Json {
        output::json(
            &json!({"event": "valid", "site": settings.site.name.as_str(), "warnings": settings.warnings}),
        );
    } else {
        output::problems(&settings.warnings);
        output::line(&format!(
            "{} is valid: {} nodes, base domain {}.",
            place.settings().display(),
            settings.site.nodes.all().len(),
            settings.site.domains.base
        ));
    }
    Ok(if settings.warnings.is_empty() {
        Exit::Done
    } else {
        Exit::Warnings
    })
}
