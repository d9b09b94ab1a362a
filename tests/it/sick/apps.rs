//! What is wrong with programs: their images, settings, places, rules and jobs.

use serde_json::json;

use super::{
    Sickness,
    world::{World, condition},
};

pub const ALL: &[Sickness] = &[
    ("an image has a wrong name", "WAIT-02", |world| {
        pull(
            world,
            "failed to resolve reference \"ghcr.io/ohcnetwork/care:v25.40.0\": ghcr.io/ohcnetwork/care:v25.40.0: not found",
        );
    }),
    ("the registry refuses the login", "WAIT-02", |world| {
        pull(
            world,
            "failed to resolve reference \"ghcr.io/ohcnetwork/care:v25.40.0\": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token: 401 Unauthorized: unauthorized: authentication required",
        );
    }),
    ("the registry lets nobody pull more", "WAIT-02", |world| {
        pull(
            world,
            "failed to copy: httpReadSeeker: failed open: unexpected status code https://ghcr.io/v2/ohcnetwork/care/manifests/v25.40.0: 429 Too Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit",
        );
    }),
    (
        "the image of a fresh pod's init container cannot be pulled",
        "WAIT-02",
        |world| {
            world.fresh("snowstorm", "elasticsearch");
            let since = world.at(5);
            world.change("Pod", "snowstorm", "elasticsearch", |pod| {
            condition(pod, json!({"type": "Ready", "status": "False", "lastTransitionTime": since}));
            pod["status"]["phase"] = "Pending".into();
            pod["status"]["initContainerStatuses"] = json!([{"name": pod["spec"]["initContainers"][0]["name"], "ready": false, "restartCount": 0,
                "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}]);
        });
            world.settle();
        },
    ),
    (
        "a program needs more memory than its limit",
        "WAIT-03",
        |world| {
            world.crashes("odoo", "odoo", (137, "OOMKilled"));
        },
    ),
    (
        "a program was ended for its memory and runs again",
        "POD-02",
        |world| {
            let ended = world.at(120);
            world.change("Pod", "care-be", "care-worker", |pod| {
            let one = &mut pod["status"]["containerStatuses"][0];
            one["restartCount"] = 1.into();
            one["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": ended}});
        });
        },
    ),
    (
        "a new version of a program ends at once",
        "WAIT-03",
        |world| {
            let mut fresh = world.one("Pod", "care-be", "care");
            fresh["metadata"]["name"] = "care-6b8f9c7d5f-22222".into();
            fresh["metadata"]["labels"]["pod-template-hash"] = "6b8f9c7d5f".into();
            fresh["metadata"]["ownerReferences"][0]["name"] = "care-new-6b8f9c7d5f".into();
            world.add(fresh);
            world.fresh("care-be", "care-6b8f9c7d5f-22222");
            world.crashes("care-be", "care-6b8f9c7d5f-22222", (1, "Error"));
            world.change("Pod", "care-be", "care-6b8f9c7d5f-22222", |pod| {
                pod["metadata"]["ownerReferences"][0]["name"] = "care-6b8f9c7d5f".into();
            });
        },
    ),
    (
        "a new version of a program does not get ready in its time",
        "APP-08",
        |world| {
            let since = world.at(300);
            world.change("Deployment", "care-fe", "care-web", |program| {
            condition(program, json!({"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
                "message": "ReplicaSet \"care-web-6b8f9c7d5f\" has timed out progressing.", "lastTransitionTime": since}));
        });
        },
    ),
    ("no machine has room for a program", "WAIT-05", |world| {
        world.unplaced("snowstorm", "snowstorm", "0/2 nodes are available: 2 Insufficient memory. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.");
    }),
    (
        "a machine has a taint that a program does not bear",
        "WAIT-05",
        |world| {
            world.unplaced(
                "odoo",
                "odoo",
                "0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: imaging}.",
            );
        },
    ),
    (
        "no machine has the label that a program asks for",
        "WAIT-05",
        |world| {
            world.unplaced(
                "private-nginx",
                "private-nginx-controller",
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
            );
        },
    ),
    ("a quota allows no more pods", "WAIT-09", |world| {
        refused(
            world,
            "odoo",
            "odoo",
            "pods \"odoo-5c9f8d7b6-\" is forbidden: exceeded quota: billing, requested: limits.memory=4Gi, used: limits.memory=6Gi, limited: limits.memory=8Gi",
        );
    }),
    (
        "an admission webhook refuses the pods",
        "WAIT-09",
        |world| {
            refused(
                world,
                "metabase",
                "metabase",
                "Internal error occurred: failed calling webhook \"validate.policy.example.org\": failed to call webhook: Post \"https://policy.policy-system.svc:443/validate?timeout=10s\": no endpoints available for service \"policy\"",
            );
        },
    ),
    ("a readiness probe fails", "WAIT-08", |world| {
        world.probe_fails(
            "metabase",
            "metabase",
            "HTTP probe failed with statuscode: 503",
        );
    }),
    ("a liveness probe fails", "WAIT-03", |world| {
        world.crashes("care-be", "care-worker", (137, "Error"));
        world.pods_say(
            "care-be",
            "care-worker",
            "Unhealthy",
            "Liveness probe failed: command timed out",
        );
    }),
    ("a Secret is missing", "WAIT-04", |world| {
        world.fresh("odoo", "odoo");
        world.waits(
            "odoo",
            "odoo",
            "CreateContainerConfigError",
            "secret \"odoo-secrets\" not found",
        );
    }),
    ("a key in a ConfigMap is missing", "WAIT-04", |world| {
        world.fresh("care-be", "care-beat");
        world.waits(
            "care-be",
            "care-beat",
            "CreateContainerConfigError",
            "couldn't find key REDIS_URL in ConfigMap care-be/care-settings",
        );
    }),
    (
        "an image does not hold the program that it should run",
        "WAIT-03",
        |world| {
            world.fresh("care-fe", "care-web");
            let message = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: \"nginx\": executable file not found in $PATH: unknown";
            let ended = world.at(500);
            world.unready("care-fe", "care-web", &json!({"restartCount": 6, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 128, "reason": "StartError", "message": message, "finishedAt": ended}}}));
        },
    ),
    ("an init container fails", "WAIT-03", |world| {
        world.fresh("snowstorm", "elasticsearch");
        let (since, ended) = (world.at(5), world.at(500));
        world.change("Pod", "snowstorm", "elasticsearch", |pod| {
            condition(pod, json!({"type": "Ready", "status": "False", "lastTransitionTime": since}));
            pod["status"]["phase"] = "Pending".into();
            pod["status"]["containerStatuses"] = json!([]);
            pod["status"]["initContainerStatuses"] = json!([{"name": "sysctl", "ready": false, "restartCount": 6,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ended}}}]);
        });
        world.settle();
    }),
    (
        "the worker for background tasks is down",
        "WAIT-03",
        |world| {
            world.crashes("care-be", "care-worker", (1, "Error"));
        },
    ),
    ("the cache and queue is down", "WAIT-02", |world| {
        world.fresh("database", "valkey");
        world.waits("database", "valkey", "ImagePullBackOff", "Back-off pulling image \"docker.io/valkey/valkey:9.0.0\": ErrImagePull: failed to do request: dial tcp: lookup registry-1.docker.io: i/o timeout");
        world.crashes("care-be", "care-worker", (1, "Error"));
        world.crashes("care-be", "care-beat", (1, "Error"));
        world.probe_fails("care-be", "care", "HTTP probe failed with statuscode: 500");
    }),
    ("the file store is down", "WAIT-03", |world| {
        world.crashes("rustfs", "rustfs", (101, "Error"));
        let began = world.at(200);
        world.change("Pod", "monitoring", "loki", |pod| {
            condition(
                pod,
                json!({"type": "Ready", "status": "False", "lastTransitionTime": began}),
            );
        });
    }),
    ("the terminology could not be loaded", "WAIT-11", |world| {
        job_fails(world, "snowstorm", "snowstorm-load");
    }),
    (
        "the database of Odoo was not prepared",
        "WAIT-11",
        |world| {
            job_fails(world, "odoo", "odoo-prepare");
            world.crashes("odoo", "odoo", (1, "Error"));
        },
    ),
    ("a job does not end", "APP-07", |world| {
        let (began, ready) = (world.at(-8 * 3600), world.at(-8 * 3600 + 20));
        world.change("Job", "snowstorm", "snowstorm-load", |job| {
            job["status"] = json!({"startTime": began, "active": 1, "ready": 1});
        });
        world.change("Pod", "snowstorm", "snowstorm-load", |pod| {
            pod["status"]["phase"] = "Running".into();
            condition(
                pod,
                json!({"type": "Ready", "status": "True", "lastTransitionTime": ready}),
            );
        });
    }),
    ("a job cannot make its pod", "WAIT-09", |world| {
        let began = world.at(5);
        world.change("Job", "metabase", "metabase-setup", |job| {
            job["status"] = json!({"startTime": began});
        });
        let name = world.one("Job", "metabase", "metabase-setup")["metadata"]["name"]
            .as_str()
            .unwrap()
            .to_owned();
        world.remove("Pod", "metabase", "metabase-setup");
        world.event(("Job", "metabase", &name), "FailedCreate",
            "Error creating: pods \"metabase-setup-x-\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true");
    }),
    ("a schedule of jobs missed its time", "APP-06", |world| {
        world.event(
            ("CronJob", "database", "care-db-rows"),
            "MissSchedule",
            "Missed scheduled time to start a job: Tue, 24 Nov 2026 07:23:00 +0000",
        );
    }),
    (
        "a schedule of jobs was suspended and forgotten",
        "APP-06",
        |world| {
            world.change("CronJob", "database", "care-db-rows", |cron| {
                cron["spec"]["suspend"] = true.into();
            });
        },
    ),
    ("a pod does not end", "POD-04", |world| {
        let asked = world.at(0);
        world.change("Pod", "odoo", "odoo-prepare", |pod| {
            pod["metadata"]["deletionTimestamp"] = asked.clone().into();
            pod["status"]["phase"] = "Running".into();
        });
    }),
    ("a Helm release failed", "HELM-03", |world| {
        release(
            world,
            "failed",
            "Upgrade \"longhorn\" failed: context deadline exceeded",
            120,
        );
    }),
    ("a Helm release was left half done", "HELM-05", |world| {
        release(world, "pending-upgrade", "Preparing upgrade", -3600);
    }),
];

/// Both pods of Care were made anew and their image does not come.
fn pull(world: &mut World, said: &str) {
    let image = "ghcr.io/ohcnetwork/care:v25.40.0";
    world.fresh("care-be", "care");
    world.waits(
        "care-be",
        "care",
        "ImagePullBackOff",
        &format!("Back-off pulling image \"{image}\""),
    );
    world.pods_say(
        "care-be",
        "care",
        "Failed",
        &format!("Failed to pull image \"{image}\": rpc error: code = Unknown desc = {said}"),
    );
    world.change("Deployment", "care-be", "care", |program| {
        condition(
            program,
            json!({"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"}),
        );
    });
}

/// Its pods went with a machine that was restarted, and no new ones may be made.
fn refused(world: &mut World, space: &str, program: &str, said: &str) {
    world.remove("Pod", space, program);
    let since = world.at(3);
    world.change("Deployment", space, program, |program| {
        condition(program, json!({"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": said, "lastTransitionTime": since}));
    });
}

fn job_fails(world: &mut World, space: &str, job: &str) {
    let ended = world.at(0);
    world.change("Job", space, job, |job| {
        job["status"] = json!({"failed": 4, "startTime": ended, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded",
            "message": "Job has reached the specified backoff limit", "lastTransitionTime": ended}]});
    });
    world.change("Pod", space, job, |pod| {
        pod["status"]["phase"] = "Failed".into();
        pod["status"]["containerStatuses"][0]["state"] =
            json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": ended}});
    });
}

fn release(world: &mut World, status: &str, said: &str, seconds: i64) {
    let made = world.at(seconds);
    for (revision, status, said) in [("1", "superseded", "Install complete"), ("2", status, said)] {
        world.add(json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
            "metadata": {"namespace": "longhorn-system", "name": format!("sh.helm.release.v1.longhorn.v{revision}"), "creationTimestamp": made,
                "labels": {"owner": "helm", "name": "longhorn", "status": status, "version": revision}},
            "release": {"chart": "longhorn", "version": "1.12.1", "app": "v1.12.1", "description": said}}));
    }
}
