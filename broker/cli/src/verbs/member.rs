//! `alcyone project`, `invitations`, `join`: who belongs where, and how others come in.

mod invitation;
mod join;

use std::io::Write;

use broker_client::Client;
use broker_client::wire::Member;
use broker_model::{InvitationDraft, InvitedRole, MembersOf};

use super::keyed::Keyed;
use super::own;
use crate::cli::{InvitationVerb, InviteArgs, MemberVerb, ProjectVerb, RepresentativeVerb, Whom};
use crate::print;
use crate::words::fill;

pub(super) async fn run(
    client: &Client,
    verb: MemberVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        MemberVerb::Project { what } => project(client, what, json, out).await,
        MemberVerb::Invitations => invitation::list(client, json, out).await,
        MemberVerb::Invitation {
            what: InvitationVerb::Revoke { invitation },
        } => invitation::revoke(client, invitation, json, out).await,
        MemberVerb::Join { code } => join::run(client, code, json, out).await,
    }
}

async fn project(
    client: &Client,
    verb: ProjectVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        ProjectVerb::Members { project } => {
            let of = MembersOf::Project(own::project(client, project, "PROJECT").await?);
            list(client, of, json, out).await
        }
        ProjectVerb::Invite {
            project,
            role,
            args,
        } => {
            let of = MembersOf::Project(own::project(client, project, "PROJECT").await?);
            invite(client, of, (role, args), (json, out)).await
        }
        ProjectVerb::Remove { person, project } => {
            let of = MembersOf::Project(own::project(client, project, "--project PROJECT").await?);
            remove(client, (of, person), json, out).await
        }
    }
}

/// The same of an organisation.
pub(super) async fn representatives(
    client: &Client,
    verb: RepresentativeVerb,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    match verb {
        RepresentativeVerb::Members { organisation } => {
            let of = own::organisation(client, organisation).await?;
            list(client, MembersOf::Organisation(of), json, out).await
        }
        RepresentativeVerb::Invite { organisation, args } => {
            let of = own::organisation(client, organisation).await?;
            let of = MembersOf::Organisation(of);
            invite(client, of, (None, args), (json, out)).await
        }
        RepresentativeVerb::Remove {
            person,
            organisation,
        } => {
            let of = own::organisation_option(client, organisation).await?;
            remove(client, (MembersOf::Organisation(of), person), json, out).await
        }
    }
}

async fn list(
    client: &Client,
    of: MembersOf,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let members = client.members(of).await?;
    if json {
        print::json(&members, out)?;
        return Ok(0);
    }
    let row = |one: &Member| {
        let name = one.name.clone().unwrap_or_else(|| "-".to_owned());
        let you = if one.you { " (you)" } else { "" };
        vec![
            one.person.to_string(),
            format!("{name}{you}"),
            words(&one.roles),
        ]
    };
    let rows: Vec<Vec<String>> = members.iter().map(row).collect();
    print::table(&["PERSON", "NAME", "ROLE"], &rows, out)?;
    Ok(0)
}

async fn invite(
    client: &Client,
    of: MembersOf,
    (role, args): (Option<InvitedRole>, InviteArgs),
    (json, out): (bool, &mut impl Write),
) -> anyhow::Result<u8> {
    let draft = InvitationDraft {
        role,
        meant_for: args.meant_for,
        valid_days: args.valid_days,
    };
    let making = Keyed::new(args.key, "somebody was invited", "invites them twice");
    let made = making.send(async |key| client.invite_member(of, &draft, key).await);
    invitation::made(&made.await?, json, out)
}

async fn remove(
    client: &Client,
    (of, person): (MembersOf, Whom),
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let person = match person {
        Whom::Person(person) => person,
        Whom::Me => client.whoami().await?.person,
    };
    let removed = client.remove_member(of, person).await?;
    if json {
        print::json(&removed, out)?;
    } else {
        let roles = words(&removed.roles);
        let name = removed.name.unwrap_or_else(|| person.to_string());
        if removed.you {
            writeln!(
                out,
                "{}",
                fill("you are no longer {roles}").with("roles", &roles)
            )?;
        } else {
            writeln!(
                out,
                "{}",
                fill("{name} is no longer {roles}")
                    .with("name", &name)
                    .with("roles", &roles)
            )?;
        }
    }
    Ok(0)
}

fn words(roles: &[InvitedRole]) -> String {
    let words: Vec<&str> = roles.iter().map(|it| it.as_str()).collect();
    words.join(", ")
}
