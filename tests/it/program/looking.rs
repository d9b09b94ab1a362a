//! The commands that only look, as a person reads them: help, validate, plan, render, check, status, explain.

use std::fmt::Write;

use super::{REHEARSE, Site, names, start};

#[tokio::test]
async fn the_help_reads_like_a_letter() {
    let site = Site::new();
    let mut text = String::new();
    let commands = [
        "",
        "rehearse",
        "new",
        "import",
        "attach",
        "validate",
        "check",
        "plan",
        "drift",
        "capacity",
        "render",
        "deploy",
        "status",
        "explain",
        "screenshots",
    ];
    for command in commands {
        let mut arguments: Vec<&str> = command.split_whitespace().collect();
        // What every command takes is shown once.
        arguments.push(if command.is_empty() { "--help" } else { "-h" });
        let ran = start(site.bare(&arguments)).ended().await.exits(0);
        let own = ran.out.split("For every command:").next().unwrap();
        let shown = if command.is_empty() { &ran.out } else { own };
        let words = arguments.join(" ");
        writeln!(text, "$ care-install {words}\n{shown}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_looks_says_the_same_words_every_time() {
    let site = Site::new();
    site.run(REHEARSE).await.exits(0);
    let before = site.listing();
    let mut text = String::new();
    let mut add = |arguments: &[&str], out: &str| {
        writeln!(text, "$ care-install {}\n{out}", arguments.join(" ")).unwrap();
    };
    let digest = regex::Regex::new(r"-[0-9a-f]{8}\b").unwrap();
    for (arguments, code) in [
        (&["validate"][..], 0),
        (&["plan"], 0),
        (&["status", "--rehearsal"], 0),
        (&["explain", "wait-02"], 0),
    ] {
        let ran = site.run(arguments).await.exits(code);
        assert_eq!(ran.err, "");
        // The digest in a job's name is made of the secrets, which are new in each site.
        let out = digest.replace_all(&ran.out, "-DIGEST");
        add(arguments, &site.neutral(&out));
    }
    // The checks come as they are ready, and the date of the practice certificate is today's.
    let check = site.run(&["check", "--rehearsal"]).await.exits(0);
    let mut lines: Vec<&str> = check.out.lines().collect();
    lines.sort_unstable();
    let days = regex::Regex::new(r"\d+ days left, to [\d-]+").unwrap();
    let out = lines.join("\n") + "\n";
    add(
        &["check", "--rehearsal"],
        &days.replace_all(&out, "N days left, to DATE"),
    );
    insta::assert_snapshot!(text);
    let changed = |name: &&String| !name.contains("/cluster/");
    let (before, after): (Vec<_>, Vec<_>) = {
        let after = site.listing();
        let keep = |listing: &std::collections::BTreeMap<String, Vec<u8>>| {
            let kept = listing.iter().filter(|(name, _)| changed(name));
            kept.map(|(name, bytes)| (name.clone(), bytes.clone()))
                .collect::<Vec<_>>()
        };
        (keep(&before), keep(&after))
    };
    assert_eq!(before, after, "looking changed a file");
}

#[tokio::test]
async fn every_looking_command_speaks_json() {
    let site = Site::prepared().await;
    for (arguments, last) in [
        (&["validate", "--json"][..], "valid"),
        (&["plan", "--json"], "plan"),
        (&["plan", "--diff", "--rehearsal", "--json"], "differences"),
        (&["drift", "--rehearsal", "--json"], "drifts"),
        (&["capacity", "--json"], "capacity"),
        (&["capacity", "--live", "--rehearsal", "--json"], "capacity"),
        (&["check", "--rehearsal", "--json"], "check"),
        (&["status", "--rehearsal", "--json"], "status"),
        (
            &[
                "render",
                "--out",
                site.beside("rendered").to_str().unwrap(),
                "--json",
            ],
            "rendered",
        ),
    ] {
        let ran = site.run(arguments).await;
        let json = ran.json();
        assert_eq!(json.last().unwrap()["event"], last, "{ran}");
        assert_eq!(ran.err, "", "{arguments:?}");
    }
    assert!(names(&site.beside("rendered")).len() >= 12);
}
