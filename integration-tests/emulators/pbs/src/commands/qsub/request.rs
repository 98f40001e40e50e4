use std::collections::BTreeMap;

use super::Refusal;
use crate::queues::{Queue, queue};
use crate::schedule::parse_id;
use crate::times::{clock, duration};

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "qsub has as many options")]
pub(super) struct Request {
    pub(super) name: String,
    pub(super) queue: Queue,
    pub(super) account: Option<String>,
    pub(super) rerunnable: bool,
    pub(super) held: bool,
    pub(super) is_quiet: bool,
    pub(super) exclusive: bool,
    pub(super) nodes: usize,
    pub(super) cpus: u64,
    pub(super) gpus: u64,
    memory: Option<String>,
    select: String,
    place: String,
    pub(super) walltime: i64,
    pub(super) array: Option<Vec<usize>>,
    pub(super) at_once: Option<usize>,
    pub(super) depend: Vec<(String, u64)>,
}

fn refusal(code: u8, words: &str) -> Refusal {
    (code, words.to_owned())
}

const MOST_TASKS: usize = 10_000;

/// `no_gpus`: nobody has made the resource `ngpus`, as on a new server.
pub(super) fn read(args: &[String], no_gpus: bool) -> Result<Request, Refusal> {
    let open = queue("workq").ok_or_else(|| refusal(170, "Unknown queue"))?;
    let mut request = Request {
        name: "STDIN".to_owned(),
        queue: open,
        account: None,
        rerunnable: true,
        held: false,
        is_quiet: false,
        exclusive: false,
        nodes: 1,
        cpus: 1,
        gpus: 0,
        memory: None,
        select: "1:ncpus=1".to_owned(),
        place: "pack".to_owned(),
        walltime: 5 * 365 * 24 * 3600,
        array: None,
        at_once: None,
        depend: Vec::new(),
    };
    let mut asked_gpus = None;
    let mut args = args.iter();
    while let Some(option) = args.next() {
        if matches!(option.as_str(), "-f" | "-h" | "-z" | "-V") {
            request.held |= option == "-h";
            request.is_quiet |= option == "-z";
            continue;
        }
        let usage = |what: &str| refusal(2, &format!("illegal {what} value"));
        let value = args
            .next()
            .ok_or_else(|| refusal(2, "usage: qsub [-a date_time] …"))?;
        match option.as_str() {
            "-N" => request.name = name(value)?,
            "-q" => request.queue = queue(value).ok_or_else(|| refusal(170, "Unknown queue"))?,
            "-A" => request.account = Some(value.clone()),
            "-r" => request.rerunnable = value != "n",
            "-J" => (request.array, request.at_once) = array(value)?,
            "-W" => request.depend = depend(value).ok_or_else(|| usage("-W"))?,
            "-l" => resource(value, &mut request, &mut asked_gpus)?,
            "-S" | "-m" | "-o" | "-e" | "-v" | "-P" | "-p" | "-j" | "-k" => {}
            _ => return Err((2, format!("invalid option -- '{option}'"))),
        }
    }
    if no_gpus && asked_gpus.is_some() {
        return Err(refusal(187, "Unknown resource: ngpus"));
    }
    // A limit of the queue without a default is what a job gets that does not ask.
    let default = request.queue.max_gpus.filter(|_| !no_gpus);
    request.gpus = asked_gpus.or(default).unwrap_or(0);
    limits(&request)?;
    Ok(request)
}

fn limits(request: &Request) -> Result<(), Refusal> {
    let queue = request.queue;
    if !queue.enabled {
        return Err((173, "Queue is not enabled".to_owned()));
    }
    if request.array.is_some() && !request.rerunnable {
        return Err((2, "cannot submit non-rerunable Array Job".to_owned()));
    }
    let gpus = request.gpus * request.nodes as u64;
    let is_over = queue.max_gpus.is_some_and(|most| gpus > most)
        || queue
            .max_walltime
            .is_some_and(|most| request.walltime > most && request.queue.route.is_none());
    if is_over {
        return Err((
            188,
            "Job violates queue and/or server resource limits".to_owned(),
        ));
    }
    Ok(())
}

fn name(value: &str) -> Result<String, Refusal> {
    if value.len() > 230 {
        return Err((2, "Job name is too long".to_owned()));
    }
    let is_allowed = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':' | '@');
    if value.is_empty() || !value.chars().all(is_allowed) {
        return Err((2, "illegal -N value".to_owned()));
    }
    Ok(value.to_owned())
}

type Range = (Option<Vec<usize>>, Option<usize>);

/// `0-9:2%3`.
fn array(value: &str) -> Result<Range, Refusal> {
    let illegal = || refusal(2, "illegal -J value");
    let (range, at_once) = match value.split_once('%') {
        Some((range, most)) => (range, Some(most.parse().map_err(|_| illegal())?)),
        None => (value, None),
    };
    let (range, step) = match range.split_once(':') {
        Some((range, step)) => (range, step.parse().map_err(|_| illegal())?),
        None => (range, 1),
    };
    let (first, last) = range.split_once('-').ok_or_else(illegal)?;
    let first: usize = first.parse().map_err(|_| illegal())?;
    let last: usize = last.parse().map_err(|_| illegal())?;
    if first >= last || step == 0 {
        return Err(illegal());
    }
    let indices: Vec<usize> = (first..=last).step_by(step).collect();
    if indices.len() > MOST_TASKS {
        return Err((3, "Array job exceeds server or queue size limit".to_owned()));
    }
    Ok((Some(indices), at_once))
}

/// `depend=afterok:1.s:2.s,afterany:3.s`; whether these are there is asked later.
fn depend(value: &str) -> Option<Vec<(String, u64)>> {
    let mut all = Vec::new();
    for condition in value.strip_prefix("depend=")?.split(',') {
        let mut words = condition.split(':');
        let kind = words
            .next()
            .filter(|kind| ["afterok", "afternotok", "afterany"].contains(kind))?;
        let before = all.len();
        for id in words {
            all.push((kind.to_owned(), parse_id(id)?.0));
        }
        (all.len() > before).then_some(())?;
    }
    Some(all)
}

fn resource(value: &str, request: &mut Request, gpus: &mut Option<u64>) -> Result<(), Refusal> {
    let (name, value) = value.split_once('=').unwrap_or((value, ""));
    let wrong = |what: &str| refusal(166, &format!("Illegal attribute or resource value {what}"));
    match name {
        "select" => {
            value.clone_into(&mut request.select);
            let mut words = value.split(':');
            let nodes = words.next().and_then(|count| count.parse::<usize>().ok());
            request.nodes = nodes.filter(|count| *count > 0).ok_or_else(|| wrong(""))?;
            for word in words {
                let (name, value) = word.split_once('=').unwrap_or((word, ""));
                let number = value
                    .parse::<u64>()
                    .map_err(|_| wrong(&format!("select.{name}")));
                match name {
                    "ncpus" => request.cpus = number?,
                    "ngpus" => *gpus = Some(number?),
                    "mem" if value.ends_with('b') => request.memory = Some(value.to_owned()),
                    "mem" => return Err(wrong("select.mem")),
                    _ => return Err((187, format!("Unknown resource: {name}"))),
                }
            }
        }
        "place" => {
            let known = ["pack", "scatter", "free", "excl", "shared", "exclhost"];
            if !value.split(':').all(|word| known.contains(&word)) {
                return Err(wrong("Resource_List.place"));
            }
            request.exclusive = value.split(':').any(|word| word.starts_with("excl"));
            value.clone_into(&mut request.place);
        }
        "walltime" => {
            request.walltime = duration(value).ok_or_else(|| wrong("Resource_List.walltime"))?;
        }
        _ => return Err((187, format!("Unknown resource Resource_List.{name}"))),
    }
    Ok(())
}

impl Request {
    /// `Resource_List`: sums over the chunks.
    pub(super) fn resources(&self) -> BTreeMap<String, String> {
        let nodes = self.nodes as u64;
        let mut list = BTreeMap::from([
            ("ncpus".to_owned(), (self.cpus * nodes).to_string()),
            ("ngpus".to_owned(), (self.gpus * nodes).to_string()),
            ("nodect".to_owned(), nodes.to_string()),
            ("place".to_owned(), self.place.clone()),
            ("select".to_owned(), self.select.clone()),
            ("walltime".to_owned(), clock(self.walltime)),
        ]);
        if let Some(gib) = self
            .memory
            .as_ref()
            .and_then(|m| m.strip_suffix("gb")?.parse::<u64>().ok())
        {
            list.insert("mem".to_owned(), format!("{}gb", gib * nodes));
        }
        list
    }
}
