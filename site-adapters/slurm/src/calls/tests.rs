use broker_model::{PartitionRef, Resources, Walltime};
use site_adapter::{LocalAccount, Submission, Work};

pub(crate) const MARKER: &str = "att_0192f0c1d2e37abc8def0123456789ab";

/// A job that asks for something of everything.
pub(crate) fn submission() -> Submission {
    Submission {
        attempt: MARKER.parse().unwrap(),
        account: LocalAccount {
            user: "alice".to_owned(),
            account: Some("lab".to_owned()),
            qos: None,
        },
        work: Work {
            name: "finetune-7b".to_owned(),
            resources: Resources {
                nodes: 2,
                gpus_per_node: 1,
                gpu_memory_gib: None,
                cpus_per_node: Some(3),
                memory_gib_per_node: Some(1),
                walltime: Walltime::from_seconds(61).unwrap(),
            },
            image: None,
            script: "hostname\n".to_owned(),
            partition: PartitionRef {
                site: "alpha".parse().unwrap(),
                system: "alpha".parse().unwrap(),
                partition: "main".parse().unwrap(),
            },
            scheduler_gpus_per_gpu: 2,
            exclusive: false,
        },
        may_exist: false,
    }
}
