use std::io::Write;

use broker_client::Client;
use broker_client::wire::{
    AccessModeView, ClockView, CutOffsView, DueView, DutyView, GpuHoursView, OfferView, RouteView,
    SourcedView,
};
use jiff::civil::Date;

use crate::exit::Failure;
use crate::print;
use crate::words::{self, fill, say};

pub(crate) async fn run(
    client: &Client,
    id: Option<&str>,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let mut modes = client.access_modes().await?.items;
    if let Some(id) = id {
        modes.retain(|mode| mode.id == id);
        if modes.is_empty() {
            let words = fill("there is no access mode `{id}`; `alcyone modes` lists them")
                .with("id", id)
                .to_string();
            return Err(Failure::Usage(words).into());
        }
    }
    if json {
        print::json(&modes, out)?;
        return Ok(0);
    }
    match (id, modes.first()) {
        (Some(_), Some(mode)) => one((mode, client.language()), out)?,
        _ => all(&modes, out)?,
    }
    Ok(0)
}

fn all(modes: &[AccessModeView], out: &mut impl Write) -> anyhow::Result<()> {
    let rows: Vec<Vec<String>> = modes.iter().map(row).collect();
    let head = [
        "MODE",
        "FOR",
        "FREE FOR",
        "GPU-HOURS",
        "MONTHS",
        "DECIDED BY",
        "OPEN AT",
        "CLOSED AT",
    ];
    print::table(&head, &rows, out)?;
    writeln!(
        out,
        "{}",
        say("`alcyone modes MODE` tells where each value comes from and how sure it is")
    )?;
    Ok(())
}

fn row(mode: &AccessModeView) -> Vec<String> {
    let at = |state: &str| {
        let offers = mode.offers.iter().map(|it| &it.value);
        let systems: Vec<&str> = offers
            .filter(|it| it.state == state)
            .map(|it| it.system.as_str())
            .collect();
        listed(&systems)
    };
    let months = mode.durations_months.as_ref().map(|it| listed(&it.value));
    vec![
        mode.id.clone(),
        listed(&mode.applicants.value),
        listed(&mode.free_for.value),
        mode.gpu_hours
            .as_ref()
            .map_or_else(unknown, |it| hours(it.value)),
        months.unwrap_or_else(unknown),
        mode.decided_by.as_ref().map_or_else(unknown, due),
        at("open"),
        at("closed"),
    ]
}

/// Every value of one mode, each with its source.
fn one((mode, language): (&AccessModeView, &str), out: &mut impl Write) -> anyhow::Result<()> {
    let title = { mode.title.get(language) }.or_else(|| mode.title.get("en"));
    let title = title.unwrap_or(&mode.id);
    let (id, family, on) = (&mode.id, spaced(&mode.family), mode.on);
    let site = { mode.site.as_ref() }.map_or_else(String::new, |site| {
        fill(" of {site}").with("site", site).to_string()
    });
    writeln!(
        out,
        "{}",
        fill("{id}: {title} ({family}{site}), on {on}")
            .with("id", id)
            .with("title", title)
            .with("family", &family)
            .with("site", &site)
            .with("on", on)
    )?;
    let mut lines = vec![
        line("for", &mode.applicants, |it| listed(it)),
        line("free for", &mode.free_for, |it| listed(it)),
    ];
    lines.extend(
        mode.share
            .iter()
            .map(|it| line("hours of the share", it, Clone::clone)),
    );
    lines.extend(
        mode.code
            .iter()
            .map(|it| line("in project ids", it, Clone::clone)),
    );
    let one_system = |it: &bool| say(if *it { "one" } else { "several" }).to_owned();
    lines.extend(
        { mode.single_system.iter() }.map(|it| line("systems of an application", it, one_system)),
    );
    lines.extend(
        mode.cut_offs
            .iter()
            .map(|it| line("cut-offs", it, cut_offs)),
    );
    lines.extend(
        mode.gpu_hours
            .iter()
            .map(|it| line("GPU-hours", it, |it| hours(*it))),
    );
    lines.extend(
        mode.durations_months
            .iter()
            .map(|it| line("months", it, |it| listed(it))),
    );
    lines.extend(
        mode.selection
            .iter()
            .map(|it| line("selection", it, |it| spaced(it))),
    );
    lines.extend(mode.decision.iter().map(|it| line("decision", it, clock)));
    lines.extend(mode.offers.iter().map(|it| line("offered", it, offer)));
    lines.extend(
        mode.documents
            .iter()
            .map(|it| line("asked for", it, |it| spaced(it))),
    );
    lines.extend(mode.duties.iter().map(|it| line("owed", it, duty)));
    for line in lines {
        writeln!(out, "{line}")?;
    }
    when(mode, out)
}

/// What a person who applies today has to reckon with.
fn when(mode: &AccessModeView, out: &mut impl Write) -> anyhow::Result<()> {
    if let Some(next) = mode.next_cut_off {
        writeln!(
            out,
            "{}",
            fill("the next cut-off is {next}").with("next", next)
        )?;
    } else if let Some(day) = mode.no_cut_off_after {
        writeln!(out, "{}", no_cut_off_after(day))?;
    }
    if mode.offers.iter().all(|it| it.value.state != "open") {
        writeln!(
            out,
            "{}",
            say("it is open at no system, so nothing is decided now")
        )?;
    }
    let Some(decided_by) = &mode.decided_by else {
        return Ok(());
    };
    writeln!(
        out,
        "{}",
        fill("an application of today is decided by {due}").with("due", due(decided_by))
    )?;
    for day in &decided_by.holidays {
        let (on, name, confidence, source) = (day.on, &day.name, &day.confidence, &day.source);
        writeln!(out, "  {on} {name} ({confidence}; {source})")?;
    }
    Ok(())
}

/// The same of one mode at one system, as a route has it.
pub(super) fn of_route(route: &RouteView) -> Vec<String> {
    let state = |it: &OfferView| {
        let said = offer(&OfferView {
            why: route.why.clone().or_else(|| it.why.clone()),
            ..it.clone()
        });
        match route.since {
            Some(day) if it.since.is_none() => fill("{offer} since {day}")
                .with("day", day)
                .with("offer", said)
                .to_string(),
            _ => said,
        }
    };
    let mut lines = vec![line("offered", &route.offer, state)];
    lines.extend(route.no_cut_off_after.map(no_cut_off_after));
    lines.extend({ route.share.iter() }.map(|it| line("hours of the share", it, Clone::clone)));
    lines.extend({ route.gpu_hours.iter() }.map(|it| line("GPU-hours", it, |it| hours(*it))));
    let months = route.durations_months.iter();
    lines.extend(months.map(|it| line("months", it, |it| listed(it))));
    lines.push(fill("costs: {cost}").with("cost", cost(route)).to_string());
    lines.extend({ route.documents.iter() }.map(|it| line("asked for", it, |it| spaced(it))));
    lines.extend({ route.duties.iter() }.map(|it| line("owed", it, duty)));
    let due = route.decided_by.as_ref().map_or_else(unknown, due);
    lines.push(
        fill("an application of today is decided by: {due}")
            .with("due", &due)
            .to_string(),
    );
    lines
}

/// As the policy calls it.
pub(super) fn cost(route: &RouteView) -> String {
    let title = route.titles.get(&route.cost);
    title.cloned().unwrap_or_else(|| spaced(&route.cost))
}

fn line<T>(what: &str, it: &SourcedView<T>, words: impl Fn(&T) -> String) -> String {
    let (value, source, confidence, day) =
        (words(&it.value), &it.source, &it.confidence, it.checked_on);
    let note = it
        .note
        .as_ref()
        .map_or_else(String::new, |note| format!("\n  {note}"));
    fill("{what}: {value}{note}\n  {confidence}, {day}: {source}")
        .with("what", say(what))
        .with("value", value)
        .with("note", note)
        .with("confidence", say(confidence))
        .with("day", day)
        .with("source", source)
        .to_string()
}

fn hours(hours: GpuHoursView) -> String {
    match (hours.least, hours.most, hours.typical) {
        (Some(least), Some(most), _) => fill("{least} to {most}")
            .with("least", least)
            .with("most", most)
            .to_string(),
        (None, Some(most), _) => fill("up to {most}").with("most", most).to_string(),
        (Some(least), None, _) => fill("from {least}").with("least", least).to_string(),
        (None, None, Some(typical)) => fill("about {typical}").with("typical", typical).to_string(),
        (None, None, None) => unknown(),
    }
}

fn clock(clock: &ClockView) -> String {
    let from = spaced(&clock.from);
    match (clock.working_days, clock.calendar_days) {
        (Some(days), _) => fill("within {days} working days of the {from}")
            .with("days", days)
            .with("from", &from)
            .to_string(),
        (None, Some(days)) => fill("within {days} days of the {from}")
            .with("days", days)
            .with("from", &from)
            .to_string(),
        (None, None) => unknown(),
    }
}

/// That a mode is open says nothing of a cut-off to come.
pub(super) fn no_cut_off_after(day: Date) -> String {
    let words = fill("no cut-off after {day} is known");
    words.with("day", day).to_string()
}

fn cut_offs(all: &CutOffsView) -> String {
    fill("{at} in Brussels on {days}")
        .with("at", all.at)
        .with("days", listed(&all.days))
        .to_string()
}

fn offer(offer: &OfferView) -> String {
    let OfferView { system, state, .. } = offer;
    let since = match offer.since {
        Some(day) => fill(" since {day}").with("day", day).to_string(),
        None => say(", since when is not known").to_owned(),
    };
    let until = offer
        .until
        .map(|it| fill(", until {day}").with("day", it).to_string());
    let why = offer.why.as_ref().map(|it| format!(": {}", say(it)));
    let more: String = [until, why].into_iter().flatten().collect();
    format!("{system} {}{since}{more}", say(state))
}

fn duty(duty: &DutyView) -> String {
    let at = duty
        .system
        .as_ref()
        .map(|it| fill(" at {system}").with("system", it).to_string());
    let months = duty.months_after_end.map(|it| {
        fill(", {months} months after the end")
            .with("months", it)
            .to_string()
    });
    let days = duty.days_after_end.map(|it| {
        fill(", {days} days after the end")
            .with("days", it)
            .to_string()
    });
    let more: String = [at, months, days].into_iter().flatten().collect();
    format!("{}{more}", spaced(&duty.kind))
}

/// Two days where holidays on the way are uncertain.
pub(super) fn due(due: &DueView) -> String {
    if due.on == due.at_latest {
        return due.on.to_string();
    }
    fill("{on} or {at_latest}")
        .with("on", due.on)
        .with("at_latest", due.at_latest)
        .to_string()
}

fn listed(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(|it| spaced(&it.to_string())).collect();
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(", ")
    }
}

fn spaced(word: &str) -> String {
    words::word(word)
}

fn unknown() -> String {
    say("not known").to_owned()
}
