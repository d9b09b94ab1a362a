//! The one table of everything a site is asked: it drives the wizard, the prompts, site.yaml, its example and the checks. Pure.

mod table;

pub use table::FIELDS;

use super::{kind::Kind, secrets::SecretName};

/// A group of fields: one page of the wizard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Group {
    /// Name and kind of cluster.
    Site,
    /// The machines.
    Nodes,
    /// Kubernetes itself.
    Cluster,
    /// Host names.
    Domains,
    /// How traffic comes in.
    Exposure,
    /// The wildcard certificate.
    Certificate,
    /// Sizes and replicas.
    Storage,
    /// The bucket outside.
    Backups,
    /// What the site has beside Care itself.
    Components,
    /// Care's own settings.
    Care,
}

impl Group {
    /// Every group, in the order of the wizard.
    pub const ALL: [Self; 10] = [
        Self::Site,
        Self::Nodes,
        Self::Cluster,
        Self::Domains,
        Self::Exposure,
        Self::Certificate,
        Self::Storage,
        Self::Backups,
        Self::Components,
        Self::Care,
    ];

    /// The heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Site => "Site",
            Self::Nodes => "Nodes",
            Self::Cluster => "Cluster",
            Self::Domains => "Domains",
            Self::Exposure => "Exposure",
            Self::Certificate => "Certificate",
            Self::Storage => "Storage",
            Self::Backups => "Backups",
            Self::Components => "Components",
            Self::Care => "Care",
        }
    }

    /// The group's fields, in order.
    pub fn fields(self) -> impl Iterator<Item = &'static Field> {
        FIELDS.iter().filter(move |field| field.group == self)
    }
}

/// What a field holds when nothing is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// Nothing; the field must be typed.
    Required,
    /// Nothing; it must be typed when that field holds this, and is not looked at when it holds something else.
    RequiredWhen(&'static str, &'static str),
    /// Nothing; it must be typed when that field holds nothing.
    RequiredWithout(&'static str),
    /// Nothing, and that is fine.
    Optional,
    /// This text.
    Text(&'static str),
    /// This label under the base domain.
    UnderBase(&'static str),
    /// The same as another field.
    SameAs(&'static str),
}

/// One question with everything that is known about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Dotted id, which is also the path in site.yaml.
    pub id: &'static str,
    /// The page it is asked on.
    pub group: Group,
    /// What it is called.
    pub label: &'static str,
    /// Why it is asked.
    pub why: &'static str,
    /// A good answer.
    pub example: &'static str,
    /// The answer when nothing is typed.
    pub preset: Preset,
    /// What it holds.
    pub kind: Kind,
}

impl Field {
    /// Finds a field by its id.
    pub fn find(id: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.id == id)
    }

    /// The secret it fills, if it is one.
    pub fn secret(&self) -> Option<SecretName> {
        match self.kind {
            Kind::Secret(name) => Some(name),
            _ => None,
        }
    }

    /// Whether no site can do without something being typed here.
    pub fn required(&self) -> bool {
        self.preset == Preset::Required
    }
}
