use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Submit {
        replica: usize,
        restartable: bool,
        sites: usize,
    },
    Cancel {
        replica: usize,
        job: usize,
    },
    Lease {
        replica: usize,
        agent: usize,
        want: u32,
    },
    /// Two agents ask at two replicas at once.
    Contend {
        first: usize,
        second: usize,
    },
    Act {
        agent: usize,
        refuses: bool,
    },
    Report {
        replica: usize,
        agent: usize,
        shows: bool,
        renews: bool,
    },
    /// An agent does its rounds as long as nothing comes between.
    Round {
        replica: usize,
        agent: usize,
    },
    /// The agent does not hear that its report was stored.
    ReportUnheard {
        replica: usize,
        agent: usize,
    },
    /// A report at one replica, and a cancel at the other at the same time.
    Clash {
        agent: usize,
        job: usize,
    },
    Crash {
        agent: usize,
        comes_back_as_another: bool,
    },
    Work {
        site: usize,
        fails: bool,
    },
    Pass {
        times: u8,
    },
    Place {
        replica: usize,
    },
    Seal {
        replica: usize,
    },
    Restart {
        replica: usize,
    },
    Fault {
        replica: usize,
        commits: u32,
        after: bool,
    },
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let replica = || 0..2_usize;
    let agent = || 0..super::AGENTS;
    prop_oneof![
        3 => (replica(), any::<bool>(), 0..3_usize)
            .prop_map(|(replica, restartable, sites)| Step::Submit { replica, restartable, sites }),
        2 => (replica(), 0..8_usize).prop_map(|(replica, job)| Step::Cancel { replica, job }),
        5 => (replica(), agent(), 0..3_u32)
            .prop_map(|(replica, agent, want)| Step::Lease { replica, agent, want }),
        2 => (agent(), agent()).prop_map(|(first, second)| Step::Contend { first, second }),
        8 => (agent(), prop::bool::weighted(0.15))
            .prop_map(|(agent, refuses)| Step::Act { agent, refuses }),
        8 => (replica(), agent(), any::<bool>(), any::<bool>()).prop_map(
            |(replica, agent, shows, renews)| Step::Report { replica, agent, shows, renews }
        ),
        6 => (replica(), agent()).prop_map(|(replica, agent)| Step::Round { replica, agent }),
        2 => (replica(), agent()).prop_map(|(replica, agent)| Step::ReportUnheard { replica, agent }),
        2 => (agent(), 0..8_usize).prop_map(|(agent, job)| Step::Clash { agent, job }),
        1 => (agent(), any::<bool>()).prop_map(
            |(agent, comes_back_as_another)| Step::Crash { agent, comes_back_as_another }
        ),
        4 => (0..super::SITES.len(), any::<bool>()).prop_map(|(site, fails)| Step::Work { site, fails }),
        4 => prop_oneof![1..4_u8, Just(9_u8)].prop_map(|times| Step::Pass { times }),
        3 => replica().prop_map(|replica| Step::Place { replica }),
        1 => replica().prop_map(|replica| Step::Seal { replica }),
        1 => replica().prop_map(|replica| Step::Restart { replica }),
        2 => (replica(), 0..3_u32, any::<bool>())
            .prop_map(|(replica, commits, after)| Step::Fault { replica, commits, after }),
    ]
}
