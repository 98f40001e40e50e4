use site_adapter::{LogStream, SiteAdapter as _};

use crate::rig::Rig;

/// The kubelet tells its newest file only.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_rotated_while_nobody_read_it_goes_on_with_a_mark() {
    let mut rig = Rig::start().await;
    let go = rig.cluster.folder().join("go");
    let script = format!(
        "echo a long line before the rotation\nwhile [ ! -e {0} ]; do sleep 0.05; done\n\
         echo after; exec sleep 600",
        go.display()
    );
    let job = rig.submit(&rig.submission(&script)).await;
    rig.running(&job).await;
    let before = rig.wait("the log has begun", async || {
        Some(rig.log(&job).await).filter(|log| log.ends_with("rotation\n"))
    });
    let mut told = before.await;
    rig.cluster.rotate_logs(&Rig::name(&job));
    std::fs::write(&go, "").unwrap();
    rig.restarted();
    rig.wait("it goes on", async || {
        let place = told.len() as u64;
        let read = rig.adapter.read_log(&job, LogStream::Stdout, place, 4096);
        told += &String::from_utf8(read.await.ok()?).unwrap();
        told.ends_with("after\n").then_some(())
    })
    .await;
    let (kept, rest) = told.split_once("[alcyone: ").unwrap();
    assert_eq!(kept, "a long line before the rotation\n\n");
    let (mark, new) = rest.split_once("]\n").unwrap();
    assert!(mark.contains("missing"), "{mark}");
    assert_eq!(new, "after\n");
}
