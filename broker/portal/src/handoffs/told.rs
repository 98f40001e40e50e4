use broker_app::{HandoffReport, UsageReport};
use broker_model::{InvalidSpec, Outcome, OutcomeKind, RemoteId};
use jiff::Timestamp;

use crate::fields::{Fields, wrong};

/// The report that a form tells. A time that is left out is now.
pub(super) fn read(fields: &Fields, now: Timestamp) -> Result<HandoffReport, InvalidSpec> {
    let at = |name| Ok::<_, InvalidSpec>(fields.time(name)?.unwrap_or(now));
    Ok(match fields.text("event") {
        Some("submitted") => HandoffReport::Submitted {
            remote_id: RemoteId(needed(fields, "remote_id")?.to_owned()),
            submitted_at: at("at")?,
        },
        Some("started") => HandoffReport::Started {
            started_at: at("at")?,
        },
        Some("ended") => ended(fields, at("at")?)?,
        Some("usage") => HandoffReport::Usage {
            usage: match fields.text("no_record") {
                Some(_) => None,
                None => Some(used(fields, at("ran_until")?)?),
            },
        },
        Some("declined") => HandoffReport::Declined {
            reason: fields.text("reason").unwrap_or_default().trim().to_owned(),
        },
        _ => return Err(wrong("event", "is none", "one of the page's forms")),
    })
}

fn ended(fields: &Fields, ended_at: Timestamp) -> Result<HandoffReport, InvalidSpec> {
    let kind = needed(fields, "outcome")?;
    let kind = serde_json::from_value::<OutcomeKind>(kind.into());
    let kind = kind.map_err(|_| wrong("outcome", "is none", "one of the list"))?;
    let exit_code = fields.text("exit_code");
    let exit_code = exit_code.map(|_| fields.parsed("exit_code")).transpose()?;
    // What it used may be told later, when the site's accounting has it.
    let is_told = fields.text("ran_from").is_some() || fields.text("nodes").is_some();
    let usage = is_told.then(|| used(fields, ended_at)).transpose()?;
    Ok(HandoffReport::Ended {
        ended_at,
        outcome: Outcome {
            kind,
            exit_code,
            signal: None,
            site_words: fields.text("words").unwrap_or_default().to_owned(),
        },
        usage,
    })
}

fn used(fields: &Fields, ended_at: Timestamp) -> Result<UsageReport, InvalidSpec> {
    let started_at = fields.time("ran_from")?;
    let missing = || wrong("ran_from", "is missing", "when it started to run, in UTC");
    let or_none = |name| match fields.text(name) {
        Some(_) => fields.parsed(name),
        None => Ok(0),
    };
    Ok(UsageReport {
        started_at: started_at.ok_or_else(missing)?,
        ended_at,
        elapsed_seconds: None,
        nodes: fields.parsed("nodes")?,
        scheduler_gpus: or_none("gpus")?,
        cpus: fields.parsed("cpus")?,
        memory_gib: or_none("memory_gib")?,
        energy_joules: None,
    })
}

fn needed<'f>(fields: &'f Fields, name: &str) -> Result<&'f str, InvalidSpec> {
    let text = fields.text(name).map(str::trim).filter(|it| !it.is_empty());
    text.ok_or_else(|| wrong(name, "is missing", "see the words beside the field"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(form: &str) -> Result<HandoffReport, InvalidSpec> {
        read(&Fields::parse(form.as_bytes()), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn an_end_may_come_with_what_was_used_or_before_it() {
        let end = "event=ended&outcome=timed_out&exit_code=&at=2026-11-20T13:00";
        let HandoffReport::Ended { outcome, usage, .. } = told(end).unwrap() else {
            panic!("an end")
        };
        assert_eq!(
            (outcome.kind, outcome.exit_code),
            (OutcomeKind::TimedOut, None)
        );
        assert_eq!(usage, None);
        let whole = format!("{end}&ran_from=2026-11-20T12:00:30&nodes=2&gpus=&cpus=112");
        let HandoffReport::Ended { usage, .. } = told(&whole).unwrap() else {
            panic!("an end")
        };
        let usage = usage.unwrap();
        assert_eq!((usage.nodes, usage.scheduler_gpus, usage.cpus), (2, 0, 112));
        assert_eq!(usage.started_at.to_string(), "2026-11-20T12:00:30Z");
        let halved = told(&format!("{end}&nodes=2&cpus=1")).unwrap_err();
        assert_eq!(halved.field, "ran_from");
    }

    #[test]
    fn what_a_form_leaves_out_is_named() {
        for (form, field) in [
            ("event=submitted&remote_id=+", "remote_id"),
            ("event=started&at=noon", "at"),
            ("event=ended&outcome=fine", "outcome"),
            ("event=usage&ran_from=2026-11-20T12:00", "nodes"),
            ("event=else", "event"),
        ] {
            assert_eq!(told(form).unwrap_err().field, field, "{form}");
        }
    }
}
