//! Roles of a setup file. Whoever has a role that the file speaks of, and is not in it, loses it.

use std::collections::BTreeSet;

use broker_model::{CentreId, EntryBody, EntryKind, PersonId, Principal, Role};
use broker_store::{Change, StoredGrant, Write};

use super::error::{Result, SetupError};
use super::file::{GrantSetup, MemberSetup, organisation_id, project_id};
use crate::Broker;
use crate::states::of_no_state;

/// Issuer and subject, with the role that person shall have.
type Wanted<'f> = (&'f str, &'f str, Role);

impl Broker {
    /// Makes the project's members those of the file, beside those whom its own people invited.
    pub(super) async fn import_members(
        &self,
        key: &str,
        members: &[MemberSetup],
        done: &mut Vec<String>,
    ) -> Result<()> {
        let project = project_id(key);
        let [member, lead] = [Role::Member { project }, Role::Lead { project }];
        let wanted = members.iter().map(|it| {
            let role = if it.lead { &lead } else { &member };
            (it.issuer.as_str(), it.subject.as_str(), role.clone())
        });
        let wanted: Vec<Wanted<'_>> = wanted.collect();
        let of = format!(" of project {key}");
        let invited = self.invited_into(project).await?;
        self.import_roles((&[member, lead], &invited), &wanted, &of, done)
            .await
    }

    /// Makes those have each role that the file names whom it names for it. A role that it does not
    /// name may be another file's.
    pub(super) async fn import_grants(
        &self,
        grants: &[GrantSetup],
        done: &mut Vec<String>,
    ) -> Result<()> {
        let mut named: BTreeSet<Role> = BTreeSet::new();
        let mut wanted: Vec<Wanted<'_>> = Vec::new();
        for grant in grants {
            let role = self.role_of(grant)?;
            named.extend(seeing_less_or_more(&role));
            named.insert(role.clone());
            if !grant.removed {
                wanted.push((&grant.issuer, &grant.subject, role));
            }
        }
        for role in named {
            if matches!(role, Role::Representative { .. }) {
                continue;
            }
            let of = match &role {
                Role::SiteAdmin { site, .. } => format!(" of {site}"),
                Role::CentreStaff { centre } => format!(" of {centre}"),
                Role::Auditor { share: Some(share) } => format!(" of {share}"),
                _ => String::new(),
            };
            let mine = wanted.iter().filter(|(_, _, wanted)| *wanted == role);
            let mine: Vec<Wanted<'_>> = mine.cloned().collect();
            let nobody = BTreeSet::new();
            self.import_roles((&[role], &nobody), &mine, &of, done)
                .await?;
        }
        self.import_representatives(grants, done).await
    }

    /// An organisation names its own people, too, so a file adds to them and takes away only whom it says.
    async fn import_representatives(
        &self,
        grants: &[GrantSetup],
        done: &mut Vec<String>,
    ) -> Result<()> {
        for grant in grants.iter().filter(|it| it.role == "representative") {
            let role = representative(grant)?;
            let Role::Representative { organisation } = &role else {
                continue;
            };
            let organisation = *organisation;
            if self
                .inner
                .store
                .find_organisation(organisation)
                .await?
                .is_none()
            {
                return Err(SetupError::NotAnOrganisation {
                    organisation: grant.organisation.clone().unwrap_or_default(),
                });
            }
            let stranger = Principal::stranger(&grant.issuer, &grant.subject);
            let person = self.person(&stranger).await?;
            let holds = self.inner.store.holders_of(&role).await?.contains(&person);
            let (subject, word) = (
                &grant.subject,
                if grant.removed {
                    "no longer speaks"
                } else {
                    "speaks"
                },
            );
            match (grant.removed, holds) {
                (false, false) => self.grant_role(person, &role).await?,
                (true, true) => self.remove_role(person, &role).await?,
                _ => continue,
            }
            done.push(format!("{subject} {word} for {organisation}"));
        }
        Ok(())
    }

    /// Whoever is spared keeps a role that the file does not give.
    async fn import_roles(
        &self,
        (roles, spared): (&[Role], &BTreeSet<(PersonId, Role)>),
        wanted: &[Wanted<'_>],
        of: &str,
        done: &mut Vec<String>,
    ) -> Result<()> {
        let mut known = BTreeSet::new();
        for role in roles {
            let holders = self.inner.store.holders_of(role).await?;
            known.extend(holders.into_iter().map(|person| (person, role.clone())));
        }
        let mut kept = BTreeSet::new();
        for (issuer, subject, role) in wanted {
            let person = self.person(&Principal::stranger(issuer, subject)).await?;
            let grant = (person, role.clone());
            if !known.contains(&grant) && !kept.contains(&grant) {
                self.grant_role(person, role).await?;
                done.push(format!("{subject} is {}{of}", role_name(role)));
            }
            kept.insert(grant);
        }
        for (person, role) in known.difference(&kept) {
            if spared.contains(&(*person, role.clone())) {
                continue;
            }
            self.remove_role(*person, role).await?;
            let who = self.inner.store.find_person(*person).await?;
            let who = who.map_or_else(|| person.to_string(), |it| it.subject);
            done.push(format!("{who} is no longer {}{of}", role_name(role)));
        }
        Ok(())
    }

    async fn grant_role(&self, person: PersonId, role: &Role) -> Result<()> {
        let write = Write::PutGrant(StoredGrant {
            person,
            role: role.clone(),
        });
        let entry = self.role_entry(EntryKind::RoleGranted, person, role);
        self.commit(Change {
            writes: vec![write],
            entries: vec![entry],
        })
        .await?;
        Ok(())
    }

    async fn remove_role(&self, person: PersonId, role: &Role) -> Result<()> {
        let write = Write::RemoveGrant(StoredGrant {
            person,
            role: role.clone(),
        });
        let entry = self.role_entry(EntryKind::RoleRemoved, person, role);
        self.commit(Change {
            writes: vec![write],
            entries: vec![entry],
        })
        .await?;
        Ok(())
    }

    pub(crate) fn role_entry(&self, kind: EntryKind, person: PersonId, role: &Role) -> EntryBody {
        let mut entry = self.entry(kind).with("role", role_name(role));
        entry.actor = Some(person);
        match role {
            Role::Member { project } | Role::Lead { project } => entry.project = Some(*project),
            Role::SiteAdmin { site, sees_people } => {
                entry.site = Some(site.clone());
                if *sees_people {
                    entry = entry.with("sees_people", true);
                }
            }
            Role::CentreStaff { centre } => entry = entry.with("centre", centre.to_string()),
            Role::Auditor { share: Some(share) } => {
                entry = entry.with("share", share.to_string());
            }
            Role::Representative { organisation } => entry.organisation = Some(*organisation),
            Role::Reviewer | Role::Vetted | Role::Auditor { share: None } | Role::Operator => {}
        }
        entry
    }

    fn role_of(&self, grant: &GrantSetup) -> Result<Role> {
        match (grant.role.as_str(), &grant.site, &grant.centre) {
            ("operator", ..) => Ok(Role::Operator),
            ("reviewer", ..) => Ok(Role::Reviewer),
            ("vetted", ..) => Ok(Role::Vetted),
            ("auditor", ..) => {
                let share = grant.share.clone();
                match share
                    .as_ref()
                    .and_then(|it| of_no_state(&self.policy(), it))
                {
                    Some((reason, allowed)) => {
                        Err(SetupError::NotAShareOfAuditors { reason, allowed })
                    }
                    None => Ok(Role::Auditor { share }),
                }
            }
            ("site_admin", Some(site), _) => Ok(Role::SiteAdmin {
                site: site.clone(),
                sees_people: grant.sees_people,
            }),
            ("centre_staff", _, Some(centre)) => self.staff_of(centre),
            ("representative", ..) => representative(grant),
            _ => Err(SetupError::NotARole {
                role: grant.role.clone(),
            }),
        }
    }

    /// A word that is misspelt would be a desk that nobody looks at.
    fn staff_of(&self, centre: &CentreId) -> Result<Role> {
        let directory = self.directory();
        if directory.centre(centre).is_none() {
            let known: Vec<&str> = directory
                .centres()
                .iter()
                .map(|it| it.id.as_str())
                .collect();
            return Err(SetupError::NotACentre {
                centre: centre.to_string(),
                known: known.join(", "),
            });
        }
        Ok(Role::CentreStaff {
            centre: centre.clone(),
        })
    }
}

const fn role_name(role: &Role) -> &'static str {
    match role {
        Role::Member { .. } => "member",
        Role::Lead { .. } => "lead",
        Role::Representative { .. } => "representative",
        Role::Reviewer => "reviewer",
        Role::Vetted => "vetted",
        Role::SiteAdmin { .. } => "site_admin",
        Role::CentreStaff { .. } => "centre_staff",
        Role::Auditor { .. } => "auditor",
        Role::Operator => "operator",
    }
}

/// The same role with the other word on names: whoever is given one of the two loses the other.
fn seeing_less_or_more(role: &Role) -> Option<Role> {
    let Role::SiteAdmin { site, sees_people } = role else {
        return None;
    };
    Some(Role::SiteAdmin {
        site: site.clone(),
        sees_people: !sees_people,
    })
}

fn representative(grant: &GrantSetup) -> Result<Role> {
    let Some(name) = &grant.organisation else {
        return Err(SetupError::NotARole {
            role: grant.role.clone(),
        });
    };
    let organisation = name.parse().unwrap_or_else(|_| organisation_id(name));
    Ok(Role::Representative { organisation })
}
