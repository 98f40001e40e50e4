//! Handing a job in: the file, then what would happen to it, then the job.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use broker_app::jobs::{Accepted, FirstAnswer, Idempotency, Quote};
use broker_app::{Error, TermsInForce};
use broker_model::{Considered, JobSpec, Placement, TermsScope};
use policy_engine::Engine;
use sha2::{Digest, Sha256};

use crate::Portal;
use crate::cookies::random_text;
use crate::decision::DecisionView;
use crate::fields::{Fields, MemberForm};
use crate::frame::{Frame, html};
use crate::jobs::jobfile::{self, Fault};
use crate::missing::{self, MissingView};
use crate::placement::PlacementView;
use crate::refusal::Refusal;
use crate::texts::Texts;
use crate::visitor::Member;

#[derive(Template)]
#[template(path = "job_new.html")]
struct NewJobPage {
    f: Frame,
    text: String,
    rows: usize,
    /// Makes two clicks one job.
    key: String,
    /// The digest of the text that the quote below is of.
    quoted: String,
    faults: Vec<Fault>,
    notice: Option<String>,
    /// The quote in a sentence, before the form; the tables follow after it.
    summary: Option<String>,
    decision: Option<DecisionView>,
    placement: Option<PlacementView>,
    /// Terms that are to be accepted first.
    lacking: Vec<MissingView>,
    can_submit: bool,
}

/// What the form says back.
#[derive(Default)]
struct Answer {
    status: StatusCode,
    faults: Vec<Fault>,
    notice: Option<String>,
    decision: Option<DecisionView>,
    placement: Option<PlacementView>,
    quoted: Option<String>,
    lacking: Vec<MissingView>,
}

pub(crate) async fn form(
    State(portal): State<Portal>,
    member: Member,
    fields: Fields,
) -> Result<Response, Refusal> {
    let standings = portal.broker.my_projects(member.caller()).await?;
    let ids: Vec<String> = { standings.iter() }
        .map(|standing| standing.project.id.to_string())
        .collect();
    // A link may name one of them.
    let named = ids.iter().find(|id| fields.text("project") == Some(id));
    let project = named.or(ids.first());
    let text = sample(project.map_or("prj_…", String::as_str));
    let unaccepted = portal.broker.terms(member.caller()).await?;
    let needed =
        |it: &&TermsInForce| it.accepted_at.is_none() && it.document.scope == TermsScope::Platform;
    let needed = unaccepted.iter().filter(needed);
    let answer = Answer {
        lacking: needed
            .map(|it| MissingView::of_terms(member.texts, &it.document))
            .collect(),
        ..Answer::default()
    };
    page(&member, text, random_text(), answer)
}

/// Quotes the file, or hands it in if it is the one that was quoted.
pub(crate) async fn send(
    State(portal): State<Portal>,
    form: MemberForm,
) -> Result<Response, Refusal> {
    let MemberForm { member, fields } = form;
    let text = jobfile::normalized(fields.text("job").unwrap_or_default());
    let key = fields
        .text("key")
        .filter(|key| key.len() <= 64)
        .map_or_else(random_text, str::to_owned);
    let digest = hex::encode(Sha256::digest(&text));
    let spec = match jobfile::read(&text) {
        Ok(spec) => spec,
        Err(faults) => {
            let answer = Answer {
                status: StatusCode::BAD_REQUEST,
                faults,
                ..Answer::default()
            };
            return page(&member, text, key, answer);
        }
    };
    let wanted = fields.text("action") == Some("submit");
    let as_quoted = fields.text("quoted") == Some(&digest);
    if wanted && as_quoted {
        return portal.submit(&member, spec, text, key).await;
    }
    let mut answer = portal.quote(&member, &spec, &text).await?;
    if wanted && answer.notice.is_none() {
        answer.notice = Some(member.texts.of("new.changed").to_owned());
    }
    answer.quoted = Some(digest);
    page(&member, text, key, answer)
}

impl Portal {
    async fn quote(&self, member: &Member, spec: &JobSpec, text: &str) -> Result<Answer, Refusal> {
        match self.broker.quote(member.caller(), spec).await {
            Ok(quote) => Ok(Answer::of_quote(
                member.texts,
                &self.broker.policy(),
                &quote,
            )),
            Err(error) => self.answer_of(member, text, error),
        }
    }

    async fn submit(
        &self,
        member: &Member,
        spec: JobSpec,
        text: String,
        key: String,
    ) -> Result<Response, Refusal> {
        let digest = hex::encode(Sha256::digest(&text));
        let idempotency = Idempotency {
            // With the text in it, an edited file under an old form is another job, as it should be.
            key: hex::encode(Sha256::digest(format!("portal\0{key}\0{digest}"))),
            request_sha256: digest,
            render: Box::new(|job| FirstAnswer {
                status: 303,
                body: format!("/jobs/{}", job.id),
            }),
        };
        match self
            .broker
            .submit(member.caller(), spec, Some(idempotency))
            .await
        {
            Ok(Accepted::New { job, .. }) => {
                Ok(Redirect::to(&format!("/jobs/{}", job.id)).into_response())
            }
            Ok(Accepted::Repeated(first)) => Ok(Redirect::to(&first.body).into_response()),
            Err(error) => {
                let answer = self.answer_of(member, &text, error)?;
                page(member, text, key, answer)
            }
        }
    }
}

impl Portal {
    /// What the form can show; anything else is a page of its own.
    fn answer_of(&self, member: &Member, text: &str, error: Error) -> Result<Answer, Refusal> {
        let texts = member.texts;
        let conflict = Answer {
            status: StatusCode::CONFLICT,
            ..Answer::default()
        };
        let told = |key| Some(texts.of(key).to_owned());
        Ok(match error {
            Error::InvalidSpec(faults) => Answer {
                status: StatusCode::BAD_REQUEST,
                faults: jobfile::faults_in(text, faults),
                ..conflict
            },
            Error::NotFound("project") => Answer {
                status: StatusCode::NOT_FOUND,
                notice: told("new.no_such_project"),
                ..conflict
            },
            Error::NotEligible(asked) => Answer {
                status: StatusCode::FORBIDDEN,
                decision: Some(DecisionView::asked(texts, &self.broker.policy(), &asked)),
                ..conflict
            },
            Error::TermsNotAccepted(terms) => Answer {
                status: StatusCode::FORBIDDEN,
                lacking: terms
                    .iter()
                    .map(|it| MissingView::of_terms(texts, it))
                    .collect(),
                ..conflict
            },
            Error::NoAllocation => Answer {
                status: StatusCode::FORBIDDEN,
                notice: told("new.no_allocation"),
                ..conflict
            },
            Error::NoFeasiblePartition(placement) => Answer {
                notice: told(if may_pass(&placement) {
                    "new.share_used_up"
                } else {
                    "new.never_feasible"
                }),
                placement: Some(PlacementView::new(texts, &placement)),
                ..conflict
            },
            Error::HoursExceeded { remaining, .. } => {
                let remaining = crate::words::hours(remaining);
                let notice = texts.with("new.hours_exceeded", &[("remaining", &remaining)]);
                Answer {
                    notice: Some(notice),
                    ..conflict
                }
            }
            error => return Err(error.into()),
        })
    }
}

impl Answer {
    fn of_quote(texts: Texts, engine: &Engine, quote: &Quote) -> Self {
        Self {
            decision: Some(match &quote.question {
                Some(question) => DecisionView::said(texts, engine, (question, &quote.eligibility)),
                None => DecisionView::in_english(texts, &quote.eligibility),
            }),
            placement: quote
                .placement
                .as_ref()
                .map(|it| PlacementView::new(texts, it)),
            lacking: missing::views(texts, &quote.missing, None),
            ..Self::default()
        }
    }

    fn summary(&self, texts: Texts) -> Option<String> {
        let placement = self.placement.as_ref()?;
        if let Some(first) = placement.feasible.first() {
            let charge = format!("{} {}", first.charge, first.unit);
            let values = [
                ("partition", first.partition.as_str()),
                ("wait", &first.wait),
                ("charge", &charge),
            ];
            return Some(texts.with("new.would_run", &values));
        }
        self.can_submit()
            .then(|| texts.of("new.would_wait").to_owned())
    }

    /// Some partition can take it, now or later, and the caller may compute.
    fn can_submit(&self) -> bool {
        let eligible = self
            .decision
            .as_ref()
            .is_some_and(|decision| decision.class == "good");
        let later = |placement: &PlacementView| placement.rejected.iter().any(|it| it.temporary);
        let somewhere = self
            .placement
            .as_ref()
            .is_some_and(|it| !it.feasible.is_empty() || later(it));
        eligible && somewhere && self.faults.is_empty() && self.lacking.is_empty()
    }
}

/// Whether a refused job was kept away by ceilings alone: what was used falls out of the year.
fn may_pass(placement: &Placement) -> bool {
    let passes = |it: &Considered| it.rejections.iter().all(|it| it.temporary);
    placement.considered.iter().any(passes)
}

fn page(member: &Member, text: String, key: String, answer: Answer) -> Result<Response, Refusal> {
    let status = answer.status;
    let mut response = html(&NewJobPage {
        f: member.frame(member.texts.of("new.title"), "new"),
        rows: text.lines().count().clamp(18, 40),
        key,
        can_submit: answer.can_submit(),
        summary: answer.summary(member.texts),
        quoted: answer.quoted.unwrap_or_default(),
        faults: answer.faults,
        notice: answer.notice,
        lacking: answer.lacking,
        decision: answer.decision,
        placement: answer.placement,
        text,
    })?;
    *response.status_mut() = status;
    Ok(response)
}

fn sample(project: &str) -> String {
    format!(
        r#"name = "finetune-7b"
project = "{project}"

[resources]
nodes = 1
gpus_per_node = 2
walltime = "30m"

[variants."x86_64+cuda"]
script = '''
echo "hello from $(hostname), GPUs $CUDA_VISIBLE_DEVICES"
# srun python train.py
'''

[variants."x86_64+rocm"]
script = '''
echo "hello from $(hostname), GPUs $ROCR_VISIBLE_DEVICES"
# srun python train.py --rocm
'''

[data]
residency = "EU"
sensitivity = "internal"
"#
    )
}
