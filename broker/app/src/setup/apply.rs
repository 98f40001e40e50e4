use broker_model::{
    Allocation, AllocationScope, Balance, EntryBody, EntryKind, Evidence, EvidenceKind,
    Organisation, PersonId, Principal, Project, Role, UnitMillis,
};
use broker_store::{Change, StoredGrant, Write};

use super::file::{
    AllocationSetup, GrantSetup, OrganisationSetup, ProjectSetup, SetupFile, allocation_id,
    organisation_id, project_id,
};
use crate::{Broker, Error, Result};

impl Broker {
    /// Makes what the file names be there; returns a line for each thing that changed.
    pub async fn import(&self, file: &SetupFile) -> Result<Vec<String>> {
        let mut done = Vec::new();
        for (key, organisation) in &file.organisations {
            self.import_organisation(key, organisation, &mut done)
                .await?;
        }
        for (key, project) in &file.projects {
            self.import_project(key, project, &mut done).await?;
        }
        for grant in &file.grants {
            let role = role_of(grant)?;
            self.import_grant(&grant.issuer, &grant.subject, role, &mut done)
                .await?;
        }
        self.forget_callers();
        Ok(done)
    }

    async fn import_organisation(
        &self,
        key: &str,
        setup: &OrganisationSetup,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let id = organisation_id(key);
        let organisation = Organisation {
            id,
            name: setup.name.clone(),
            country: setup.country.clone(),
            size: setup.size,
            domain: setup.domain.clone(),
        };
        if self.inner.store.find_organisation(id).await?.as_ref() != Some(&organisation) {
            let mut entry = self.entry(EntryKind::OrganisationRegistered);
            entry.organisation = Some(id);
            let write = Write::PutOrganisation(Box::new(organisation));
            self.commit(Change {
                writes: vec![write],
                entries: vec![entry],
            })
            .await?;
            done.push(format!("organisation {key} is {id}"));
        }
        let known = self.inner.store.evidence_of(id).await?;
        for evidence in &setup.evidence {
            let evidence = Evidence {
                organisation: id,
                kind: EvidenceKind(evidence.kind.clone()),
                issued_on: evidence.issued_on,
                expires_on: evidence.expires_on,
                source: evidence.source.clone(),
                checked_by: evidence.checked_by.clone(),
            };
            if known.contains(&evidence) {
                continue;
            }
            let mut entry = self
                .entry(EntryKind::EvidenceAdded)
                .with("evidence_kind", evidence.kind.0.clone());
            entry.organisation = Some(id);
            done.push(format!("evidence {} for {key}", evidence.kind.0));
            let write = Write::InsertEvidence(Box::new(evidence));
            self.commit(Change {
                writes: vec![write],
                entries: vec![entry],
            })
            .await?;
        }
        Ok(())
    }

    async fn import_project(
        &self,
        key: &str,
        setup: &ProjectSetup,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let id = project_id(key);
        let project = Project {
            id,
            organisation: organisation_id(&setup.organisation),
            name: setup.name.clone(),
            call_reference: setup.call_reference.clone(),
            civilian: setup.civilian,
            sectors: setup.sectors.clone(),
        };
        if self
            .inner
            .store
            .find_organisation(project.organisation)
            .await?
            .is_none()
        {
            return Err(Error::NotFound("organisation"));
        }
        if self.inner.store.find_project(id).await?.as_ref() != Some(&project) {
            let mut entry = self.entry(EntryKind::ProjectCreated);
            entry.project = Some(id);
            entry.organisation = Some(project.organisation);
            let write = Write::PutProject(Box::new(project));
            self.commit(Change {
                writes: vec![write],
                entries: vec![entry],
            })
            .await?;
            done.push(format!("project {key} is {id}"));
        }
        for (name, allocation) in &setup.allocations {
            self.import_allocation(key, name, allocation, done).await?;
        }
        for member in &setup.members {
            let role = if member.lead {
                Role::Lead { project: id }
            } else {
                Role::Member { project: id }
            };
            self.import_grant(&member.issuer, &member.subject, role, done)
                .await?;
        }
        self.forget_standing(id).await;
        Ok(())
    }

    async fn import_allocation(
        &self,
        project: &str,
        key: &str,
        setup: &AllocationSetup,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let id = allocation_id(project, key);
        let granted = UnitMillis::from_hours(setup.hours.into());
        let known = self.inner.store.find_allocation(id).await?;
        let balance = known.as_ref().map_or(
            Balance {
                granted,
                ..Balance::default()
            },
            |allocation| allocation.balance,
        );
        let scope = match (&setup.site, &setup.system) {
            (Some(site), Some(system)) => AllocationScope::System {
                site: site.clone(),
                system: system.clone(),
            },
            _ => AllocationScope::Federation,
        };
        let allocation = Allocation {
            id,
            project: project_id(project),
            scope,
            share: setup.share.clone(),
            unit: setup.unit.clone(),
            balance,
            valid_from: setup.valid_from,
            valid_until: setup.valid_until,
            local_accounts: setup.local_accounts.clone(),
            suspended: setup.suspended,
        };
        if known.as_ref() == Some(&allocation) {
            return Ok(());
        }
        let mut entry = self
            .entry(EntryKind::AllocationGranted)
            .with("granted_unit_ms", balance.granted.0)
            .with("unit", allocation.unit.clone())
            .with("share", allocation.share.to_string())
            .with("suspended", allocation.suspended);
        entry.project = Some(allocation.project);
        entry.allocation = Some(id);
        let boxed = Box::new(allocation);
        let write = if known.is_some() {
            Write::UpdateAllocationTerms(boxed)
        } else {
            Write::InsertAllocation(boxed)
        };
        self.commit(Change {
            writes: vec![write],
            entries: vec![entry],
        })
        .await?;
        done.push(format!("allocation {project}/{key} is {id}"));
        Ok(())
    }

    async fn import_grant(
        &self,
        issuer: &str,
        subject: &str,
        role: Role,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let person = self.person(&Principal::stranger(issuer, subject)).await?;
        if self.inner.store.grants_of(person).await?.contains(&role) {
            return Ok(());
        }
        done.push(format!("{subject} is {}", role_name(&role)));
        let mut entry = self
            .entry(EntryKind::RoleGranted)
            .with("role", role_name(&role));
        entry.actor = Some(person);
        if let Role::Member { project } | Role::Lead { project } = &role {
            entry.project = Some(*project);
        }
        let write = Write::PutGrant(StoredGrant {
            person: PersonId::clone(&person),
            role,
        });
        self.commit(Change {
            writes: vec![write],
            entries: vec![entry],
        })
        .await?;
        Ok(())
    }

    fn entry(&self, kind: EntryKind) -> EntryBody {
        EntryBody::new(self.inner.clock.now(), kind)
    }
}

fn role_of(grant: &GrantSetup) -> Result<Role> {
    match (grant.role.as_str(), &grant.site) {
        ("operator", _) => Ok(Role::Operator),
        ("reviewer", _) => Ok(Role::Reviewer),
        ("auditor", _) => Ok(Role::Auditor {
            share: grant.share.clone(),
        }),
        ("site_admin", Some(site)) => Ok(Role::SiteAdmin { site: site.clone() }),
        _ => Err(Error::InvalidSpec(vec![broker_model::InvalidSpec {
            field: "grants.role".to_owned(),
            reason: format!("`{}` is not a role, or its site is missing", grant.role),
            allowed: "`operator`, `reviewer`, `auditor`, or `site_admin` with a `site`".to_owned(),
        }])),
    }
}

const fn role_name(role: &Role) -> &'static str {
    match role {
        Role::Member { .. } => "member",
        Role::Lead { .. } => "lead",
        Role::Reviewer => "reviewer",
        Role::SiteAdmin { .. } => "site_admin",
        Role::Auditor { .. } => "auditor",
        Role::Operator => "operator",
    }
}
