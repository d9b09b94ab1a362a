//! Lists the catalogue and the templates for embedding, and tells the tests whether `go` is here to build the control
//! plane they run against.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    println!("cargo::rustc-check-cfg=cfg(has_go)");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rerun-if-env-changed=CARE_TESTBED");
    println!("cargo::rerun-if-changed=build.rs");
    // CARE_TESTBED=required makes the tests run, and fail, where `go` is missing.
    let required = env::var("CARE_TESTBED").is_ok_and(|value| value == "required");
    let found = env::var_os("PATH").is_some_and(|path| {
        env::split_paths(&path).any(|folder| Path::new(&folder).join("go").is_file())
    });
    if required || found {
        println!("cargo::rustc-cfg=has_go");
    }
    embed()
}

/// Writes the tables of `assets/catalog` and `templates` that `src/catalog/embedded.rs` includes.
fn embed() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let mut text = String::new();
    for (name, folder) in [("COMPONENTS", "assets/catalog"), ("TEMPLATES", "templates")] {
        println!("cargo::rerun-if-changed={folder}");
        let base = root.join(folder);
        let mut paths = Vec::new();
        files(&base, &mut paths);
        // Writing to a string cannot fail.
        writeln!(text, "pub const {name}: &[(&str, &str)] = &[").ok();
        for path in paths {
            let short = path
                .strip_prefix(&base)
                .unwrap_or(&path)
                .display()
                .to_string();
            // The commented example is for people, not for a step.
            if short != "site.example.yaml" {
                let whole = path.display().to_string();
                writeln!(text, "    ({short:?}, include_str!({whole:?})),").ok();
            }
        }
        text.push_str("];\n");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("embedded.rs");
    fs::File::create(out)?.write_all(text.as_bytes())
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            found.push(path);
        }
    }
    found.sort();
}
