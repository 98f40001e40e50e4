use broker_model::{
    EntryBody, EntryKind, Evidence, EvidenceKind, Organisation, OrganisationId, Project,
};
use broker_store::{Change, Write};

use super::error::{Result, SetupError};
use super::file::{
    EvidenceSetup, OrganisationSetup, ProjectSetup, SetupFile, evidence_id, organisation_id,
    project_id,
};
use crate::Broker;
use crate::dossiers::filed;

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
        let known = self.inner.store.find_organisation(id).await?;
        let unknown = || Organisation::new(id, &setup.name, &setup.country, setup.size);
        // What its people have described beside stays.
        let organisation = Organisation {
            name: setup.name.clone(),
            country: setup.country.clone(),
            size: setup.size,
            domain: setup.domain.clone(),
            ..known.clone().unwrap_or_else(unknown)
        };
        if known.as_ref() != Some(&organisation) {
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
        let known: Vec<Evidence> = self.dossiers_of(id).await?;
        for setup in &setup.evidence {
            if !known.iter().any(|it| is_that(it, setup)) {
                self.import_evidence((key, id), setup, done).await?;
            }
        }
        Ok(())
    }

    async fn import_evidence(
        &self,
        (key, organisation): (&str, OrganisationId),
        setup: &EvidenceSetup,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let evidence = Evidence {
            id: evidence_id(key, setup),
            organisation,
            kind: EvidenceKind(setup.kind.clone()),
            person: None,
            issued_on: setup.issued_on,
            expires_on: setup.expires_on,
            source: setup.source.clone(),
            checked_by: setup.checked_by.clone(),
            added_by: None,
            added_at: None,
            check: None,
            files: Vec::new(),
            accepted_at: None,
            withdrawn_at: None,
            version: 0,
        };
        let earlier: Option<Evidence> = self.dossier(&evidence.id).await?;
        if earlier.as_ref().is_some_and(is_taken_up) {
            return Ok(());
        }
        let evidence = Evidence {
            version: earlier.map_or(0, |it| it.version),
            ..evidence
        };
        let mut entry = self
            .entry(EntryKind::EvidenceAdded)
            .with("evidence", evidence.id.to_string())
            .with("evidence_kind", setup.kind.clone());
        entry.organisation = Some(organisation);
        let change = Change {
            writes: vec![filed(&evidence)],
            entries: vec![entry],
        };
        self.commit(change).await?;
        done.push(format!("evidence {} for {key}", setup.kind));
        Ok(())
    }

    async fn import_project(
        &self,
        key: &str,
        setup: &ProjectSetup,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let id = project_id(key);
        let known = self.inner.store.find_project(id).await?;
        let settled = known.as_ref().map(|it| it.settled.clone());
        let project = Project {
            id,
            organisation: organisation_id(&setup.organisation),
            name: setup.name.clone(),
            call_reference: setup.call_reference.clone(),
            civilian: setup.civilian,
            sectors: setup.sectors.clone(),
            ai_act: None,
            settled: settled.unwrap_or_default(),
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
        if known.as_ref() != Some(&project) {
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

/// Whether people of the platform went on with it: a file does not undo what they found.
const fn is_taken_up(known: &Evidence) -> bool {
    known.check.is_some() || known.withdrawn_at.is_some()
}

/// Whether it says the same; what was found of it since is another matter.
fn is_that(known: &Evidence, setup: &EvidenceSetup) -> bool {
    let same_days = known.issued_on == setup.issued_on && known.expires_on == setup.expires_on;
    let same_words = known.kind.0 == setup.kind && known.source == setup.source;
    same_days && same_words && known.checked_by == setup.checked_by
}
