//! Length, checksum, payload: how records lie in a file, one behind the other.

use std::io::{self, ErrorKind, Read};

pub(super) const HEADER: u64 = 8;
/// Longer than any record; a length above it is not one.
const LONGEST: u32 = 16 * 1024 * 1024;

/// Where the next frame should be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Frame(Vec<u8>),
    /// The file ends where a frame ends.
    End,
    /// Half a frame, or one whose bytes are not those that were written.
    Torn,
}

/// Adds a frame to a buffer.
pub(crate) fn put(out: &mut Vec<u8>, payload: &[u8]) -> io::Result<()> {
    let too_long = || io::Error::new(ErrorKind::InvalidInput, "a record of over 16 MiB");
    let length = u32::try_from(payload.len()).ok();
    let length = length.filter(|l| *l <= LONGEST).ok_or_else(too_long)?;
    out.extend(length.to_le_bytes());
    out.extend(crc32fast::hash(payload).to_le_bytes());
    out.extend(payload);
    Ok(())
}

pub(super) fn next(file: &mut impl Read) -> io::Result<Next> {
    let mut length = [0; 4];
    match read_full(file, &mut length)? {
        0 => return Ok(Next::End),
        4 => {}
        _ => return Ok(Next::Torn),
    }
    let mut sum = [0; 4];
    let length = u32::from_le_bytes(length);
    if length > LONGEST || read_full(file, &mut sum)? < sum.len() {
        return Ok(Next::Torn);
    }
    let mut payload = Vec::new();
    file.take(u64::from(length)).read_to_end(&mut payload)?;
    // An empty one is nobody's: zeros, as a file system leaves them, look like it.
    let whole = !payload.is_empty() && payload.len() as u64 == u64::from(length);
    if whole && crc32fast::hash(&payload) == u32::from_le_bytes(sum) {
        Ok(Next::Frame(payload))
    } else {
        Ok(Next::Torn)
    }
}

/// Where the first whole frame begins in bytes that may begin anywhere.
pub(super) fn find(bytes: &[u8]) -> io::Result<Option<usize>> {
    for at in 0..bytes.len() {
        let mut rest = bytes.get(at..).unwrap_or_default();
        if matches!(next(&mut rest)?, Next::Frame(_)) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn read_full(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = buffer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(bytes) => read += bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}
