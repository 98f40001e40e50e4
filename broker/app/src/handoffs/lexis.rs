//! The job as a LEXIS Workflow Definition, which the EuroHPC Federation Platform's workflows take.
//!
//! The format is that of <https://docs.lexis.tech/user_interfaces/lexis_workflow_definition.html> and of
//! the user guide that LEXIS serves itself (`/airflow/api/lexis/lwd-workflows/v1/user_guide`), both read
//! on 2026-11-21. It has no version of its own; a translation to an Airflow DAG there is what it must
//! survive, and that was not tried.

use broker_model::{Attempt, InvalidSpec, Job};

/// What LEXIS calls things, which this broker has no way to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LexisNames {
    /// The LEXIS project that pays: `project_shortname`.
    pub project: String,
    /// A `HEAppE` command template that the site has approved: `command_template_name`.
    pub template: String,
    /// Where the job's script and data lie: `ddi://…`. Without one the template is to bring them.
    pub dataset: Option<String>,
    /// What LEXIS calls the machine, when not as this broker does.
    pub location: Option<String>,
}

impl LexisNames {
    /// Every name that is not a plain one.
    pub(super) fn validate(&self) -> Result<(), Vec<InvalidSpec>> {
        let is_name = |text: &str| {
            let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
            (1..=128).contains(&text.len()) && text.bytes().all(fits)
        };
        let is_dataset = |text: &str| {
            let path = text.strip_prefix("ddi://").unwrap_or_default();
            let fits = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'\'');
            !path.is_empty() && path.len() <= 512 && path.bytes().all(fits)
        };
        let name = "1 to 128 letters, digits, `_`, `-` or `.`";
        let mut wrong = Vec::new();
        let mut check = |field: &str, fits: bool, allowed: &str| {
            if !fits {
                wrong.push(InvalidSpec {
                    field: field.to_owned(),
                    reason: "not what LEXIS takes".to_owned(),
                    allowed: allowed.to_owned(),
                });
            }
        };
        check("project", is_name(&self.project), name);
        check("template", is_name(&self.template), name);
        let location = self.location.as_deref().is_none_or(is_name);
        check("location", location, name);
        let dataset = self.dataset.as_deref().is_none_or(is_dataset);
        check(
            "dataset",
            dataset,
            "`ddi://` and a path without blanks or quotes",
        );
        if wrong.is_empty() { Ok(()) } else { Err(wrong) }
    }
}

/// YAML, whose strings are written as JSON writes them: YAML 1.2 reads JSON (its chapter 1.2).
pub(super) fn workflow(
    job: &Job,
    attempt: &Attempt,
    scheduler_gpus_per_gpu: u32,
    names: &LexisNames,
) -> String {
    let (id, at) = (attempt.id.to_string(), &attempt.partition);
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let location = names.location.as_deref().unwrap_or(at.system.as_str());
    let wanted = &job.spec.resources;
    let inputs = names.dataset.as_ref().map_or_else(String::new, |dataset| {
        format!(
            "    data_inputs:\n      - source: {}\n        target: \"input/\"\n",
            text(dataset)
        )
    });
    format!(
        "# LEXIS Workflow Definition, as documented at docs.lexis.tech on 2026-11-21.\n\
         # Prepared by Alcyone. Execute it once: the id is what the site finds it by.\n\
         # {what}\n\
         # GPUs are not asked for here, LEXIS has no word for them: the template asks for {gpus} a node,\n\
         # as the scheduler counts them.\n\
         id: {id}\n\
         desc: {desc}\n\
         project_shortname: {project}\n\
         jobs:\n\
         \x20 {job_key}:\n\
         \x20   requirements:\n\
         \x20     command_template_name: {template}\n\
         \x20     locations:\n\
         \x20       - location_name: {location}\n\
         \x20         location_node_type: {partition}\n\
         \x20         location_no_comp_units: {nodes}\n\
         \x20     walltime_limit: {walltime}\n\
         \x20     max_retries: 0\n\
         {inputs}",
        what = if names.dataset.is_some() {
            "The script is not in it: the template runs what lies in the dataset, so put the job's there."
        } else {
            "The script is not in it, and there is no dataset: what runs is the template's, not the job's."
        },
        gpus = wanted.gpus_per_node.saturating_mul(scheduler_gpus_per_gpu),
        id = text(&id),
        desc = text(&format!(
            "{} of project {}",
            job.spec.name, job.spec.project
        )),
        project = text(&names.project),
        job_key = text(&id),
        template = text(&names.template),
        location = text(location),
        partition = text(at.partition.as_str()),
        nodes = wanted.nodes,
        walltime = wanted.walltime.seconds(),
    )
}
