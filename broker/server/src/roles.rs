//! From the configuration's entitlements to the broker's role rules.

use anyhow::Context as _;
use broker_app::RoleRule;
use broker_app::setup::project_id;
use broker_auth::{IssuerConfig, MappedRole, RoleMapping};
use broker_model::{ProjectId, Role, SiteId};

/// The rules of all issuers. A site may be registered later than its administrators are named, so one
/// that is not known is no error; [`unknown_sites`] has the words.
pub(crate) fn rules(issuers: &[IssuerConfig]) -> anyhow::Result<Vec<RoleRule>> {
    let mut rules = Vec::new();
    for config in issuers {
        for mapping in &config.roles {
            let rule = rule(&config.issuer, mapping).with_context(|| place(config, mapping))?;
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// A sentence for each role at a site that nobody has registered, by its place in the configuration.
pub(crate) fn unknown_sites(
    issuers: &[IssuerConfig],
    is_known: impl Fn(&SiteId) -> bool,
) -> Vec<String> {
    let mut words = Vec::new();
    for config in issuers {
        for mapping in &config.roles {
            if let Some(site) = mapping.site.as_ref().filter(|site| !is_known(site)) {
                words.push(format!(
                    "{}: `site = \"{site}\"`: there is no such site; the role counts from when it is registered",
                    place(config, mapping)
                ));
            }
        }
    }
    words
}

fn place(config: &IssuerConfig, mapping: &RoleMapping) -> String {
    format!("issuers: {}: roles: {}", config.issuer, mapping.entitlement)
}

fn rule(issuer: &str, mapping: &RoleMapping) -> anyhow::Result<RoleRule> {
    Ok(RoleRule {
        issuer: issuer.to_owned(),
        entitlement: mapping.parsed().context("`entitlement` is no group")?,
        role: role(mapping)?,
    })
}

fn role(mapping: &RoleMapping) -> anyhow::Result<Role> {
    let project = || project(mapping.project.as_deref().context("`project` is missing")?);
    Ok(match mapping.role {
        MappedRole::Member => Role::Member {
            project: project()?,
        },
        MappedRole::Lead => Role::Lead {
            project: project()?,
        },
        MappedRole::Reviewer => Role::Reviewer,
        MappedRole::Operator => Role::Operator,
        MappedRole::Auditor => Role::Auditor {
            share: mapping.share.clone(),
        },
        MappedRole::SiteAdmin => Role::SiteAdmin {
            site: mapping.site.clone().context("`site` is missing")?,
            sees_people: false,
        },
    })
}

/// An id, or the key of a setup file.
fn project(text: &str) -> anyhow::Result<ProjectId> {
    if text.starts_with("prj_") {
        return text
            .parse()
            .map_err(|error| anyhow::anyhow!("`project = \"{text}\"`: {error}"));
    }
    Ok(project_id(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer_with(roles: &str) -> anyhow::Result<IssuerConfig> {
        let text = format!(
            "issuer = 'https://issuer.example'\naudiences = ['a']\n[[roles]]\n\
             entitlement = 'urn:geant:x.eu:group:hpc#aai.x.eu'\n{roles}\n"
        );
        let issuer: IssuerConfig = toml::from_str(&text)?;
        issuer.validate()?;
        Ok(issuer)
    }

    fn rules_of(roles: &str) -> anyhow::Result<Vec<RoleRule>> {
        rules(&[issuer_with(roles)?])
    }

    #[test]
    fn a_project_is_named_by_its_id_or_by_its_key() {
        let by_key = rules_of("role = 'lead'\nproject = 'sample'").unwrap();
        let id = project_id("sample");
        assert_eq!(by_key[0].role, Role::Lead { project: id });
        let by_id = rules_of(&format!("role = 'lead'\nproject = '{id}'")).unwrap();
        assert_eq!(by_id, by_key);
        let error = rules_of("role = 'lead'\nproject = 'prj_1'").unwrap_err();
        assert!(format!("{error:#}").contains("prj_1"), "{error:#}");
    }

    #[test]
    fn a_site_that_nobody_has_registered_is_named_by_its_place_and_its_role_waits() {
        let text = "role = 'site_admin'\nsite = 'atlantis'";
        let atlantis: SiteId = "atlantis".parse().unwrap();
        let role = &rules_of(text).unwrap()[0].role;
        assert!(matches!(role, Role::SiteAdmin { site, .. } if *site == atlantis));
        let issuers = [issuer_with(text).unwrap()];
        assert_eq!(
            unknown_sites(&issuers, |site| *site == atlantis),
            Vec::<String>::new()
        );
        let said = unknown_sites(&issuers, |_| false).concat();
        assert!(said.contains("roles: urn:geant:x.eu:group:hpc"), "{said}");
        assert!(said.contains("`site = \"atlantis\"`"), "{said}");
    }
}
