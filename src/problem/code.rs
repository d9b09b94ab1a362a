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
    Args01 = "ARG-01", "wrong arguments", "The command line was not understood. Run the command with --help to see what it takes.";
    Bug01 = "BUG-01", "a mistake in care-install", "This is our mistake, not yours. Save the log of this run and report it; nothing was changed after the point where it stopped.";

    // Site settings (SITE), site files and vault (FILE, VAULT).
    Site01 = "SITE-01", "a site setting is wrong", "The named field of site.yaml holds a value that cannot be used. The message gives the field, the reason and an example.";
    Site02 = "SITE-02", "a site setting is missing", "A field of site.yaml that the site cannot do without is empty. The message gives the field, why it is asked and an example. Add it to site.yaml, or open the settings and go to the field.";
    Site03 = "SITE-03", "site settings do not fit together", "Each of the named settings is fine by itself, and together they cannot work: networks that overlap, two nodes with one name or address, a host name that the wildcard does not cover. Change one of them.";
    Site04 = "SITE-04", "not possible in this version", "The setting is known, and this version of care-install cannot do it. The message says what can be chosen instead.";
    Site05 = "SITE-05", "an old line of Kubernetes", "The chosen line of Kubernetes no longer gets repairs. It works; plan the upgrade to a line that is supported.";
    Site06 = "SITE-06", "backups travel unencrypted", "The backup server is reached over http. Anyone on the way can read the database. Use https.";
    Site07 = "SITE-07", "only one copy of the data", "Volumes are kept on one machine only. When it fails, its data is gone until a restore. Choose two copies.";
    Site08 = "SITE-08", "no randomness", "The operating system could not give random numbers, without which no safe password can be made. This happens in broken containers; run the command on an ordinary system.";
    Site09 = "SITE-09", "a stored secret cannot be used", "A secret in the vault does not have the shape that its program needs. Restore the vault from its last copy, or remove the secret so that a new one is made.";
    Site10 = "SITE-10", "a site file cannot be understood", "site.yaml is not valid YAML from the named line on. Look at that line and the one above it: spaces for indentation, no tabs, a space after each colon, closed quotes.";
    Site11 = "SITE-11", "an unknown name in a site file", "site.yaml holds a name that this version does not know. The message offers the nearest known one. Unknown names are refused, because a misspelt setting that is silently ignored is worse.";
    Site12 = "SITE-12", "the wrong kind of value in a site file", "A setting holds a list where a text belongs, or the other way round. The message says what is wanted and gives an example.";
    Site13 = "SITE-13", "a site file from a newer version", "site.yaml was written by a newer care-install, which may keep settings that this one would lose. Use the newer one.";
    Site14 = "SITE-14", "the site file's schema is missing", "The first line of site.yaml says which layout it has, so that later versions can bring it up to date. Write `schema: 1`.";
    Site15 = "SITE-15", "a secret in a site file", "site.yaml may be copied and mailed, so secrets are refused there. Remove the line, change the password at its source, and give the new one when care-install asks; it is kept in the vault.";
    Site16 = "SITE-16", "a name stands twice in a site file", "Two lines of site.yaml give the same setting. Keep one of them.";
    Site17 = "SITE-17", "no such site", "The site that was asked for is not on this computer, or several are and none was named. `--site` takes a name or the folder that holds site.yaml.";
    Site18 = "SITE-18", "the site exists already", "A new site would take the place of one that is there. Choose another name, or open the existing one with --site.";
    File01 = "FILE-01", "a file cannot be read", "The file is there and cannot be read: usually it belongs to another user, or the path names a folder.";
    File02 = "FILE-02", "a file cannot be written", "A file could not be written or renamed: the folder is read-only, the disk is full, or the folder belongs to another user. Files are written whole or not at all, so the old one is untouched.";
    File03 = "FILE-03", "a file is missing", "There is no file of that name. Check the path; a relative path in site.yaml begins at the site's folder.";
    File04 = "FILE-04", "a file is too large", "The file is much larger than what is expected in its place; most likely the wrong file is named.";
    File05 = "FILE-05", "a file is not text", "The file holds bytes that are no UTF-8 text. A certificate in DER form has to be converted to PEM first.";
    Vault01 = "VAULT-01", "wrong passphrase", "The passphrase does not open the vault. Mind upper and lower case and the keyboard's language. Nobody can open the vault without it; the secrets can then only be entered and made anew.";
    Vault02 = "VAULT-02", "the vault is damaged", "The vault was changed or cut after it was written. Put back its last good copy. The disk may be failing: check it.";
    Vault03 = "VAULT-03", "there is no vault", "The site has settings and no vault, so its secrets are unknown. `care-install new` asks for them; after a loss, put the copy of the vault back.";
    Vault04 = "VAULT-04", "the vault's key file is missing or wrong", "The vault is locked with a key file that is not there, or that is no key file. Put its copy back.";
    Vault05 = "VAULT-05", "the wrong key for this vault", "The vault was locked with something else than what was given: another key file, or a passphrase instead of a key file.";
    Vault06 = "VAULT-06", "the passphrase is too short", "A short passphrase is guessed by a computer within days. Use four words or more.";
    Vault07 = "VAULT-07", "a vault from a newer version", "The vault was written by a newer care-install, which may keep secrets that this one would lose. Use the newer one.";
    Vault08 = "VAULT-08", "nobody to ask for the passphrase", "The vault is locked with a passphrase, and the command runs where nobody can type it. Put the passphrase into a file that only you can read and name it with --passphrase-file.";

    // Preflight: SSH, DNS, TLS certificate (CRT), cluster (K8S).
    Check01 = "CHECK-01", "failed checks hold the deploy back", "A failed check means that the deploy would fail later, when it costs more. Fix what the check names and run it again. When you know better, accept the failure with a reason; the reason goes into the record of the site.";
    Ssh01 = "SSH-01", "a node does not answer on its SSH port", "The node's SSH port was opened and its first line read; nobody logged in. Refused: the machine is up and sshd is not running or uses another port. No answer: the machine is off, the address is wrong, or a firewall drops the packets. Something else answers: the address or the port belongs to another program. Connected and silent: a firewall or a hung sshd. Look from here with nc -v ADDRESS PORT, and on the machine with systemctl status ssh.";
    Dns01 = "DNS-01", "a name server does not answer", "No question to this name server was answered, so nothing is known about the names behind it. Is its address right (ip route, cat /etc/resolv.conf)? Does it answer queries from this computer's network? Try: dig @ADDRESS NAME. A firewall must let UDP and TCP port 53 through.";
    Dns02 = "DNS-02", "a host name does not lead to the site", "The name was asked as a full name, so that no search domain answers in its place. NXDOMAIN: there is no record; make one, or a wildcard. SERVFAIL or REFUSED: the server has a trouble of its own, or does not serve this network. No answer: the packets are lost. Another address, or a mix: browsers reach a wrong machine some or all of the time; correct the records, and wait for their old time to live. Look with: dig NAME @SERVER.";
    Dns03 = "DNS-03", "the wildcard does not lead to the site", "A made-up name under the base domain was asked and must lead to the site like every other, so that names added later work. Make a record for *.DOMAIN with the nodes' addresses. A record for the base domain itself does not do it. Look with: dig anything.DOMAIN.";
    Dns04 = "DNS-04", "a search domain answers every name", "This computer puts the search domain behind names that do not exist, and that domain answers anything. Names then seem to exist that do not, and pods on nodes with the same setting reach a wrong machine. Take the domain out of the search line on the nodes (resolv.conf, netplan, DHCP), or take the wildcard out of that domain.";
    Crt01 = "CRT-01", "the certificate cannot be read", "The chain file must hold PEM blocks that begin with -----BEGIN CERTIFICATE-----, the site's own certificate first. Convert DER with: openssl x509 -inform der -in FILE -out FILE.pem; and PKCS#12 (pfx, p12) with: openssl pkcs12 -in FILE -nokeys -out fullchain.pem.";
    Crt02 = "CRT-02", "the key does not fit the certificate", "The key file must hold the unencrypted private key in PEM form from which the certificate was made. After a renewal often only one of the two files was copied. Compare: openssl x509 -in CHAIN -noout -pubkey, and: openssl pkey -in KEY -pubout; both must print the same. Take a passphrase off with: openssl pkey -in KEY -out NEW.";
    Crt03 = "CRT-03", "the certificate chain is not complete or not in order", "Browsers want the site's certificate, then each authority that signed the one before it, up to one that they know. Phones and programs do not fetch what is missing. Most authorities offer a file called fullchain. Order by hand: cat site.pem intermediate.pem > fullchain.pem. See who signed whom: openssl crl2pkcs7 -nocrl -certfile FILE | openssl pkcs7 -print_certs -noout.";
    Crt04 = "CRT-04", "the certificate does not cover a host name", "Each host name must stand in the certificate's alternative names, or match its wildcard. *.example.org covers app.example.org, and neither example.org nor a.b.example.org: a wildcard stands for one label. See the names: openssl x509 -in FILE -noout -ext subjectAltName. Get a certificate for the right names, or change the host names.";
    Crt05 = "CRT-05", "the certificate is not made for servers", "Its key usage must allow a TLS server (extended key usage serverAuth). Certificates for mail, code or clients, and those of an authority itself, are refused by browsers. Order a server certificate. See: openssl x509 -in FILE -noout -ext keyUsage,extendedKeyUsage,basicConstraints.";
    Crt06 = "CRT-06", "the certificate is not valid now, or not for long", "Outside its dates every browser and program refuses it. Not yet valid often means that the clock is wrong: look at date -u on this computer first. Expired: renew it. Close to its end: renew it before it stops the hospital. See: openssl x509 -in FILE -noout -dates.";
    Crt07 = "CRT-07", "the certificate is weak", "RSA keys below 2048 bits and signatures with MD5 or SHA-1 can be forged and are refused by browsers; Ed25519 is sound and not known to browsers. Make a new key (RSA 2048 or 3072, or ECDSA P-256) and have it signed anew. See: openssl x509 -in FILE -noout -text.";
    K8s01 = "K8S-01", "the cluster does not answer", "The Kubernetes API named by the kubeconfig was asked for its version. Try: kubectl version. What went wrong stands in the problem itself, with its own code.";
    K8s02 = "K8S-02", "the cluster has another version than the site", "The line of Kubernetes in the site's settings decides what is installed. It must be that of the cluster: set cluster.version, or upgrade the cluster first. See: kubectl version.";
    K8s03 = "K8S-03", "a node of the site is not in the cluster", "The site's settings name a node that the cluster does not know. Names count exactly: see kubectl get nodes -o wide. Correct the name in the settings, or join the machine.";
    K8s04 = "K8S-04", "a node takes no pods", "The node is not Ready, is cordoned, reports pressure, or carries a taint that turns pods away. See kubectl describe node NAME; on the node systemctl status kubelet and journalctl -u kubelet -n 50. Uncordon: kubectl uncordon NAME. The control plane's taint has to go: kubectl taint nodes NAME node-role.kubernetes.io/control-plane:NoSchedule-.";
    K8s05 = "K8S-05", "a node has another role or architecture than the site says", "The label ohn/role decides which volumes and databases live on a node. A label that says otherwise means that the names of the nodes are swapped in the settings, or that the cluster serves another site. See kubectl get nodes -L ohn/role,kubernetes.io/arch. Images exist for Linux on amd64 and arm64, and both machines must be of the same kind.";

    // Catalogue and plan (PLAN).
    Plan01 = "PLAN-01", "the catalogue is wrong", "The list of components that is part of care-install does not fit together: our mistake. Nothing was changed. Report it with the causes.";
    Plan02 = "PLAN-02", "a template is wrong", "A template of care-install could not be turned into objects for this site: our mistake, perhaps brought out by an unusual setting. Nothing was changed. Report it with the causes.";
    Plan03 = "PLAN-03", "a secret is missing", "The plan needs a secret that the vault does not hold. Typed secrets are filled in with the wizard or with care-install new; generated ones are made whenever the site is saved.";

    // Kubernetes API (KUBE), Helm (HELM), waiting for readiness (WAIT).
    Kube01 = "KUBE-01", "the kubeconfig cannot be used", "care-install reads the cluster's address and its administrator's credentials from a kubeconfig. On the primary node it is /etc/kubernetes/admin.conf. Copy it to this computer (mode 0600), name it in cluster.kubeconfig, and try: kubectl --kubeconfig FILE get nodes.";
    Kube02 = "KUBE-02", "the API's certificate is not trusted", "The certificate authority in the kubeconfig did not sign the certificate that the API shows. Usually the kubeconfig is of another or an older cluster. Copy /etc/kubernetes/admin.conf from the primary node again.";
    Kube03 = "KUBE-03", "the API cannot be reached", "Nothing answers at the address in the kubeconfig, or too slowly. On the primary node: is it up, is kube-apiserver running (crictl ps), is the disk full (df -h)? From here: does the name resolve, is port 6443 open (nc -vz HOST 6443)?";
    Kube04 = "KUBE-04", "something else answers at the API's address", "The answer was not Kubernetes JSON: a proxy, a login page or another service. Check the address in the kubeconfig and the proxy settings (HTTPS_PROXY, NO_PROXY).";
    Kube05 = "KUBE-05", "a kind is not known yet", "The object belongs to an operator whose definitions (CRDs) the cluster does not have yet. They come with that operator's own step: kubectl get crd shows what is there.";
    Kube06 = "KUBE-06", "the login is refused", "The credentials in the kubeconfig are expired or may not do this. kubeadm certs check-expiration on the primary node shows their end; kubeadm certs renew admin.conf makes new ones.";
    Kube07 = "KUBE-07", "an operator's webhook does not answer", "The API asks the operator before it takes such an object, and the operator is not ready or cannot be reached from the API server. Look at its pods (kubectl get pods -A) and its service's endpoints.";
    Kube08 = "KUBE-08", "the cluster could not do it right now", "Something it needs was missing or changing at that moment. The step tries again by itself; if it lasts, the causes name what is missing.";
    Kube09 = "KUBE-09", "the cluster does not take the object", "The object breaks the cluster's rules for its kind. The causes name the fields. A value of site.yaml may be the reason; kubectl explain KIND.FIELD shows what is allowed.";
    Kube10 = "KUBE-10", "the API is overloaded or has an error of its own", "The API server answered with an error of its own. Usually etcd is slow (disk) or memory is short on the primary node: look at the logs of kube-apiserver and etcd there.";

    Wait01 = "WAIT-01", "it did not become ready in time", "The step waited for its whole limit. The reasons above say what the pods, events, claims and nodes told at the end. Cure the cause, then run the step again: what is already there stays.";
    Wait02 = "WAIT-02", "an image cannot be pulled", "The node's containerd asked the registry for the image and was refused or got no answer. Not found: the name or tag is wrong, or it was never pushed. Unauthorized: the registry's login. Timeout: the node cannot reach the registry. Try on the node: crictl pull IMAGE. The pods try again by themselves once the cause is gone.";
    Wait03 = "WAIT-03", "a container ends again and again", "The program inside starts and ends. Its last words are in its log (press l, or kubectl logs --previous). Exit code 137 with OOMKilled means that it needs more memory than its limit.";
    Wait04 = "WAIT-04", "a container misses a setting", "The pod names a ConfigMap, a Secret or a key in it that is not there. The component's own step makes it: run that step again.";
    Wait05 = "WAIT-05", "no node takes the pod", "The scheduler found no node: too little free CPU or memory, a label or taint that does not fit, or a volume that is bound elsewhere. kubectl describe pod shows the count per reason; kubectl describe node shows what is requested already.";
    Wait06 = "WAIT-06", "a volume is not provided", "The claim has no volume. Either its storage class does not exist, or Longhorn cannot place its replicas: too little space on the disks with the wanted tag, or a node is down. kubectl get storageclass; kubectl -n longhorn-system get nodes.longhorn.io.";
    Wait07 = "WAIT-07", "a volume cannot be attached or mounted", "The node could not attach or mount the volume. Usually iscsid is not running on that node, multipathd has taken the device, or the volume is still attached to a node that is gone.";
    Wait08 = "WAIT-08", "a container runs and is not ready", "Its readiness probe fails. The program may still be starting, or it cannot reach something it needs. Its log says which (press l).";
    Wait09 = "WAIT-09", "its pods cannot be made", "The controller asked for pods and the API refused them: a quota, a policy or an admission webhook. The event holds the API's own words.";
    Wait10 = "WAIT-10", "a node is not ready", "The node's kubelet does not report. Is the machine up, does it reach the primary node, is its disk full? On the node: systemctl status kubelet; journalctl -u kubelet -n 50.";
    Wait11 = "WAIT-11", "a job failed", "The job used up its tries. Its log holds the reason. After the cause is cured, run the step again: the failed job is removed and made anew.";
    Wait12 = "WAIT-12", "a backup failed", "The database's backup could not be written. Check the endpoint, bucket and keys in site.yaml, and that the pods can reach the endpoint.";

    Helm01 = "HELM-01", "the helm command is missing", "The charts are installed by the helm command of this computer. Install Helm 4 (or 3.18 and newer) from helm.sh, or name another one with --helm FILE. Then start again.";
    Helm02 = "HELM-02", "the helm command is too old", "care-install works with Helm 3.18 and newer, and with Helm 4. helm version shows what is there. Install a newer one, or name it with --helm FILE.";
    Helm03 = "HELM-03", "helm could not install a chart", "The last lines that helm wrote are the causes. The step's log (press l) holds all of them. After the cause is cured, run the step again: helm goes on from where it was.";
    Helm04 = "HELM-04", "a chart cannot be fetched", "helm could not get the chart from its repository. Does this computer reach the internet (curl -I https://HOST)? Is a proxy set (HTTPS_PROXY)? For sites without internet, give a folder of charts with --charts DIR.";
    Helm05 = "HELM-05", "another helm works on this release", "A helm process, perhaps of a run that was cut off, still works on the release. The step goes on by itself once it has ended.";
    Http01 = "HTTP-01", "an address does not answer as expected", "The named address was asked and did not answer, or answered something else. The causes hold the answer. Open the same address from this computer, for example with curl -v.";

    // Health, day 2: pods and workloads (POD, APP), nodes (NODE), volumes (VOL), PostgreSQL (PG).
    Pod01 = "POD-01", "a container was restarted several times", "The program inside ended and was started again, more than once within the last hour; it runs now. Its former words are in its log: kubectl logs --previous. A liveness probe that fails also restarts a container; the events say so.";
    Pod02 = "POD-02", "a container ran out of memory", "The kernel ended the container because it used more memory than its limit (OOMKilled, exit code 137). Give it a higher limit, or find out why it needs so much: its log before the end, the number of users, a large import.";
    Pod03 = "POD-03", "a pod was evicted", "The node was short of memory or disk and ended pods to save itself. A new pod takes its place where there is room. Look at the node: df -h, free -m, and what fills the disk.";
    Pod04 = "POD-04", "a pod does not end", "The pod was asked to end and is still there after its limit. Usually its volume cannot be unmounted or its node hangs. kubectl describe pod shows the last events. Never force the end of a database's pod while its machine may still run.";
    Pod05 = "POD-05", "a pod is not ready for a long time", "The pod runs, and its readiness probe has not held for minutes. Its log says what it waits for: often the database, a login or an address that does not resolve.";
    App01 = "APP-01", "fewer copies run than wished", "The application is set to run with more copies than are ready now. With none, its service is down; with some, it works without reserve. The causes name the pods or what keeps them from being made.";
    Node01 = "NODE-01", "a node takes no new pods", "Somebody has cordoned the node, usually for maintenance. What runs there goes on; nothing new starts. kubectl uncordon NODE ends it.";
    Node02 = "NODE-02", "a node is short of something", "The kubelet reports that memory, disk or process numbers run out, and it will end pods to save the node. On the node: df -h; free -m; ps aux --sort=-rss | head.";
    Node03 = "NODE-03", "a node has no pod network", "The network of the pods is not set up on this node. Look at the network's own pods there (kubectl -n kube-system get pods -o wide).";
    Vol01 = "VOL-01", "a volume has too few copies", "Longhorn has lost a copy of the volume and works on with the rest. It makes a new one by itself when a node or disk with room is there. Until then the loss of one more machine loses the data since the last backup.";
    Vol02 = "VOL-02", "a volume has no usable copy", "Every copy of the volume has failed; what uses it has stopped. Do not delete anything. If a machine is down, bring it back: its copy may be salvaged. Else the volume is restored from its backup.";
    Vol03 = "VOL-03", "a disk of the volumes is nearly full", "Longhorn places nothing on a disk with less free space than its limit, and volumes on a full disk stop. Find what fills it (snapshots, old volumes), or add a larger disk.";
    Vol04 = "VOL-04", "a disk of the volumes cannot be used", "Longhorn does not reach the disk: not mounted, another filesystem than before, or read-only after an error. On the node: findmnt, dmesg | tail, smartctl -a.";
    Vol05 = "VOL-05", "the backup store of the volumes cannot be reached", "Longhorn cannot reach or read its backup target, so no volume is backed up. Endpoint, bucket, keys, clock of the machines, certificate: each can be the reason. Check from a pod, not only from a node: the way back may differ.";
    Vol06 = "VOL-06", "nobody tells how the volumes are", "No Longhorn manager runs, so what its objects say is old. Volumes in use go on; nothing is repaired, attached or made. Look at the pods longhorn-manager in longhorn-system.";
    Vol07 = "VOL-07", "a claim has lost its volume", "The claim names a volume that is not there any more. Its data is in the volume's backup, if there is one. Do not delete the claim before that is clear.";
    Pg01 = "PG-01", "the database is down", "No primary takes writes. After the loss of a machine, the operator makes the other copy the primary; that takes about one and a half minutes when the operator runs elsewhere, and about six and a half when it was lost too and its pods stay bound for five minutes.";
    Pg02 = "PG-02", "the database has no second copy", "The primary works, and a further instance does not follow it. If the primary's machine is lost now, the database is down until a copy is back. A returned instance catches up by itself.";
    Pg03 = "PG-03", "the database's changes do not reach the backup", "PostgreSQL keeps every change that could not be archived, and its disk fills. Check the endpoint, bucket and keys, and that pods reach the endpoint. It goes on by itself once the store answers.";
    Pg04 = "PG-04", "the last backup of the database is too old", "A restore needs a full backup; the newest one is older than its schedule allows. Look at the newest Backup objects (kubectl -n NAMESPACE get backups.postgresql.cnpg.io) and at the schedule. The state of the cluster does not tell: it stays healthy without backups.";
    Pg05 = "PG-05", "a backup of the database does not end", "A backup that cannot reach its store waits without an error. Check that the pods of the database reach the endpoint. It completes by itself when the store answers.";
    Pg06 = "PG-06", "the database has no archive", "No plugin archives the changes of this cluster, so it can be restored to a full backup at best. What its condition ContinuousArchiving says means nothing without an archive. Run the deploy again, or look at spec.plugins of the Cluster.";
    Pg07 = "PG-07", "nobody watches over the database", "No pod of the CloudNativePG operator works. The database goes on as it is; nothing fails over, no backup starts, and what the Cluster object says is old. Look at the pods in cnpg-system.";
    Pg08 = "PG-08", "the backup schedule stands still", "The schedule is suspended, or its next time has passed without a backup. kubectl -n NAMESPACE get scheduledbackups.postgresql.cnpg.io shows both.";

    // Restores (RST).
    Rst01 = "RST-01", "the moment is before the first that can be restored", "A restore begins from a base backup and goes forward from its end. Moments before the end of the oldest base backup that is still in the bucket cannot be reached. care-install backup list shows the first one, and every backup that cannot be used with its reason.";
    Rst02 = "RST-02", "the moment is after the last that can be restored", "Changes that never reached the bucket cannot be restored. When archiving works, that is now; when it fails, the moment before it began to fail. care-install backup list shows the last one.";
    Rst03 = "RST-03", "there is nothing to restore from", "The bucket has no completed base backup under that name. Check the bucket, its folder and its keys in site.yaml, and look with care-install backup list.";
    Rst04 = "RST-04", "the new name in the bucket is not empty", "Each incarnation of the database archives under a name of its own, so that a restore never overwrites what it came from. PostgreSQL refuses to start otherwise: barman-cloud-check-wal-archive finds the name not empty. The next free number is taken by itself.";
    Rst05 = "RST-05", "a restore is not finished", "A restore was begun and neither finished nor cancelled; writers may be stopped. Go on with care-install restore, or put everything back with care-install restore cancel.";
    Rst06 = "RST-06", "there is nothing to cancel", "Either no restore is going on, or the site already uses the restored database: from then on going back would lose what was entered since. The former database is still there until a person deletes it; restore to another moment instead.";
    Rst07 = "RST-07", "the recovery cannot succeed", "The recovery's own log says why it can never succeed. Nothing of the former database was touched. Put everything back with care-install restore cancel, then choose another moment.";
    Rst08 = "RST-08", "the restore was not confirmed", "A restore replaces the database of the hospital. It wants the name of the site typed, or --yes with --confirm NAME. Nothing was changed.";
    Rst09 = "RST-09", "the moment is not understood", "Give a moment as 2026-11-24T11:42:00Z, as 2026-11-24 11:42:00 in the time zone of this computer, or the word latest.";

    // Engine and journal (RUN).
    Run01 = "RUN-01", "the journal cannot be used", "The journal remembers what a deploy has done; without it a run does not go on. It is the file journal.jsonl in the site's folder. Look at the free space (df -h), the folder's owner and whether the disk is read-only. Nothing is done twice when the deploy is started again.";
    Run02 = "RUN-02", "the journal is from a newer version", "A newer care-install has worked on this site. Use that version: this one would not understand what was done.";
    Run03 = "RUN-03", "no such step", "The named step is not in the plan. The command plan lists all of them; a step's name is COMPONENT/STEP.";
    Run04 = "RUN-04", "nobody agreed", "The step asks a person, and the answer was no or did not come. Run the deploy again and answer yes once it is so.";
    Run05 = "RUN-05", "a step broke off", "The step's own task ended without an answer: our mistake. Run the deploy again: what was done stays.";

    // Rehearsal cluster (REH).
    Reh01 = "REH-01", "the practice cluster cannot be served", "The practice cluster listens on 127.0.0.1 of this computer only. Another program may use the port, or another care-install may already serve the same site's practice cluster. Stop the other one, or choose another port.";
    Reh02 = "REH-02", "the practice cluster's file cannot be used", "The practice cluster keeps all its objects in one file of the site's folder. Look at the free space and at the rights of the folder. Deleting the file lets the practice cluster begin anew; it never holds anything of a real cluster.";
    Reh03 = "REH-03", "no such scenario", "A scenario is what goes wrong on the practice cluster. `healthy` is the cluster on which everything works. The message lists all scenarios.";
    Reh04 = "REH-04", "the practice site cannot be prepared", "The practice site is made by itself in its folder: settings, vault, and a certificate signed by an authority made for practice. Something in that folder is in the way. Move it away, or choose another folder with --site; nothing of a real site is needed.";

    // The run in the background (HOST).
    Host01 = "HOST-01", "the background part cannot be started", "A run works in a process of its own, so that closing the terminal does not stop it. It needs a folder it may write to: its lock, its socket and its log are in the site's folder. Check the folder's owner and free space (df -h), then start again.";
    Host02 = "HOST-02", "another care-install works on this site", "One process at a time may change a site. Open the site without a command to look at the run that goes on, or wait until it has ended.";
    Host03 = "HOST-03", "the background part ended early", "The process that runs the plan ended before it could be reached. Its last words are in logs/background.log in the site's folder. The next deploy goes on where it stopped.";

    // Terminal (TTY).
    Tty01 = "TTY-01", "the terminal cannot be used for screens", "care-install could not draw on this terminal or read its keys. Over ssh, ask for a terminal with ssh -t. With --plain everything works as lines of text.";
    Tty02 = "TTY-02", "a question was not answered", "The command asked something and got no answer: Esc or Ctrl-C was pressed, or the terminal went away. Nothing is lost; run the command again.";
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
