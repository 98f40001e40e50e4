//! Roles by entitlement (AARC-G069), beside those granted here.

use std::sync::{Arc, PoisonError};

use broker_model::{Entitlement, Principal, Role};

use crate::{Broker, Caller};

/// A role that everybody has whom an issuer gives an entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRule {
    pub issuer: String,
    /// Namespace, group and authority must be the same; without a role of its own it stands for
    /// every role in the group.
    pub entitlement: Entitlement,
    pub role: Role,
}

/// A role of somebody, with where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldRole {
    pub role: Role,
    /// `None` for a grant inside the broker.
    pub entitlement: Option<Entitlement>,
}

impl RoleRule {
    fn covers(&self, held: &Entitlement) -> bool {
        let wanted = &self.entitlement;
        wanted.namespace == held.namespace
            && wanted.group == held.group
            && wanted.authority == held.authority
            && (wanted.role.is_none() || wanted.role == held.role)
    }

    fn applies_to(&self, principal: &Principal) -> Option<HeldRole> {
        let mut held = principal.entitlements.iter();
        let held = held.find(|held| self.issuer == principal.issuer && self.covers(held))?;
        Some(HeldRole {
            role: self.role.clone(),
            entitlement: Some(held.clone()),
        })
    }
}

impl Broker {
    /// Puts the rules of the configuration in force for every request from now on.
    pub fn put_role_rules(&self, rules: Vec<RoleRule>) {
        *self
            .inner
            .role_rules
            .write()
            .unwrap_or_else(PoisonError::into_inner) = rules.into();
    }

    /// Every role of a caller with each of its sources, grants first.
    pub fn held_roles(&self, caller: &Caller) -> Vec<HeldRole> {
        let granted = caller.granted.iter().map(|role| HeldRole {
            role: role.clone(),
            entitlement: None,
        });
        granted
            .chain(self.entitled(&caller.principal))
            .collect::<Vec<_>>()
    }

    /// Grants and entitled roles, each once.
    pub(crate) fn roles(&self, principal: &Principal, granted: &Arc<Vec<Role>>) -> Arc<Vec<Role>> {
        let entitled = self.entitled(principal);
        if entitled.is_empty() {
            return Arc::clone(granted);
        }
        let mut roles = Vec::clone(granted);
        for held in entitled {
            if !roles.contains(&held.role) {
                roles.push(held.role);
            }
        }
        Arc::new(roles)
    }

    /// What people of an issuer may have by an entitlement.
    pub(crate) fn roles_given_by(&self, issuer: &str) -> Vec<Role> {
        let rules = self.role_rules();
        let given = rules.iter().filter(|rule| rule.issuer == issuer);
        given.map(|rule| rule.role.clone()).collect()
    }

    fn entitled(&self, principal: &Principal) -> Vec<HeldRole> {
        self.role_rules()
            .iter()
            .filter_map(|rule| rule.applies_to(principal))
            .collect()
    }

    fn role_rules(&self) -> Arc<[RoleRule]> {
        self.inner
            .role_rules
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entitlement(group: &str, role: Option<&str>, authority: Option<&str>) -> Entitlement {
        Entitlement {
            namespace: "urn:geant:example.eu".to_owned(),
            group: vec!["aif".to_owned(), group.to_owned()],
            role: role.map(str::to_owned),
            authority: authority.map(str::to_owned),
        }
    }

    fn covers(wanted: &Entitlement, held: &Entitlement) -> bool {
        let rule = RoleRule {
            issuer: "https://issuer.example".to_owned(),
            entitlement: wanted.clone(),
            role: Role::Operator,
        };
        rule.covers(held)
    }

    #[test]
    fn group_role_and_authority_must_be_those_of_the_rule() {
        let lead = entitlement("ops", Some("lead"), Some("aai.example.eu"));
        assert!(covers(&lead, &lead));
        for other in [
            entitlement("ops", Some("member"), Some("aai.example.eu")),
            entitlement("ops", None, Some("aai.example.eu")),
            entitlement("dev", Some("lead"), Some("aai.example.eu")),
            entitlement("ops", Some("lead"), Some("other.example")),
            entitlement("ops", Some("lead"), None),
        ] {
            assert!(!covers(&lead, &other), "{other}");
        }
        let mut below = lead.clone();
        below.group.push("night-shift".to_owned());
        assert!(!covers(&lead, &below), "a subgroup is another group");
        below.group.pop();
        below.namespace = "urn:geant:example.org".to_owned();
        assert!(!covers(&lead, &below));
    }

    #[test]
    fn a_rule_without_a_role_takes_every_role_of_its_group_and_no_other_authority() {
        let anybody = entitlement("ops", None, None);
        assert!(covers(&anybody, &entitlement("ops", Some("lead"), None)));
        assert!(covers(&anybody, &anybody));
        let vouched = entitlement("ops", None, Some("aai.example.eu"));
        assert!(!covers(&anybody, &vouched), "who vouches is part of it");
        assert!(!covers(&vouched, &anybody));
    }

    #[test]
    fn another_issuer_cannot_give_the_role() {
        let held = entitlement("ops", None, None);
        let rule = RoleRule {
            issuer: "https://issuer.example".to_owned(),
            entitlement: held.clone(),
            role: Role::Operator,
        };
        let mut principal = Principal::stranger("https://issuer.example", "ada");
        assert_eq!(rule.applies_to(&principal), None);
        principal.entitlements.insert(held);
        assert!(rule.applies_to(&principal).is_some());
        principal.issuer = "https://other.example".to_owned();
        assert_eq!(rule.applies_to(&principal), None);
    }
}
