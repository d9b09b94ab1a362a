//! The options of a request, and what a server says to those it does not know. Pure.

use serde_json::{Value, json};

use super::{
    answer::{Failure, Invalid},
    call::{Call, Method},
};

/// The longest name of a field manager.
const MANAGER: usize = 128;

/// Which options a request has.
fn title(call: &Call) -> &'static str {
    match (call.method, call.place.name.is_empty()) {
        (Method::Get, _) => "ListOptions",
        (Method::Post, _) => "CreateOptions",
        (Method::Put, _) => "UpdateOptions",
        (Method::Patch, _) => "PatchOptions",
        (Method::Delete, _) => "DeleteOptions",
    }
}

/// Checks the options of a request.
///
/// # Errors
/// 400 for what cannot be read, 422 for what cannot be.
pub fn check(call: &Call) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    match call.method {
        Method::Get if call.place.name.is_empty() => lists(call, &mut wrong)?,
        Method::Get => {}
        Method::Delete => {
            if call.place.name.is_empty() {
                lists(call, &mut wrong)?;
            }
            deletes(call, &mut wrong);
        }
        Method::Post | Method::Put | Method::Patch => writes(call, &mut wrong),
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::invalid_options(title(call), &wrong))
}

/// Everything that is an apply.
pub fn applies(call: &Call) -> bool {
    call.method == Method::Patch && call.content.starts_with("application/apply-patch")
}

fn writes(call: &Call, wrong: &mut Vec<Invalid>) {
    if call.method == Method::Patch {
        if applies(call) {
            if call.query.text("fieldManager").is_empty() {
                let mut missing = Invalid::required("fieldManager");
                missing.message.push_str(": is required for apply patch");
                wrong.push(missing);
            }
        } else if call.query.on("force") {
            wrong.push(Invalid::forbidden(
                "force",
                "may not be specified for non-apply patch",
            ));
        }
    }
    manager(call.query.text("fieldManager"), wrong);
    dry(call.query.text("dryRun"), wrong);
    let how = call.query.text("fieldValidation");
    if !matches!(how, "" | "Ignore" | "Warn" | "Strict") {
        wrong.push(Invalid::unsupported(
            "fieldValidation",
            &how.into(),
            &["", "Ignore", "Strict", "Warn"],
        ));
    }
}

fn manager(name: &str, wrong: &mut Vec<Invalid>) {
    if name.len() > MANAGER {
        wrong.push(Invalid {
            reason: "FieldValueTooLong",
            field: "fieldManager".to_owned(),
            message: format!("Too long: may not be more than {MANAGER} bytes"),
        });
    }
    let odd = name.chars().enumerate().find(|(_, c)| c.is_control());
    if let Some((at, letter)) = odd {
        let why = format!(
            "invalid character U+{:04X} (at position {at})",
            u32::from(letter)
        );
        wrong.push(Invalid::value("fieldManager", &name.into(), &why));
    }
}

fn dry(said: &str, wrong: &mut Vec<Invalid>) {
    if !matches!(said, "" | "All") {
        wrong.push(Invalid::unsupported("dryRun", &json!([said]), &["All"]));
    }
}

fn deletes(call: &Call, wrong: &mut Vec<Invalid>) {
    let said = |name: &str| call.body.get(name).filter(|value| !value.is_null());
    let policy = said("propagationPolicy")
        .and_then(Value::as_str)
        .unwrap_or_else(|| call.query.text("propagationPolicy"));
    let orphans =
        said("orphanDependents").is_some() || !call.query.text("orphanDependents").is_empty();
    if orphans && !policy.is_empty() {
        let why = "orphanDependents and deletionPropagation cannot be both set";
        wrong.push(Invalid::value("propagationPolicy", &policy.into(), why));
    } else if !matches!(policy, "" | "Foreground" | "Background" | "Orphan") {
        wrong.push(Invalid::unsupported(
            "propagationPolicy",
            &policy.into(),
            &["Foreground", "Background", "Orphan", "nil"],
        ));
    }
    dry(call.query.text("dryRun"), wrong);
}

fn lists(call: &Call, wrong: &mut Vec<Invalid>) -> Result<(), Failure> {
    let query = &call.query;
    let (version, how) = (
        query.text("resourceVersion"),
        query.text("resourceVersionMatch"),
    );
    let watch = query.on("watch");
    for name in ["limit", "timeoutSeconds"] {
        let said = query.text(name);
        if !said.is_empty() && said.parse::<i64>().is_err() {
            let why = format!("strconv.ParseInt: parsing \"{said}\": invalid syntax");
            return Err(Failure::bad_request(why));
        }
    }
    let field = "resourceVersionMatch";
    let forbid = |why: &str| Invalid::forbidden(field, why);
    let initial = query.text("sendInitialEvents");
    if !watch && !initial.is_empty() {
        wrong.push(Invalid::forbidden(
            "sendInitialEvents",
            "sendInitialEvents is forbidden for list",
        ));
    } else if watch && !initial.is_empty() && how != "NotOlderThan" {
        let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
        wrong.push(forbid(why));
    } else if watch && initial.is_empty() && !how.is_empty() {
        wrong.push(forbid(
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        ));
    } else if !watch && !how.is_empty() {
        if version.is_empty() {
            wrong.push(forbid(
                "resourceVersionMatch is forbidden unless resourceVersion is provided",
            ));
        }
        if !query.text("continue").is_empty() {
            wrong.push(forbid(
                "resourceVersionMatch is forbidden when continue is provided",
            ));
        }
        if !matches!(how, "Exact" | "NotOlderThan") {
            wrong.push(Invalid::unsupported(
                field,
                &how.into(),
                &["Exact", "NotOlderThan", ""],
            ));
        }
        if how == "Exact" && version == "0" {
            wrong.push(forbid(
                "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
            ));
        }
    }
    if wrong.is_empty() && !version.is_empty() && version.parse::<u64>().is_err() {
        if watch {
            return Err(Failure::unexplained(format!(
                "resourceVersion: Invalid value: \"{version}\": strconv.ParseUint: parsing \"{version}\": invalid syntax"
            )));
        }
        return Err(Failure::bad_request(format!(
            "invalid resource version: resourceVersion: Invalid value: \"{version}\": strconv.ParseUint: parsing \
             \"{version}\": invalid syntax"
        )));
    }
    Ok(())
}
