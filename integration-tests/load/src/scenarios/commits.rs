use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use broker_model::{Clock as _, EntryBody, EntryKind, SystemClock};
use broker_store::{Change, Commits as _, SqlStore, StoreOptions};
use futures::future::try_join_all;

use super::Plan;
use crate::database::{Kind, Scratch};
use crate::table;

/// Callers that wait for their own change at the same time.
const CALLERS: usize = 256;
/// A row as large as the smallest change, which is one ledger entry.
const TABLE: &str = "CREATE TABLE alone (id BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO alone (id, text) VALUES ($1, $2)";

/// Changes of one ledger entry through the committer, beside one `INSERT` and `COMMIT` for each row
/// of the same size on the same database, by one connection.
pub(crate) async fn measure(plan: &Plan, kind: Kind) -> anyhow::Result<()> {
    table::section(&format!("Grouped commits, {}", kind.name()));
    let scratch = Scratch::new(kind).await?;
    let store = SqlStore::connect(&scratch.url, StoreOptions::default()).await?;
    store.migrate().await?;
    let text = serde_json::to_string(&entry())?;
    let mut raw = scratch.raw(true).await?;
    raw.run(TABLE.to_owned()).await?;
    let (mut alone, mut grouped, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut next = 0;
    for _ in 0..plan.rounds {
        let (begin, first) = (Instant::now(), next);
        while begin.elapsed() < plan.time {
            raw.insert(INSERT, next, &text).await?;
            next += 1;
        }
        let one = per_second(next - first, begin);
        let many = commit_together(&store, plan).await?;
        alone.push(one);
        grouped.push(many);
        ratios.push(many / one);
    }
    let stats = store.stats();
    table::rate("one INSERT and COMMIT for each row", table::median(alone));
    table::rate(
        &format!("changes of {CALLERS} callers through the committer"),
        table::median(grouped),
    );
    table::figure("grouped / alone", &format!("{:.2}", table::median(ratios)));
    table::figure(
        "changes in a commit, mean",
        &format!("{}", stats.changes / stats.groups.max(1)),
    );
    store.close().await;
    Ok(())
}

async fn commit_together(store: &SqlStore, plan: &Plan) -> anyhow::Result<f64> {
    let (begin, done) = (Instant::now(), Arc::new(AtomicI64::new(0)));
    let time = plan.time;
    let callers = (0..CALLERS).map(|_| {
        let (store, done) = (store.clone(), Arc::clone(&done));
        tokio::spawn(async move {
            while begin.elapsed() < time {
                store
                    .commit(Change {
                        writes: Vec::new(),
                        entries: vec![entry()],
                    })
                    .await?;
                done.fetch_add(1, Ordering::Relaxed);
            }
            anyhow::Ok(())
        })
    });
    for ended in try_join_all(callers.collect::<Vec<_>>()).await? {
        ended?;
    }
    Ok(per_second(done.load(Ordering::Relaxed), begin))
}

fn entry() -> EntryBody {
    EntryBody::new(SystemClock.now(), EntryKind::JobStateChanged).with("state", "running")
}

#[expect(clippy::cast_precision_loss, reason = "a rate")]
fn per_second(count: i64, begin: Instant) -> f64 {
    count as f64 / begin.elapsed().as_secs_f64()
}
