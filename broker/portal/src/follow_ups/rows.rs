use broker_app::FollowUpView;
use policy_engine::TitleKind;

use crate::Portal;
use crate::texts::Texts;
use crate::titles::Titles;

/// Something that is owed, in a list.
pub(crate) struct OwedRow {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) organisation: String,
    pub(crate) project: String,
    /// None where there is no last day.
    pub(crate) due_on: Option<String>,
    pub(crate) class: &'static str,
    pub(crate) state: &'static str,
    /// Overdue, and in the way of the next application.
    pub(crate) blocks: bool,
}

impl Portal {
    pub(crate) fn owed_rows(&self, texts: Texts, listed: &[FollowUpView]) -> Vec<OwedRow> {
        let engine = self.broker.policy();
        let titles = Titles::new(texts, &engine);
        listed.iter().map(|it| OwedRow::new(titles, it)).collect()
    }
}

impl OwedRow {
    pub(super) fn new(titles: Titles<'_>, one: &FollowUpView) -> Self {
        let (class, key) = match one.follow_up.state.as_str() {
            "fulfilled" if !one.follow_up.is_open() => ("good", "owed.fulfilled"),
            "waived" => ("none", "owed.waived"),
            _ if one.overdue => ("bad", "owed.overdue"),
            _ if one.pressing => ("wait", "owed.pressing"),
            "fulfilled" => ("wait", "owed.early"),
            _ => ("none", "owed.open"),
        };
        Self {
            id: one.follow_up.id.to_string(),
            kind: titles.of(TitleKind::Duty, &one.follow_up.kind),
            organisation: one.organisation_name.clone(),
            project: one.project_name.clone(),
            due_on: one.follow_up.due_on.map(|it| it.to_string()),
            class,
            state: titles.texts.of(key),
            blocks: one.overdue && one.blocks,
        }
    }
}
