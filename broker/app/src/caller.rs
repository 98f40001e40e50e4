use std::sync::Arc;

use broker_model::{EntryBody, EntryKind, PersonId, Principal, ProjectId, Role, SiteId};
use broker_store::{Change, CommitError, Entity, Person, Write};
use moka::sync::Cache;

use crate::{Broker, Limits, Result};

/// The person behind a request, with what they may do.
#[derive(Clone, Debug)]
pub struct Caller {
    pub person: PersonId,
    pub principal: Arc<Principal>,
    /// By grant and by entitlement.
    pub roles: Arc<Vec<Role>>,
    pub(crate) granted: Arc<Vec<Role>>,
}

impl Caller {
    /// May see and hand in jobs of a project.
    pub fn may_use(&self, project: ProjectId) -> bool {
        self.roles.iter().any(|role| match role {
            Role::Member { project: p } | Role::Lead { project: p } => *p == project,
            _ => false,
        })
    }

    pub fn leads(&self, project: ProjectId) -> bool {
        self.roles.contains(&Role::Lead { project })
    }

    pub fn may_see(&self, project: ProjectId) -> bool {
        self.is_operator() || self.may_use(project)
    }

    pub fn is_operator(&self) -> bool {
        self.roles.contains(&Role::Operator)
    }

    pub fn is_admin_of(&self, site: &SiteId) -> bool {
        self.is_operator()
            || self
                .roles
                .iter()
                .any(|role| matches!(role, Role::SiteAdmin { site: s, .. } if s == site))
    }

    /// May learn the names of those whose jobs are at the site; an operator by that role may not.
    pub fn sees_people_of(&self, site: &SiteId) -> bool {
        let wanted = Role::SiteAdmin {
            site: site.clone(),
            sees_people: true,
        };
        self.roles.contains(&wanted)
    }

    /// A person of the site itself; an operator of the broker is none.
    pub fn administers(&self, site: &SiteId) -> bool {
        let of_site = |role: &Role| matches!(role, Role::SiteAdmin { site: s, .. } if s == site);
        self.roles.iter().any(of_site)
    }

    /// The projects this person works in; `None` for an operator, who sees all.
    pub fn projects(&self) -> Option<Vec<ProjectId>> {
        if self.is_operator() {
            return None;
        }
        let project = |role: &Role| match role {
            Role::Member { project } | Role::Lead { project } => Some(*project),
            _ => None,
        };
        Some(self.roles.iter().filter_map(project).collect())
    }
}

/// Who was seen lately, so that a request costs no query.
///
/// Bounded in number and time; a grant made by this process is seen at once ([`Broker::forget_caller`]),
/// one made by another replica within the time to live.
#[derive(Debug)]
pub(crate) struct Callers {
    known: Cache<IssuerAndSubject, Arc<Known>>,
}

type IssuerAndSubject = (String, String);

/// What was found of a person, and how their token called them then.
#[derive(Debug)]
struct Known {
    person: PersonId,
    granted: Arc<Vec<Role>>,
    name: Option<String>,
    email: Option<String>,
}

impl Known {
    /// Whether a token says nothing of the person that was not seen before.
    fn is_news_free(&self, principal: &Principal) -> bool {
        let said = |now: &Option<String>, then| now.is_none() || now == then;
        said(&principal.name, &self.name) && said(&principal.email, &self.email)
    }
}

impl Callers {
    pub(crate) fn new(limits: &Limits) -> Self {
        let known = Cache::builder()
            .max_capacity(100_000)
            .time_to_live(limits.standing_ttl * 5)
            .build();
        Self { known }
    }
}

impl Broker {
    /// Finds the person a principal stands for, or registers them on first sight.
    pub async fn caller(&self, principal: Arc<Principal>) -> Result<Caller> {
        let key = (principal.issuer.clone(), principal.subject.clone());
        let known = self.inner.callers.known.get(&key);
        if let Some(known) = known.filter(|it| it.is_news_free(&principal)) {
            let granted = Arc::clone(&known.granted);
            return Ok(self.with_roles(known.person, principal, granted));
        }
        let person = self.person(&principal).await?;
        let granted = Arc::new(self.inner.store.grants_of(person).await?);
        let known = Known {
            person,
            granted: Arc::clone(&granted),
            name: principal.name.clone(),
            email: principal.email.clone(),
        };
        self.inner.callers.known.insert(key, Arc::new(known));
        Ok(self.with_roles(person, principal, granted))
    }

    /// Entitlements belong to one token, so what follows from them is not remembered by person.
    fn with_roles(
        &self,
        person: PersonId,
        principal: Arc<Principal>,
        granted: Arc<Vec<Role>>,
    ) -> Caller {
        Caller {
            person,
            roles: self.roles(&principal, &granted),
            principal,
            granted,
        }
    }

    /// Makes the next request of everybody look their roles up.
    pub fn forget_callers(&self) {
        self.inner.callers.known.invalidate_all();
    }

    /// What people call somebody, for those who may see names; nothing for the others.
    pub(crate) async fn name_of(
        &self,
        person: PersonId,
        sees_people: bool,
    ) -> Result<Option<String>> {
        if !sees_people {
            return Ok(None);
        }
        let person = self.inner.store.find_person(person).await?;
        Ok(person.and_then(|it| it.name.or(it.email)))
    }

    /// Takes over what the issuer calls somebody whom a setup file named first, or who is called
    /// otherwise now. Nothing rests on it, so a failure is only told.
    async fn learn_name(&self, known: &Person, principal: &Principal) {
        let named = Person {
            name: principal.name.clone().or_else(|| known.name.clone()),
            email: principal.email.clone().or_else(|| known.email.clone()),
            ..known.clone()
        };
        if named == *known {
            return;
        }
        let change = Change {
            writes: vec![Write::PutPerson(Box::new(named))],
            entries: Vec::new(),
        };
        if let Err(error) = self.commit(change).await {
            tracing::warn!(%error, "what somebody is called now could not be stored");
        }
    }

    pub(crate) async fn person(&self, principal: &Principal) -> Result<PersonId> {
        let find = || {
            self.inner
                .store
                .person_by_subject(&principal.issuer, &principal.subject)
        };
        if let Some(person) = find().await? {
            let id = person.id;
            self.learn_name(&person, principal).await;
            return Ok(id);
        }
        let now = self.inner.clock.now();
        let id: PersonId = self.inner.ids.next(&*self.inner.clock);
        let person = Person {
            id,
            issuer: principal.issuer.clone(),
            subject: principal.subject.clone(),
            name: principal.name.clone(),
            email: principal.email.clone(),
            first_seen_at: now,
        };
        let mut entry = EntryBody::new(now, EntryKind::PersonFirstSeen);
        entry.actor = Some(id);
        let change = Change {
            writes: vec![Write::PutPerson(Box::new(person))],
            entries: vec![entry],
        };
        match self.commit(change).await {
            Ok(_) => Ok(id),
            // Two first requests at once: the other one's id stands.
            Err(CommitError::Conflict(Entity::Person)) => {
                Ok(find().await?.map_or(id, |person| person.id))
            }
            Err(error) => Err(error.into()),
        }
    }
}
