mod application;
mod apply;
pub(crate) mod audit;
mod centres;
mod check;
mod contact;
mod decision;
mod entitlement;
mod evidence;
mod finance;
mod follow_up;
mod funder;
mod handoff;
mod job;
mod jobs;
mod keyed;
mod logs;
mod matching;
mod me;
mod member;
mod modes;
mod organisation;
mod own;
mod patience;
mod person;
mod policy;
mod referral;
mod report;
mod review;
mod routes;
mod said_aid;
mod site;
mod site_agents;
mod sites;
mod submit;
mod terms;
mod usage;
mod whoami;

use std::io::Write;

use broker_client::Client;

use crate::cli::Verb;
use crate::verbs::logs::Log;
use crate::verbs::submit::How;

pub(crate) use logs::write as print_log;
pub(crate) use report::REPORTS;

pub(crate) async fn run(
    client: &Client,
    verb: Verb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        Verb::Whoami => whoami::run(client, json, out).await,
        Verb::Me { what } => me::run(client, what, json, out).await,
        Verb::Check { project } => check::run(client, project, json, out).await,
        Verb::Quote { file } => submit::quote(client, &file, json, out).await,
        Verb::Submit { file, key, wait } => {
            submit::submit(client, &file, How { key, wait, json }, out).await
        }
        Verb::Jobs {
            project,
            state,
            site,
            limit,
            cursor,
        } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(project.map(|project| ("project", project.to_string())));
            query.extend(state.map(|state| ("state", state)));
            query.extend(site.map(|site| ("site", site.to_string())));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            jobs::run(client, &query, json, out).await
        }
        Verb::Show { job } => job::show(client, job, json, out).await,
        Verb::Logs {
            job,
            follow,
            stderr,
        } => {
            let stream = if stderr { "stderr" } else { "stdout" };
            logs::run(
                client,
                job,
                &Log {
                    stream,
                    follow,
                    json,
                },
                out,
            )
            .await
        }
        Verb::Cancel { job } => job::cancel(client, job, json, out).await,
        Verb::Handoff { job, args } => handoff::run(client, job, args, json, out).await,
        Verb::Terms { what } => terms::run(client, what, json, out).await,
        Verb::Entitlement(verb) => entitlement::run(client, verb, json, out).await,
        Verb::Contact(verb) => contact::run(client, verb, json, out).await,
        Verb::Funder(verb) => funder::run(client, verb, json, out).await,
        Verb::Member(verb) => member::run(client, verb, json, out).await,
        Verb::Sites { site } => sites::run(client, site, json, out).await,
        Verb::Site { what } => site::run(client, what, json, out).await,
        Verb::Usage { project, month } => {
            let mut query = vec![("limit", "200".to_owned())];
            query.extend(project.map(|project| ("project", project.to_string())));
            query.extend(month.map(|month| ("month", month)));
            usage::run(client, &query, json, out).await
        }
        // Dealt with before a client is made.
        Verb::Login { .. } | Verb::Logout | Verb::Audit { .. } => Ok(0),
    }
}
