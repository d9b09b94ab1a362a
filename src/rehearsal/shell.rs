//! What `kubectl exec` finds in a simulated container: a small shell whose commands tell only what the cluster really knows. Pure.

mod files;
mod words;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{
    control,
    world::{World, text_at},
};
use files::Files;

/// Commands that one line may hold.
const MOST_COMMANDS: usize = 100;

/// What a command of nobody's ends with, as in a real shell.
const UNKNOWN: u8 = 127;

/// The search path that every container shows.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Everything that is known, in one sentence.
const KNOWN: &str = "the practice cluster runs no containers; it plays only true, false, echo, cat, ls, env, printenv, hostname, \
                     pwd, id, whoami, date, sh, and psql -c 'select count(*) from TABLE'";

/// A container that is reached into.
#[derive(Clone, Debug)]
pub struct Container<'a> {
    /// The cluster.
    pub world: World<'a>,
    /// Its pod.
    pub pod: &'a Value,
    /// Its entry in the pod's spec.
    pub spec: &'a Value,
    /// The cluster's time.
    pub now: Timestamp,
}

/// What a command did, and what comes after it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Standard output.
    pub out: Vec<u8>,
    /// Standard error.
    pub err: String,
    /// The exit code.
    pub code: u8,
    /// How it goes on.
    pub then: Then,
}

/// How a command goes on after what it said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Then {
    /// It has ended.
    #[default]
    Ends,
    /// It copies its input to its output until that ends.
    Copies,
    /// It reads commands from its input, line by line.
    Asks,
}

impl Said {
    fn out(text: impl Into<Vec<u8>>) -> Self {
        Self {
            out: text.into(),
            ..Self::default()
        }
    }

    fn line(text: &str) -> Self {
        Self::out(format!("{text}\n"))
    }

    fn wrong(code: u8, text: String) -> Self {
        Self {
            err: text + "\n",
            code,
            ..Self::default()
        }
    }

    fn and(mut self, next: Self) -> Self {
        self.out.extend(next.out);
        self.err.push_str(&next.err);
        Self {
            code: next.code,
            then: next.then,
            ..self
        }
    }
}

impl Container<'_> {
    /// Runs a command with its arguments.
    pub fn run(&self, command: &[String]) -> Said {
        let Some((name, rest)) = command.split_first() else {
            return Said::default();
        };
        let short = name.rsplit('/').next().unwrap_or(name);
        let texts: Vec<&str> = rest.iter().map(String::as_str).collect();
        match (short, texts.as_slice()) {
            ("true" | ":", _) => Said::default(),
            ("false", _) => Said::wrong(1, String::new()).silent(),
            ("echo", ["-n", words @ ..]) => Said::out(words.join(" ")),
            ("echo", words) => Said::line(&words.join(" ")),
            ("cat", [] | ["-"]) => Said {
                then: Then::Copies,
                ..Said::default()
            },
            ("cat", paths) => self.cat(paths),
            ("ls", words) => self.ls(words),
            ("env" | "printenv", []) => self.env(),
            ("printenv", names) => self.printenv(names),
            ("hostname", _) => Said::line(self.name()),
            ("pwd", _) => Said::line("/"),
            ("whoami", _) => Said::line(if self.user() == 0 { "root" } else { "care" }),
            ("id", _) => Said::line(&format!("uid={0} gid={0} groups={0}", self.user())),
            ("date", _) => Said::line(&self.now.strftime("%a %b %e %H:%M:%S UTC %Y").to_string()),
            ("sh" | "bash" | "ash" | "dash", ["-c" | "-lc" | "-ec", text, ..]) => self.line(text),
            ("sh" | "bash" | "ash" | "dash", [] | ["-i" | "-l" | "-il"]) => Said {
                then: Then::Asks,
                ..Said::default()
            },
            ("psql", words) => self.psql(words),
            _ => Said::wrong(UNKNOWN, format!("{short}: not found: {KNOWN}")),
        }
    }

    /// Runs a line as a shell does: words with quotes and variables, commands joined by `;`, `&&` and `||`.
    pub fn line(&self, text: &str) -> Said {
        let environment = self.environment();
        let commands = match words::commands(text, &environment) {
            Ok(commands) if commands.len() <= MOST_COMMANDS => commands,
            Ok(_many) => {
                return Said::wrong(2, format!("sh: more than {MOST_COMMANDS} commands at once"));
            }
            Err(why) => return Said::wrong(2, format!("sh: {why}")),
        };
        let mut said = Said::default();
        for (join, command) in commands {
            if !join.goes_on(said.code) {
                continue;
            }
            if command.first().is_some_and(|word| word == "exit") {
                let code = command.get(1).and_then(|code| code.parse().ok());
                said.code = code.unwrap_or(said.code);
                break;
            }
            said = said.and(self.run(&command));
        }
        // Inside of a line nothing reads the input.
        said.then = Then::Ends;
        said
    }

    fn name(&self) -> &str {
        text_at(self.pod, "/spec/hostname")
            .or_else(|| text_at(self.pod, "/metadata/name"))
            .unwrap_or("")
    }

    fn user(&self) -> i64 {
        let of = |object: &Value| object.pointer("/securityContext/runAsUser")?.as_i64();
        of(self.spec)
            .or_else(|| of(self.pod.get("spec")?))
            .unwrap_or(0)
    }

    fn cat(&self, paths: &[&str]) -> Said {
        let files = Files::of(self);
        let mut said = Said::default();
        for path in paths {
            said = match files.read(path) {
                Ok(content) => said.and(Said::out(content.to_vec())),
                Err(why) => said.and(Said::wrong(1, format!("cat: {path}: {why}"))),
            };
        }
        said
    }

    fn ls(&self, words: &[&str]) -> Said {
        let files = Files::of(self);
        let mut paths: Vec<&str> = words
            .iter()
            .copied()
            .filter(|w| !w.starts_with('-'))
            .collect();
        if paths.is_empty() {
            paths.push("/");
        }
        let mut said = Said::default();
        for path in paths {
            said = match files.list(path) {
                Some(names) => {
                    let lines: String = names.iter().flat_map(|name| [name, "\n"]).collect();
                    said.and(Said::out(lines))
                }
                None => said.and(Said::wrong(
                    2,
                    format!("ls: {path}: No such file or directory"),
                )),
            };
        }
        said
    }

    fn env(&self) -> Said {
        let all = self.environment();
        let lines = all.iter().map(|(k, v)| [k, "=", v, "\n"].concat());
        let lines: String = lines.collect();
        Said::out(lines)
    }

    fn printenv(&self, names: &[&str]) -> Said {
        let all = self.environment();
        let mut said = Said::default();
        for name in names {
            said = match all.get(*name) {
                Some(value) => said.and(Said::line(value)),
                None => said.and(Said::wrong(1, String::new()).silent()),
            };
        }
        said
    }

    /// The variables of the container, as its pod and what that refers to say.
    fn environment(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([
            ("HOSTNAME".to_owned(), self.name().to_owned()),
            ("PATH".to_owned(), PATH.to_owned()),
            ("HOME".to_owned(), "/root".to_owned()),
            (
                "KUBERNETES_SERVICE_HOST".to_owned(),
                "kubernetes.default.svc".to_owned(),
            ),
            ("KUBERNETES_SERVICE_PORT".to_owned(), "443".to_owned()),
        ]);
        let list = |field: &str| self.spec.get(field).and_then(Value::as_array);
        for source in list("envFrom").into_iter().flatten() {
            let prefix = text_at(source, "/prefix").unwrap_or("");
            for (word, kind) in files::SOURCES {
                let name = text_at(source, &format!("/{word}Ref/name"));
                for (key, value) in name.into_iter().flat_map(|name| self.data(kind, name)) {
                    let value = String::from_utf8_lossy(&value).into_owned();
                    all.insert(format!("{prefix}{key}"), value);
                }
            }
        }
        for entry in list("env").into_iter().flatten() {
            if let Some(name) = text_at(entry, "/name") {
                let value = self.variable(entry).unwrap_or_default();
                all.insert(name.to_owned(), value);
            }
        }
        all
    }

    fn variable(&self, entry: &Value) -> Option<String> {
        if let Some(value) = text_at(entry, "/value") {
            return Some(value.to_owned());
        }
        if let Some(path) = text_at(entry, "/valueFrom/fieldRef/fieldPath") {
            let pointer = format!("/{}", path.replace('.', "/"));
            return text_at(self.pod, &pointer).map(str::to_owned);
        }
        files::SOURCES.iter().find_map(|(word, kind)| {
            let name = text_at(entry, &format!("/valueFrom/{word}KeyRef/name"))?;
            let key = text_at(entry, &format!("/valueFrom/{word}KeyRef/key"))?;
            let value = self.data(kind, name).remove(key)?;
            Some(String::from_utf8_lossy(&value).into_owned())
        })
    }

    fn data(&self, kind: &str, name: &str) -> BTreeMap<String, Vec<u8>> {
        files::data(&self.world, self.namespace(), kind, name)
    }

    fn namespace(&self) -> &str {
        text_at(self.pod, "/metadata/namespace").unwrap_or("")
    }

    /// Counts the rows that the practice database holds; it knows no other question.
    fn psql(&self, words: &[&str]) -> Said {
        let labels = self.pod.pointer("/metadata/labels");
        let Some(cluster) = labels.and_then(|labels| labels.get("cnpg.io/cluster")?.as_str())
        else {
            return Said::wrong(
                UNKNOWN,
                "psql: not found: it is played only in the pods of a database".to_owned(),
            );
        };
        let at = words
            .iter()
            .position(|word| word.ends_with('c') && word.starts_with('-'));
        let asked = at.and_then(|at| words.get(at + 1)).copied().unwrap_or("");
        let plain = asked.trim().trim_end_matches(';').to_lowercase();
        let parts: Vec<&str> = plain.split_whitespace().collect();
        let ["select", "count(*)", "from", table] = parts.as_slice() else {
            return Said::wrong(
                1,
                "psql: the practice database answers only: select count(*) from TABLE".to_owned(),
            );
        };
        let rows = control::counted(&self.world, self.namespace(), cluster, self.now);
        let Some((_, count)) = rows
            .iter()
            .find(|(name, _)| name == table || name.strip_prefix("public.") == Some(*table))
        else {
            return Said::wrong(1, format!("ERROR:  relation \"{table}\" does not exist"));
        };
        let bare = words
            .iter()
            .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('t'));
        if bare {
            return Said::line(&count.to_string());
        }
        Said::out(format!(" count \n-------\n {count:>5}\n(1 row)\n\n"))
    }
}

impl Said {
    /// Without a word of its own.
    fn silent(mut self) -> Self {
        self.err.clear();
        self
    }
}

#[cfg(test)]
mod tests;
