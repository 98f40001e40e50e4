use std::fmt;
use std::str::FromStr;

use crate::{DrainId, IncidentId, InvalidId, OrganisationId, VetoId, WindowId};

/// One thing that is set at a site, named by its id; a limit by its organisation's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlId {
    Window(WindowId),
    Drain(DrainId),
    Incident(IncidentId),
    Veto(VetoId),
    Limit(OrganisationId),
}

impl fmt::Display for ControlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Window(id) => id.fmt(f),
            Self::Drain(id) => id.fmt(f),
            Self::Incident(id) => id.fmt(f),
            Self::Veto(id) => id.fmt(f),
            Self::Limit(id) => id.fmt(f),
        }
    }
}

impl FromStr for ControlId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split('_').next() {
            Some("drn") => text.parse().map(Self::Drain),
            Some("inc") => text.parse().map(Self::Incident),
            Some("vet") => text.parse().map(Self::Veto),
            Some("org") => text.parse().map(Self::Limit),
            _ => text.parse().map(Self::Window),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_told_apart_by_its_ids_kind() {
        for kind in ["win", "drn", "inc", "vet", "org"] {
            let text = format!("{kind}_0192f0c1d2e37abc8def0123456789ab");
            let id: ControlId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
        }
        assert!(
            "job_0192f0c1d2e37abc8def0123456789ab"
                .parse::<ControlId>()
                .is_err()
        );
    }
}
