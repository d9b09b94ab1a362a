//! Builds the control plane's binaries with `go`, once per set of modules, into the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

/// Each binary with its package.
const PACKAGES: &[(&str, &str)] = &[
    ("etcd", "go.etcd.io/etcd/server/v3"),
    ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    (
        "kube-controller-manager",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
    ),
    ("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
    ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
    ("helm", "helm.sh/helm/v4/cmd/helm"),
    ("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
];

/// The folder with every binary, built by now.
pub fn binaries() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(build).clone()
}

fn build() -> PathBuf {
    let modules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/testbed");
    let bin = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .parent()
        .unwrap()
        .join("testbed/bin");
    fs::create_dir_all(&bin).unwrap();
    // Two test processes build one after the other, and the second finds everything.
    let lock = fs::File::create(bin.join(".lock")).unwrap();
    lock.lock().unwrap();
    let want = fs::read_to_string(modules.join("go.mod")).unwrap();
    let stamp = bin.join(".go.mod");
    if fs::read_to_string(&stamp).is_ok_and(|have| have == want)
        && PACKAGES.iter().all(|(name, _)| bin.join(name).is_file())
    {
        return bin;
    }
    let version = kubernetes_version(&want);
    let minor = version.split('.').nth(1).unwrap();
    // Without these the server names itself v0.0.0 and helm refuses to read it.
    let flags = format!(
        "-s -w -X k8s.io/component-base/version.gitVersion={version} \
         -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor={minor}"
    );
    for (name, package) in PACKAGES {
        let status = Command::new("go")
            .args(["build", "-trimpath", "-ldflags", &flags, "-o"])
            .arg(bin.join(name))
            .arg(package)
            .current_dir(&modules)
            .env("CGO_ENABLED", "0")
            .status()
            .expect("`go` is needed to build the control plane for the tests");
        assert!(status.success(), "go build {package} failed");
    }
    fs::write(stamp, want).unwrap();
    bin
}

fn kubernetes_version(modules: &str) -> &str {
    modules
        .lines()
        .find_map(|line| line.trim().strip_prefix("k8s.io/kubernetes "))
        // A comment may follow, and a word more would end the linker's flag.
        .and_then(|rest| rest.split_whitespace().next())
        .unwrap()
}
