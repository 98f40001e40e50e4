use broker_model::{EntryBody, EntryKind, Evidence, EvidenceKind, Organisation, Project};
use broker_store::{Change, Write};

use super::error::{Result, SetupError};
use super::file::{OrganisationSetup, ProjectSetup, SetupFile, organisation_id, project_id};
use crate::Broker;

impl Broker {
    /// Makes things be as the file says; returns a line for each thing that changed. What it changed
    /// before an error stays: once the file is mended, importing it again does the rest.
    pub async fn import(&self, file: &SetupFile) -> Result<Vec<String>> {
        let mut done = Vec::new();
        let imported = self.import_all(file, &mut done).await;
        self.forget_callers();
        imported.map(|()| done)
    }

    async fn import_all(&self, file: &SetupFile, done: &mut Vec<String>) -> Result<()> {
        for (key, organisation) in &file.organisations {
            self.import_organisation(key, organisation, done).await?;
        }
        for (key, project) in &file.projects {
            self.import_project(key, project, done).await?;
        }
        self.import_grants(&file.grants, done).await
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
            return Err(SetupError::NoOrganisation {
                project: key.to_owned(),
                organisation: setup.organisation.clone(),
            });
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
        self.import_members(key, &setup.members, done).await?;
        self.forget_standing(id).await;
        Ok(())
    }

    pub(super) fn entry(&self, kind: EntryKind) -> EntryBody {
        EntryBody::new(self.inner.clock.now(), kind)
    }
}
