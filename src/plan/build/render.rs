//! Renders a template and puts secrets into Secrets and nowhere else. Pure.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, context, value::Serde,
};
use secrecy::ExposeSecret as _;
use serde::Deserialize as _;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use x509_parser::pem::Pem;

use super::{missing, short_digest, wrong};
use crate::{
    catalog,
    plan::{Database, Object},
    problem::{Code, Problem},
    site::{FromLine as _, SecretName, Secrets, Site, StorageSize},
};

/// Stands for a secret in rendered text, so that the secret itself is never rendered.
const OPEN: &str = "\u{e000}secret:";
const CLOSE: char = '\u{e001}';
/// Before the name of a secret of which only a hash is wanted, with the login in front of it, which may be empty.
const HASHED: &str = "htpasswd:";

/// What a hash costs, as a power of two: the least there is, for 32 random characters cannot be guessed, and each plan makes it anew.
const HASH_COST: u32 = 4;

/// Length of the salt of a hash.
const SALT: usize = 16;

/// Renders the templates of one site.
pub(super) struct Renderer<'a> {
    environment: Environment<'static>,
    site: &'a Site,
    secrets: &'a Secrets,
    database: Value,
}

impl<'a> Renderer<'a> {
    pub(super) fn new(site: &'a Site, secrets: &'a Secrets, database: &Database) -> Self {
        let mut environment = Environment::new();
        // The templates quote where YAML needs it.
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_function("secret", secret);
        environment.add_function("htpasswd", htpasswd);
        environment.add_function("password_hash", password_hash);
        environment.add_filter("percent_of_size", percent_of_size);
        environment.add_function("digest_of", digest_of);
        environment.add_function("finding", finding);
        let known = secrets.clone();
        let ends = certificate_end(secrets);
        environment.add_function("certificate_ends", move || ends);
        environment.add_function("checksum", move |names: Vec<String>| {
            checksum(&known, &names)
        });
        Self {
            environment,
            site,
            secrets,
            database: database.values(),
        }
    }

    fn text(&self, name: &str, source: &str, more: &Value) -> Result<String, Problem> {
        let values = context! {
            site => Serde(self.site.values()),
            database => Serde(&self.database),
            ..minijinja::Value::from(Serde(more))
        };
        self.environment
            .render_named_str(name, source, values)
            .map_err(|error| wrong(name, "it cannot be rendered").caused_by(&error))
    }

    /// One line that is no template file, such as an address.
    pub(super) fn line(&self, place: &str, source: &str) -> Result<String, Problem> {
        let text = self.text(place, source, &Value::Null)?;
        if text.contains(OPEN) {
            return Err(leaked(place, "an address"));
        }
        Ok(text)
    }

    /// Helm values: a map without any secret.
    pub(super) fn values(&self, name: &str) -> Result<Value, Problem> {
        let text = self.text(name, source(name)?, &Value::Null)?;
        if text.contains(OPEN) {
            return Err(leaked(name, "Helm values"));
        }
        let value: Value = serde_yaml::from_str(&text)
            .map_err(|error| wrong(name, "it does not give YAML").caused_by(&error))?;
        Ok(if value.is_null() {
            Value::Object(serde_json::Map::new())
        } else {
            value
        })
    }

    /// The objects of a template, in its order.
    pub(super) fn objects(&self, name: &str, more: &Value) -> Result<Vec<Object>, Problem> {
        let text = self.text(name, source(name)?, more)?;
        let mut objects = Vec::new();
        for document in serde_yaml::Deserializer::from_str(&text) {
            let value = Value::deserialize(document)
                .map_err(|error| wrong(name, "it does not give YAML").caused_by(&error))?;
            if value.is_null() {
                continue;
            }
            let value = self.settled(name, value)?;
            objects.push(Object::from_value(value).map_err(|field| missing(name, field))?);
        }
        Ok(objects)
    }

    /// Puts in the secrets of a Secret; in any other object there may be none.
    fn settled(&self, name: &str, mut value: Value) -> Result<Value, Problem> {
        let is_secret = value.get("kind").and_then(Value::as_str) == Some("Secret")
            && value.get("apiVersion").and_then(Value::as_str) == Some("v1");
        let plain = is_secret
            .then(|| value.as_object_mut()?.shift_remove("stringData"))
            .flatten();
        if value.to_string().contains(OPEN) {
            let kind = value
                .get("kind")
                .and_then(Value::as_str)
                .unwrap_or("an object");
            return Err(leaked(name, kind));
        }
        let Some(Value::Object(plain)) = plain else {
            return Ok(value);
        };
        let mut data = serde_json::Map::new();
        for (key, text) in plain {
            let Value::String(text) = text else {
                return Err(wrong(name, &format!("`{key}` of a Secret is not a text")));
            };
            let filled = self.filled(&text)?;
            // Sent as `data`: a write-only `stringData` would look like a change each time.
            data.insert(key, STANDARD.encode(filled).into());
        }
        value["data"] = data.into();
        Ok(value)
    }

    fn filled(&self, text: &str) -> Result<String, Problem> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            filled.push_str(before);
            let (name, after) = after.split_once(CLOSE).unwrap_or((after, ""));
            filled.push_str(&self.revealed(name)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// A secret, or the line of a password file that is made of one.
    fn revealed(&self, name: &str) -> Result<String, Problem> {
        let (login, name) = name
            .strip_prefix(HASHED)
            .and_then(|rest| rest.split_once(':'))
            .map_or((None, name), |(login, name)| (Some(login), name));
        let secret = SecretName::parse(name).and_then(|name| self.secrets.get(name));
        let secret = secret.ok_or_else(|| absent(name))?.expose_secret();
        match login {
            None => Ok(secret.to_owned()),
            Some("") => hashed(secret),
            Some(login) => hashed(secret).map(|hash| format!("{login}:{hash}")),
        }
    }
}

/// A password's hash. The salt comes from the password, so that the same password gives the same line in every plan.
fn hashed(secret: &str) -> Result<String, Problem> {
    let digest = Sha256::new()
        .chain_update(b"salt of a password file")
        .chain_update(secret)
        .finalize();
    let mut salt = [0; SALT];
    salt.iter_mut()
        .zip(digest)
        .for_each(|(to, from)| *to = from);
    let parts = bcrypt::hash_with_salt(secret, HASH_COST, salt).map_err(|error| {
        let what = "A password could not be hashed for a password file.";
        Problem::new(Code::Bug01, what, "Report this; nothing was changed.").caused_by(&error)
    })?;
    Ok(parts.format_for_version(bcrypt::Version::TwoB))
}

fn source(name: &str) -> Result<&'static str, Problem> {
    catalog::template(name).ok_or_else(|| wrong(name, "there is no such template"))
}

/// `secret('name')` in a template.
/// The headline of a finding by its code, such as `POD-02`: alerts speak as the health screen does.
fn finding(code: &str) -> Result<&'static str, Error> {
    let known = Code::parse(code).map(Code::title);
    known.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, format!("no finding {code}")))
}

fn secret(name: &str) -> Result<String, Error> {
    if SecretName::parse(name).is_none() {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("no secret is named `{name}`"),
        ));
    }
    Ok(format!("{OPEN}{name}{CLOSE}"))
}

/// `htpasswd('login', 'name')` in a template: a line of a password file.
fn htpasswd(login: &str, name: &str) -> Result<String, Error> {
    secret(name)?;
    Ok(format!("{OPEN}{HASHED}{login}:{name}{CLOSE}"))
}

/// `password_hash('name')` in a template: the hash alone, for a program that lists its logins in a form of its own.
fn password_hash(name: &str) -> Result<String, Error> {
    secret(name)?;
    Ok(format!("{OPEN}{HASHED}:{name}{CLOSE}"))
}

/// `size | percent_of_size(85)`: a share of a storage size, in whole mebibytes, such as `17408MiB` of `20Gi`.
fn percent_of_size(size: &str, percent: u64) -> Result<String, Error> {
    let size = StorageSize::from_line(size)
        .map_err(|why| Error::new(ErrorKind::InvalidOperation, why.0))?;
    Ok(format!("{}MiB", size.mebibytes() * percent / 100))
}

/// `checksum(['name', ...])`: changes when one of the secrets does, and tells nothing about them, because it is
/// keyed with a random secret of the same site.
fn checksum(secrets: &Secrets, names: &[String]) -> String {
    let key = [SecretName::CareDjangoSecretKey, SecretName::RustfsSecretKey];
    let chosen = names.iter().filter_map(|name| SecretName::parse(name));
    let texts = key.into_iter().chain(chosen).map(|name| {
        let secret = secrets.get(name);
        secret
            .map_or("", |secret| secret.expose_secret())
            .as_bytes()
    });
    short_digest(texts, 8)
}

/// `certificate_ends()`: when the certificate that was given as a file ends, in seconds since 1970; none when there is no file, or
/// what it holds is no certificate, which the checks tell. It stands in every handshake and is no secret.
fn certificate_end(secrets: &Secrets) -> Option<i64> {
    let chain = secrets.get(SecretName::CertificateChain)?.expose_secret();
    let pem = Pem::iter_from_buffer(chain.as_bytes()).next()?.ok()?;
    let certificate = pem.parse_x509().ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// `digest_of('component/file.yaml')`: changes when what the template gives does; secrets are only names in it.
fn digest_of(state: &State<'_, '_>, name: &str) -> Result<String, Error> {
    let unknown = || {
        Error::new(
            ErrorKind::TemplateNotFound,
            format!("there is no template `{name}`"),
        )
    };
    let source = catalog::template(name).ok_or_else(unknown)?;
    let values = context! { site => state.lookup("site"), database => state.lookup("database") };
    let text = state.env().render_named_str(name, source, values)?;
    Ok(short_digest([text.as_bytes()].into_iter(), 8))
}

fn leaked(place: &str, into: &str) -> Problem {
    wrong(
        place,
        &format!("it puts a secret into {into}; only a Secret may hold one"),
    )
}

fn absent(name: &str) -> Problem {
    Problem::new(
        Code::Plan03,
        format!("The secret `{name}` is not in the vault."),
        "Open the settings (care-install new, or the wizard) and fill it in; generated ones are made when the site is saved.",
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::site::sample;

    fn with(check: impl FnOnce(&Renderer<'_>)) {
        let mut secrets = Secrets::new();
        secrets.set(SecretName::ValkeyPassword, "hunter2\nand 2".into());
        check(&Renderer::new(
            &Site::try_from(&sample()).unwrap(),
            &secrets,
            &Database::first(),
        ));
    }

    fn marked() -> String {
        secret("valkey-password").unwrap()
    }

    #[test]
    fn a_secret_is_refused_in_every_other_kind_and_outside_the_data_of_a_secret() {
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": marked()}});
        let label =
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"labels": {"a": marked()}}});
        let key = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {marked(): "a"}});
        let other = json!({"apiVersion": "example.org/v1", "kind": "Secret", "stringData": {"a": marked()}});
        with(|renderer| {
            for value in [map, label, key, other] {
                let problem = renderer.settled("x/y.yaml", value).unwrap_err();
                assert!(
                    problem.what.contains("only a Secret may hold one"),
                    "{problem}"
                );
                assert!(!problem.to_string().contains("hunter2"));
            }
        });
    }

    #[test]
    fn a_secret_is_refused_in_an_address() {
        with(|renderer| {
            let problem = renderer
                .line("x", "https://{{ secret('valkey-password') }}@a")
                .unwrap_err();
            assert!(problem.what.contains("into an address"), "{problem}");
        });
    }

    #[test]
    fn a_secret_of_several_lines_arrives_whole_and_encoded() {
        let value = json!({"apiVersion": "v1", "kind": "Secret", "stringData": {"a": format!("<{}>", marked())}});
        with(|renderer| {
            let settled = renderer.settled("x/y.yaml", value).unwrap();
            assert_eq!(
                settled["data"]["a"],
                json!(STANDARD.encode("<hunter2\nand 2>"))
            );
            assert!(settled.get("stringData").is_none());
        });
    }

    #[test]
    fn a_name_that_is_not_there_is_refused() {
        with(|renderer| {
            for line in [
                "{{ site.nodes.third.name }}",
                "{{ secret('no-such-secret') }}",
            ] {
                let problem = renderer.line("x", line).unwrap_err();
                assert!(problem.what.contains("cannot be rendered"), "{problem}");
            }
        });
    }

    #[test]
    fn the_checksum_follows_its_secrets_and_no_others() {
        let names = ["valkey-password".to_owned()];
        let mut secrets = Secrets::new();
        secrets.set(SecretName::CareDjangoSecretKey, "key".into());
        secrets.set(SecretName::ValkeyPassword, "one".into());
        let first = checksum(&secrets, &names);
        secrets.set(SecretName::ZotPassword, "other".into());
        assert_eq!(checksum(&secrets, &names), first);
        secrets.set(SecretName::ValkeyPassword, "two".into());
        assert_ne!(checksum(&secrets, &names), first);
    }
}
