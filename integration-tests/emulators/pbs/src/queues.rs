/// A queue, as the recorded server had them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    pub(crate) name: &'static str,
    pub(crate) enabled: bool,
    pub(crate) started: bool,
    pub(crate) max_gpus: Option<u64>,
    pub(crate) max_walltime: Option<i64>,
    pub(crate) max_queued: Option<usize>,
    pub(crate) route: Option<&'static str>,
}

const OPEN: Queue = Queue {
    name: "workq",
    enabled: true,
    started: true,
    max_gpus: None,
    max_walltime: None,
    max_queued: None,
    route: None,
};

pub(crate) const QUEUES: [Queue; 6] = [
    OPEN,
    Queue {
        name: "gpu",
        max_gpus: Some(8),
        max_walltime: Some(3600),
        ..OPEN
    },
    Queue {
        name: "disabledq",
        enabled: false,
        ..OPEN
    },
    Queue {
        name: "stoppedq",
        started: false,
        ..OPEN
    },
    Queue {
        name: "limitq",
        started: false,
        max_queued: Some(2),
        ..OPEN
    },
    Queue {
        name: "routeq",
        route: Some("gpu"),
        ..OPEN
    },
];

pub(crate) fn queue(name: &str) -> Option<Queue> {
    QUEUES.into_iter().find(|queue| queue.name == name)
}

/// Two nodes, each with so much.
pub(crate) const NODES: [&str; 2] = ["gpu01", "gpu02"];
pub(crate) const NODE_CPUS: u64 = 16;
pub(crate) const NODE_GPUS: u64 = 4;
