use anyhow::Context as _;
use broker_app::setup::SetupFile;
use broker_auth::dev_issuer::DevPerson;
use serde_json::{Map, json};

/// Who works for the sample start-up.
pub(crate) const ENGINEER: &str = "engineer";
/// Who looks after the ledger for a funding body.
pub(crate) const AUDITOR: &str = "auditor";

/// The people who can be picked on the sign-in page.
pub(crate) fn people() -> Vec<DevPerson> {
    let assured = json!({
        "eduperson_assurance": [
            "https://refeds.org/assurance",
            "https://refeds.org/assurance/ID/unique",
            "https://refeds.org/assurance/IAP/medium",
        ],
        "acr": "https://refeds.org/profile/mfa",
    });
    let person = |subject: &str, name: &str, home: &str| {
        let mut claims: Map<_, _> = assured.as_object().cloned().unwrap_or_default();
        claims.insert("schac_home_organization".to_owned(), json!(home));
        DevPerson {
            subject: subject.to_owned(),
            name: name.to_owned(),
            email: format!("{subject}@{home}"),
            claims,
        }
    };
    vec![
        person(
            ENGINEER,
            "Engineer of the sample start-up",
            "startup.example",
        ),
        person(AUDITOR, "Auditor of a funding body", "funding.example"),
        person("operator", "Operator of this broker", "broker.example"),
        person("site-admin", "Administrator of two sites", "sites.example"),
        // Nobody's yet: whoever registers a company, asks for hours and brings in a colleague is one of
        // these two; the others decide, and help.
        person("founder", "Founder of another start-up", "pleione.example"),
        person("colleague", "Colleague of the founder", "pleione.example"),
        person("reviewer", "Reviewer of applications", "review.example"),
        person(
            "adviser",
            "Adviser of two support centres",
            "support.example",
        ),
    ]
}

/// The sample organisation, project and allocation, for the issuer of this run.
pub(crate) fn setup(issuer: &str) -> anyhow::Result<SetupFile> {
    let text = include_str!("../../../../config/demo/setup.toml");
    let mut setup: SetupFile = toml::from_str(text).context("config/demo/setup.toml")?;
    let members = setup
        .projects
        .values_mut()
        .flat_map(|project| &mut project.members);
    members.for_each(|member| issuer.clone_into(&mut member.issuer));
    setup
        .grants
        .iter_mut()
        .for_each(|grant| issuer.clone_into(&mut grant.issuer));
    Ok(setup)
}

/// The sample job for the sample project.
pub(crate) fn job() -> anyhow::Result<broker_model::JobSpec> {
    let text = include_str!("../../../../config/demo/job.toml");
    let mut table: toml::Table = toml::from_str(text).context("config/demo/job.toml")?;
    let project = broker_app::setup::project_id("sample").to_string();
    table.insert("project".to_owned(), toml::Value::String(project));
    table.try_into().context("config/demo/job.toml")
}
