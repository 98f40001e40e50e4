//! The single point of contact: which centre helps with what, referrals to them, and whom an organisation
//! may meet.

mod clock;
mod directory;
mod evidence;
mod find;
mod matches;
mod moves;
mod profiles;
mod rank;
mod redact;
mod referrals;
mod send;
mod shown;
mod words;

use std::sync::{Arc, LazyLock, PoisonError};

use broker_model::{CentreId, Role};

pub use directory::{
    CentreKind, Directory, DirectoryError, DirectoryTexts, Finance, Sector, Service, SupportCentre,
    Titles,
};
pub use find::CentreQuery;
pub use matches::{Match, MatchContact};
pub use rank::{ExcludedCentre, RankedCentre, Ranking};
pub use redact::redact;
pub use shown::{ReferralClock, ReferralSender, ReferralView};
pub use words::{Reason, ReasonCode, Vocabulary};

pub(crate) use profiles::claim as profile_claim;

use crate::{Broker, Caller};

#[expect(
    clippy::expect_used,
    reason = "the files are built in, and a test reads them"
)]
static SHIPPED: LazyLock<Arc<Directory>> =
    LazyLock::new(|| Arc::new(Directory::shipped().expect("the shipped directory is valid")));

pub(crate) fn shipped() -> Arc<Directory> {
    Arc::clone(&SHIPPED)
}

impl Caller {
    /// Answers the referrals of a centre.
    pub fn is_staff_of(&self, centre: &CentreId) -> bool {
        self.staffed().any(|it| it == centre)
    }

    /// The centres this person is of.
    pub fn centres(&self) -> Vec<CentreId> {
        self.staffed().cloned().collect()
    }

    fn staffed(&self) -> impl Iterator<Item = &CentreId> {
        self.roles.iter().filter_map(|role| match role {
            Role::CentreStaff { centre } => Some(centre),
            _ => None,
        })
    }
}

impl Broker {
    /// Support centres with what they help with, sectors, services, and where money may come from.
    pub fn directory(&self) -> Arc<Directory> {
        let held = self.inner.directory.read();
        Arc::clone(&held.unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another directory in the place of the shipped one.
    pub fn put_directory(&self, directory: Directory) {
        let held = self.inner.directory.write();
        *held.unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
    }
}
