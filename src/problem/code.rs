//! The closed list of problem codes with the title and runbook of each; words only.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $text:literal, $title:literal, $runbook:literal;)*) => {
        /// A stable problem code such as `DNS-04`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $($(#[$meta])* #[doc = $title] $name,)* }

        impl Code {
            /// Every code, in the order of the list.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as it is shown and typed.
            pub fn as_str(self) -> &'static str { match self { $(Self::$name => $text,)* } }

            /// The headline: what this code is about.
            pub fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }

            /// The offline runbook: what it means, how to look closer, what to do.
            pub fn runbook(self) -> &'static str { match self { $(Self::$name => $runbook,)* } }
        }
    };
}

// One line per code: name = "CODE-NN", "headline", "runbook: what it means, how to look closer, what to do";
codes! {
    // Arguments and our own mistakes.
    Args01 = "ARG-01", "wrong arguments", "The command line was not understood. The message names the word that does not fit. `care-install COMMAND --help` shows what the command takes.";
    Bug01 = "BUG-01", "a mistake in care-install", "This is a mistake in care-install, not in the site. Nothing was changed after the point where it stopped. Look into the newest file of logs/ in the site's folder. Report it with that file, then start the command again.";

    // Site settings (SITE), site files and vault (FILE, VAULT).
    Site01 = "SITE-01", "a site setting is wrong", "The named field of site.yaml holds a value that cannot be used. The message gives the field, the reason and an example. Correct it in site.yaml or in the settings; `care-install validate` looks at all fields.";
    Site02 = "SITE-02", "a site setting is missing", "A field of site.yaml that the site cannot do without is empty. The message gives the field, why it is asked and an example. Add it to site.yaml, or open the settings and go to the field; `care-install validate` looks at all fields.";
    Site03 = "SITE-03", "site settings do not fit together", "Each of the named settings is fine by itself, and together they cannot work: networks that overlap, two nodes with one name or address, a host name that the wildcard does not cover. The message names them. Change one of them, then run `care-install validate`.";
    Site04 = "SITE-04", "not possible in this version", "The setting is known, and this version of care-install cannot do it yet. The message says what can be chosen instead. Choose that, or use a version that can; CHANGELOG.md says what each brings.";
    Site05 = "SITE-05", "an old line of Kubernetes", "The chosen line of Kubernetes no longer gets repairs. It works. See what the cluster runs with `kubectl version`. Plan the upgrade to a line that is supported, then set cluster.version.";
    Site06 = "SITE-06", "backups travel unencrypted", "The backup server is reached over http, and anyone on the way can read the database. Try whether it answers over https: `curl -I https://HOST`. Set backups.endpoint to the https address.";
    Site07 = "SITE-07", "only one copy of the data", "Volumes are kept on one machine only. When it fails, its data is gone until a restore. See the free room on the second machine with `df -h`. Set storage.replicas to 2.";
    Site08 = "SITE-08", "no randomness", "The operating system could not give random numbers, without which no safe password can be made. This happens in broken containers: `head -c 16 /dev/urandom | xxd` shows it. Run the command on an ordinary system.";
    Site09 = "SITE-09", "a stored secret cannot be used", "A secret in the vault does not have the shape that its program needs. The message names it. Put the last good copy of vault.age back, or remove the secret so that a new one is made.";
    Site10 = "SITE-10", "a site file cannot be understood", "site.yaml is not valid YAML from the named line on. Look at that line and the one above it: spaces for indentation, no tabs, a space after each colon, closed quotes. Correct it, then run `care-install validate`.";
    Site11 = "SITE-11", "an unknown name in a site file", "site.yaml holds a name that this version does not know; such names are refused, so that a misspelt setting is not silently left out. The message offers the nearest known name, and templates/site.example.yaml lists all. Correct the name, or remove the line.";
    Site12 = "SITE-12", "the wrong kind of value in a site file", "A setting holds a list where a text belongs, or the other way round. The message says what is wanted and gives an example; templates/site.example.yaml shows every setting. Write it in that shape.";
    Site13 = "SITE-13", "a site file from a newer version", "site.yaml was written by a newer care-install, which may keep settings that this one would lose. `care-install --version` shows this one's number. Use the newer one.";
    Site14 = "SITE-14", "the site file's schema is missing", "The first line of site.yaml says which layout it has, so that later versions can bring it up to date. Look at the head of the file; a new one begins like templates/site.example.yaml. Write `schema: 1`.";
    Site15 = "SITE-15", "a secret in a site file", "site.yaml may be copied and mailed, so secrets are refused there. The message names the line. Remove it, change the password at its source, and give the new one when care-install asks; it is kept in the vault.";
    Site16 = "SITE-16", "a name stands twice in a site file", "Two lines of site.yaml give the same setting, and only one can hold. The message names both. Keep one of them.";
    Site17 = "SITE-17", "no such site", "The site that was asked for is not on this computer, or several are and none was named. `care-install --plain` lists the sites. Name one with --site: its name, or the folder that holds its site.yaml.";
    Site18 = "SITE-18", "the site exists already", "A new site would take the place of one that is there. `care-install --plain` lists the sites. Choose another name, or open the existing one with --site.";
    Site19 = "SITE-19", "no variables to import", "The file that was to be imported holds none of the variables that the reference cluster is described with: it may be another file, or a file of definitions (`variable \"name\" { ... }`) and not of values. Look at it with `head FILE`. Give the values, usually `environments/NAME/variables.tfvars`, or answer the questions with `care-install new`.";
    File01 = "FILE-01", "a file cannot be read", "The file is there and cannot be read: usually it belongs to another user, or the path names a folder. `ls -ld FILE` shows which. Correct the path, or let this user read the file.";
    File02 = "FILE-02", "a file cannot be written", "A file could not be written or renamed: the folder is read-only, the disk is full, or the folder belongs to another user. Files are written whole or not at all, so the old one is untouched. Look with `df -h` and `ls -ld FOLDER`. Make room or give the folder to this user, then try again.";
    File03 = "FILE-03", "a file is missing", "There is no file of that name. A relative path in site.yaml begins at the site's folder. Look with `ls FOLDER`. Correct the path, or put the file there.";
    File04 = "FILE-04", "a file is too large", "The file is much larger than what is expected in its place; most likely another file is meant. Look with `ls -l FILE` and `head -c 200 FILE`. Name the right file.";
    File05 = "FILE-05", "a file is not text", "The file holds bytes that are no UTF-8 text. `file FILE` says what it is. A certificate in DER form is converted to PEM with `openssl x509 -inform der -in FILE -out FILE.pem`; other text with `iconv`.";
    Vault01 = "VAULT-01", "wrong passphrase", "The passphrase does not open the vault. Look at upper and lower case and at the language of the keyboard, then try again. Nobody can open the vault without it: if it is lost, the secrets are entered and made anew with `care-install new`.";
    Vault02 = "VAULT-02", "the vault is damaged", "The vault was changed or cut after it was written. The disk may be failing: look with `dmesg | tail` and `smartctl -a DISK`. Put the last good copy of vault.age back.";
    Vault03 = "VAULT-03", "there is no vault", "The site has settings and no vault, so its secrets are unknown. Look for vault.age in the site's folder and in its copies. Put the copy back; without one, `care-install new --from site.yaml --site NEW-FOLDER` asks for the secrets anew.";
    Vault04 = "VAULT-04", "the vault's key file is missing or wrong", "The vault is locked with a key file that is not there, or that is no key file. Look for vault.key in the site's folder and in its copies; it begins with AGE-SECRET-KEY. Put the copy back.";
    Vault05 = "VAULT-05", "the wrong key for this vault", "The vault was locked with something else than what was given: another key file, or a passphrase instead of a key file. Look whether a vault.key lies beside vault.age, and whether both are of the same site. Give what belongs to this vault.";
    Vault06 = "VAULT-06", "the passphrase is too short", "A short passphrase is guessed by a computer within days. The message says how long it must be. Use four words or more.";
    Vault07 = "VAULT-07", "a vault from a newer version", "The vault was written by a newer care-install, which may keep secrets that this one would lose. `care-install --version` shows this one's number. Use the newer one.";
    Vault08 = "VAULT-08", "nobody to ask for the passphrase", "The vault is locked with a passphrase, and the command runs where nobody can type it. Put the passphrase into a file that only its owner can read; `ls -l FILE` shows -rw-------. Name it with --passphrase-file.";
    Vault09 = "VAULT-09", "others can read the vault's key", "Whoever reads the key file opens the vault beside it and has every secret of the site. A copy made without its mode, or an unpacked archive, leaves it open. See who may read it with `ls -l vault.key`; only its owner should. Close it with `chmod 600 vault.key`, and change the passwords in the vault if somebody else works on this computer.";

    // Preflight: SSH, DNS, TLS certificate (CRT), cluster (K8S).
    Check01 = "CHECK-01", "failed checks hold the deploy back", "A failed check means that the deploy would fail later, when it costs more. `care-install check` shows all of them, and `care-install explain CODE` each in full. Cure what the check names and run it again. Where a check is known not to matter, accept it with --waive CODE=REASON; the reason goes into the record of the site.";
    Ssh01 = "SSH-01", "a node does not answer on its SSH port", "The node's SSH port was opened and its first line read; nobody logged in. Refused: the machine is up and sshd is not running or uses another port. No answer: the machine is off, the address is not its own, or a firewall drops the packets. Something else answers: the address or the port belongs to another program. Connected and silent: a firewall or a hung sshd. Look from here with `nc -v ADDRESS PORT`, and on the machine with `systemctl status ssh`. Start sshd or open the port, or correct the node's address and ssh_port in the settings.";
    Dns01 = "DNS-01", "a name server does not answer", "No question to this name server was answered, so nothing is known about the names behind it. Is its address right (`ip route`, `cat /etc/resolv.conf`)? Does it answer queries from this computer's network? Try `dig @ADDRESS NAME`. A firewall must let UDP and TCP port 53 through; a server that is gone is taken out of exposure.dns_servers.";
    Dns02 = "DNS-02", "a host name does not lead to the site", "The name was asked as a full name, so that no search domain answers in its place. NXDOMAIN: there is no record; make one, or a wildcard. SERVFAIL or REFUSED: the server has a trouble of its own, or does not serve this network. No answer: the packets are lost. Another address, or a mix: browsers reach another machine some or all of the time; correct the records, and wait for their old time to live. With ports of the nodes, private names lead to the primary machine and public ones (domains.public) to the secondary; with metallb, to the first and the second address of the pool. Look with `dig NAME @SERVER`.";
    Dns03 = "DNS-03", "the wildcard does not lead to the site", "A made-up name under the base domain was asked and must lead to the site like every other, so that names added later work. Look with `dig anything.DOMAIN`. Make a record for *.DOMAIN with an address at which the site answers; a record for the base domain itself does not do it.";
    Dns04 = "DNS-04", "a search domain answers every name", "This computer puts the search domain behind names that do not exist, and that domain answers anything. Names then seem to exist that do not, and pods on nodes with the same setting reach another machine. Look with `cat /etc/resolv.conf` and `dig anything.SEARCH-DOMAIN`. Take the domain out of the search line on the nodes (resolv.conf, netplan, DHCP), or take the wildcard out of that domain.";
    Crt01 = "CRT-01", "the certificate cannot be read", "The chain file must hold PEM blocks that begin with -----BEGIN CERTIFICATE-----, the site's own certificate first. Look with `head -1 FILE`. Convert DER with `openssl x509 -inform der -in FILE -out FILE.pem`, and PKCS#12 (pfx, p12) with `openssl pkcs12 -in FILE -nokeys -out fullchain.pem`.";
    Crt02 = "CRT-02", "the key does not fit the certificate", "The key file must hold the unencrypted private key in PEM form from which the certificate was made. After a renewal often only one of the two files was copied. Compare `openssl x509 -in CHAIN -noout -pubkey` and `openssl pkey -in KEY -pubout`; both must print the same. Copy the pair that belongs together; take a passphrase off with `openssl pkey -in KEY -out NEW`.";
    Crt03 = "CRT-03", "the certificate chain is not complete or not in order", "Browsers want the site's certificate, then each authority that signed the one before it, up to one that they know. Phones and programs do not fetch what is missing. See who signed whom with `openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs -noout`. Most authorities offer a file called fullchain; by hand: `cat site.pem intermediate.pem > fullchain.pem`.";
    Crt04 = "CRT-04", "the certificate does not cover a host name", "Each host name must stand in the certificate's alternative names, or match its wildcard. *.example.org covers app.example.org, and neither example.org nor a.b.example.org: a wildcard stands for one label. See the names with `openssl x509 -in FILE -noout -ext subjectAltName`. Get a certificate for these names, or change the host names.";
    Crt05 = "CRT-05", "the certificate is not made for servers", "Its key usage must allow a TLS server (extended key usage serverAuth). Certificates for mail, code or clients, and those of an authority itself, are refused by browsers. See `openssl x509 -in FILE -noout -ext keyUsage,extendedKeyUsage,basicConstraints`. Order a server certificate.";
    Crt06 = "CRT-06", "the certificate is not valid now, or not for long", "Outside its dates every browser and program refuses it. See `openssl x509 -in FILE -noout -dates`. Not yet valid often means that the clock is off: look at `date -u` on this computer first. Expired: renew it. Close to its end: renew it before it stops the hospital.";
    Crt07 = "CRT-07", "the certificate is weak", "RSA keys below 2048 bits and signatures with MD5 or SHA-1 can be forged and are refused by browsers; Ed25519 is sound and not known to browsers. See `openssl x509 -in FILE -noout -text`. Make a new key (RSA 2048 or 3072, or ECDSA P-256) and have it signed anew.";
    K8s01 = "K8S-01", "the cluster does not answer", "The Kubernetes API named by the kubeconfig was asked for its version and gave none. Try `kubectl version`. The causes say what went amiss, each with its own code: `care-install explain CODE` says what to do about it.";
    K8s02 = "K8S-02", "the cluster has another version than the site", "The line of Kubernetes in the site's settings decides what is installed, and must be that of the cluster. See `kubectl version`. Set cluster.version, or upgrade the cluster first.";
    K8s03 = "K8S-03", "a node of the site is not in the cluster", "The site's settings name a node that the cluster does not know. Names count exactly: see `kubectl get nodes -o wide`. Correct the name in the settings, or join the machine.";
    K8s04 = "K8S-04", "a node takes no pods", "The node is not Ready, is cordoned, reports pressure, or carries a taint that turns pods away. See `kubectl describe node NAME`, and on the node `systemctl status kubelet` and `journalctl -u kubelet -n 50`. A cordon ends with `kubectl uncordon NAME`; the control plane's taint goes with `kubectl taint nodes NAME node-role.kubernetes.io/control-plane:NoSchedule-`.";
    K8s05 = "K8S-05", "a node has another role or architecture than the site says", "The label ohn/role decides which volumes and databases live on a node. A label that says otherwise means that the names of the nodes are swapped in the settings, or that the cluster serves another site. Images exist for Linux on amd64 and arm64, and both machines must be of the same kind. See `kubectl get nodes -L ohn/role,kubernetes.io/arch`. Swap the names in the settings, or name the cluster that is meant.";

    // Catalogue and plan (PLAN).
    Plan01 = "PLAN-01", "the catalogue is wrong", "The list of components inside care-install does not fit together: a mistake in care-install. Nothing was changed. The causes name the places. Report it with them, and use the version before until it is mended.";
    Plan02 = "PLAN-02", "a template is wrong", "A template inside care-install could not be turned into objects for this site: a mistake in care-install, perhaps brought out by an unusual setting. Nothing was changed. The causes name the template and the line. Report it with them; going back to the usual value of the setting may help until then.";
    Plan03 = "PLAN-03", "a secret is missing", "The plan needs a secret that the vault does not hold. The message names it. Give typed secrets in the settings; generated ones are made whenever the site is saved there.";

    // Kubernetes API (KUBE), Helm (HELM), waiting for readiness (WAIT).
    Kube01 = "KUBE-01", "the kubeconfig cannot be used", "care-install reads the cluster's address and its administrator's credentials from a kubeconfig. On the primary node it is /etc/kubernetes/admin.conf. Try `kubectl --kubeconfig FILE get nodes`. Copy the file to this computer (mode 0600) and name it in cluster.kubeconfig.";
    Kube02 = "KUBE-02", "the API's certificate is not trusted", "The certificate authority in the kubeconfig did not sign the certificate that the API shows. Usually the kubeconfig is of another or an older cluster. Try `kubectl --kubeconfig FILE get nodes`. Copy /etc/kubernetes/admin.conf from the primary node again.";
    Kube03 = "KUBE-03", "the API cannot be reached", "Nothing answers at the address in the kubeconfig, or too slowly. On the primary node: is it up, is kube-apiserver running (`crictl ps`), is the disk full (`df -h`)? From here: does the name resolve, is the port open (`nc -vz HOST 6443`)? Cure what is found; a moved cluster needs its new address in the kubeconfig.";
    Kube04 = "KUBE-04", "something else answers at the API's address", "The answer was not Kubernetes JSON: a proxy, a login page or another service. Look at it with `curl -k https://ADDRESS/version`. Correct the address in the kubeconfig, or leave the cluster out of the proxy (HTTPS_PROXY, NO_PROXY).";
    Kube05 = "KUBE-05", "a kind is not known yet", "The object belongs to an operator whose definitions (CRDs) the cluster does not have yet. `kubectl get crd` shows what is there. They come with that operator's own step: run it first.";
    Kube06 = "KUBE-06", "the login is refused", "The credentials in the kubeconfig are expired or may not do this. `kubeadm certs check-expiration` on the primary node shows their end. `kubeadm certs renew admin.conf` makes new ones; copy the file again.";
    Kube07 = "KUBE-07", "an operator's webhook does not answer", "The API asks the operator before it takes such an object, and the operator is not ready or cannot be reached from the API server. Look at its pods (`kubectl get pods -A`) and at the endpoints of its service. The step tries again by itself; an operator that stays down is started by its own step.";
    Kube08 = "KUBE-08", "the cluster could not do it right now", "Something the cluster needs was missing or changing at that moment. The step tries again by itself. If it lasts, the causes name what is missing: look with `kubectl get` and run the step that makes it.";
    Kube09 = "KUBE-09", "the cluster does not take the object", "The object breaks the cluster's rules for its kind. The causes name the fields; `kubectl explain KIND.FIELD` shows what is allowed. A value of site.yaml may be the reason: correct it and deploy again. If none is, report it with the causes.";
    Kube10 = "KUBE-10", "the API is overloaded or has an error of its own", "The API server answered with an error of its own. Usually etcd is slow (disk) or memory is short on the primary node: look at the logs of kube-apiserver and etcd there (`crictl logs ID`) and at `free -m`. The step tries again by itself; make room if it lasts.";
    Kube11 = "KUBE-11", "another program keeps the same fields", "Every field of an object has a manager, and here another program sets a field otherwise than the site's settings say: an autoscaler, a GitOps controller, another installer. Would care-install take it over, that program would set it back, and so on for ever. See who set what with `kubectl get KIND NAME -o yaml --show-managed-fields`. Keep theirs by leaving the step out with a reason, or end what that program does to this object and take the fields over with `kubectl apply --server-side --force-conflicts --field-manager=care-install -f FILE`. What people set by hand, or a Helm of theirs, is taken back without a question, and the log of the step says so.";

    Wait01 = "WAIT-01", "it did not become ready in time", "The step waited for its whole limit. The reasons above say what the pods, events, claims and nodes told at the end. Cure the cause, then run the step again: what is already there stays.";
    Wait02 = "WAIT-02", "an image cannot be pulled", "The node's containerd asked the registry for the image and was refused or got no answer. Not found: the name or tag is not there, or was never pushed. Unauthorized: the registry's login. Timeout: the node cannot reach the registry. Try on the node: `crictl pull IMAGE`. The pods try again by themselves once the cause is gone.";
    Wait03 = "WAIT-03", "a container ends again and again", "The program inside starts and ends. Its last words are in its log (press l, or `kubectl logs POD --previous`). Exit code 137 with OOMKilled means that it needs more memory than its limit. Cure what the log names; the container starts again by itself.";
    Wait04 = "WAIT-04", "a container misses a setting", "The pod names a ConfigMap, a Secret or a key in it that is not there. `kubectl describe pod POD` names it. The component's own step makes it: run that step again.";
    Wait05 = "WAIT-05", "no node takes the pod", "The scheduler found no node: too little free CPU or memory, a label or taint that does not fit, or a volume that is bound elsewhere. `kubectl describe pod POD` shows the count per reason, and `kubectl describe node NODE` what is requested already. Free room, uncordon the node or correct its label; the pod starts by itself.";
    Wait06 = "WAIT-06", "a volume is not provided", "The claim has no volume. Either its storage class does not exist, or Longhorn cannot place its copies: too little space on the disks with the wanted tag, or a node is down. Look with `kubectl get storageclass` and `kubectl -n longhorn-system get nodes.longhorn.io`. Make room or bring the node back; the volume is made by itself.";
    Wait07 = "WAIT-07", "a volume cannot be attached or mounted", "The node could not attach or mount the volume. Usually iscsid is not running on that node, multipathd has taken the device, or the volume is still attached to a node that is gone. On the node: `systemctl status iscsid multipathd`. Start iscsid, leave Longhorn's devices out of multipathd, or wait until the old attachment is taken back.";
    Wait08 = "WAIT-08", "a container runs and is not ready", "Its readiness probe fails. The program may still be starting, or it cannot reach something it needs. Its log says which (press l, or `kubectl logs POD`). Cure what the log names; it becomes ready by itself.";
    Wait09 = "WAIT-09", "its pods cannot be made", "The controller asked for pods and the API refused them: a quota, a policy or an admission webhook. The event holds the API's own words: `kubectl -n NAMESPACE get events`. Change the rule or start the webhook's pods; the controller tries again by itself.";
    Wait10 = "WAIT-10", "a node is not ready", "The node's kubelet does not report. Is the machine up, does it reach the primary node, is its disk full? On the node: `systemctl status kubelet` and `journalctl -u kubelet -n 50`. Start the machine or the kubelet; pods return by themselves.";
    Wait11 = "WAIT-11", "a job failed", "The job used up its tries. Its log holds the reason (press l). After the cause is cured, run the step again: the failed job is removed and made anew.";
    Wait12 = "WAIT-12", "a backup failed", "The database's backup could not be written. The causes hold the store's answer; `kubectl -n NAMESPACE describe backups.postgresql.cnpg.io` shows it in full. Check the endpoint, the bucket and its keys, and that the pods can reach the endpoint, then run the step again.";

    Helm01 = "HELM-01", "the helm command is missing", "The charts are installed by the helm command of this computer. Look with `helm version`. Install Helm 4 (or 3.18 and newer) from helm.sh, or name another one with --helm FILE, then start again.";
    Helm02 = "HELM-02", "the helm command is too old", "care-install works with Helm 3.18 and newer, and with Helm 4. `helm version` shows what is there. Install a newer one, or name it with --helm FILE.";
    Helm03 = "HELM-03", "helm could not install a chart", "The last lines that helm wrote are the causes. The step's log (press l) holds all of them. After the cause is cured, run the step again: helm goes on from where it was.";
    Helm04 = "HELM-04", "a chart cannot be fetched", "helm could not get the chart from its repository. Does this computer reach the internet (`curl -I https://HOST`)? Is a proxy set (HTTPS_PROXY)? Open the way, or give a folder of charts with --charts DIR for sites without internet.";
    Helm05 = "HELM-05", "another helm works on this release", "A helm process, perhaps of a run that was cut off, still works on the release. `ps aux | grep helm` shows it. The step goes on by itself once it has ended; end one that hangs.";
    Http01 = "HTTP-01", "an address does not answer as expected", "The named address was asked and did not answer, or answered something else. The causes hold the answer. Open the same address from this computer, for example with `curl -v ADDRESS`. Cure what the answer names (name server, ingress, the program behind it), then run the step again.";

    // Health, day 2: pods and workloads (POD, APP), nodes (NODE), volumes (VOL), PostgreSQL (PG).
    Pod01 = "POD-01", "a container was restarted several times", "The program inside ended and was started again, more than once within the last hour; it runs now. Its former words are in its log: `kubectl logs POD --previous`. A liveness probe that fails also restarts a container; the events say so. Cure what the log names; if nothing is named and it goes on, report it with the log.";
    Pod02 = "POD-02", "a container ran out of memory", "The kernel ended the container because it used more memory than its limit (OOMKilled, exit code 137). Look at its log before the end (`kubectl logs POD --previous`), the number of users, a large import. Give it a higher limit, or cure what needs so much.";
    Pod03 = "POD-03", "a pod was evicted", "The node was short of memory or disk and ended pods to save itself. A new pod takes its place where there is room. Look at the node: `df -h`, `free -m`, and what fills the disk. Make room there.";
    Pod04 = "POD-04", "a pod does not end", "The pod was asked to end and is still there after its limit. Usually its volume cannot be unmounted or its node hangs. `kubectl describe pod POD` shows the last events. Bring the node back or restart it. Never force the end of a database's pod while its machine may still run.";
    Pod05 = "POD-05", "a pod is not ready for a long time", "The pod runs, and its readiness probe has not held for minutes. Its log says what it waits for (press l): often the database, a login or an address that does not resolve. Cure that; the pod becomes ready by itself.";
    App01 = "APP-01", "fewer copies run than wished", "The application is set to run with more copies than are ready now. With none, its service is down; with some, it works without reserve. The causes name the pods or what keeps them from being made; e on a pod explains it. Cure that; the copies come back by themselves.";
    Node01 = "NODE-01", "a node takes no new pods", "Somebody has cordoned the node, usually for maintenance. What runs there goes on; nothing new starts. `kubectl describe node NODE` shows since when. Once the maintenance is over, `kubectl uncordon NODE` ends it.";
    Node02 = "NODE-02", "a node is short of something", "The kubelet reports that memory, disk or process numbers run out, and it will end pods to save the node. On the node: `df -h`, `free -m`, `ps aux --sort=-rss | head`. Free what fills it: old images with `crictl rmi --prune`, old logs with `journalctl --vacuum-size=1G`.";
    Node03 = "NODE-03", "a node has no pod network", "The network of the pods is not set up on this node. Look at the network's own pods there: `kubectl -n kube-system get pods -o wide`. Cure what their logs name; deleting such a pod makes it anew.";
    Vol01 = "VOL-01", "a volume has too few copies", "Longhorn has lost a copy of the volume and works on with the rest. Until it has a new one, the loss of one more machine loses the data since the last backup. Look with `kubectl -n longhorn-system get replicas.longhorn.io`. It makes a new copy by itself when a node or disk with room is there: bring that back.";
    Vol02 = "VOL-02", "a volume has no usable copy", "Every copy of the volume has failed; what uses it has stopped. Do not delete anything. Look with `kubectl -n longhorn-system get replicas.longhorn.io -o wide`. If a machine is down, bring it back: its copy may be salvaged. Else the volume is restored from its backup.";
    Vol03 = "VOL-03", "a disk of the volumes is nearly full", "Longhorn places nothing on a disk with less free space than its limit, and volumes on a full disk stop. On the node: `df -h`, then `du -xsh FOLDER/*`. Remove what fills it (snapshots, old volumes), or add a larger disk.";
    Vol04 = "VOL-04", "a disk of the volumes cannot be used", "Longhorn does not reach the disk: not mounted, another filesystem than before, or read-only after an error. On the node: `findmnt`, `dmesg | tail`, `smartctl -a DISK`. Mount it again; replace a disk that reports errors.";
    Vol05 = "VOL-05", "the backup store of the volumes cannot be reached", "Longhorn cannot reach or read its backup target, so no volume is backed up. Endpoint, bucket, keys, clock of the machines, certificate: each can be the reason. `kubectl -n longhorn-system describe backuptargets.longhorn.io` holds the store's answer. Check from a pod, not only from a node: the way back may differ. It goes on by itself once the store answers.";
    Vol06 = "VOL-06", "nobody tells how the volumes are", "No Longhorn manager runs, so what its objects say is old. Volumes in use go on; nothing is repaired, attached or made. Look with `kubectl -n longhorn-system get pods`. Cure what keeps the longhorn-manager pods from running.";
    Vol07 = "VOL-07", "a claim has lost its volume", "The claim names a volume that is not there any more. Its data is in the volume's backup, if there is one: `kubectl -n longhorn-system get backups.longhorn.io`. Do not delete the claim before that is clear. Then restore the volume from the backup.";
    Pg01 = "PG-01", "the database is down", "No primary takes writes. After the loss of a machine, the operator makes the other copy the primary; that takes about one and a half minutes when the operator runs elsewhere, and about six and a half when it was lost too and its pods stay bound for five minutes. Look with `kubectl -n NAMESPACE get clusters.postgresql.cnpg.io,pods -o wide`. Wait for that time; after it, cure what the pods name.";
    Pg02 = "PG-02", "the database has no second copy", "The primary works, and a further instance does not follow it. If the primary's machine is lost now, the database is down until a copy is back. Look with `kubectl -n NAMESPACE get pods -o wide`. Bring the instance's machine or volume back; it catches up by itself.";
    Pg03 = "PG-03", "the database's changes do not reach the backup", "PostgreSQL keeps every change that could not be archived, and its disk fills. The condition ContinuousArchiving holds the reason: `kubectl -n NAMESPACE describe clusters.postgresql.cnpg.io`. Check the endpoint, the bucket and its keys, and that pods reach the endpoint. It goes on by itself once the store answers.";
    Pg04 = "PG-04", "the last backup of the database is too old", "A restore needs a full backup; the newest one is older than its schedule allows. The state of the cluster does not tell: it stays healthy without backups. Look with `kubectl -n NAMESPACE get backups.postgresql.cnpg.io,scheduledbackups.postgresql.cnpg.io`. Cure what the newest Backup names; the next one begins on schedule.";
    Pg05 = "PG-05", "a backup of the database does not end", "A backup that cannot reach its store waits without an error. Look with `kubectl -n NAMESPACE describe backups.postgresql.cnpg.io`. Check that the pods of the database reach the endpoint. It completes by itself when the store answers.";
    Pg06 = "PG-06", "the database has no archive", "No plugin archives the changes of this cluster, so it can be restored to a full backup at best. What its condition ContinuousArchiving says means nothing without an archive. Look at spec.plugins: `kubectl -n NAMESPACE get clusters.postgresql.cnpg.io -o yaml`. Run the deploy again: it names the archive.";
    Pg07 = "PG-07", "nobody watches over the database", "No pod of the CloudNativePG operator works. The database goes on as it is; nothing fails over, no backup starts, and what the Cluster object says is old. Look with `kubectl -n cnpg-system get pods`. Cure what keeps them from running, or run the deploy again.";
    Pg08 = "PG-08", "the backup schedule stands still", "The schedule is suspended, or its next time has passed without a backup. `kubectl -n NAMESPACE get scheduledbackups.postgresql.cnpg.io` shows both. Run the deploy again to end a suspension; if the operator does not run, start it first.";

    // Restores (RST).
    Rst01 = "RST-01", "the moment is before the first that can be restored", "A restore begins from a base backup and goes forward from its end. Moments before the end of the oldest base backup that is still in the bucket cannot be reached. `care-install backup list` shows the first one, and every backup that cannot be used with its reason.";
    Rst02 = "RST-02", "the moment is after the last that can be restored", "Changes that never reached the bucket cannot be restored. When archiving works, the last moment is now; when it fails, the moment before it began to fail. `care-install backup list` shows it. Choose that one or an earlier one.";
    Rst03 = "RST-03", "there is nothing to restore from", "The bucket has no completed base backup under that name. `care-install backup list` shows what is there. Check the bucket, its folder and its keys in site.yaml.";
    Rst04 = "RST-04", "the new name in the bucket is not empty", "Each incarnation of the database archives under a name of its own, so that a restore never overwrites what it came from. PostgreSQL refuses to start otherwise: `barman-cloud-check-wal-archive` finds the name not empty. The next free number is taken by itself.";
    Rst05 = "RST-05", "a restore is not finished", "A restore was begun and neither finished nor cancelled; writers may be stopped. `care-install status` shows how the site is. Go on with `care-install restore`, or put everything back with `care-install restore cancel`.";
    Rst06 = "RST-06", "there is nothing to cancel", "Either no restore is going on, or the site already uses the restored database: from then on going back would lose what was entered since. The former database is still there until a person deletes it. `care-install backup list` shows what can be restored; restore to another moment instead.";
    Rst07 = "RST-07", "the recovery cannot succeed", "The recovery's own log says why it can never succeed. Nothing of the former database was touched. Put everything back with `care-install restore cancel`, then choose another moment.";
    Rst08 = "RST-08", "the restore was not confirmed", "A restore replaces the database of the hospital. It wants the name of the site typed, or --yes with --confirm NAME. Nothing was changed.";
    Rst09 = "RST-09", "the moment is not understood", "The moment to restore to could not be read. Give it as 2026-11-24T11:42:00Z, as 2026-11-24 11:42:00 in the time zone of this computer, or as the word latest. `care-install backup list` shows the first and the last.";

    // Engine and journal (RUN).
    Run01 = "RUN-01", "the journal cannot be used", "The journal remembers what a run has done; without it a run does not go on. It is the file journal.jsonl in the site's folder, for a restore restore.jsonl. Look at the free space (`df -h`), the folder's owner and whether the disk is read-only (`findmnt`). Cure that and run the same command again: nothing is done twice.";
    Run02 = "RUN-02", "the journal is from a newer version", "A newer care-install has worked on this site, and this one would not understand what was done. `care-install --version` shows this one's number. Use the newer one.";
    Run03 = "RUN-03", "no such step", "The named step is not in the plan. `care-install plan` lists all of them; a step's name is COMPONENT/STEP. Choose one of these.";
    Run04 = "RUN-04", "nobody agreed", "The step asks a person, and the answer was no or did not come. `care-install plan` shows what the steps do. Run the deploy again and answer yes once it is so.";
    Run05 = "RUN-05", "a step broke off", "The step's own task ended without an answer: a mistake in care-install. Look into the newest file of logs/ in the site's folder. Run the same command again, what was done stays; and report it with that file.";
    Run06 = "RUN-06", "another run works on this cluster", "One run at a time may change a cluster, from whichever computer and site folder it was started. It holds a lease: `kubectl -n kube-system get lease care-install -o yaml` shows who, since when, and when it was last renewed. Wait for its end; of a holder that died nothing is heard, and a minute later the next deploy takes over.";
    Run07 = "RUN-07", "the run lost its hold on the cluster", "A run renews its lease in the cluster every few seconds. When the API takes no renewal for a minute, the run stops, because from then on another computer may begin. `kubectl get --raw /readyz` shows whether the API answers. Bring it back, then start again: the run goes on where it stopped.";

    // Rehearsal cluster (REH).
    Reh01 = "REH-01", "the practice cluster cannot be served", "The practice cluster listens on 127.0.0.1 of this computer only. Another program may use the port, or another care-install may already serve the same site's practice cluster; `ss -ltnp` shows which. Stop the other one, or choose another port.";
    Reh02 = "REH-02", "the practice cluster's file cannot be used", "The practice cluster keeps all its objects in one file of the site's folder. Look at the free space (`df -h`) and at the rights of the folder (`ls -ld FOLDER`). Deleting the file lets the practice cluster begin anew; it never holds anything of a real cluster.";
    Reh03 = "REH-03", "no such scenario", "A scenario is what goes wrong on the practice cluster. `healthy` is the cluster on which everything works. The message lists all scenarios. Choose one of these.";
    Reh04 = "REH-04", "the practice site cannot be prepared", "The practice site is made by itself in its folder: settings, vault, and a certificate signed by an authority made for practice. Something in that folder is in the way: look with `ls -la FOLDER`. Move it away, or choose another folder with --site; nothing of a real site is needed.";

    // The run in the background (HOST).
    Host01 = "HOST-01", "the background part cannot be started", "A run works in a process of its own, so that closing the terminal does not stop it. It needs a folder it may write to: its lock, its socket and its log are in the site's folder. Look with `df -h` and `ls -ld FOLDER`. Make room or give the folder to this user, then start again.";
    Host02 = "HOST-02", "another care-install works on this site", "One process at a time may change a site. `care-install --site SITE` shows the run that goes on. Look on there, or wait until it has ended.";
    Host03 = "HOST-03", "the background part ended early", "The process that runs the plan ended before it could be reached. Its last words are in logs/background.log in the site's folder. Cure what they name, then deploy again: it goes on where it stopped.";

    // Terminal (TTY).
    Tty01 = "TTY-01", "the terminal cannot be used for screens", "care-install could not draw on this terminal or read its keys. `echo $TERM` must name a real terminal. Over ssh, ask for one with `ssh -t`. With --plain everything works as lines of text.";
    Tty02 = "TTY-02", "a question was not answered", "The command asked something and got no answer: Esc or Ctrl-C was pressed, or the terminal went away. Nothing is lost, and `care-install` shows where the site stands. Run the command again.";
}

impl Code {
    /// Finds a code by its text, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.as_str().eq_ignore_ascii_case(text))
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A journal of a newer version may hold a code this version does not know yet.
        Ok(Self::parse(&text).unwrap_or(Self::Bug01))
    }
}

#[cfg(test)]
mod tests;
