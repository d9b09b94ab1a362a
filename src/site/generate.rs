//! Makes secrets in the shapes their programs accept, from the operating system's randomness; keeps nothing. Pure otherwise.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use p256::{SecretKey, elliptic_curve::sec1::ToSec1Point as _};
use rand::{TryRng, rngs::SysRng};
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use zeroize::Zeroizing;

use crate::problem::{Code, Problem};

/// The shape of a generated secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// 32 letters and digits: safe in addresses, in Python source and in shell words.
    Password,
    /// 48 letters and digits.
    LongPassword,
    /// 20 capital letters and digits, as S3 access keys look.
    AccessKey,
    /// For people and strict password rules: five groups of letters and digits with every class of character.
    AdminPassword,
    /// 64 URL-safe characters.
    DjangoKey,
    /// Base64 of a JSON key set with one RSA-2048 private key.
    Jwks,
    /// A P-256 private key, 43 characters of base64url.
    VapidPrivate,
    /// Its public half, 87 characters of base64url.
    VapidPublic,
}

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const CAPITALS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Without the pairs that people confuse on paper: 0 O, 1 l I.
const CLEAR: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

const RSA_BITS: usize = 2048;

/// Makes one secret of a shape.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn secret(shape: Shape) -> Result<SecretString, Problem> {
    match shape {
        Shape::Password => characters(LETTERS, 32),
        Shape::LongPassword => characters(LETTERS, 48),
        Shape::AccessKey => characters(CAPITALS, 20),
        Shape::DjangoKey => characters(URL_SAFE, 64),
        Shape::AdminPassword => admin_password(),
        Shape::Jwks => jwks(),
        Shape::VapidPrivate => vapid_private(),
        Shape::VapidPublic => vapid_public(&vapid_private()?),
    }
}

fn no_randomness(error: &dyn std::error::Error) -> Problem {
    Problem::new(
        Code::Site08,
        "The operating system gave no randomness for a secret.",
        "Run the command again on a running Linux or macOS system; nothing was written.",
    )
    .caused_by(error)
}

/// Characters of an alphabet, each equally likely.
fn characters(alphabet: &[u8], length: usize) -> Result<SecretString, Problem> {
    let mut text = String::with_capacity(length);
    // Bytes above the last whole multiple of the alphabet would favour its first characters.
    let fair = 256 - 256 % alphabet.len();
    let mut bytes = Zeroizing::new([0_u8; 64]);
    while text.len() < length {
        SysRng
            .try_fill_bytes(bytes.as_mut())
            .map_err(|error| no_randomness(&error))?;
        let drawn = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < fair);
        let drawn = drawn.filter_map(|byte| alphabet.get(byte % alphabet.len()));
        text.extend(
            drawn
                .take(length - text.len())
                .map(|byte| char::from(*byte)),
        );
    }
    Ok(SecretString::from(text))
}

/// Groups that can be read over a telephone: `xxxxx-xxxxx-xxxxx-xxxxx`, with every class that password rules ask for.
fn admin_password() -> Result<SecretString, Problem> {
    loop {
        let drawn = characters(CLEAR, 20)?;
        let drawn: Vec<char> = drawn.expose_secret().chars().collect();
        let has = |class: fn(&char) -> bool| drawn.iter().any(class);
        if has(char::is_ascii_uppercase)
            && has(char::is_ascii_lowercase)
            && has(char::is_ascii_digit)
        {
            let groups: Vec<String> = drawn
                .chunks(5)
                .map(|group| group.iter().collect())
                .collect();
            return Ok(SecretString::from(groups.join("-")));
        }
    }
}

fn jwks() -> Result<SecretString, Problem> {
    let key = rsa::PrivateKey::new(&mut SysRng, RSA_BITS).map_err(|error| no_randomness(&error))?;
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let size = RSA_BITS / 8;
    let part = |value: Option<&rsa::BoxedUint>| {
        value.map(|value| number(&value.to_be_bytes_trimmed_vartime()))
    };
    let primes: Vec<&rsa::BoxedUint> = key.primes().iter().map(AsRef::as_ref).collect();
    let id = characters(LETTERS, 16)?;
    // The private exponent keeps its full length, as the standard for these keys asks.
    let exponent = key.d().to_be_bytes();
    let exponent = exponent
        .get(exponent.len().saturating_sub(size)..)
        .unwrap_or(&exponent);
    let set = json!({ "keys": [{
        "kty": "RSA",
        "alg": "RS256",
        "use": "sig",
        "kid": id.expose_secret(),
        "n": number(&key.n_bytes()),
        "e": number(&key.e_bytes()),
        "d": number(exponent),
        "p": part(primes.first().copied()),
        "q": part(primes.get(1).copied()),
        "dp": part(key.dp()),
        "dq": part(key.dq()),
        "qi": part(key.crt_coefficient().as_ref()),
    }]});
    let text = Zeroizing::new(set.to_string());
    Ok(SecretString::from(STANDARD.encode(text.as_bytes())))
}

fn vapid_private() -> Result<SecretString, Problem> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    loop {
        SysRng
            .try_fill_bytes(bytes.as_mut())
            .map_err(|error| no_randomness(&error))?;
        // A number outside the curve's order is no key; it comes up less than once in four billion.
        if SecretKey::from_slice(bytes.as_slice()).is_ok() {
            return Ok(SecretString::from(URL_SAFE_NO_PAD.encode(bytes.as_slice())));
        }
    }
}

/// The public half of a web push key.
///
/// # Errors
/// When the private half is no such key.
pub fn vapid_public(private: &SecretString) -> Result<SecretString, Problem> {
    let damaged = || {
        Problem::new(
            Code::Site09,
            "The stored web push key (`care-vapid-private`) is no key.",
            "Restore the vault from its last copy.",
        )
        .because("it must be a P-256 private key in 43 characters of base64url")
    };
    let bytes = URL_SAFE_NO_PAD
        .decode(private.expose_secret())
        .ok()
        .map(Zeroizing::new)
        .ok_or_else(damaged)?;
    let key = SecretKey::from_slice(&bytes).ok().ok_or_else(damaged)?;
    let point = key.public_key().to_sec1_point(false);
    Ok(SecretString::from(URL_SAFE_NO_PAD.encode(point.as_bytes())))
}
