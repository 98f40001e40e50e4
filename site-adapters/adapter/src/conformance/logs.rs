use super::Site;
use crate::LogStream;

pub async fn a_log_read_in_pieces_is_the_log_read_at_once(site: &Site<'_>) {
    let job = site
        .complete("i=0\nwhile [ $i -lt 2000 ]; do echo \"line $i\"; i=$((i+1)); done")
        .await;
    let lines: Vec<_> = (0..2000).map(|i| format!("line {i}\n")).collect();
    let expected = lines.concat();
    site.expect_log(&job, LogStream::Stdout, expected.as_bytes())
        .await;

    let mut pieces = Vec::new();
    loop {
        let offset = pieces.len() as u64;
        let read = site.adapter.read_log(&job, LogStream::Stdout, offset, 777);
        let piece = read.await.unwrap();
        if piece.is_empty() {
            break;
        }
        assert!(piece.len() <= 777, "{} bytes instead of 777", piece.len());
        pieces.extend(piece);
    }
    assert_eq!(pieces, expected.as_bytes());
    let beyond = site
        .adapter
        .read_log(&job, LogStream::Stdout, 1 << 30, 777)
        .await
        .unwrap();
    assert!(beyond.is_empty(), "there is something behind the end");
}

pub async fn bytes_that_are_no_text_survive(site: &Site<'_>) {
    let job = site
        .complete(r"printf '\000\001\377\200\r\n\303\050\033[31m'")
        .await;
    site.expect_log(
        &job,
        LogStream::Stdout,
        b"\x00\x01\xff\x80\r\n\xc3\x28\x1b[31m",
    )
    .await;
}

pub async fn the_two_streams_stay_apart(site: &Site<'_>) {
    let job = site.complete("echo out; echo err >&2").await;
    site.expect_log(&job, LogStream::Stdout, b"out\n").await;
    site.expect_log(&job, LogStream::Stderr, b"err\n").await;
    let quiet = site.complete("exit 0").await;
    let log = site
        .adapter
        .read_log(&quiet, LogStream::Stderr, 0, 777)
        .await
        .unwrap();
    assert!(log.is_empty(), "{:?}", String::from_utf8_lossy(&log));
}
