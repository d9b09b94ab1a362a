//! A complete site for practice and for tests; every answer passes. Pure.

use super::SiteDraft;

/// The answers of the sample site, all but the certificate's paths, which the caller fills with files that exist.
const ANSWERS: &[(&str, &str)] = &[
    ("site.name", "rehearsal"),
    ("site.display_name", "Rehearsal Hospital"),
    ("nodes.primary.name", "primary"),
    ("nodes.primary.address", "10.0.0.11"),
    ("nodes.secondary.name", "secondary"),
    ("nodes.secondary.address", "10.0.0.12"),
    ("domains.base", "care.example.org"),
    ("certificate.chain_file", "fullchain.pem"),
    ("certificate.key_file", "privkey.pem"),
    ("backups.endpoint", "https://s3.example.org"),
    ("backups.bucket", "rehearsal-backups"),
    (
        "care.frontend_image",
        "registry.care.example.org/care-fe:v25.40.0",
    ),
    ("care.admin_email", "admin@example.org"),
    ("care.email_host", "smtp.example.org"),
    ("care.email_from", "care@example.org"),
];

/// The sample site: `rehearsal`, two nodes, every answer given or preset, no problem in it.
pub fn sample() -> SiteDraft {
    let mut draft = SiteDraft::new();
    for (id, text) in ANSWERS {
        draft.set(id, text);
    }
    draft
}
