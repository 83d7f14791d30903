//! One download: resumed, checked, told apart from what is not it.

use simurgh_data::InputError;
use simurgh_data::sets::file_digest;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;
use ureq::http::{Response, header};
use ureq::{Agent, Body};

/// How often a connection that breaks is taken up again by itself.
const ATTEMPTS: usize = 3;

/// Nothing arrives for so long: the connection is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// Downloads `url` into `file`, going on after what is in it; calls `progress` with the bytes there and those in all, if known.
///
/// The file is returned locked: nobody else writes it while it is held.
///
/// # Errors
/// No network, another answer than the file, a download cut short, another checksum. The bytes that arrived stay for the next time
/// unless they are wrong.
pub fn download(
    url: &str,
    sum: Option<(u64, &str)>,
    file: &Path,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<File, InputError> {
    let io = |e: std::io::Error| InputError::io(file, "a file that can be written", &e);
    let mut part = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(file).map_err(io)?;
    match part.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let hint = "wait until it has ended";
            return Err(InputError::new("a download of our own", "one that another process is writing", hint).at(file));
        }
        // A file system without locks: two at once would be found out by the checksum.
        Err(TryLockError::Error(_)) => {}
    }
    // Seen by the checksum alone: a download that broke off just before it was put in its place.
    let whole = |part: &File| sum.is_some_and(|(bytes, _)| part.metadata().is_ok_and(|m| m.len() == bytes));
    let agent: Agent = Agent::config_builder()
        .timeout_connect(Some(SILENCE))
        .timeout_recv_response(Some(SILENCE))
        .timeout_per_read(Some(SILENCE))
        .user_agent(concat!("simurgh/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .build()
        .into();
    let mut attempt = 1;
    while !whole(&part) {
        match transfer(&agent, url, sum, &mut part, progress) {
            Ok(()) => break,
            Err(Broken::Final(e)) => return Err(e),
            Err(Broken::Again(e)) if attempt == ATTEMPTS => return Err(e),
            Err(Broken::Again(_)) => attempt += 1,
        }
    }
    part.sync_all().map_err(io)?;
    let Some((_, expected)) = sum else { return Ok(part) };
    let got = file_digest(file)?;
    if got == expected {
        return Ok(part);
    }
    // What is wrong is not taken up again.
    part.set_len(0).map_err(io)?;
    let hint = "it was altered on the way or at its address: fetch it again";
    Err(InputError::new(format!("a file with SHA-256 {expected}"), got, hint).at(url))
}

/// Why a transfer ended early.
enum Broken {
    /// Trying again may help.
    Again(InputError),
    /// It may not.
    Final(InputError),
}

fn transfer(
    agent: &Agent,
    url: &str,
    sum: Option<(u64, &str)>,
    part: &mut File,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<(), Broken> {
    let disk = |e: std::io::Error| Broken::Final(InputError::io(url, "room for the download", &e));
    let mut there = part.metadata().map_err(disk)?.len();
    // More than there is to come can't be the beginning of it; and an archive packed anew for each request can't be taken up.
    if sum.is_none_or(|(bytes, _)| there > bytes) {
        there = 0;
    }
    let mut request = agent.get(url).header(header::ACCEPT_ENCODING, "identity");
    if there > 0 {
        request = request.header(header::RANGE, format!("bytes={there}-"));
    }
    let mut response = request.call().map_err(|e| no_answer(url, &e))?;
    there = match response.status().as_u16() {
        206 if begins_at(&response) == Some(there) => there,
        200 => 0,
        // What is there is not the beginning of what the server has.
        206 | 416 => {
            part.set_len(0).map_err(disk)?;
            return Err(Broken::Again(
                InputError::new("the rest of a file", "another part of it", "fetch it again").at(url),
            ));
        }
        code => {
            let got = format!("the answer {}", response.status());
            let hint = match code {
                407 => "the proxy wants a name and a password: HTTPS_PROXY=http://NAME:PASSWORD@HOST:PORT",
                429 | 500.. => "the server is busy: try again later",
                _ => "the address has changed: look for a newer version of this program",
            };
            let e = InputError::new("the file", got, hint).at(url);
            return Err(if code >= 500 { Broken::Again(e) } else { Broken::Final(e) });
        }
    };
    part.set_len(there).map_err(disk)?;
    part.seek(SeekFrom::Start(there)).map_err(disk)?;
    let rest = response.body().content_length();
    let promised = rest.map(|r| r + there);
    let all = sum.map(|s| s.0).or(promised);
    let other = |got: String| {
        let hint = "the address holds something else: look for a newer version of this program";
        let expected = format!("{} bytes", sum.map_or(0, |s| s.0));
        Broken::Final(InputError::new(expected, got, hint).at(url))
    };
    if let (Some((bytes, _)), Some(promised)) = (sum, promised)
        && promised != bytes
    {
        part.set_len(0).map_err(disk)?;
        return Err(other(promised.to_string()));
    }
    let mut body = response.body_mut().with_config().limit(u64::MAX).reader();
    let mut buffer = vec![0; 1 << 16];
    loop {
        progress(there, all);
        let n = match body.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(cut_short(url, there, all, sum.is_some(), &e.to_string())),
        };
        there += n as u64;
        if sum.is_some_and(|(bytes, _)| there > bytes) {
            part.set_len(0).map_err(disk)?;
            return Err(other("more".into()));
        }
        part.write_all(&buffer[..n]).map_err(disk)?;
    }
    match all {
        Some(all) if there < all => Err(cut_short(url, there, Some(all), sum.is_some(), "the connection ended")),
        _ => Ok(()),
    }
}

/// Where an answer of part of a file says that it begins: `Content-Range: bytes BEGIN-END/ALL`.
fn begins_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

fn cut_short(url: &str, there: u64, all: Option<u64>, goes_on: bool, why: &str) -> Broken {
    let expected = all.map_or("the whole file".to_string(), |all| format!("{all} bytes"));
    let hint = if goes_on { "the same command goes on from there" } else { "the same command begins it again" };
    Broken::Again(InputError::new(expected, format!("{there} ({why})"), hint).at(url))
}

fn no_answer(url: &str, error: &ureq::Error) -> Broken {
    use ureq::Error as E;
    let hint = match error {
        E::HostNotFound | E::Io(_) | E::ConnectionFailed | E::Timeout(_) => {
            "check the network; behind a proxy set HTTPS_PROXY; --mirror URL fetches from elsewhere"
        }
        E::BadUri(_) | E::Http(_) => "check --mirror: http://HOST/PATH",
        E::InvalidProxyUrl | E::ConnectProxyFailed(_) => "check HTTPS_PROXY: http://NAME:PASSWORD@HOST:PORT",
        _ => "try again; --mirror URL fetches from elsewhere",
    };
    let e = InputError::new("an answer", error.to_string(), hint).at(url);
    match error {
        E::Io(_) | E::Timeout(_) | E::ConnectionFailed => Broken::Again(e),
        _ => Broken::Final(e),
    }
}
