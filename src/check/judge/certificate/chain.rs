//! Whether each certificate of the file was signed by the next, up to an authority that is known. Pure.

use x509_parser::{certificate::X509Certificate, prelude::FromDer as _};

use super::{Facts, NOT_READ, authority_url, named};
use crate::{
    check::{
        Verdict,
        judge::{fail, pass, skipped, warn},
    },
    problem::{Code, Problem},
};

/// Judges the chain.
pub fn chain(facts: &Facts) -> Verdict {
    let Ok(ders) = &facts.chain else {
        return skipped(NOT_READ);
    };
    let parsed: Result<Vec<X509Certificate<'_>>, _> = ders
        .iter()
        .map(|der| X509Certificate::from_der(der).map(|(_, certificate)| certificate))
        .collect();
    let Ok(chain) = parsed else {
        return skipped(NOT_READ);
    };
    let (Some(site), Some(last)) = (chain.first(), chain.last()) else {
        return skipped(NOT_READ);
    };
    if let Some(gap) = chain.windows(2).position(|pair| !signed(pair)) {
        return not_in_order(facts, &chain, gap);
    }
    if let Some(index) =
        (1..chain.len()).find(|index| !chain.get(*index).is_some_and(|one| one.is_ca()))
    {
        return no_authority(
            facts,
            index,
            &chain.get(index).map(named).unwrap_or_default(),
        );
    }
    let own = last.subject() == last.issuer();
    let known = facts
        .trusted
        .as_ref()
        .map(|trusted| is_known(last, trusted));
    match (chain.len(), own, known) {
        (1, true, _) => self_made(facts, site),
        (_, _, Some(true)) => pass(count(&chain, "known here")),
        (1, false, _) => missing(facts, site),
        (_, _, None) => pass(count(&chain, &format!("up to {}", top(last)))),
        (_, _, Some(false)) => unknown(facts, &chain, last),
    }
}

fn signed(pair: &[X509Certificate<'_>]) -> bool {
    match pair {
        [lower, upper] => is_signed_by(lower, upper),
        _ => false,
    }
}

fn is_signed_by(lower: &X509Certificate<'_>, upper: &X509Certificate<'_>) -> bool {
    use x509_parser::error::X509Error;
    lower.issuer() == upper.subject()
        && match lower.verify_signature(Some(upper.public_key())) {
            // Names fit, and nobody here can compute that kind of signature: it is judged under strength.
            Ok(()) | Err(X509Error::SignatureUnsupportedAlgorithm) => true,
            Err(_) => false,
        }
}

/// Whether the authority, or the one that signed it, is among those that are trusted.
fn is_known(last: &X509Certificate<'_>, trusted: &[Vec<u8>]) -> bool {
    trusted.iter().any(|der| {
        X509Certificate::from_der(der).is_ok_and(|(_, root)| {
            (root.subject() == last.subject() && root.public_key().raw == last.public_key().raw)
                || is_signed_by(last, &root)
        })
    })
}

fn top(last: &X509Certificate<'_>) -> String {
    let issuer = last
        .issuer()
        .iter_common_name()
        .find_map(|name| name.as_str().ok());
    issuer.map_or_else(|| super::shown(&last.issuer().to_string()), super::shown)
}

fn count(chain: &[X509Certificate<'_>], end: &str) -> String {
    match chain.len() {
        1 => format!("1 certificate, {end}"),
        count => format!("{count} certificates, {end}"),
    }
}

fn broken(seen: impl Into<String>, what: String, remedy: String) -> Verdict {
    fail(seen, Problem::new(Code::Crt03, what, remedy))
}

fn not_in_order(facts: &Facts, chain: &[X509Certificate<'_>], gap: usize) -> Verdict {
    let file = &facts.chain_file;
    let (lower, upper) = (chain.get(gap), chain.get(gap + 1));
    let names =
        |certificate: Option<&X509Certificate<'_>>| certificate.map(named).unwrap_or_default();
    let look =
        format!("`openssl crl2pkcs7 -nocrl -certfile {file} | openssl pkcs7 -print_certs -noout`");
    if in_another_order(chain) {
        return broken(
            "wrong order",
            format!(
                "The certificates of {file} are not in order: the site's own must come first, then each one's signer."
            ),
            format!(
                "Put them in order: `cat site.pem intermediate.pem > new-chain.pem`. See the order: {look}."
            ),
        );
    }
    let claims = lower
        .zip(upper)
        .is_some_and(|(lower, upper)| lower.issuer() == upper.subject());
    let because = if claims {
        "the names fit and the signature does not: it is another certificate of the same name"
    } else {
        "its signer is not in the file"
    };
    let problem = Problem::new(
        Code::Crt03,
        format!(
            "In {file}, certificate {} ({}) did not sign the one before it ({}).",
            gap + 2,
            names(upper),
            names(lower)
        ),
        format!(
            "Replace it by the intermediate certificate that belongs to {}{}. See who signed whom: {look}.",
            names(lower),
            fetch(file, lower)
        ),
    );
    fail("does not hold together", problem.because(because))
}

/// Whether the same certificates, put in another order, are a chain.
fn in_another_order(chain: &[X509Certificate<'_>]) -> bool {
    // The site's own certificate has signed no other.
    let signs = |upper: &X509Certificate<'_>, index: usize| {
        chain
            .iter()
            .enumerate()
            .any(|(other, lower)| other != index && is_signed_by(lower, upper))
    };
    let mut left: Vec<usize> = (0..chain.len()).collect();
    let Some(start) = left
        .iter()
        .position(|index| chain.get(*index).is_some_and(|one| !signs(one, *index)))
    else {
        return false;
    };
    let mut at = left.remove(start);
    while !left.is_empty() {
        let next = left
            .iter()
            .position(|index| match (chain.get(at), chain.get(*index)) {
                (Some(lower), Some(upper)) => is_signed_by(lower, upper),
                _ => false,
            });
        match next {
            Some(next) => at = left.remove(next),
            None => return false,
        }
    }
    true
}

/// How to get the signer's certificate, when the certificate says where it is.
fn fetch(file: &str, certificate: Option<&X509Certificate<'_>>) -> String {
    certificate
        .and_then(authority_url)
        .map_or_else(String::new, |url| {
            format!(": `curl -s {url} | openssl x509 -inform der >> {file}`")
        })
}

fn missing(facts: &Facts, site: &X509Certificate<'_>) -> Verdict {
    let file = &facts.chain_file;
    let how = match fetch(file, Some(site)) {
        fetch if fetch.is_empty() => ": `cat intermediate.pem >> ".to_owned() + file + "`",
        fetch => fetch,
    };
    broken(
        "no intermediate",
        format!(
            "{file} holds only the site's own certificate; that of its signer {} is missing.",
            top(site)
        ),
        format!("Use the file that your authority calls fullchain, or add the missing one{how}."),
    )
}

fn self_made(facts: &Facts, site: &X509Certificate<'_>) -> Verdict {
    broken(
        "self-signed",
        format!(
            "The certificate {} signs itself, so no browser and no phone accepts it.",
            named(site)
        ),
        format!(
            "Have an authority sign a request, and put what it gives you into {0}: `openssl req -new -key {1} -out site.csr -subj /CN={2}`.",
            facts.chain_file,
            facts.key_file,
            facts.names.first().map_or("example.org", String::as_str)
        ),
    )
}

fn no_authority(facts: &Facts, index: usize, name: &str) -> Verdict {
    broken(
        "not an authority",
        format!(
            "Certificate {} of {} ({name}) may not sign others.",
            index + 1,
            facts.chain_file
        ),
        format!(
            "Replace it by the intermediate certificate of your authority: `cat site.pem intermediate.pem > new-chain.pem`. Then put it in place of {}. Browsers refuse the chain as it is.",
            facts.chain_file
        ),
    )
}

fn unknown(facts: &Facts, chain: &[X509Certificate<'_>], last: &X509Certificate<'_>) -> Verdict {
    let authority = top(last);
    let problem = Problem::new(
        Code::Crt03,
        format!("The chain ends at {authority}, which this computer does not know."),
        format!(
            "If it is the hospital's own authority, install it on every computer, phone and node: `sudo cp root.crt /usr/local/share/ca-certificates/ && sudo update-ca-certificates`. If not, add the missing certificate to {}{}.",
            facts.chain_file,
            fetch(&facts.chain_file, Some(last))
        ),
    );
    warn(count(chain, &format!("up to {authority}")), problem)
}
