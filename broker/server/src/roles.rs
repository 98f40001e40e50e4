//! From the configuration's entitlements to the broker's role rules.

use anyhow::{Context as _, bail};
use broker_app::RoleRule;
use broker_app::setup::project_id;
use broker_auth::{IssuerConfig, MappedRole, RoleMapping};
use broker_model::{ProjectId, Role, Site};

/// The rules of all issuers; a site that the federation does not have is an error.
pub(crate) fn rules(issuers: &[IssuerConfig], sites: &[Site]) -> anyhow::Result<Vec<RoleRule>> {
    let mut rules = Vec::new();
    for config in issuers {
        for mapping in &config.roles {
            let rule = rule(&config.issuer, mapping, sites).with_context(|| {
                format!("issuers: {}: roles: {}", config.issuer, mapping.entitlement)
            })?;
            rules.push(rule);
        }
    }
    Ok(rules)
}

fn rule(issuer: &str, mapping: &RoleMapping, sites: &[Site]) -> anyhow::Result<RoleRule> {
    Ok(RoleRule {
        issuer: issuer.to_owned(),
        entitlement: mapping.parsed().context("`entitlement` is no group")?,
        role: role(mapping, sites)?,
    })
}

fn role(mapping: &RoleMapping, sites: &[Site]) -> anyhow::Result<Role> {
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
        MappedRole::SiteAdmin => {
            let site = mapping.site.clone().context("`site` is missing")?;
            if !sites.iter().any(|known| known.id == site) {
                bail!("`site = \"{site}\"`: the federation has no such site");
            }
            Role::SiteAdmin {
                site,
                sees_people: false,
            }
        }
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

    fn rules_of(roles: &str) -> anyhow::Result<Vec<RoleRule>> {
        let text = format!(
            "issuer = 'https://issuer.example'\naudiences = ['a']\n[[roles]]\n\
             entitlement = 'urn:geant:x.eu:group:hpc#aai.x.eu'\n{roles}\n"
        );
        let issuer: IssuerConfig = toml::from_str(&text)?;
        issuer.validate()?;
        rules(&[issuer], &crate::shipped::sites()?)
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
    fn a_site_that_is_not_in_the_federation_is_refused_by_its_place() {
        assert!(rules_of("role = 'site_admin'\nsite = 'lumi'").is_ok());
        let error = rules_of("role = 'site_admin'\nsite = 'atlantis'").unwrap_err();
        let said = format!("{error:#}");
        assert!(said.contains("roles: urn:geant:x.eu:group:hpc"), "{said}");
        assert!(said.contains("`site = \"atlantis\"`"), "{said}");
    }
}
