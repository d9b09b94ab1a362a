//! The secrets of a site: held so that they print as `***`, never serialized; their names, and which are missing. Pure.

use std::{collections::BTreeMap, fmt};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::problem::Problem;

use super::generate;

/// Where a secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Typed by a person; the site cannot do without it.
    Typed,
    /// Typed by a person, or not needed.
    TypedIfWanted,
    /// Read from the files that the site names, each time the site is opened.
    File,
    /// Made here from randomness, once.
    Generated(generate::Shape),
}

macro_rules! secrets {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $origin:expr;)*) => {
        /// The closed list of secrets.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum SecretName { $($(#[doc = $doc])* $name,)* }

        impl SecretName {
            /// Every secret.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name as templates and the vault spell it.
            pub fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }

            /// Where it comes from.
            pub fn origin(self) -> Origin { match self { $(Self::$name => $origin,)* } }
        }
    };
}

use generate::Shape::{
    AccessKey, AdminPassword, DjangoKey, Jwks, LongPassword, Password, VapidPrivate, VapidPublic,
};

secrets! {
    /// Login of the backup bucket.
    BackupAccessKey = "backup-access-key", Origin::Typed;
    /// Password of the backup bucket.
    BackupSecretKey = "backup-secret-key", Origin::Typed;
    /// What changes records at the domain's DNS provider.
    AcmeDnsSecret = "acme-dns-secret", Origin::TypedIfWanted;
    /// Password at the mail server.
    CareEmailPassword = "care-email-password", Origin::TypedIfWanted;
    /// The wildcard certificate with its chain, PEM.
    CertificateChain = "certificate-chain", Origin::File;
    /// The wildcard certificate's private key, PEM.
    CertificateKey = "certificate-key", Origin::File;
    /// Django's signing key.
    CareDjangoSecretKey = "care-django-secret-key", Origin::Generated(DjangoKey);
    /// The key set that signs calls between services, base64 of JSON.
    CareJwks = "care-jwks", Origin::Generated(Jwks);
    /// Web push, private half.
    CareVapidPrivate = "care-vapid-private", Origin::Generated(VapidPrivate);
    /// Web push, public half.
    CareVapidPublic = "care-vapid-public", Origin::Generated(VapidPublic);
    /// First administrator's password.
    CareAdminPassword = "care-admin-password", Origin::Generated(AdminPassword);
    /// Database password of Care.
    PostgresCarePassword = "postgres-care-password", Origin::Generated(Password);
    /// Database password of Odoo.
    PostgresOdooPassword = "postgres-odoo-password", Origin::Generated(Password);
    /// Database password of Metabase.
    PostgresMetabasePassword = "postgres-metabase-password", Origin::Generated(Password);
    /// Database password of the role that reads the records for reports.
    PostgresReportsPassword = "postgres-reports-password", Origin::Generated(Password);
    /// Database password of the role that counts rows.
    PostgresCountsPassword = "postgres-counts-password", Origin::Generated(Password);
    /// Valkey's password.
    ValkeyPassword = "valkey-password", Origin::Generated(Password);
    /// Login of the object store.
    RustfsAccessKey = "rustfs-access-key", Origin::Generated(AccessKey);
    /// Password of the object store.
    RustfsSecretKey = "rustfs-secret-key", Origin::Generated(LongPassword);
    /// Registry's password.
    ZotPassword = "zot-password", Origin::Generated(Password);
    /// Grafana's administrator.
    GrafanaPassword = "grafana-password", Origin::Generated(Password);
    /// Odoo's administrator.
    OdooAdminPassword = "odoo-admin-password", Origin::Generated(Password);
    /// The login by which Care works in Odoo.
    OdooCarePassword = "odoo-care-password", Origin::Generated(Password);
    /// Opens Odoo's own management of databases, which is switched off.
    OdooMasterPassword = "odoo-master-password", Origin::Generated(LongPassword);
    /// Metabase's administrator.
    MetabaseAdminPassword = "metabase-admin-password", Origin::Generated(AdminPassword);
    /// Opens the logins that Metabase keeps; another one cannot.
    MetabaseEncryptionKey = "metabase-encryption-key", Origin::Generated(LongPassword);
    /// Snowstorm Lite's administrator.
    SnowstormPassword = "snowstorm-password", Origin::Generated(Password);
    /// OpenSearch's administrator.
    OpensearchPassword = "opensearch-password", Origin::Generated(AdminPassword);
}

impl SecretName {
    /// Finds a secret by its name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|name| name.as_str() == text)
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

/// The secrets of a site.
#[derive(Clone, Default)]
pub struct Secrets(BTreeMap<SecretName, SecretString>);

impl Secrets {
    /// No secrets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The secret, if it is known.
    pub fn get(&self, name: SecretName) -> Option<&SecretString> {
        self.0.get(&name)
    }

    /// Keeps a secret; an empty one is forgotten.
    pub fn set(&mut self, name: SecretName, secret: SecretString) {
        if secret.expose_secret().is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, secret);
        }
    }

    /// Every known secret with its name.
    pub fn iter(&self) -> impl Iterator<Item = (SecretName, &SecretString)> {
        self.0.iter().map(|(name, secret)| (*name, secret))
    }

    /// Makes every generated secret that is not there yet, from the operating system's randomness; says which.
    ///
    /// # Errors
    /// When the operating system gives no randomness.
    pub fn generate_missing(&mut self) -> Result<Vec<SecretName>, Problem> {
        let mut made = Vec::new();
        for &name in SecretName::ALL {
            let Origin::Generated(shape) = name.origin() else {
                continue;
            };
            if self.0.contains_key(&name) {
                continue;
            }
            if name == SecretName::CareVapidPrivate {
                // A public half without its private one is of no use to anybody.
                self.0.remove(&SecretName::CareVapidPublic);
            }
            if name == SecretName::CareVapidPublic {
                // The public half belongs to the private one, which stands before it in the list.
                if let Some(private) = self.get(SecretName::CareVapidPrivate) {
                    let public = generate::vapid_public(private)?;
                    self.set(name, public);
                }
            } else {
                self.set(name, generate::secret(shape)?);
            }
            made.push(name);
        }
        Ok(made)
    }

    /// The secrets that a deploy needs and that are not there.
    pub fn missing(&self) -> Vec<SecretName> {
        SecretName::ALL
            .iter()
            .copied()
            .filter(|name| name.origin() != Origin::TypedIfWanted && !self.0.contains_key(name))
            .collect()
    }

    /// The first characters of the secret's SHA-256, by which two people can compare it without showing it.
    pub fn fingerprint(&self, name: SecretName) -> Option<String> {
        use fmt::Write as _;
        let digest = Sha256::digest(self.get(name)?.expose_secret().as_bytes());
        let mut text = String::new();
        for byte in digest.iter().take(4) {
            // Writing into a String cannot fail.
            write!(text, "{byte:02x}").ok()?;
        }
        Some(text)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_map()
            .entries(self.0.keys().map(|name| (name.as_str(), "***")))
            .finish()
    }
}
