//! The files of a simulated container: what its config maps and secrets put there, and nothing else. Pure.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::Container;
use crate::rehearsal::world::{World, text_at};

/// The words of a pod for what holds values, with the kinds.
pub const SOURCES: [(&str, &str); 2] = [("configMap", "ConfigMap"), ("secret", "Secret")];

type Data = BTreeMap<String, Vec<u8>>;

/// The values of a config map or a secret; none when it is not there.
pub fn data(world: &World<'_>, namespace: &str, kind: &str, name: &str) -> Data {
    let Some(object) = world.get(kind, namespace, name) else {
        return Data::new();
    };
    let entries = |field: &str| object.get(field).and_then(Value::as_object);
    let decode = |text: &str| STANDARD.decode(text).unwrap_or_default();
    let packed = if kind == "Secret" {
        "data"
    } else {
        "binaryData"
    };
    let plain = if kind == "Secret" {
        "stringData"
    } else {
        "data"
    };
    let mut found = Data::new();
    for (key, value) in entries(packed).into_iter().flatten() {
        found.insert(key.clone(), decode(value.as_str().unwrap_or("")));
    }
    for (key, value) in entries(plain).into_iter().flatten() {
        let text = value.as_str().unwrap_or("").as_bytes();
        found.insert(key.clone(), text.to_vec());
    }
    found
}

/// All files by path, and the folders that hold them.
#[derive(Debug, Default)]
pub struct Files {
    files: Data,
    folders: BTreeSet<String>,
}

impl Files {
    /// Those of a container.
    pub fn of(container: &Container<'_>) -> Self {
        let mut all = Self::default();
        all.folder("/");
        all.put(
            "/etc/hostname",
            format!("{}\n", container.name()).into_bytes(),
        );
        let mounts = container.spec.get("volumeMounts").and_then(Value::as_array);
        for mount in mounts.into_iter().flatten() {
            all.mount(container, mount);
        }
        all
    }

    /// A file's content.
    ///
    /// # Errors
    /// The words of a real `cat`.
    pub fn read(&self, path: &str) -> Result<&[u8], &'static str> {
        let path = whole(path);
        match self.files.get(&path) {
            Some(content) => Ok(content),
            None if self.folders.contains(&path) => Err("Is a directory"),
            None => Err("No such file or directory"),
        }
    }

    /// What lies in a folder; a file is its own list.
    pub fn list(&self, path: &str) -> Option<BTreeSet<String>> {
        let whole = whole(path);
        if self.files.contains_key(&whole) {
            return Some(BTreeSet::from([path.to_owned()]));
        }
        if !self.folders.contains(&whole) {
            return None;
        }
        let stem = format!("{}/", whole.trim_end_matches('/'));
        let inside = |full: &String| {
            let rest = full.strip_prefix(&stem)?;
            let name = rest.split('/').next()?;
            (!name.is_empty()).then(|| name.to_owned())
        };
        let all = self.files.keys().chain(&self.folders);
        Some(all.filter_map(inside).collect())
    }

    fn folder(&mut self, path: &str) {
        let mut so_far = String::new();
        self.folders.insert("/".to_owned());
        for part in path.split('/').filter(|part| !part.is_empty()) {
            so_far = format!("{so_far}/{part}");
            self.folders.insert(so_far.clone());
        }
    }

    fn put(&mut self, path: &str, content: Vec<u8>) {
        let path = whole(path);
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder);
        }
        self.files.insert(path, content);
    }

    fn mount(&mut self, container: &Container<'_>, mount: &Value) {
        let (Some(name), Some(path)) = (text_at(mount, "/name"), text_at(mount, "/mountPath"))
        else {
            return;
        };
        let volumes = container.pod.pointer("/spec/volumes");
        let volume = volumes
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .find(|volume| text_at(volume, "/name") == Some(name));
        let content = volume.map(|volume| content(container, volume));
        let content = content.unwrap_or_default();
        if let Some(one) = text_at(mount, "/subPath") {
            match content.get(one) {
                Some(content) => self.put(path, content.clone()),
                None => self.folder(path),
            }
            return;
        }
        self.folder(path);
        for (key, value) in content {
            self.put(&format!("{path}/{key}"), value);
        }
    }
}

/// What a volume brings along; those that pods write to are empty, because nothing runs that could have written.
fn content(container: &Container<'_>, volume: &Value) -> Data {
    let mut found = Data::new();
    let parts = volume
        .pointer("/projected/sources")
        .and_then(Value::as_array);
    for source in parts.into_iter().flatten().chain([volume]) {
        for (word, kind) in SOURCES {
            let Some(source) = source.get(word) else {
                continue;
            };
            let name = text_at(source, "/name").or_else(|| text_at(source, "/secretName"));
            let all = name.map(|name| container.data(kind, name));
            found.extend(chosen(source, all.unwrap_or_default()));
        }
    }
    found
}

/// The keys that a volume names, under the paths that it gives them; all when it names none.
fn chosen(source: &Value, mut all: Data) -> Data {
    let Some(items) = source.get("items").and_then(Value::as_array) else {
        return all;
    };
    let pairs = items.iter().filter_map(|item| {
        let (key, path) = (text_at(item, "/key")?, text_at(item, "/path")?);
        Some((path.to_owned(), all.remove(key)?))
    });
    pairs.collect()
}

/// A path from the root, without doubled slashes and dots.
fn whole(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
