//! Tells the tests whether `go` is here to build the control plane they run against; builds nothing itself.

use std::{env, path::Path};

fn main() {
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
}
