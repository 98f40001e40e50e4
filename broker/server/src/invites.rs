//! Invites by an operator's command: how the first agents come in.

use std::process::ExitCode;

use broker_app::InviteOrder;

use crate::cli::InviteOptions;
use crate::compose::compose;
use crate::config::Config;
use crate::println_out;

/// Prints the invite alone on standard output, so that it can be handed on by a pipe.
pub(crate) async fn invite(options: InviteOptions) -> anyhow::Result<ExitCode> {
    let config = Config::load(&options.config)?;
    let order = InviteOrder::new(options.valid_hours, options.note.as_deref())?;
    let composed = compose(&config).await?;
    let made = composed.broker.invite_agent(None, &options.site, order);
    let made = made.await;
    composed.store.close().await;
    let made = made?;
    println_out(&made.text);
    eprintln!(
        "one agent of {} may come in with it until {}; `alcyone-agent enrol` takes it",
        made.invite.site, made.invite.expires_at
    );
    Ok(ExitCode::SUCCESS)
}
