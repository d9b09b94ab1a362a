//! The five rules of the house and its fences, held over the source text itself.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Modules and files that are values in, values out: no I/O, no async.
const PURE: &[&str] = &[
    "site",
    "catalog",
    "plan",
    "problem",
    "ready",
    "waiting",
    "restore",
    "compare",
    "capacity",
    "app",
    "ui",
    "check/verdict",
    "check/judge",
    "check/question",
    "engine/event",
    "engine/schedule",
    "engine/view",
    "watch/facts",
    "watch/history",
    "watch/picture",
    "watch/risks",
    "watch/rows",
    "watch/rules",
    "watch/services",
    "watch/snapshot",
    "watch/stops",
    "watch/usage",
    "watch/view",
];

/// Words that a pure file never holds.
const IMPURE: &[&str] = &[
    "tokio",
    "kube::",
    "hyper",
    "std::fs",
    "std::net",
    "async fn",
    ".await",
    "std::process",
];

/// Who may use whom, by top-level module; what is not listed here is not a module.
const MAY_USE: &[(&str, &[&str])] = &[
    ("problem", &[]),
    ("site", &["problem"]),
    ("plan", &["problem", "site", "catalog"]),
    ("catalog", &["problem", "site", "plan"]),
    ("ready", &["problem", "plan"]),
    ("waiting", &["problem", "plan", "ready", "engine"]),
    ("restore", &["problem", "site", "plan", "catalog", "ready"]),
    ("compare", &["problem", "site", "plan"]),
    ("capacity", &["plan"]),
    ("check", &["problem", "site", "plan", "sys"]),
    ("engine", &["problem", "plan", "ready", "waiting", "sys"]),
    (
        "watch",
        &[
            "problem", "site", "plan", "catalog", "ready", "waiting", "check", "sys", "engine",
        ],
    ),
    (
        "sys",
        &["problem", "plan", "site", "catalog", "compare", "rehearsal"],
    ),
    ("rehearsal", &["problem", "plan", "site", "catalog", "sys"]),
    (
        "app",
        &[
            "problem", "site", "plan", "catalog", "check", "engine", "watch", "restore", "capacity",
        ],
    ),
    (
        "ui",
        &[
            "problem", "site", "plan", "catalog", "check", "engine", "watch", "restore",
            "capacity", "app",
        ],
    ),
    (
        "tui",
        &[
            "problem", "site", "plan", "catalog", "check", "engine", "watch", "app", "ui", "sys",
        ],
    ),
    (
        "plain",
        &[
            "problem", "site", "plan", "catalog", "check", "engine", "watch", "sys",
        ],
    ),
    ("cli", &["problem"]),
    (
        "host",
        &[
            "problem", "plan", "engine", "sys", "session", "cli", "site", "catalog",
        ],
    ),
    (
        "session",
        &[
            "problem",
            "site",
            "plan",
            "catalog",
            "check",
            "engine",
            "watch",
            "restore",
            "compare",
            "rehearsal",
            "sys",
            "cli",
        ],
    ),
    (
        "command",
        &[
            "problem",
            "site",
            "plan",
            "catalog",
            "check",
            "engine",
            "watch",
            "restore",
            "compare",
            "capacity",
            "rehearsal",
            "sys",
            "cli",
            "session",
            "host",
            "plain",
            "tui",
            "app",
            "ui",
        ],
    ),
];

/// Longest file without its tests.
const FILE_FENCE: usize = 600;

struct Source {
    /// Path below `src`, without `.rs`, such as `engine/run`.
    name: String,
    /// The text before the tests.
    code: String,
    /// The whole text.
    whole: String,
}

impl Source {
    fn top(&self) -> &str {
        self.name.split('/').next().unwrap()
    }

    fn is_in(&self, module: &str) -> bool {
        self.name == module || self.name.starts_with(&format!("{module}/"))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
}

fn sources() -> Vec<Source> {
    let base = root().join("src");
    let mut paths = Vec::new();
    files(&base, &mut paths);
    paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(&base).unwrap().with_extension("");
            let whole = fs::read_to_string(path).unwrap();
            let code = whole.split("#[cfg(test)]\nmod ").next().unwrap();
            Source {
                name: name.to_str().unwrap().to_owned(),
                code: without_comments(code),
                whole: whole.clone(),
            }
        })
        .filter(|source| !source.name.ends_with("/tests"))
        .collect()
}

fn without_comments(code: &str) -> String {
    let lines: Vec<&str> = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    lines.join("\n")
}

/// The top-level modules that a text names after `crate::`.
fn used(code: &str) -> BTreeSet<String> {
    let word = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
            .collect()
    };
    let mut names = BTreeSet::new();
    for part in code.split("crate::").skip(1) {
        let Some(group) = part.strip_prefix('{') else {
            names.insert(word(part));
            continue;
        };
        let mut depth = 0_usize;
        let mut start = true;
        for (at, letter) in group.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => start = true,
                letter if start && letter.is_alphanumeric() => {
                    names.insert(word(group.get(at..).unwrap()));
                    start = false;
                }
                _ => {}
            }
        }
    }
    names
}

fn expect_none(rule: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{rule}:\n  {}",
        offenders.join("\n  ")
    );
}

#[test]
fn pure_modules_do_no_io_and_no_async() {
    let mut offenders = Vec::new();
    for source in sources() {
        if PURE.iter().any(|module| source.is_in(module)) {
            for word in IMPURE.iter().filter(|word| source.code.contains(**word)) {
                offenders.push(format!("{} names `{word}`", source.name));
            }
        }
    }
    expect_none("pure modules are values in, values out", &offenders);
}

#[test]
fn only_sys_touches_the_world() {
    let files = ["std::fs", "tokio::fs", "File::open", "OpenOptions"];
    let processes = ["Command::new", "std::process::Command"];
    let sockets = [
        "TcpListener",
        "TcpStream",
        "UdpSocket",
        "UnixListener",
        "UnixStream",
    ];
    let mut offenders = Vec::new();
    for source in sources().iter().filter(|source| source.top() != "sys") {
        let mut words: Vec<&str> = [files.as_slice(), &processes].concat();
        // The practice cluster is itself a piece of the world: it serves on loopback.
        if source.top() != "rehearsal" {
            words.extend(sockets);
        }
        for word in words {
            if source.code.contains(word) {
                offenders.push(format!("{} names `{word}`", source.name));
            }
        }
    }
    expect_none(
        "only `sys` starts a process, opens a socket or touches a file",
        &offenders,
    );
}

#[test]
fn only_the_faces_print() {
    let mut offenders = Vec::new();
    for source in sources() {
        let face = ["tui", "plain"].contains(&source.top());
        for word in ["println!", "print!(", "io::stdout", "eprint"] {
            if !face && source.code.contains(word) {
                offenders.push(format!("{} names `{word}`", source.name));
            }
        }
    }
    expect_none("only `tui` and `plain` print", &offenders);
}

#[test]
fn app_knows_no_terminal_and_ui_changes_nothing() {
    let mut offenders = Vec::new();
    for source in sources() {
        if source.top() == "app"
            && ["ratatui", "crossterm"]
                .iter()
                .any(|word| source.code.contains(word))
        {
            offenders.push(format!("{} names the terminal", source.name));
        }
        if source.top() == "ui" && source.code.contains("&mut App") {
            offenders.push(format!("{} takes `&mut App`", source.name));
        }
        if source.name != "ui/theme" && source.code.contains("Color::") {
            offenders.push(format!("{} names a colour outside ui/theme", source.name));
        }
    }
    expect_none(
        "`app` knows no terminal, `ui` only reads, colours live in ui/theme",
        &offenders,
    );
}

#[test]
fn app_and_its_tasks_share_no_locks() {
    let offenders: Vec<String> = sources()
        .iter()
        .filter(|source| ["app", "ui", "tui", "plain"].contains(&source.top()))
        .filter(|source| source.code.contains("Mutex") || source.code.contains("RwLock"))
        .map(|source| source.name.clone())
        .collect();
    expect_none(
        "tasks own what they use and send values over bounded channels",
        &offenders,
    );
}

#[test]
fn modules_use_only_whom_they_may() {
    let mut offenders = Vec::new();
    for source in sources() {
        let top = source.top();
        if ["lib", "main"].contains(&top) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(module, _)| *module == top) else {
            offenders.push(format!("{top} is not in the table of modules"));
            continue;
        };
        for other in used(&source.code) {
            let known = MAY_USE.iter().any(|(module, _)| *module == other);
            if known && other != top && !allowed.contains(&other.as_str()) {
                offenders.push(format!("{} uses crate::{other}", source.name));
            }
        }
    }
    expect_none(
        "the table MAY_USE in tests/it/tidy.rs says who may use whom",
        &offenders,
    );
}

#[test]
fn files_stay_within_the_fences() {
    let mut offenders = Vec::new();
    for source in sources() {
        let lines = source
            .whole
            .split("#[cfg(test)]\nmod ")
            .next()
            .unwrap()
            .lines()
            .count();
        if lines > FILE_FENCE {
            offenders.push(format!(
                "{} has {lines} lines, the fence is {FILE_FENCE}",
                source.name
            ));
        }
        if !source.whole.starts_with("//!") {
            offenders.push(format!("{} does not open with a `//!` line", source.name));
        }
        if source.name.ends_with("/mod") {
            offenders.push(format!("{} is a mod.rs", source.name));
        }
        if source.whole.contains(concat!("todo", "!(")) {
            offenders.push(format!("{} is not finished", source.name));
        }
    }
    expect_none(
        "files are short, open with their purpose and are finished",
        &offenders,
    );
}

#[test]
fn no_test_file_is_forgotten() {
    let folder = root().join("tests/it");
    let main = fs::read_to_string(folder.join("main.rs")).unwrap();
    let mut found = Vec::new();
    files(&folder, &mut found);
    let offenders: Vec<String> = found
        .iter()
        .filter(|path| path.parent() == Some(folder.as_path()))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "main" && !main.contains(&format!("mod {name};")))
        .collect();
    expect_none("every file of tests/it is named in its main.rs", &offenders);
}

#[test]
fn the_reader_of_uses_understands_groups() {
    let text =
        "use crate::{plan::{Object, Plan}, problem::Problem, sys};\nlet x = crate::site::sample();";
    let names: Vec<String> = used(text).into_iter().collect();
    assert_eq!(names, ["plan", "problem", "site", "sys"]);
}

/// The steps that a text sends the reader to: what follows `the step`, when it is a whole step's name.
fn named_steps(text: &str) -> BTreeSet<String> {
    let name = |rest: &str| -> String {
        let is_part = |letter: &char| letter.is_ascii_lowercase() || "-/".contains(*letter);
        rest.trim_start_matches('`')
            .chars()
            .take_while(is_part)
            .collect()
    };
    text.split("the step ")
        .skip(1)
        .map(name)
        .filter(|name| name.contains('/'))
        .collect()
}

#[test]
fn remedies_send_the_reader_to_steps_that_the_catalogue_has() {
    let catalog = care_install::catalog::Catalog::load().unwrap();
    let steps: BTreeSet<String> = catalog
        .components
        .iter()
        .flat_map(|component| {
            let of =
                |step: &care_install::catalog::StepFile| format!("{}/{}", component.id, step.name);
            component.steps.iter().map(of).collect::<Vec<_>>()
        })
        .collect();
    let mut texts: Vec<(String, String)> = sources()
        .into_iter()
        .filter(|source| source.name != "app/fixture")
        .map(|source| (source.name, source.code))
        .collect();
    for entry in fs::read_dir(root().join("assets/catalog")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        texts.push((path.display().to_string(), text));
    }
    // A restore has steps of its own, which its plan is built from and not the catalogue.
    let of_restore = fs::read_to_string(root().join("src/restore/steps.rs")).unwrap();
    let is_of_restore = |step: &str| {
        let name = step.strip_prefix("restore/");
        name.is_some_and(|name| of_restore.contains(&format!("\"{name}\"")))
    };
    let mut offenders = Vec::new();
    let mut found = 0;
    for (name, text) in texts {
        for step in named_steps(&text) {
            found += 1;
            if !steps.contains(&step) && !is_of_restore(&step) {
                offenders.push(format!("{name} names the step {step}"));
            }
        }
    }
    expect_none("a remedy names steps that are there", &offenders);
    assert!(found >= 3, "the reader of steps finds nothing any more");
}
