//! Which images the site's own programs run: finished ones, or those that it builds, whose tags follow from what goes in. Pure.

use serde_json::{Map, Value, json};

use super::{parts, render::Renderer};
use crate::problem::Problem;

/// What goes into the images that are built.
const RECIPES: &str = "images/recipes.yaml";

/// A program whose image a site may build.
struct Program {
    /// Its name in templates.
    name: &'static str,
    /// Where the settings name a finished image.
    image: &'static str,
    /// Where the settings say what to build it from.
    source: &'static str,
    /// The switch of the component that runs it.
    switch: Option<&'static str>,
}

const PROGRAMS: [Program; 3] = [
    Program {
        name: "care",
        image: "/care/backend_image",
        source: "/care/backend_source",
        switch: None,
    },
    Program {
        name: "care_web",
        image: "/care/frontend_image",
        source: "/care/frontend_source",
        switch: None,
    },
    Program {
        name: "odoo",
        image: "/components/odoo_image",
        source: "/components/odoo_addons",
        switch: Some("/components/odoo"),
    },
];

/// The same renderer, which knows the images by now.
///
/// # Errors
/// A recipe cannot be rendered.
pub(super) fn named(renderer: Renderer<'_>) -> Result<Renderer<'_>, Problem> {
    let site = renderer.site().values();
    let text = |at: &str| site.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let registry = text("/domains/registry");
    let keeps = text("/components/registry") == "on";
    let mut renderer = renderer;
    let (mut images, mut built, mut made) = (Map::new(), Vec::new(), Vec::new());
    for program in &PROGRAMS {
        let runs = program.switch.is_none_or(|switch| text(switch) == "on");
        let mut image = text(program.image).to_owned();
        let from = versions(site.pointer(program.source));
        let builds = keeps && runs && !from.is_empty();
        if builds {
            // The tag follows from this recipe alone: another program's changes nothing of it.
            renderer = renderer.with_images(json!({ "built": [program.name] }));
            let digest = renderer.digest(RECIPES)?;
            let version = if program.name == "odoo" {
                parts(&image).1
            } else {
                from
            };
            let path = program.name.replace('_', "-");
            image = format!("{registry}/{path}:{}-{digest}", tag(&version));
            built.push(program.name);
        }
        let own = image
            .strip_prefix(registry)
            .and_then(|rest| rest.strip_prefix('/'));
        let (path, version, digest) = parts(own.unwrap_or_default());
        if keeps && runs && own.is_some() {
            made.push(program.name);
        }
        let one = json!({
            "image": image, "path": path, "reference": digest.unwrap_or(version), "built": builds,
        });
        images.insert(program.name.to_owned(), one);
    }
    images.insert("built".to_owned(), json!(built));
    images.insert("made".to_owned(), json!(made));
    Ok(renderer.with_images(Value::Object(images)))
}

/// The tags or commits of a source, or of the first of several.
fn versions(source: Option<&Value>) -> String {
    let first = match source {
        Some(Value::Array(all)) => all.first(),
        other => other,
    };
    let text = first.and_then(Value::as_str).unwrap_or_default();
    let version = text.split_once('#').map(|(_, version)| version);
    version.unwrap_or_default().to_owned()
}

/// The longest version that is told in a tag; a registry takes 128 characters in all.
const LONGEST: usize = 60;

/// A version as a tag can hold it.
fn tag(version: &str) -> String {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let plain: String = version
        .chars()
        .map(|c| if known(c) { c } else { '-' })
        .take(LONGEST)
        .collect();
    let plain = plain.trim_start_matches(['.', '-']);
    if plain.is_empty() {
        "own".to_owned()
    } else {
        plain.to_owned()
    }
}
