//! A pasted text: one line goes where the cursor is, lines of a list become its items, a certificate and its key are
//! recognised, and anything else of many lines is refused in words. Pure.

use secrecy::SecretString;

use crate::site::{Field, Group, Shape};

/// What became of a paste.
#[derive(Debug)]
pub enum Pasted {
    /// This text goes into the line that is typed.
    Line(String),
    /// These are to be kept as files, which the certificate's fields then name.
    Certificate(Pem),
    /// Nothing; the reason.
    Refused(String),
}

/// Parts of a certificate, each with line ends as files have them.
#[derive(Debug, Default)]
pub struct Pem {
    /// The certificates, in the order in which they stood.
    pub chain: Option<String>,
    /// The private key.
    pub key: Option<SecretString>,
}

/// Where a block of PEM begins and ends.
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Takes a paste for a field.
pub fn pasted(field: &Field, text: &str) -> Pasted {
    if text.contains(BEGIN) && field.secret().is_none() {
        return match pem(text) {
            Ok(_) if field.group != Group::Certificate => Pasted::Refused(
                "That is a certificate or a key. Nothing was taken: paste it in the group Certificate.".to_owned(),
            ),
            Ok(pem) => Pasted::Certificate(pem),
            Err(why) => Pasted::Refused(why),
        };
    }
    let lines: Vec<&str> = text
        .split(['\n', '\r'])
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    match lines.as_slice() {
        [] => Pasted::Line(text.replace(['\n', '\r'], "")),
        [_] => Pasted::Line(text.trim_matches(['\n', '\r']).to_owned()),
        many if field.kind.shape() == Shape::List && field.secret().is_none() => {
            let items = many.iter().map(|line| line.trim_end_matches(','));
            Pasted::Line(items.collect::<Vec<_>>().join(", "))
        }
        many => Pasted::Refused(format!(
            "The paste has {} lines, and this field takes one. Nothing was taken; what you typed is as it was.",
            many.len()
        )),
    }
}

/// The certificates and the key in a text, whatever is before, between and behind them.
///
/// # Errors
/// What stands there instead, in words.
fn pem(text: &str) -> Result<Pem, String> {
    let mut found = Pem::default();
    // Terminals send line ends as the key makes them; within quotes of another file they are often spelled out.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.replace("\\r", "").replace("\\n", "\n");
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (label, after) = after.split_once(DASHES).ok_or(
            "The paste ends in the middle of a heading. Copy the whole file and paste again.",
        )?;
        let (body, after) = after.split_once(END).ok_or_else(|| cut(label))?;
        rest = after;
        let block = block(label, body);
        match label {
            "CERTIFICATE" => found.chain.get_or_insert_default().push_str(&block),
            "ENCRYPTED PRIVATE KEY" => return Err(locked()),
            _ if body.contains("Proc-Type: 4,ENCRYPTED") => return Err(locked()),
            label if label.ends_with("PRIVATE KEY") && found.key.is_some() => {
                return Err("The paste holds two private keys; only one belongs to a certificate. Paste one.".to_owned());
            }
            label if label.ends_with("PRIVATE KEY") => found.key = Some(SecretString::from(block)),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
                return Err("That is a request for a certificate. Paste what the authority sent back for it.".to_owned());
            }
            // Files of elliptic curves begin with their parameters.
            "EC PARAMETERS" | "DH PARAMETERS" => {}
            other => {
                return Err(format!(
                    "`{other}` is neither a certificate nor a private key. Nothing was taken."
                ));
            }
        }
    }
    if found.chain.is_none() && found.key.is_none() {
        return Err(
            "The paste holds neither a certificate nor a private key. Nothing was taken."
                .to_owned(),
        );
    }
    Ok(found)
}

fn cut(label: &str) -> String {
    format!(
        "The paste is cut off: the block {label} has no end. Copy the whole file and paste again."
    )
}

fn locked() -> String {
    "The key is locked with a passphrase, which no server can type. Take it off with `openssl pkey -in key.pem -out new-key.pem`, then paste that."
        .to_owned()
}

/// A block with its lines at the margin.
fn block(label: &str, body: &str) -> String {
    let mut block = format!("{BEGIN}{label}{DASHES}\n");
    for line in body.lines().map(str::trim).filter(|line| !line.is_empty()) {
        // The line of the heading may go on, and the one of the end begins before its dashes.
        block.push_str(line);
        block.push('\n');
    }
    block.push_str(END);
    block.push_str(label);
    block.push_str(DASHES);
    block.push('\n');
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    const CHAIN: &str = "-----BEGIN CERTIFICATE-----\nAAAA\nBBBB\n-----END CERTIFICATE-----\n";
    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nS3CR\n-----END PRIVATE KEY-----\n";

    fn field(id: &str) -> &'static Field {
        Field::find(id).unwrap()
    }

    fn taken(text: &str) -> (Option<String>, Option<String>) {
        match pasted(field("certificate.chain_file"), text) {
            Pasted::Certificate(pem) => {
                let key = pem.key.map(|key| key.expose_secret().to_owned());
                (pem.chain, key)
            }
            other => panic!("{other:?}"),
        }
    }

    fn refused(id: &str, text: &str) -> String {
        match pasted(field(id), text) {
            Pasted::Refused(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn certificate_and_key_are_told_apart_however_they_come() {
        let both = (Some(CHAIN.to_owned()), Some(KEY.to_owned()));
        assert_eq!(taken(&format!("{CHAIN}{KEY}")), both);
        assert_eq!(taken(&format!("{KEY}{CHAIN}")), both);
        let dos = format!("{CHAIN}{KEY}").replace('\n', "\r\n");
        assert_eq!(taken(&dos), both);
        let terminal = format!("{CHAIN}{KEY}").replace('\n', "\r");
        assert_eq!(taken(&terminal), both);
        let indented = format!("tls:\n{CHAIN}{KEY}").replace('\n', "\n    ");
        assert_eq!(taken(&indented), both);
        let quoted = format!("\"{CHAIN}{KEY}\"").replace('\n', "\\n");
        assert_eq!(taken(&quoted), both);
        assert_eq!(taken(CHAIN), (Some(CHAIN.to_owned()), None));
        assert_eq!(taken(KEY), (None, Some(KEY.to_owned())));
        let two = format!("{CHAIN}# intermediate\n{CHAIN}");
        assert_eq!(taken(&two).0.unwrap(), format!("{CHAIN}{CHAIN}"));
        let curve =
            format!("-----BEGIN EC PARAMETERS-----\nBg==\n-----END EC PARAMETERS-----\n{KEY}");
        assert_eq!(taken(&curve), (None, Some(KEY.to_owned())));
    }

    #[test]
    fn what_is_no_certificate_is_refused_with_the_reason() {
        let id = "certificate.key_file";
        assert!(refused(id, "-----BEGIN CERTIFICATE-----\nAAAA").contains("cut off"));
        assert!(refused(id, "-----BEGIN CERT").contains("middle of a heading"));
        let named = |label: &str| KEY.replace("PRIVATE KEY", label);
        assert!(refused(id, &named("ENCRYPTED PRIVATE KEY")).contains("passphrase"));
        assert!(refused(id, &named("CERTIFICATE REQUEST")).contains("request"));
        assert!(refused(id, &named("PUBLIC KEY")).contains("neither"));
        assert!(refused(id, &format!("{KEY}{KEY}")).contains("two private keys"));
        assert!(refused("site.name", CHAIN).contains("group Certificate"));
        let why = refused(id, &named("ENCRYPTED PRIVATE KEY"));
        assert!(!why.contains("S3CR"));
    }

    #[test]
    fn one_line_is_taken_many_are_items_of_a_list_or_refused() {
        let line = |id: &str, text: &str| match pasted(field(id), text) {
            Pasted::Line(line) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!(line("site.name", "st-marys\r\n"), "st-marys");
        assert_eq!(line("site.display_name", " and more"), " and more");
        assert_eq!(
            line("exposure.dns_servers", "10.0.0.2\n1.1.1.1,\n\n"),
            "10.0.0.2, 1.1.1.1"
        );
        let why = refused("site.name", "one\ntwo\n");
        assert!(why.contains("2 lines") && why.contains("Nothing was taken"));
        assert!(refused("backups.secret_key", "one\ntwo").contains("2 lines"));
    }
}
