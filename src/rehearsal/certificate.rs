//! The practice site's certificate: a real chain of a made-up authority, and whether one that is there will do. Pure.

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData as _, date_time_ymd,
};
use secrecy::{ExposeSecret as _, SecretString};
use x509_parser::{extensions::GeneralName, pem::Pem};

use crate::problem::{Code, Problem};

/// How long the certificate is valid, in days.
const DAYS: i64 = 90;

/// A certificate with fewer days left is made anew.
const RENEW: i64 = 30;

/// How long the authority and the one between are valid, in days.
const AUTHORITY_DAYS: i64 = 3650;

/// The name of the authority between, by which a chain is known to be ours.
const BETWEEN: &str = "Care practice intermediate";

/// The name of the authority.
const ROOT: &str = "Care practice root";

/// Whether a chain will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Ours, of this key, for these names, and valid for a while.
    Good,
    /// Ours, and to be made anew.
    Stale,
    /// Somebody else's: it is left alone.
    Foreign,
}

/// A new private key, PEM.
///
/// # Errors
/// The system gives no randomness.
pub fn new_key() -> Result<SecretString, Problem> {
    let key = KeyPair::generate().map_err(|error| unmade(&error))?;
    Ok(SecretString::from(key.serialize_pem()))
}

/// A chain for `*.base` and `base` with this key: certificate, authority between, authority.
///
/// # Errors
/// The key is none, or the base is no name.
pub fn chain(base: &str, key: &SecretString, now: Timestamp) -> Result<String, Problem> {
    let key = read_key(key)?;
    make(base, &key, now.to_zoned(TimeZone::UTC).date()).map_err(|error| unmade(&error))
}

/// Whether the chain will do for this key and these names.
///
/// # Errors
/// The key is none.
pub fn judge(
    chain: &str,
    key: &SecretString,
    base: &str,
    now: Timestamp,
) -> Result<Chain, Problem> {
    let key = read_key(key)?;
    let pems: Result<Vec<Pem>, _> = Pem::iter_from_buffer(chain.as_bytes()).collect();
    let pems = pems.unwrap_or_default();
    let Some(Ok(leaf)) = pems.first().map(Pem::parse_x509) else {
        return Ok(Chain::Foreign);
    };
    let issuer = leaf.issuer().iter_common_name().next();
    if issuer.and_then(|name| name.as_str().ok()) != Some(BETWEEN) {
        return Ok(Chain::Foreign);
    }
    let ends = leaf.validity().not_after.timestamp();
    let begins = leaf.validity().not_before.timestamp();
    let now = now.as_second();
    let in_time = begins <= now && ends - now >= RENEW * 24 * 60 * 60;
    let ours = leaf.public_key().raw == key.subject_public_key_info();
    Ok(if in_time && ours && covers(&leaf, base) {
        Chain::Good
    } else {
        Chain::Stale
    })
}

fn covers(leaf: &x509_parser::certificate::X509Certificate<'_>, base: &str) -> bool {
    let Ok(Some(names)) = leaf.subject_alternative_name() else {
        return false;
    };
    let has = |wanted: &str| {
        let mut names = names.value.general_names.iter();
        names.any(|name| matches!(name, GeneralName::DNSName(name) if *name == wanted))
    };
    has(base) && has(&format!("*.{base}"))
}

fn read_key(key: &SecretString) -> Result<KeyPair, Problem> {
    // The parser's own words say nothing of the key itself.
    KeyPair::from_pem(key.expose_secret()).map_err(|error| {
        Problem::new(
            Code::Reh04,
            "The private key in the practice site's folder is not one that practice has made.",
            "Move the key file away: practice makes its own. For a certificate of yours, put its chain beside the key.",
        )
        .caused_by(&error)
    })
}

fn unmade(error: &rcgen::Error) -> Problem {
    Problem::new(
        Code::Reh04,
        "The practice site's certificate could not be made.",
        "Check `domains.base` in the practice site's site.yaml, and run the command on an ordinary system.",
    )
    .caused_by(error)
}

fn make(base: &str, key: &KeyPair, today: Date) -> Result<String, rcgen::Error> {
    let root_key = KeyPair::generate()?;
    let root_params = authority(ROOT, today, None)?;
    let root = root_params.self_signed(&root_key)?;
    let root_issuer = Issuer::new(root_params, root_key);

    let between_key = KeyPair::generate()?;
    let between_params = authority(BETWEEN, today, Some(0))?;
    let between = between_params.signed_by(&between_key, &root_issuer)?;
    let between_issuer = Issuer::new(between_params, between_key);

    let mut params = CertificateParams::new([format!("*.{base}"), base.to_owned()])?;
    name(&mut params, &format!("*.{base}"));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    last(&mut params, today, DAYS);
    let leaf = params.signed_by(key, &between_issuer)?;
    Ok([leaf.pem(), between.pem(), root.pem()].concat())
}

fn authority(
    title: &str,
    today: Date,
    below: Option<u8>,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    name(&mut params, title);
    let limit = below.map_or(
        BasicConstraints::Unconstrained,
        BasicConstraints::Constrained,
    );
    params.is_ca = IsCa::Ca(limit);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = below.is_some();
    last(&mut params, today, AUTHORITY_DAYS);
    Ok(params)
}

fn name(params: &mut CertificateParams, common: &str) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
}

/// Valid from the beginning of today for so many whole days after it.
fn last(params: &mut CertificateParams, today: Date, days: i64) {
    let end = today.saturating_add((days + 1).days());
    let (year, month, day) = numbers(today);
    params.not_before = date_time_ymd(year, month, day);
    let (year, month, day) = numbers(end);
    params.not_after = date_time_ymd(year, month, day);
}

/// A calendar's month and day are within what the library takes.
fn numbers(date: Date) -> (i32, u8, u8) {
    let part = |number: i8| u8::try_from(number).unwrap_or(1);
    (date.year().into(), part(date.month()), part(date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "care.example.org";

    fn now() -> Timestamp {
        "2026-11-24T10:00:00Z".parse().unwrap()
    }

    fn later(days: i64) -> Timestamp {
        now() + jiff::SignedDuration::from_hours(24 * days)
    }

    #[test]
    fn each_certificate_of_the_chain_is_signed_by_the_next() {
        let key = new_key().unwrap();
        let chain = chain(BASE, &key, now()).unwrap();
        let pems: Vec<Pem> = Pem::iter_from_buffer(chain.as_bytes())
            .collect::<Result<_, _>>()
            .unwrap();
        let parsed: Vec<_> = pems.iter().map(|pem| pem.parse_x509().unwrap()).collect();
        assert_eq!(parsed.len(), 3);
        for pair in parsed.windows(2) {
            let [below, above] = pair else { unreachable!() };
            below.verify_signature(Some(above.public_key())).unwrap();
            assert_eq!(below.issuer(), above.subject());
            assert!(above.is_ca());
        }
        assert!(!parsed[0].is_ca());
        parsed[2].verify_signature(None).unwrap();
        let left = parsed[0].validity().not_after.timestamp() - now().as_second();
        assert!(left >= 90 * 24 * 3600, "{left} s left");
    }

    #[test]
    fn a_chain_of_ours_is_kept_until_it_ends_soon_or_no_longer_fits() {
        let key = new_key().unwrap();
        let made = chain(BASE, &key, now()).unwrap();
        let judged = |key, base, now| judge(&made, key, base, now).unwrap();
        assert_eq!(judged(&key, BASE, now()), Chain::Good);
        assert_eq!(judged(&key, BASE, later(59)), Chain::Good);
        assert_eq!(judged(&key, BASE, later(65)), Chain::Stale);
        assert_eq!(judged(&key, BASE, later(-2)), Chain::Stale);
        assert_eq!(judged(&key, "other.example.org", now()), Chain::Stale);
        assert_eq!(judged(&new_key().unwrap(), BASE, now()), Chain::Stale);
    }

    #[test]
    fn a_chain_of_somebody_else_is_left_alone() {
        let key = new_key().unwrap();
        let own = rcgen::generate_simple_self_signed([BASE.to_owned()]).unwrap();
        for chain in [own.cert.pem(), "nonsense".to_owned(), String::new()] {
            assert_eq!(judge(&chain, &key, BASE, now()).unwrap(), Chain::Foreign);
        }
    }

    #[test]
    fn a_file_that_is_no_key_is_refused_without_showing_it() {
        let key = SecretString::from("canary");
        let problem = chain(BASE, &key, now()).unwrap_err();
        assert_eq!(problem.code, Code::Reh04);
        assert!(!problem.to_string().contains("canary"), "{problem}");
    }
}
