use broker_model::{Assurance, IdentityAssurance};

/// The `acr` of a login with several factors (REFEDS MFA profile).
pub const MFA_PROFILE: &str = "https://refeds.org/profile/mfa";

const IAP: &str = "https://refeds.org/assurance/IAP/";

/// Reads REFEDS RAF identity proofing, and the strength of the login from `acr`.
///
/// The highest component counts: an identity provider that asserts `high` lists `low` and
/// `medium` with it. `local-enterprise` is no step on that ladder and adds nothing.
pub fn assurance<'a>(
    eduperson_assurance: impl Iterator<Item = &'a str>,
    mut acr: impl Iterator<Item = &'a str>,
) -> Assurance {
    let identity = eduperson_assurance
        .filter_map(identity)
        .max()
        .unwrap_or_default();
    Assurance {
        identity,
        multi_factor: acr.any(|acr| acr == MFA_PROFILE),
    }
}

fn identity(component: &str) -> Option<IdentityAssurance> {
    match component.strip_prefix(IAP)? {
        "low" => Some(IdentityAssurance::Low),
        "medium" => Some(IdentityAssurance::Medium),
        "high" => Some(IdentityAssurance::High),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity_of(components: &[&str]) -> IdentityAssurance {
        let values = components
            .iter()
            .map(|c| format!("{IAP}{c}"))
            .collect::<Vec<_>>();
        assurance(values.iter().map(String::as_str), std::iter::empty()).identity
    }

    #[test]
    fn the_highest_proofing_counts_in_any_order() {
        assert_eq!(identity_of(&["medium", "low"]), IdentityAssurance::Medium);
        assert_eq!(
            identity_of(&["low", "high", "medium"]),
            IdentityAssurance::High
        );
        assert_eq!(identity_of(&[]), IdentityAssurance::None);
    }

    #[test]
    fn local_enterprise_is_no_step_on_the_ladder() {
        assert_eq!(identity_of(&["local-enterprise"]), IdentityAssurance::None);
        assert_eq!(
            identity_of(&["local-enterprise", "low"]),
            IdentityAssurance::Low
        );
    }

    #[test]
    fn only_the_mfa_profile_in_acr_says_several_factors() {
        let of =
            |acr: &[&str]| assurance([MFA_PROFILE].into_iter(), acr.iter().copied()).multi_factor;
        assert!(of(&[MFA_PROFILE]));
        assert!(!of(&["https://refeds.org/profile/sfa"]));
        assert!(!of(&[]), "eduperson_assurance does not speak of the login");
    }
}
