use std::io::Write;

use broker_client::Client;
use broker_model::{LimitDraft, OrganisationId, OrganisationLimit, SiteId};

use super::Say;
use crate::words::{fill, say};

/// A limit stands in place of any other, so it is said in full, with the one that it replaced.
pub(super) async fn run(
    client: &Client,
    site: &SiteId,
    (organisation, draft): (OrganisationId, &LimitDraft),
    say: &Say,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let set = client.controls(site).await?.limits.into_iter();
    let before = set
        .map(|it| it.limit)
        .find(|it| it.organisation == organisation);
    let now = client.limit(site, organisation, draft).await?;
    let words = format!("{site}: {organisation} {}", words(&now, before.as_ref()));
    say.done(&now, &words, out)
}

fn words(now: &OrganisationLimit, before: Option<&OrganisationLimit>) -> String {
    let done = if now.is_none() {
        say("is not limited any more").to_owned()
    } else {
        fill("is limited to {numbers}")
            .with("numbers", numbers(now))
            .to_string()
    };
    match before {
        Some(before) => fill("{done}; before it was {numbers}")
            .with("done", &done)
            .with("numbers", numbers(before))
            .to_string(),
        None => fill("{done}; it had no limit before")
            .with("done", &done)
            .to_string(),
    }
}

fn numbers(limit: &OrganisationLimit) -> String {
    let of = |most: Option<String>| most.unwrap_or_else(|| say("any number of").to_owned());
    fill("{at_once} jobs at once, {queued} jobs queued, {gpu_hours} GPU-hours a month")
        .with("at_once", of(limit.max_at_once.map(|it| it.to_string())))
        .with("queued", of(limit.max_queued.map(|it| it.to_string())))
        .with(
            "gpu_hours",
            of(limit.gpu_per_month.map(|it| it.to_string())),
        )
        .to_string()
}

#[cfg(test)]
mod tests {
    use broker_model::GpuMillis;

    use super::*;

    fn limit(at_once: Option<u32>, queued: Option<u32>, hours: Option<i64>) -> OrganisationLimit {
        OrganisationLimit {
            organisation: "org_0192f0c1d2e37abc8def0123456789ab".parse().unwrap(),
            max_at_once: at_once,
            max_queued: queued,
            gpu_per_month: hours.map(GpuMillis::from_hours),
        }
    }

    #[test]
    fn a_limit_is_said_with_every_number_and_the_one_that_it_replaced() {
        let (old, new) = (limit(Some(3), None, None), limit(None, Some(5), Some(100)));
        assert_eq!(
            words(&new, Some(&old)),
            "is limited to any number of jobs at once, 5 jobs queued, 100.0000 GPU-hours a month; \
             before it was 3 jobs at once, any number of jobs queued, any number of GPU-hours a month"
        );
        let none = limit(None, None, None);
        let lifted = words(&none, Some(&old));
        assert!(lifted.starts_with("is not limited any more; before it was 3 jobs"));
        assert!(words(&new, None).ends_with("; it had no limit before"));
    }
}
