//! Whose project a line speaks of: one that is here, or one that the import makes.

use broker_model::{
    EntryBody, EntryKind, Organisation, OrganisationId, Project, ProjectId, SizeClass,
};
use broker_store::Write;

use super::check::{Line, Named};
use super::plan::Planner;
use super::says;
use crate::Result;
use crate::organisations::organisation_tag;
use crate::setup::named;

impl Planner<'_> {
    /// None where the line is at fault. What its people say of an organisation that is here stays.
    pub(super) async fn organisation(&mut self, line: &Line) -> Result<Option<OrganisationId>> {
        let store = self.broker.inner.store.clone();
        match &line.organisation {
            Named::Here(id) => {
                let found = store.find_organisation(*id).await?;
                if found.is_none() {
                    let reason = format!("there is no organisation {id}");
                    let allowed = "the id of a registered one, or its number in a register";
                    self.fault(line, "identifier", reason, allowed);
                }
                Ok(found.map(|it| it.id))
            }
            Named::By { claim, .. } => {
                if let Some(id) = self.organisations.get(claim) {
                    return Ok(Some(*id));
                }
                let holder = store.claim_holder(claim).await?;
                let holder = holder.and_then(|it| it.parse().ok());
                let is_claimed = holder.is_some();
                let ours = named("organisation", &format!("import:{}:{claim}", self.source));
                let id = holder.unwrap_or_else(|| ours.into());
                match store.find_organisation(id).await? {
                    Some(known) => {
                        if !self.is_of_country(line, &known) {
                            return Ok(None);
                        }
                    }
                    None => self.register(line, id),
                }
                if !is_claimed {
                    self.plan.change().writes.push(Write::Claim {
                        name: claim.clone(),
                        holder: id.to_string(),
                    });
                }
                self.organisations.insert(claim.clone(), id);
                Ok(Some(id))
            }
        }
    }

    /// A number that was mistyped may be another's, so an operator reads the name before it is done. Nothing
    /// for those that the import itself registers.
    pub(super) async fn tell_whose(&mut self, line: &Line, id: OrganisationId) -> Result<()> {
        if !self.told.insert(id) {
            return Ok(());
        }
        let found = self.broker.inner.store.find_organisation(id).await?;
        if let Some(known) = found {
            let words = format!(
                "{}: its identifier leads to {id} ({}, {})",
                line.place, known.name, known.country
            );
            self.plan.report.led_to.push(words);
        }
        Ok(())
    }

    fn is_of_country(&mut self, line: &Line, known: &Organisation) -> bool {
        let is_it = known.country == line.country;
        if !is_it {
            let reason = format!(
                "{} is established in {}, and the line says {}",
                known.id, known.country, line.country
            );
            let allowed = "the country of establishment, or the identifier of another organisation";
            self.fault(line, "country", reason, allowed);
        }
        is_it
    }

    fn register(&mut self, line: &Line, id: OrganisationId) {
        let mut organisation =
            Organisation::new(id, line.name.trim(), &line.country, SizeClass::Unclear);
        if let Named::By { identifiers, .. } = &line.organisation {
            organisation.identifiers = identifiers.clone();
        }
        let mut entry = self
            .entry(EntryKind::OrganisationRegistered, line)
            .with("document_sha256", organisation_tag(&organisation));
        entry.organisation = Some(id);
        self.plan.report.changes.push(format!(
            "organisation {} ({}) is {id}: its size is unclear until its people describe it",
            organisation.name, organisation.country
        ));
        let write = Write::PutOrganisation(Box::new(organisation));
        self.plan.change().writes.push(write);
        self.plan.change().entries.push(entry);
    }

    /// By its id, by the source's own key of it, by its call reference, or else by its name. None where
    /// the line is at fault.
    pub(super) async fn project(
        &mut self,
        line: &Line,
        organisation: OrganisationId,
    ) -> Result<Option<ProjectId>> {
        // The project that a line names itself is no other's, whatever else the line says.
        if let Ok(id) = line.project.parse::<ProjectId>() {
            let theirs = self.theirs(line, id, organisation).await?;
            if let Some(id) = theirs {
                self.take_call(line, id).await?;
            }
            return Ok(theirs);
        }
        let key = project_key(line);
        if let Some(id) = self.projects.get(&(organisation, key.clone())) {
            return Ok(Some(*id));
        }
        let found = match &line.project_key {
            Some(_) => match self.by_key(&key).await? {
                Some(id) => self.theirs(line, id, organisation).await?,
                None => Some(self.create(line, organisation, &key)),
            },
            None => match self.by_words(line, organisation).await? {
                Some(id) => Some(id),
                None => Some(self.create(line, organisation, &key)),
            },
        };
        if let Some(id) = found {
            self.projects.insert((organisation, key), id);
            self.take_call(line, id).await?;
        }
        Ok(found)
    }

    async fn by_key(&self, key: &str) -> Result<Option<ProjectId>> {
        let store = &self.broker.inner.store;
        let claim = format!("project:{}:{key}", self.source);
        let holder = store.claim_holder(&claim).await?;
        Ok(holder.and_then(|it| it.parse().ok()))
    }

    async fn by_words(
        &self,
        line: &Line,
        organisation: OrganisationId,
    ) -> Result<Option<ProjectId>> {
        let theirs = self.broker.inner.store.projects_of(organisation).await?;
        let is_it = |it: &&Project| match &line.call_reference {
            Some(said) => { it.call_reference.as_ref() }
                .is_some_and(|known| known.trim().eq_ignore_ascii_case(said)),
            None => it.name == line.project,
        };
        Ok(theirs.iter().find(is_it).map(|it| it.id))
    }

    async fn theirs(
        &mut self,
        line: &Line,
        id: ProjectId,
        organisation: OrganisationId,
    ) -> Result<Option<ProjectId>> {
        let found = self.broker.inner.store.find_project(id).await?;
        let is_theirs = found.is_some_and(|it| it.organisation == organisation);
        if !is_theirs {
            let reason = format!("{organisation} has no project {id}");
            let allowed =
                "a project of the organisation that the line names, by its name or its id";
            self.fault(line, "project", reason, allowed);
        }
        Ok(is_theirs.then_some(id))
    }

    /// It has no members yet, which only a person can name.
    fn create(&mut self, line: &Line, organisation: OrganisationId, key: &str) -> ProjectId {
        let id = named(
            "project",
            &format!("import:{}:{organisation}:{key}", self.source),
        );
        let project = Project {
            id: id.into(),
            organisation,
            name: line.project.clone(),
            call_reference: line.call_reference.clone(),
            civilian: None,
            sectors: Vec::new(),
            ai_act: None,
            settled: Vec::new(),
        };
        let mut entry = self.entry(EntryKind::ProjectCreated, line);
        entry.organisation = Some(organisation);
        entry.project = Some(project.id);
        let said = format!(
            "project {} is {}: it has no members yet",
            project.name, project.id
        );
        self.plan.report.changes.push(said);
        self.plan.projects.insert(project.id);
        if line.project_key.is_some() {
            self.plan.change().writes.push(Write::Claim {
                name: format!("project:{}:{key}", self.source),
                holder: project.id.to_string(),
            });
        }
        let id = project.id;
        let write = Write::PutProject(Box::new(project));
        self.plan.change().writes.push(write);
        self.plan.change().entries.push(entry);
        id
    }

    fn entry(&self, kind: EntryKind, line: &Line) -> EntryBody {
        let entry = EntryBody::new(self.broker.inner.clock.now(), kind);
        says::from(entry, self.source, &line.reference)
    }
}

fn project_key(line: &Line) -> String {
    let key = line.project_key.as_ref().or(line.call_reference.as_ref());
    key.unwrap_or(&line.project).clone()
}
