//! Personal data by an operator's command, on the database: export, erasure, legal holds.

use std::process::ExitCode;

use broker_app::{Broker, ErasurePlan, Error, PlanLine};
use broker_model::{HoldSubject, PersonId};

use crate::cli::{EraseOptions, HoldVerb, PersonVerb, SubjectOptions};
use crate::compose::compose;
use crate::config::Config;
use crate::println_out;

pub(crate) async fn run(verb: PersonVerb) -> anyhow::Result<ExitCode> {
    match verb {
        PersonVerb::Export { config, person } => {
            let config = Config::load(&config)?;
            with_broker(&config, async |broker| export(broker, person).await).await
        }
        PersonVerb::Erase(options) => {
            let config = Config::load(&options.config)?;
            with_broker(&config, async |broker| erase(broker, &options).await).await
        }
        PersonVerb::Requests { config } => {
            let config = Config::load(&config)?;
            with_broker(&config, async |broker| requests(broker).await).await
        }
    }
}

pub(crate) async fn run_hold(verb: HoldVerb) -> anyhow::Result<ExitCode> {
    match verb {
        HoldVerb::Set {
            config,
            subject,
            reason,
        } => {
            let config = Config::load(&config)?;
            with_broker(&config, async |broker| set(broker, &subject, &reason).await).await
        }
        HoldVerb::Lift { config, subject } => {
            let config = Config::load(&config)?;
            with_broker(&config, async |broker| lift(broker, &subject).await).await
        }
        HoldVerb::List { config } => {
            let config = Config::load(&config)?;
            with_broker(&config, async |broker| list(broker).await).await
        }
    }
}

/// Closes the store whatever comes of it.
async fn with_broker(
    config: &Config,
    done: impl AsyncFnOnce(&Broker) -> anyhow::Result<ExitCode>,
) -> anyhow::Result<ExitCode> {
    let composed = compose(config).await?;
    let done = done(&composed.broker).await;
    composed.store.close().await;
    done
}

async fn export(broker: &Broker, person: PersonId) -> anyhow::Result<ExitCode> {
    let export = broker.export_person(person).await?;
    println_out(&serde_json::to_string_pretty(&export)?);
    Ok(ExitCode::SUCCESS)
}

async fn erase(broker: &Broker, options: &EraseOptions) -> anyhow::Result<ExitCode> {
    let person = options.person;
    if options.dry_run {
        let plan = broker.plan_erasure(person).await?;
        for line in told(person, &plan, true) {
            println_out(&line);
        }
        let is_possible = plan.obstacles.is_empty();
        return Ok(if is_possible {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    let plan = broker.erase_person(person).await?;
    for line in told(person, &plan, false) {
        println_out(&line);
    }
    Ok(ExitCode::SUCCESS)
}

/// The plan in lines, as it is to be done or was.
fn told(person: PersonId, plan: &ErasurePlan, is_to_come: bool) -> Vec<String> {
    let (goes, stays) = if is_to_come {
        ("would go", "would stay")
    } else {
        ("gone", "stays")
    };
    let mut lines = Vec::new();
    if let Some(at) = plan.erased_at {
        lines.push(format!("{person} was erased at {at}"));
    }
    if plan.goes.is_empty() {
        lines.push("nothing to erase".to_owned());
    }
    let line = |what: &str, it: &PlanLine| format!("{what}: {} {}", it.count, it.words);
    lines.extend(plan.goes.iter().map(|it| line(goes, it)));
    lines.extend(plan.stays.iter().map(|it| line(stays, it)));
    lines.extend(plan.careful.iter().map(|it| format!("careful: {it}")));
    lines.extend(plan.obstacles.iter().map(|it| format!("first: {it}")));
    if !is_to_come {
        lines.push(
            "take them out of setup files, too: `import` would register who stands there anew; backups of the \
             database keep what they have"
                .to_owned(),
        );
    }
    lines
}

async fn requests(broker: &Broker) -> anyhow::Result<ExitCode> {
    let open = broker.erasure_requests().await?;
    if open.is_empty() {
        println_out("nobody waits to be erased");
    }
    for it in open {
        let asked = it.asked_at.map(|at| at.to_string()).unwrap_or_default();
        println_out(&format!(
            "{} asked at {asked}; the law gives a month",
            it.person
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn set(broker: &Broker, of: &SubjectOptions, reason: &str) -> anyhow::Result<ExitCode> {
    let Some(subject) = subject(of) else {
        anyhow::bail!("--person or --organisation: whose data shall be held?");
    };
    let hold = match broker.set_hold(subject, reason).await {
        Err(Error::Invalid(_, faults)) => {
            let said: Vec<String> = faults.iter().map(|it| format!("--{it}")).collect();
            anyhow::bail!("{}", said.join("\n"));
        }
        set => set?,
    };
    println_out(&format!("held: {} from {}", hold.subject, hold.set_at));
    Ok(ExitCode::SUCCESS)
}

async fn lift(broker: &Broker, of: &SubjectOptions) -> anyhow::Result<ExitCode> {
    let Some(subject) = subject(of) else {
        anyhow::bail!("--person or --organisation: whose hold shall be lifted?");
    };
    if !broker.lift_hold(subject).await? {
        anyhow::bail!("no hold is on {subject}; `alcyone-broker hold list` lists them");
    }
    println_out(&format!(
        "lifted: what of {subject} is over its time goes within the hour"
    ));
    Ok(ExitCode::SUCCESS)
}

async fn list(broker: &Broker) -> anyhow::Result<ExitCode> {
    let all = broker.legal_holds().await?;
    if all.is_empty() {
        println_out("none is in force");
    }
    for it in all {
        println_out(&format!(
            "{} since {}: {}",
            it.subject, it.set_at, it.reason
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn subject(of: &SubjectOptions) -> Option<HoldSubject> {
    let person = of.person.map(HoldSubject::Person);
    person.or(of.organisation.map(HoldSubject::Organisation))
}

#[cfg(test)]
mod tests {
    use broker_model::Principal;

    use super::*;
    use crate::compose::new_ledger_key;

    fn config(folder: &std::path::Path) -> Config {
        new_ledger_key("test.example/ledger", &folder.join("ledger.pem")).unwrap();
        let folder = folder.display();
        let text = format!(
            r#"
            [server]
            listen = "127.0.0.1:0"
            public_url = "http://127.0.0.1:8443"
            [database]
            url = "sqlite://{folder}/broker.db"
            [ledger]
            name = "test.example/ledger"
            key_file = "{folder}/ledger.pem"
            [files]
            dir = "{folder}/files"
            [[issuers]]
            issuer = "https://id.example.eu"
            audiences = ["https://broker.example.eu"]
            "#
        );
        toml::from_str(&text).unwrap()
    }

    #[tokio::test]
    async fn an_operator_erases_who_is_not_held_and_a_dry_run_erases_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let store = crate::open_store(&config.database).await.unwrap();
        store.migrate().await.unwrap();
        let composed = compose(&config).await.unwrap();
        let broker = &composed.broker;
        let ada = Principal::stranger("https://id.example.eu", "ada");
        let caller = broker.caller(ada.into()).await.unwrap();
        let options = |dry_run| EraseOptions {
            config: folder.path().join("broker.toml"),
            person: caller.person,
            dry_run,
        };
        let subject = SubjectOptions {
            person: Some(caller.person),
            organisation: None,
        };
        let known = async || {
            let found = broker.store().find_person(caller.person).await;
            found.unwrap().unwrap().subject == "ada"
        };
        set(broker, &subject, "a dispute").await.unwrap();
        let code = erase(broker, &options(true)).await.unwrap();
        assert_eq!(
            code,
            ExitCode::FAILURE,
            "a script sees that something comes first"
        );
        assert!(erase(broker, &options(false)).await.is_err() && known().await);
        list(broker).await.unwrap();
        lift(broker, &subject).await.unwrap();
        let again = lift(broker, &subject).await.unwrap_err().to_string();
        assert!(again.contains("hold list"), "{again}");
        let code = erase(broker, &options(true)).await.unwrap();
        assert_eq!((code, known().await), (ExitCode::SUCCESS, true));
        erase(broker, &options(false)).await.unwrap();
        assert!(!known().await);
        export(broker, caller.person).await.unwrap();
        requests(broker).await.unwrap();
    }

    fn person() -> PersonId {
        "per_0192f0c1d2e37abc8def0123456789ab".parse().unwrap()
    }

    #[test]
    fn a_dry_run_says_what_would_go_what_would_stay_and_what_comes_first() {
        let line = |class, words: &str| PlanLine {
            class,
            count: 2,
            words: words.to_owned(),
        };
        let plan = ErasurePlan {
            erased_at: None,
            obstacles: vec!["wait for job_1".to_owned()],
            goes: vec![line("sessions", "sessions of the portal")],
            stays: vec![line("jobs", "jobs, for accounts")],
            careful: vec!["prj_1 has no lead then".to_owned()],
        };
        assert_eq!(
            told(person(), &plan, true),
            [
                "would go: 2 sessions of the portal",
                "would stay: 2 jobs, for accounts",
                "careful: prj_1 has no lead then",
                "first: wait for job_1",
            ]
        );
        let done = told(person(), &plan, false);
        assert_eq!(done[0], "gone: 2 sessions of the portal");
        assert!(done.last().unwrap().contains("backups"), "{done:?}");
    }
}
