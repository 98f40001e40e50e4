use std::collections::BTreeSet;
use std::io::Write;

use broker_client::Client;
use broker_client::wire::{InvitationView, PersonName};
use broker_model::{InvitationId, MembersOf, Role};

use crate::exit::Failure;
use crate::print;
use crate::words::{fill, say};

/// The code alone on standard output, so that it can be handed on by a pipe.
pub(super) fn made(view: &InvitationView, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let Some(code) = &view.code else {
        return without_code(view, json, out);
    };
    if json {
        print::json(view, out)?;
        return Ok(0);
    }
    eprintln!(
        "whoever has this code comes in as {} of {} until {}; it is shown this once. They sign in, run \
         `alcyone join`, and give it there",
        view.role,
        place(view),
        view.expires_at
    );
    writeln!(out, "{code}")?;
    Ok(0)
}

/// A key that was used before: what came of it then is all that is known.
fn without_code(view: &InvitationView, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    if json {
        print::json(view, out)?;
        return Ok(1);
    }
    let id = view.id;
    writeln!(
        out,
        "{}",
        fill(
            "{id} was made under this key before, and its code was shown then; if nobody has it, \
         `alcyone invitation revoke {id}` and invite anew"
        )
        .with("id", id)
    )?;
    Ok(1)
}

/// Where it leads to, as people call it.
pub(super) fn place(view: &InvitationView) -> String {
    match &view.project_name {
        Some(project) => format!("{project} ({})", view.organisation_name),
        None => view.organisation_name.clone(),
    }
}

pub(super) async fn list(client: &Client, json: bool, out: &mut impl Write) -> anyhow::Result<u8> {
    let all: Vec<InvitationView> = own(client).await?.into_iter().map(|(_, it)| it).collect();
    if json {
        print::json(&all, out)?;
        return Ok(0);
    }
    let row = |it: &InvitationView| {
        vec![
            it.id.to_string(),
            say(&print::word(&it.state)).to_owned(),
            it.role.to_string(),
            place(it),
            it.meant_for.clone().unwrap_or_else(|| "-".to_owned()),
            it.expires_at.to_string(),
            { it.settled_by.as_ref() }.map_or_else(|| "-".to_owned(), name),
        ]
    };
    let rows: Vec<Vec<String>> = all.iter().map(row).collect();
    let head = [
        "INVITATION",
        "STATE",
        "ROLE",
        "INTO",
        "MEANT FOR",
        "GOOD UNTIL",
        "BY",
    ];
    print::table(&head, &rows, out)?;
    Ok(0)
}

pub(super) async fn revoke(
    client: &Client,
    id: InvitationId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let own = own(client).await?;
    let found = own.into_iter().find(|(_, it)| it.id == id);
    let (of, _) = found.ok_or_else(|| {
        let words = fill("{id} is none of yours: `alcyone invitations` lists them")
            .with("id", id)
            .to_string();
        Failure::Usage(words)
    })?;
    let revoked = client.revoke_invitation(of, id).await?;
    if json {
        print::json(&revoked, out)?;
    } else {
        let place = place(&revoked);
        writeln!(
            out,
            "{}",
            fill("{id} is revoked; its code lets nobody into {place}")
                .with("id", id)
                .with("place", &place)
        )?;
    }
    Ok(0)
}

/// Every invitation that the caller could have made, once, with where it is found. An organisation lists
/// those into its projects, too.
async fn own(client: &Client) -> anyhow::Result<Vec<(MembersOf, InvitationView)>> {
    let me = client.whoami().await?;
    let place = |role: &Role| match role {
        Role::Representative { organisation } => Some(MembersOf::Organisation(*organisation)),
        Role::Lead { project } => Some(MembersOf::Project(*project)),
        _ => None,
    };
    let mut places: Vec<MembersOf> = Vec::new();
    for of in me.roles.iter().filter_map(|it| place(&it.role)) {
        if !places.contains(&of) {
            places.push(of);
        }
    }
    let (mut seen, mut all) = (BTreeSet::new(), Vec::new());
    for of in places {
        let listed = client.invitations(of).await?;
        let fresh = listed.into_iter().filter(|it| seen.insert(it.id));
        all.extend(fresh.map(|it| (of, it)));
    }
    Ok(all)
}

fn name(person: &PersonName) -> String {
    let id = || person.person.to_string();
    person.name.clone().unwrap_or_else(id)
}
