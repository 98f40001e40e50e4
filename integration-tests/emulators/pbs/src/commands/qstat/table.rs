//! `qstat -a -w`, one line a job, as recorded (`02_query/qstat_an1w`); with `-t` one for each task too.

use crate::state::{Job, Phase, SERVER, Task};
use crate::times::now;

const HEAD: &str = "                                                                                                   Req'd  Req'd   Elap\n\
Job ID                         Username        Queue           Jobname         SessID   NDS  TSK   Memory Time  S Time\n\
------------------------------ --------------- --------------- --------------- -------- ---- ----- ------ ----- - -----\n";

pub(super) fn table<'a>(jobs: impl Iterator<Item = &'a Job>, with_tasks: bool) -> String {
    let mut lines = String::new();
    for job in jobs {
        lines += &line(job, None);
        if with_tasks && job.is_array {
            lines.extend(job.tasks.iter().map(|task| line(job, Some(task))));
        }
    }
    if lines.is_empty() {
        return lines;
    }
    format!("\n{SERVER}: \n{HEAD}{lines}")
}

fn line(job: &Job, task: Option<&Task>) -> String {
    let id = task.map_or_else(|| job.id(), |task| job.task_id(task.index));
    let letter = match task.map(|task| task.state) {
        None => job.letter(),
        Some(Phase::Waiting) => "Q",
        Some(Phase::Running) => "R",
        Some(Phase::Over) => "X",
    };
    let single = if job.is_array {
        task
    } else {
        job.tasks.first()
    };
    let elapsed = single.and_then(|task| task.stime);
    let elapsed = elapsed.map_or_else(|| " -- ".to_owned(), |start| hours(now() - start));
    format!(
        "{id:<30} {:<15} {:<15} {:<15} {:>8} {:>4} {:>5} {:>6} {:>5} {letter} {elapsed}\n",
        cut(&job.owner),
        cut(&job.queue),
        cut(&job.name),
        "--",
        job.nodes,
        job.cpus * job.nodes as u64,
        "--",
        hours(job.walltime),
    )
}

fn cut(text: &str) -> String {
    match text.get(..14) {
        Some(head) if text.len() > 15 => format!("{head}*"),
        _ => text.to_owned(),
    }
}

fn hours(seconds: i64) -> String {
    format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}
