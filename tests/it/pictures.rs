//! The screens joined to the program: keys alone lead from the questions to a healthy practice cluster.

use std::{fs, process::Command};

#[test]
fn keys_lead_from_the_questions_to_a_healthy_cluster_past_an_image_that_cannot_be_pulled() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("pictures");
    let ended = Command::new(env!("CARGO_BIN_EXE_care-install"))
        .args(["screenshots", "--out"])
        .arg(&out)
        .env("CARE_INSTALL_HOME", folder.path().join("home"))
        .output()
        .unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    for (name, told) in [
        ("welcome", "What would you like to do?"),
        ("questions", "Primary address"),
        ("checks", "Nothing holds the deploy back"),
        ("plan", "36 steps of 16 components"),
        ("image-pull-fails", "cannot pull the image"),
        ("image-pull-fails", "WAIT-02"),
        ("image-pull-fails", "To fix: "),
        ("deployed", "Done: 36 of 36 steps"),
        ("health", "Nothing needs attention"),
        ("pods", "cert-manager"),
        ("volumes", "care-db-1"),
        ("pods-wide", "NODE"),
        ("nodes", "secondary"),
        ("backups", "archiving"),
        ("certificates", "lets-encrypt-cert"),
        ("ingress", "api.care.example.org"),
        ("jobs", "complete"),
        ("releases", "deployed"),
        ("help", "Keys of this screen"),
        ("log", "practice container"),
    ] {
        let words = fs::read_to_string(out.join(format!("{name}.txt"))).unwrap();
        let picture = fs::read(out.join(format!("{name}.png"))).unwrap();
        assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n"), "{name}");
        assert!(
            words.contains(told),
            "`{told}` is missing in {name}:\n{words}"
        );
    }
    let cast = fs::read_to_string(out.join("rehearsal.cast")).unwrap();
    for told in [
        "\"version\":2",
        "Nothing holds the deploy back",
        "Done: 36 of 36",
    ] {
        assert!(cast.contains(told), "`{told}` is missing in the recording");
    }
    assert!(
        !folder.path().join("home/screenshots/st-marys").exists(),
        "the site of the pictures is taken away again"
    );
}
