//! What a rig has to be able to produce for some of the behaviours.

/// Something that not every test rig can bring about, though every adapter must tell of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Several tasks in one job.
    Arrays,
    /// Jobs that wait for other jobs.
    Dependencies,
    /// A job of which nothing ran, by `Site::launch_failure`.
    LaunchFailure,
    /// A job that ends by a signal of its own.
    Signal,
    /// A job that is stopped for its walltime.
    TimeOut,
    /// Memory limits that are enforced.
    OutOfMemory,
    /// GPUs under the scheduler's own name for their kind.
    GpuKinds,
    /// Jobs that get whole nodes and are metered with them.
    WholeNodes,
    /// Memory of when a job was handed in, once it is over. A scheduler that keeps nothing has only what
    /// the job itself wrote at its start.
    SubmitTime,
}

/// A condition that a rig cannot produce, and why not.
pub type Lack<'a> = (Condition, &'a str);

impl super::Site<'_> {
    /// Whether the rig can produce it; says on standard error what is left out and why.
    #[expect(clippy::print_stderr, reason = "it serves tests only")]
    pub(super) fn can(&self, condition: Condition) -> bool {
        let lack = self.lacks.iter().find(|(lacking, _)| *lacking == condition);
        if let Some((_, why)) = lack {
            eprintln!("not tried on this rig: {condition:?}: {why}");
        }
        lack.is_none()
    }
}
