use broker_model::{PersonId, Role};
use jiff::Timestamp;

/// What erasing somebody does, before it is done and after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErasurePlan {
    /// They were erased then, already.
    pub erased_at: Option<Timestamp>,
    /// What has to be done first. While there is any, nothing is erased.
    pub obstacles: Vec<String>,
    pub goes: Vec<PlanLine>,
    /// With the ground on which it does.
    pub stays: Vec<PlanLine>,
    /// What an operator should know, and that does not keep anybody from their right.
    pub careful: Vec<String>,
}

/// So many of a class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanLine {
    /// As the ledger counts it: `sessions`.
    pub class: &'static str,
    pub count: usize,
    pub words: String,
}

impl ErasurePlan {
    pub(super) fn goes(&mut self, class: &'static str, count: usize, words: &str) {
        push(&mut self.goes, (class, count, words));
    }

    pub(super) fn stays(&mut self, class: &'static str, count: usize, words: &str) {
        push(&mut self.stays, (class, count, words));
    }

    pub(super) fn counted(&self, class: &str) -> usize {
        let line = self.goes.iter().find(|it| it.class == class);
        line.map_or(0, |it| it.count)
    }
}

fn push(lines: &mut Vec<PlanLine>, (class, count, words): (&'static str, usize, &str)) {
    if count > 0 {
        lines.push(PlanLine {
            class,
            count,
            words: words.to_owned(),
        });
    }
}

/// Who nobody is any more once the only holder of a role is erased.
pub(super) fn orphaned(role: &Role, holders: &[PersonId], person: PersonId) -> Option<String> {
    if holders.iter().any(|it| *it != person) {
        return None;
    }
    match role {
        Role::Lead { project } => Some(format!("{project} has no lead then: name one")),
        Role::Representative { organisation } => Some(format!(
            "nobody speaks for {organisation} then: name somebody"
        )),
        Role::Operator => Some("no operator is left by a grant".to_owned()),
        Role::SiteAdmin { site, .. } => {
            Some(format!("{site} has no administrator by a grant then"))
        }
        Role::CentreStaff { centre } => Some(format!(
            "nobody answers for the support centre {centre} then"
        )),
        Role::Member { .. } | Role::Reviewer | Role::Vetted | Role::Auditor { .. } => None,
    }
}
